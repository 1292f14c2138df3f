"""The rights in a repository that something may need, in GitHub's words, the least first. Pure."""

from typing import Literal

Right = Literal["read", "triage", "write", "maintain", "admin"]
