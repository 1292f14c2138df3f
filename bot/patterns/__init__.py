"""How the jobs of a workflow are put together: one file a pattern, each with a `PATTERN`."""
