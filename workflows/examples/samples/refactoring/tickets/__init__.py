"""Tickets for a small theatre."""
