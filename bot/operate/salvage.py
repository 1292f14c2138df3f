"""What the agents of a run had made that ended early: all that was merged, and of each job what was not yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from bot.git.mirror import Mirror
from bot.orchestra.trunk import Trunk
from bot.store import runs
from bot.store.db import Database


@dataclass(frozen=True)
class Left:
    """The work of a job (empty: all that was merged), from the tree `start` to `tree`."""

    job: str
    start: str
    tree: str


async def left(db: Database, mirror: Mirror, run_id: str, base: str) -> list[Left]:
    """What there is of a run that began on the tree `base`; what agents were still at is not among it."""
    trunk = Trunk(db, mirror, run_id, base)
    await trunk.load()
    back = trunk.taken_back()
    merged = {merge.made for merge in trunk.merges if merge.job not in back}
    tries = await db.read(lambda conn: _tries(conn, run_id))
    jobs = [_unmerged(job, tries[job], merged) for job in tries]
    return [one for one in (Left("", base, trunk.tree), *jobs) if one.start != one.tree]


def _tries(conn: sa.Connection, run_id: str) -> dict[str, list[tuple[str, str]]]:
    """The trees that each job's tries began and ended with, in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in runs.tree(conn, run_id):
        job, step, _ = f"{row.key}..".split(".", 2)
        if step == "agent" and (kept := runs.kept(conn, run_id, row.key)):
            made = kept[0]
            found.setdefault(job, []).append((made["given"] or made["tree"], made["tree"]))
    return found


def _unmerged(job: str, tries: Sequence[tuple[str, str]], merged: Iterable[str]) -> Left:
    """The last tries of a job that build on each other and of which nothing is merged."""
    start = tree = ""
    for given, made in tries:
        start = start if given == tree else given
        tree = made
        if made in merged:
            start = made
    return Left(job, start, tree)
