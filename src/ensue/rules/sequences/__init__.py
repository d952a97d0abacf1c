"""The two endings of a sequence: the last step happened, or it did not come."""
