"""Which worker this process is: a lock that it holds as long as it lives, and that tells the others when it is gone."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg
import sqlalchemy as sa
from filelock import FileLock, Timeout

from bot.errors import UserError

_WORKERS, _LEADER = 0x74757474, 0x74757475  # the first halves of the numbers of PostgreSQL's advisory locks
_ANSWER_SECONDS = 5.0
# The server must notice within seconds that a worker's machine is gone, or its lock would stay.
_KEEPALIVE = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"


class Slot(ABC):
    """One worker's place. After a restart a worker has the same `name` where it can: its unfinished runs bear it."""

    name: str

    @abstractmethod
    async def alive(self) -> bool:
        """Whether the place is still this process's. If it is not, end at once: another worker takes its runs."""

    @abstractmethod
    def hold(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Keep another worker's place within the block. Gives whether it was free, so that its owner is gone."""

    @abstractmethod
    async def lead(self) -> bool:
        """Whether this is the one worker that empties the inbox; it becomes that one when there is none."""

    @abstractmethod
    async def release(self) -> None:
        """Give the place back."""


class FileSlot(Slot):
    """The only worker of a data folder (SQLite). Raises UserError when another process has the folder."""

    name = "slot-0"

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FileLock(data_dir / "lock", thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UserError(
                f"Another Tutti process is using {data_dir}: stop it, or give this one its own folder with "
                "TUTTI_DATA_DIR, or let both share a PostgreSQL with TUTTI_DATABASE_URL."
            ) from None

    async def alive(self) -> bool:
        return self._lock.is_locked

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[bool]:
        yield False

    async def lead(self) -> bool:
        return True

    async def release(self) -> None:
        self._lock.release()


class PostgresSlot(Slot):
    """One of many workers: the lowest number nobody has, locked by a session that ends with the process."""

    def __init__(self, session: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        self._session = session
        self._leads = False

    @classmethod
    async def take(cls, url: sa.URL) -> "PostgresSlot":
        """Needs a session of its own: no pooler that hands a session around may stand before the server."""
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        slot = cls(await psycopg.AsyncConnection.connect(dsn, autocommit=True, options=_KEEPALIVE))
        for number in count():
            if await slot._lock(_WORKERS, number):
                slot.name = f"slot-{number}"
                break
        return slot

    async def _lock(self, kind: int, number: int) -> bool:
        answer = await self._session.execute("select pg_try_advisory_lock(%s, %s)", (kind, number))
        return await answer.fetchone() == (True,)

    async def alive(self) -> bool:
        try:
            await asyncio.wait_for(self._session.execute("select 1"), _ANSWER_SECONDS)
        except (psycopg.Error, TimeoutError):
            return False
        return True

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[bool]:
        number = int(name.removeprefix("slot-"))
        free = name != self.name and await self._lock(_WORKERS, number)
        try:
            yield free
        finally:
            if free:
                await self._session.execute("select pg_advisory_unlock(%s, %s)", (_WORKERS, number))

    async def lead(self) -> bool:
        self._leads = self._leads or await self._lock(_LEADER, 0)
        return self._leads

    async def release(self) -> None:
        with suppress(psycopg.Error):  # the server may be gone
            # Closing alone would free the place only when the server notices.
            await self._session.execute("select pg_advisory_unlock_all()")
        await self._session.close()


async def take(database_url: str, data_dir: Path) -> Slot:
    """This process's place. Raises UserError when another process has the data folder (SQLite only)."""
    url = sa.make_url(database_url.replace("postgres://", "postgresql://", 1))
    if url.get_backend_name() == "sqlite":
        return FileSlot(data_dir)
    return await PostgresSlot.take(url)
