"""The tests of Tutti, one file a feature."""
