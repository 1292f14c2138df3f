"""How Tutti speaks with GitHub."""
