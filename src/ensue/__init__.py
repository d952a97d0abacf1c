"""Ensue: an event happens; everything that must follow, ensues, in the same commit."""

__version__ = "0.1.0"
