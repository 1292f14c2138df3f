"""Tests of `bot/orchestra`."""
