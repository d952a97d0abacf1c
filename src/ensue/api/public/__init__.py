"""Routes that need no account: what visitors, mail programs and other services reach."""
