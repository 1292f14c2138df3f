"""The walls around agents and tests, tried from inside."""
