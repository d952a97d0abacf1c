"""Segments: made and edited, filled from history, counted before they are saved."""
