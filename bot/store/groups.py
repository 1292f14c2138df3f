"""Concurrency groups: of the runs of one, one is under way at a time, and of those that wait the newest stays."""

from collections.abc import Callable

import sqlalchemy as sa

from bot.errors import ACTIVE
from bot.store import runs
from bot.store.db import runs as table
from bot.store.runs import Run

Say = Callable[[Run], str]


def enter(conn: sa.Connection, run: Run, say: Say, *, cancels: bool) -> list[str]:
    """A run that was created joins its group, if it has one; the ids of those that were asked to end now.

    What waits there for its turn gives way to what came later; with `cancels` so does whatever is under way or rests.
    `say` makes the sentence for these of the run that takes their place. What one comment asks for gives way to nothing
    of the same comment.
    """
    if run.concurrency is None:
        return []
    if conn.dialect.name == "postgresql":  # another that joins sees this one, or this one sees the other
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(runs.QUEUE_LOCK)))
    mine = (table.c.concurrency == run.concurrency, table.c.state.in_(ACTIVE), table.c.cancel.is_(None))
    there = [Run(**row._mapping) for row in conn.execute(sa.select(table).where(*mine).order_by(table.c.seq))]
    newest = there[-1] if there else run
    older = [one for one in there if one.delivery != newest.delivery]
    give_way = [one.id for one in older if cancels or _waits_for_its_turn(one)]
    return runs.cancel_all(conn, give_way, say(newest))


def _waits_for_its_turn(run: Run) -> bool:
    """Whether it never began: what rests, or is tried again, was under way."""
    return run.state == "queued" and run.started_at is None
