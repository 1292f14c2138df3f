"""A finding that was said, as it is kept for as long as its pull request is known. Pure."""

from dataclasses import dataclass
from typing import Literal

from bot.review.finding import Finding

Standing = Literal["open", "fixed", "declined", "outdated"]
RESOLVED = "resolved by"  # how `why` begins where somebody resolved the thread, which says neither no nor yes


@dataclass(frozen=True)
class Said:
    """A finding that was said, inline (`comment`) or in the review's text. `number` is what people call it.

    `finding` has the lines and the evidence as they stand now, `head` is the commit it was said of.
    """

    number: int
    fingerprint: str
    state: Standing
    finding: Finding
    inline: bool
    head: str
    found_at: float
    comment: int | None = None
    why: str = ""
    ended_at: float | None = None

    @property
    def resolved(self) -> bool:
        """Whether its thread was resolved, without a word: what becomes of its lines tells what that meant."""
        return self.why.startswith(RESOLVED)
