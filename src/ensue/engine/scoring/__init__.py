"""The lead score: what a rule contributes, and how rules are made, tried and worked out again."""
