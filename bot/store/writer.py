"""Who writes into a database: into SQLite one thread, which commits together what waits; into PostgreSQL several."""

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
Work = Callable[[sa.Connection], Any]
_Asked = tuple[Future[Any], Work]
_MOST = 100  # writes in one transaction


class _Done(NamedTuple):
    """What a write gave, and what it raised."""

    value: Any
    raised: BaseException | None


class Writers:
    """Threads with a transaction for each write."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(4, "db-write")

    def submit(self, work: Callable[[sa.Connection], T]) -> "Future[T]":
        """What `work` gives, once that is durable; what it raises, once nothing of it is there."""
        return self._threads.submit(self._write, work)

    def _write(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engine.begin() as conn:
            return work(conn)

    def close(self) -> None:
        """Write what waits, then no more."""
        self._threads.shutdown()


class Writer:
    """One thread: what waits while it commits goes together into its next transaction, for a disk is slow to keep that.

    Each write stands or falls by itself all the same, unless it is the commit that fails.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "db-write")
        self._waiting: deque[_Asked] = deque()
        self._lock, self._going = Lock(), False

    def submit(self, work: Callable[[sa.Connection], T]) -> "Future[T]":
        """What `work` gives, once that is durable; what it raises, once nothing of it is there."""
        future: Future[T] = Future()
        with self._lock:
            self._waiting.append((future, work))
            if not self._going:
                self._thread.submit(self._write_all)
                self._going = True
        return future

    def close(self) -> None:
        """Write what waits, then no more."""
        self._thread.shutdown()

    def _write_all(self) -> None:
        while group := self._next_group():
            self._write([(future, work) for future, work in group if future.set_running_or_notify_cancel()])

    def _next_group(self) -> Sequence[_Asked]:
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
            self._going = bool(group)
        return group

    def _write(self, group: Sequence[_Asked]) -> None:
        try:
            done = self._committed([work for _, work in group]) if group else []
        except BaseException as error:  # noqa: BLE001 - whoever waits for the write is told
            done = [_Done(None, error)] * len(group)
        for (future, _), (value, raised) in zip(group, done, strict=True):
            if raised is None:
                future.set_result(value)
            else:
                future.set_exception(raised)

    def _committed(self, works: Sequence[Work]) -> list[_Done]:
        """What each of them did, in one transaction. Raises where that cannot be committed."""
        with self._engine.connect() as conn:
            conn.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                done = [_apart(conn, work) for work in works] if len(works) > 1 else [_Done(works[0](conn), None)]
                conn.commit()
            except BaseException:
                _driver(conn).rollback()  # after a commit that failed SQLAlchemy does not, and the next would commit it
                raise
            return done


def _apart(conn: sa.Connection, work: Work) -> _Done:
    """What a write gave and raised, in a savepoint of its own. Raises where the whole transaction is lost."""
    driver = _driver(conn)
    driver.execute("SAVEPOINT one")
    try:
        value, raised = work(conn), None
    except Exception as error:  # noqa: BLE001 - whoever waits for the write is told
        value, raised = None, error
    if not driver.in_transaction:  # as on a full disk: SQLite takes everything back
        raise raised or sqlite3.OperationalError("the transaction was taken back")
    driver.execute("RELEASE one" if raised is None else "ROLLBACK TO one")
    return _Done(value, raised)


def _driver(conn: sa.Connection) -> sqlite3.Connection:
    driver = conn.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
