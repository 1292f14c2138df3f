"""What a day may cost: the limits of a repository, of whoever starts runs, and of the whole installation.

They count across all workers on one database. They are looked at before every call of the model and what a call cost
is added when it has ended, so a day can go beyond a limit by what is under way at that moment, and no run has more
under way than its own limit leaves and one call.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.sandbox.gateway import Purse
from bot.settings import DayLimits
from bot.store import spending
from bot.store.db import Database
from bot.store.spending import Spent


def repo_spent(repo: str, usd: float) -> str:
    return f"Over budget: {repo} may use ${usd:.2f} a day, and that is used up until midnight UTC."


def actor_spent(login: str, usd: float) -> str:
    return f"Over budget: runs of {login} may use ${usd:.2f} a day, and that is used up until midnight UTC."


def all_spent(usd: float) -> str:
    return f"Over budget: all repositories together may use ${usd:.2f} a day, and that is used up until midnight UTC."


@dataclass(frozen=True)
class Budget:
    """The purses of one installation. `now` in seconds since 1970."""

    db: Database
    limits: DayLimits
    now: Callable[[], float] = time.time

    def purse(self, run: str, repo: str, actor_id: int, actor_login: str, own: float | None = None) -> Purse:
        """The purse of one run, which `actor_login` started; an `actor_id` of 0 is nobody on GitHub, with no limit.

        `own`: the US dollars a day that the repository sets for itself, which lower what the operator lets it spend.
        """
        lowest = min((most for most in (self.limits.repo, own) if most is not None), default=None)
        return _Purse(self, run, repo, actor_id, actor_login, lowest)

    @property
    def today(self) -> str:
        """The day in UTC, `2026-03-31`."""
        return datetime.fromtimestamp(self.now(), UTC).date().isoformat()


@dataclass(frozen=True)
class _Purse:
    budget: Budget
    run: str
    repo: str
    actor: int
    login: str
    most: float | None

    async def empty(self) -> str:
        day = self.budget.today
        spent = await self.budget.db.read(lambda conn: spending.spent(conn, day, self.repo, self.actor))
        return self._reached(spent, self.budget.limits)

    def _reached(self, spent: Spent, limits: DayLimits) -> str:
        if self.most is not None and spent.repo >= self.most:
            return repo_spent(self.repo, self.most)
        if limits.actor is not None and self.actor and spent.actor >= limits.actor:
            return actor_spent(self.login, limits.actor)
        if limits.all is not None and spent.all >= limits.all:
            return all_spent(limits.all)
        return ""

    async def pay(self, usd: float) -> None:
        day = self.budget.today
        await self.budget.db.write(lambda conn: spending.pay(conn, day, self.run, self.repo, self.actor, usd))
