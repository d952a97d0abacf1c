"""A campaign run over one contact's history: when it would have begun, and how it would have gone."""
