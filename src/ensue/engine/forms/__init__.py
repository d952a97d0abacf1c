"""Forms: made and changed, sent by anybody, confirmed by whoever owns the address."""
