"""The inbox: every delivery under its GUID, durable before the door answers, handled in order of arrival."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import psycopg
import sqlalchemy as sa
import structlog
from psycopg import sql
from sqlalchemy.dialects import postgresql

from bot.errors import UserError
from bot.store.db import Database, deliveries

ATTEMPTS = 3
CHANNEL = "tutti_inbox"
_GROUP_ROWS = 200
_GROUP_BYTES = 8_000_000
_LONGEST_NOTE = 2000
_COLUMNS = ("guid", "event", "received_at", "body")
_Row = tuple[str, str, float, bytes]
_MARKS = "(?,?,?,?)"
_INSERT = f"insert or ignore into deliveries ({','.join(_COLUMNS)}) values "
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One stored webhook request. `received_at` in seconds since 1970; `attempts` counts the failed ones."""

    seq: int
    guid: str
    event: str
    received_at: float
    attempts: int
    body: bytes


class SettledError(Exception):
    """The delivery is not new any more: somebody else finished it, and this transaction must not commit."""


@dataclass(slots=True)
class _Waiting:
    row: _Row
    stored: asyncio.Future[bool]


def _insert(conn: sa.Connection, rows: list[_Row]) -> set[str]:
    """Insert those whose GUID is not there yet; which these are."""
    if conn.dialect.name == "sqlite":
        return _insert_alone(conn, rows)
    insert = postgresql.insert(deliveries).on_conflict_do_nothing(index_elements=["guid"])
    values = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    new = set(conn.scalars(insert.returning(deliveries.c.guid), values))
    if new:
        _notify(conn)
    return new


def _insert_alone(conn: sa.Connection, rows: list[_Row]) -> set[str]:
    """The same where nobody else writes meanwhile, in one step: each step waits for its turn with the loop."""
    marks = ",".join([_MARKS] * len(rows))
    done = conn.exec_driver_sql(_INSERT + marks, tuple(chain.from_iterable(rows)))
    if done.rowcount == len(rows):
        return {row[0] for row in rows}
    if done.rowcount == 0:
        return set()
    last_before = done.lastrowid - done.rowcount  # SQLite numbers what it inserts without gaps
    return set(conn.scalars(sa.select(deliveries.c.guid).where(deliveries.c.seq > last_before)))


def _plain(note: str) -> str:
    """PostgreSQL takes no NUL in a text, and strangers' words may end up in a note."""
    return note.replace("\0", "")[:_LONGEST_NOTE]


def _notify(conn: sa.Connection) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))


class Inbox:
    """The deliveries of one database. `wake` is called in the loop whenever there may be something to handle."""

    def __init__(self, db: Database, wake: Callable[[], None]) -> None:
        self._db, self._wake = db, wake
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def add(self, guid: str, event: str, body: bytes) -> bool:
        """Store a delivery; it is durable when this returns. False: the GUID was there already.

        Whatever arrives while a transaction commits goes together into the next one.
        """
        waiting = _Waiting((guid, event, time.time(), body), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await waiting.stored

    async def _write_all(self) -> None:
        try:
            while group := self._next_group():
                await self._write(group)
        finally:
            self._writing = None

    def _next_group(self) -> list[_Waiting]:
        size = count = 0
        for count, waiting in enumerate(self._waiting[:_GROUP_ROWS], start=1):  # noqa: B007
            size += len(waiting.row[3])
            if size >= _GROUP_BYTES:
                break
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _write(self, group: list[_Waiting]) -> None:
        rows = [waiting.row for waiting in group]
        try:
            new = await self._db.write(lambda conn: _insert(conn, rows))
        except Exception as problem:  # noqa: BLE001 - each who waits for this group gets it
            for waiting in group:
                if not waiting.stored.done():
                    waiting.stored.set_exception(problem)
            return
        if new:
            self._wake()
        for waiting in group:
            if not waiting.stored.done():
                waiting.stored.set_result(waiting.row[0] in new)
            new.discard(waiting.row[0])  # a GUID twice in one group is new once

    async def pending(self, busy: Collection[int] = (), limit: int = 20) -> list[Delivery]:
        """The oldest deliveries not handled yet, but for those whose `seq` is in `busy`."""
        columns = [deliveries.c[name] for name in Delivery.__slots__]
        query = sa.select(*columns).where(deliveries.c.status == "new", deliveries.c.seq.not_in(busy))
        query = query.order_by(deliveries.c.seq).limit(limit)
        rows = await self._db.read(lambda conn: conn.execute(query).all())
        return [Delivery(*row) for row in rows]

    def finish(self, conn: sa.Connection, seq: int, note: str, target: str = "") -> None:
        """Mark a delivery handled, in the caller's transaction; SettledError when it is not new any more.

        `target` is what it was about, for who asks what came of it.
        """
        new = sa.and_(deliveries.c.seq == seq, deliveries.c.status == "new")
        done = {"status": "done", "note": _plain(note), "target": target[:250] or None}
        if not conn.execute(sa.update(deliveries).where(new).values(**done)).rowcount:
            raise SettledError(f"delivery {seq} is settled already")

    async def fail(self, seq: int, note: str) -> bool:
        """Count a failed attempt and why. True: it was the last one, the delivery is dead."""
        attempts = deliveries.c.attempts + 1
        status = sa.case((attempts >= ATTEMPTS, "dead"), else_="new")
        change = sa.update(deliveries).where(deliveries.c.seq == seq, deliveries.c.status == "new")
        change = change.values(attempts=attempts, status=status, note=_plain(note))

        def work(conn: sa.Connection) -> bool:
            conn.execute(change)
            return conn.scalar(sa.select(deliveries.c.status).where(deliveries.c.seq == seq)) == "dead"

        return await self._db.write(work)

    async def replay(self, guid: str) -> None:
        """Make a stored delivery new again; UserError when it is unknown or its body is forgotten."""
        row = deliveries.c.guid == guid

        def work(conn: sa.Connection) -> None:
            body = conn.scalar(sa.select(deliveries.c.body).where(row))
            if body is None:
                raise UserError(f"No delivery {guid} is stored here.")
            if not body:
                raise UserError(f"The delivery {guid} is too old to be replayed: its content is deleted.")
            conn.execute(sa.update(deliveries).where(row).values(status="new", attempts=0, note=""))
            _notify(conn)

        await self._db.write(work)
        self._wake()

    async def same(self, guid: str, delivery: Delivery) -> bool:
        """Whether another delivery, of that GUID, had the very same body: no signature covers the GUID."""
        if guid == delivery.guid:
            return False
        query = sa.select(deliveries.c.body).where(deliveries.c.guid == guid)
        return await self._db.read(lambda conn: conn.scalar(query)) == delivery.body

    async def earlier(self, target: str, delivery: Delivery) -> str:
        """The GUID of a handled delivery before this one about its target that had the very same body, else empty."""
        query = sa.select(deliveries.c.guid).where(
            deliveries.c.target == target[:250],
            deliveries.c.seq < delivery.seq,
            deliveries.c.status == "done",
            deliveries.c.body == delivery.body,
        )
        return await self._db.read(lambda conn: conn.scalar(query.limit(1))) or ""

    async def marks(self, seq: int) -> dict[str, Any]:
        """What was noted of a delivery while it was handled."""
        query = sa.select(deliveries.c.marks).where(deliveries.c.seq == seq)
        return dict(await self._db.read(lambda conn: conn.scalar(query)) or {})

    async def mark(self, seq: int, key: str, value: Any) -> None:
        """Note what was done of a delivery, for whoever has to handle it again."""

        def work(conn: sa.Connection) -> None:
            row = deliveries.c.seq == seq
            known = conn.scalar(sa.select(deliveries.c.marks).where(row).with_for_update()) or {}
            conn.execute(sa.update(deliveries).where(row).values(marks={**known, key: value}))

        await self._db.write(work)

    async def heard(self, target: str, limit: int = 10) -> list[tuple[str, str]]:
        """What came of the newest deliveries about a target, newest first: (name of the event, note)."""
        query = sa.select(deliveries.c.event, deliveries.c.note).where(deliveries.c.target == target)
        query = query.order_by(deliveries.c.seq.desc()).limit(limit)
        rows = await self._db.read(lambda conn: conn.execute(query).all())
        return [(row.event, row.note) for row in rows]

    async def forget(self, before: float) -> int:
        """Drop the bodies of deliveries handled and received `before` (seconds since 1970); their GUIDs stay known."""
        old = sa.and_(deliveries.c.status != "new", deliveries.c.received_at < before, deliveries.c.body != b"")
        return await self._db.write(
            lambda conn: conn.execute(sa.update(deliveries).where(old).values(body=b"")).rowcount
        )

    async def known(self, guids: Collection[str]) -> set[str]:
        """Those of `guids` that are stored."""
        query = sa.select(deliveries.c.guid).where(deliveries.c.guid.in_(guids))
        return set(await self._db.read(lambda conn: conn.scalars(query).all()))

    async def counts(self) -> dict[str, int]:
        """How many deliveries are new, done and dead."""
        query = sa.select(deliveries.c.status, sa.func.count()).group_by(deliveries.c.status)
        rows = await self._db.read(lambda conn: conn.execute(query).all())
        return {"new": 0, "done": 0, "dead": 0} | dict(rows)


class Listener:
    """Calls a function in this process when any process on the same PostgreSQL notifies its channel.

    What was notified while nobody listened is not lost: every function is called too when listening begins
    (again), and every `poll` seconds.
    """

    def __init__(self, db: Database, wakes: Mapping[str, Callable[[], None]], poll: float = 30.0) -> None:
        url = db.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._url, self._wakes, self._poll = url, wakes, poll

    async def run(self) -> None:
        """Listen until cancelled; a lost connection is made anew."""
        while True:
            try:
                await self._listen()
            except psycopg.OperationalError as problem:
                _log.warning("the database cannot be listened to, trying again", problem=str(problem).strip())
                await asyncio.sleep(1)

    async def _listen(self) -> None:
        connect = psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=10, keepalives_idle=30, tcp_user_timeout=20_000
        )
        async with await connect as conn:
            for channel in self._wakes:
                await conn.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
            while True:
                await conn.execute("select 1")  # raises where the connection is lost
                for wake in self._wakes.values():
                    wake()
                async for note in conn.notifies(timeout=self._poll):
                    self._wakes[note.channel]()
