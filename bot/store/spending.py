"""What is spent on the model each day: one row a run and day, so that every worker counts the same. Functions of a
connection.

A day is UTC's, written `2026-03-31`. Amounts are US dollars that count: a model without a price as the dearest.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.db import spending


@dataclass(frozen=True)
class Spent:
    """US dollars of one day: of a repository, of an actor, of all."""

    repo: float
    actor: float
    all: float


def pay(conn: sa.Connection, day: str, run: str, repo: str, actor: int, usd: float) -> None:
    """Add to what a run has spent that day."""
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(spending)
    row = insert.values(day=day, run=run, repo=repo, actor=actor, usd=usd)
    more = {"usd": spending.c.usd + row.excluded.usd}
    conn.execute(row.on_conflict_do_update(index_elements=["day", "run"], set_=more))


def spent(conn: sa.Connection, day: str, repo: str, actor: int) -> Spent:
    """What was spent that day. A repository's name is the same in any case, as GitHub has it."""
    columns = (
        _sum(sa.case((sa.func.lower(spending.c.repo) == repo.lower(), spending.c.usd), else_=0.0)),
        _sum(sa.case((spending.c.actor == actor, spending.c.usd), else_=0.0)),
        _sum(spending.c.usd),
    )
    return Spent(*map(float, conn.execute(sa.select(*columns).where(spending.c.day == day)).one()))


def _sum(amount: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.func.coalesce(sa.func.sum(amount), 0.0)
