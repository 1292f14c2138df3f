"""Backend, frontend, and both together."""
