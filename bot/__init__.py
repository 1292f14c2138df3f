"""Tutti: a GitHub App that lets coding agents work in a repository and checks what they made."""

from importlib.metadata import version

__version__ = version("tutti")
