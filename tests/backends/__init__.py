"""Every backend, driven for real."""
