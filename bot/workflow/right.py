"""The rights in a repository that something may need, in GitHub's words, the least first, and the label that approves.

Pure.
"""

from typing import Literal

Right = Literal["read", "triage", "write", "maintain", "admin"]
APPROVED = "tutti-approved"


def starting(label: str) -> str:
    """The label, which may start runs; raises ValueError for the one that means something else already."""
    if label.casefold() == APPROVED:
        raise ValueError(f"the label `{APPROVED}` approves of what waits, so it can start or end nothing")
    return label
