"""Everything derived again from the log, and compared with what is kept."""
