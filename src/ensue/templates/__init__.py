"""Texts with gaps, and what goes into them: pure, without a look at the store, the clock or the network."""
