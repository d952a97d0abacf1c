"""Loops over due work; nothing else knows about threads."""
