"""What may be published, and what is said of it."""
