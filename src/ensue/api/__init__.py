"""HTTP: one resource per file."""
