"""Whether the work is good: the repository's own tests, found and run."""
