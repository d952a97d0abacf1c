"""What a bot of Telegram hears, and whose chat it is."""
