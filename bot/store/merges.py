"""What the jobs of a run have merged, as it is kept beside what its steps made. Functions of a connection."""

from typing import Any

import sqlalchemy as sa

from bot.store.db import artifacts


def refused(conn: sa.Connection, run_id: str) -> list[tuple[str, str, str]]:
    """What could not be merged of a run: the job, the tree that it began with, and the one that it made."""
    key = artifacts.c.key
    wanted = (artifacts.c.run == run_id, key.contains(".refused.", autoescape=True))
    rows = conn.execute(sa.select(artifacts.c.meta).where(*wanted)).scalars()
    return [(meta["job"], meta["start"], meta["refused"]) for meta in rows if "refused" in meta]


def merges(conn: sa.Connection, run_id: str) -> list[tuple[str, dict[str, Any]]]:
    """The keys and records of a run's merges, oldest first; what they made stays where it is."""
    key = artifacts.c.key
    of_merges = sa.or_(key.endswith(".merge", autoescape=True), key.contains(".merge.", autoescape=True))
    rows = conn.execute(sa.select(key, artifacts.c.meta).where(artifacts.c.run == run_id, of_merges))
    found = [(row.key, row.meta) for row in rows if "seq" in row.meta]
    return sorted(found, key=lambda one: (one[1]["seq"], one[0]))
