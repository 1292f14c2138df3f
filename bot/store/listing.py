"""Runs as somebody at a terminal looks for them: the newest, or by how an id begins. Functions of a connection."""

import sqlalchemy as sa

from bot.store.db import runs
from bot.store.record import Run


def newest(conn: sa.Connection, repo: str | None, most: int) -> list[Run]:
    """The newest runs, of one repository (`owner/name`) or of all, newest first."""
    wanted = [runs.c.repo == repo] if repo else []
    rows = conn.execute(sa.select(runs).where(*wanted).order_by(runs.c.seq.desc()).limit(most))
    return [Run(**row._mapping) for row in rows]


def beginning(conn: sa.Connection, start: str, most: int) -> list[Run]:
    """The newest runs whose ids begin so: the one alone whose id that is."""
    exact = conn.execute(sa.select(runs).where(runs.c.id == start)).one_or_none()
    if exact is not None:
        return [Run(**exact._mapping)]
    begins = runs.c.id.startswith(start, autoescape=True)
    rows = conn.execute(sa.select(runs).where(begins).order_by(runs.c.seq.desc()).limit(most))
    return [Run(**row._mapping) for row in rows]
