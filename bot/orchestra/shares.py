"""The money of a run, shared out among the jobs that are still to come. Pure."""

from dataclasses import dataclass


@dataclass
class Shares:
    """`usd` for all; a job gets a share when it begins, and what it leaves of it goes to those after it.

    `waiting` counts the jobs that have no share yet. `kept`: one share more is for putting together what they make.
    """

    usd: float
    waiting: int = 0
    spent: float = 0.0
    given: float = 0.0
    kept: bool = False

    def expect(self, more: int) -> None:
        """So many jobs are still to come; a negative number: so many will not."""
        self.waiting = max(0, self.waiting + more)

    def take(self, wish: float | None = None) -> float:
        """The share of a job that begins: what it wishes for, if there is so much, else its part of what is left."""
        left = max(0.0, self.usd - self.spent - self.given)
        share = min(wish, left) if wish is not None else left / (max(1, self.waiting) + self.kept)
        self.expect(-1)
        self.given += share
        return share

    def aside(self) -> float:
        """The share of what nobody expected, as a conflict: half of what is left."""
        share = max(0.0, self.usd - self.spent - self.given) / 2
        self.given += share
        return share

    def settle(self, share: float, spent: float) -> None:
        """A job that had this share has ended, and cost so much."""
        self.given = max(0.0, self.given - share)
        self.spent += spent
