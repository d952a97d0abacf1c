"""Contacts: who is meant, what may be said of them, and how they change, merge and go."""
