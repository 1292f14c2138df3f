"""The jobs of a run as one: their graph played, what they make merged as it comes, and tested together."""
