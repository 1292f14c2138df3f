"""Reviews: what agents find in a change, what of it is worth saying, where it is said, and what becomes of it."""
