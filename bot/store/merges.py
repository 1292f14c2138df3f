"""What the jobs of a run have merged, as it is kept beside what its steps made. Functions of a connection."""

from typing import Any

import sqlalchemy as sa

from bot.store.db import artifacts


def merges(conn: sa.Connection, run_id: str) -> list[tuple[str, dict[str, Any]]]:
    """The keys and records of a run's merges, oldest first; what they made stays where it is."""
    key = artifacts.c.key
    of_merges = sa.or_(key.endswith(".merge", autoescape=True), key.contains(".merge.", autoescape=True))
    rows = conn.execute(sa.select(key, artifacts.c.meta).where(artifacts.c.run == run_id, of_merges))
    found = [(row.key, row.meta) for row in rows if "seq" in row.meta]
    return sorted(found, key=lambda one: (one[1]["seq"], one[0]))
