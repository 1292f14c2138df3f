"""What the tickets do, whatever they look like inside."""
