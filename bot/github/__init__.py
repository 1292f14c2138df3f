"""GitHub, in our words: client, events, verbs."""
