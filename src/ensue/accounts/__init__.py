"""Who may come in: passwords, tokens, roles, sign-in, membership and keys, without a word of HTTP."""
