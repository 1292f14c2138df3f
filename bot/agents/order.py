"""From the ground of a run, whatever kind it is of, to the order that its jobs start from."""

import time
from dataclasses import dataclass
from typing import Protocol

from bot.agents.custom import Custom
from bot.agents.prompt import Asked
from bot.agents.workshop import Order
from bot.git.mirror import Mirror
from bot.store import runs
from bot.store.db import Database
from bot.store.runs import Run


class Bounded(Protocol):
    """What every ground says: what the run may use, and whose settings hold."""

    @property
    def trusted(self) -> str: ...
    @property
    def backend(self) -> str | None: ...
    @property
    def usd(self) -> float: ...
    @property
    def minutes(self) -> float: ...
    @property
    def silence(self) -> float: ...
    @property
    def custom(self) -> Custom: ...


@dataclass(frozen=True)
class Matter:
    """What the work is done on: the commit and its tree, what is wanted, and the commands that set up and test."""

    mirror: Mirror
    base: str
    tree: str
    asked: Asked
    setup: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


async def order(db: Database, run: Run, ground: Bounded, matter: Matter, payer: tuple[int, str]) -> Order:
    """The order of a run; the time that its steps have used already is taken off."""
    steps = await db.read(lambda conn: runs.tree(conn, run.id))
    return Order(
        run=run.id,
        repo=run.repo,
        actor=payer,
        mirror=matter.mirror,
        base=matter.base,
        base_tree=matter.tree,
        trusted=ground.trusted,
        asked=matter.asked,
        setup=matter.setup,
        test=matter.test,
        backend=ground.backend,
        usd=ground.usd,
        minutes=ground.minutes,
        deadline=time.time() + ground.minutes * 60 - runs.busy(steps),
        silence=ground.silence,
        custom=ground.custom,
    )
