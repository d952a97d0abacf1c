"""What everything may use: the clock, ids, errors, JSON and the bounds."""
