"""What drives a real agent: one file a backend, each with a `BACKEND`."""
