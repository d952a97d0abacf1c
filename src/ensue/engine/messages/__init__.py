"""Messages: what may be sent to whom, when, and what became of it."""
