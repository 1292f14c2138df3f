"""The played GitHub, held to what the real one does."""
