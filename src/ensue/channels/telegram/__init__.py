"""Telegram: the Bot API, the little HTML that it knows, and the channel that sends with both."""
