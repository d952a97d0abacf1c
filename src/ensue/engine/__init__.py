"""What ensues: the path of one event, and everything that follows from it."""
