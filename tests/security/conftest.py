"""Desks for the tests of this folder."""

from tests.security.desk import found, lone

__all__ = ["found", "lone"]
