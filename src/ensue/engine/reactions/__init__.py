"""Scoring, segments, campaigns: each looks at one contact at one instant and says what follows."""
