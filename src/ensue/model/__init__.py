"""The nouns: frozen records without behaviour."""
