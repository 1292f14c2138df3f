"""What the inbox received of one kind since some time: for those who ask what happened meanwhile. Functions of a
connection."""

import sqlalchemy as sa

from bot.store.db import deliveries


def since(conn: sa.Connection, event: str, moment: float, most: int) -> list[bytes]:
    """The bodies of the newest `most` deliveries of an event that came since `moment` (seconds since 1970)."""
    wanted = sa.select(deliveries.c.body).where(deliveries.c.event == event, deliveries.c.received_at >= moment)
    return list(conn.scalars(wanted.order_by(deliveries.c.seq.desc()).limit(most)))
