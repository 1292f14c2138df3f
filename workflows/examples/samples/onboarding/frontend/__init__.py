"""Renders pages from answers of the backend."""
