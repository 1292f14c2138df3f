"""The database: its tables as they are today, and the threads that talk to it (SQLite and PostgreSQL alike).

A write is a function of a connection, which stands or falls by itself. SQLite has one writer thread.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

from bot.store.migrations import migrate
from bot.store.writer import Writer, Writers

T = TypeVar("T")

metadata = sa.MetaData()

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("guid", sa.String(64), nullable=False, unique=True),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("status", sa.String(8), nullable=False, server_default="new"),  # new, done, dead
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("body", sa.LargeBinary, nullable=False),  # last: SQLite reads past a long value to reach what follows it
    sa.Column("target", sa.String(250), nullable=True),  # owner/repo#n, once it was handled
    sa.Column("marks", sa.JSON, nullable=True),  # what was done of it so far
    sa.Index("deliveries_by_status", "status", "seq"),
    sa.Index("deliveries_by_target", "target", "seq"),
)

_ACTIVE = sa.text("state in ('queued','running','waiting')")

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("delivery", sa.String(64), nullable=False),
    sa.Column("workflow", sa.String(100), nullable=False),
    sa.Column("repo", sa.String(200), nullable=False),
    sa.Column("target", sa.String(250), nullable=False),  # owner/repo#n
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("cancel", sa.Text, nullable=True),  # a sentence: who asked and how
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float, nullable=True),
    sa.Column("ended_at", sa.Float, nullable=True),
    sa.Column("cost_usd", sa.Float, nullable=True),
    sa.Column("context", sa.JSON, nullable=False),  # the event and the workflow as they were when it started
    sa.Column("facts", sa.JSON, nullable=False),  # branch, shas, comment, check run, pull request
    sa.Column("due", sa.Float, nullable=True),  # it does not begin before
    sa.Column("life", sa.Integer, nullable=False, server_default="1"),  # which execution of it: 2 after a retry ...
    sa.Column("after", sa.String(36), nullable=True),  # the run that has to end before it begins
    sa.Column("actor", sa.BigInteger, nullable=False, server_default="0"),  # GitHub's id of whoever asked, 0: nobody
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),  # 1: before its repository's; 2: before all
    sa.Column("concurrency", sa.String(80), nullable=True),  # the group of which one is under way at a time
    sa.Column("turn", sa.Integer, nullable=True),  # where it stands in the queue; none: where `seq` says
    sa.UniqueConstraint("delivery", "workflow"),
    sa.Index("runs_one_active", "workflow", "target", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
)

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("run", sa.String(36), primary_key=True),
    sa.Column("key", sa.String(120), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("plan", sa.Text, nullable=False, server_default=""),
    sa.Column("started_at", sa.Float, nullable=True),
    sa.Column("ended_at", sa.Float, nullable=True),
    sa.Column("cost_usd", sa.Float, nullable=True),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("run", sa.String(36), primary_key=True),
    sa.Column("key", sa.String(120), primary_key=True),
    sa.Column("meta", sa.JSON, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

copies = sa.Table(  # the last good copy of each file a repository configures Tutti with
    "copies",
    metadata,
    sa.Column("repo", sa.String(200), primary_key=True),
    sa.Column("path", sa.String(250), primary_key=True),
    sa.Column("text", sa.Text, nullable=True),
    sa.Column("commit", sa.String(64), nullable=False),
    sa.Column("problem", sa.Text, nullable=False, server_default=""),
)

gates = sa.Table(  # what waits until a person approves of it; a row each, kept when it has ended
    "gates",
    metadata,
    sa.Column("run", sa.String(36), primary_key=True),  # the one that waits
    sa.Column("repo", sa.BigInteger, nullable=False),  # GitHub's id
    sa.Column("target", sa.String(250), nullable=False),
    sa.Column("pull", sa.Integer, nullable=True),  # the pull request that the work goes on with
    sa.Column("workflow", sa.String(100), nullable=False),  # what an approval starts
    sa.Column("kind", sa.String(12), nullable=False),  # plan, patch
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("base", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("ended", sa.String(12), nullable=False, server_default=""),  # approved, superseded, expired
    sa.Column("ended_at", sa.Float, nullable=True),
    sa.Column("successor", sa.String(36), nullable=True),  # the run that an approval started
    sa.Index("gates_by_target", "repo", "target"),
)

reviews = sa.Table(  # what is known of each pull request that was reviewed
    "reviews",
    metadata,
    sa.Column("repo", sa.BigInteger, primary_key=True),  # GitHub's id
    sa.Column("pull", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),  # owner/name
    sa.Column("installation", sa.BigInteger, nullable=False),
    sa.Column("head", sa.String(64), nullable=False),  # the newest commit that was read
    sa.Column("comment", sa.BigInteger, nullable=True),  # the summary
    sa.Column("read", sa.JSON, nullable=False),  # digests of the hunks that were read
    sa.Column("check", sa.BigInteger, nullable=True),  # the newest check run
    sa.Column("story", sa.JSON, nullable=True),  # what the newest review told, but for its findings
    sa.Column("polled_at", sa.Float, nullable=False),
    sa.Column("closed_at", sa.Float, nullable=True),
)

findings = sa.Table(  # every finding that was said, for as long as the pull request is known
    "findings",
    metadata,
    sa.Column("repo", sa.BigInteger, primary_key=True),
    sa.Column("pull", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),  # 1, 2 ... in this pull request
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # open, fixed, declined, outdated
    sa.Column("inline", sa.Boolean, nullable=False),
    sa.Column("comment", sa.BigInteger, nullable=True),  # the inline comment
    sa.Column("head", sa.String(64), nullable=False),  # the commit it was said of
    sa.Column("why", sa.Text, nullable=False, server_default=""),  # who declined it
    sa.Column("finding", sa.JSON, nullable=False),
    sa.Column("found_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float, nullable=True),
    sa.Index("findings_by_comment", "comment"),
)

feedback = sa.Table(  # what people did about findings: for learning
    "feedback",
    metadata,
    sa.Column("repo", sa.BigInteger, primary_key=True),
    sa.Column("source", sa.String(100), primary_key=True),  # comment:5, reaction:7 ...: never kept twice
    sa.Column("pull", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("actor", sa.BigInteger, nullable=False),
    sa.Column("login", sa.String(100), nullable=False),
    sa.Column("level", sa.String(12), nullable=False),  # the right that they had in the repository
    sa.Column("words", sa.Text, nullable=False, server_default=""),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("feedback_by_pull", "repo", "pull"),
)

spending = sa.Table(  # what each run has spent on each day of UTC
    "spending",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),  # 2026-03-31
    sa.Column("run", sa.String(36), primary_key=True),
    sa.Column("repo", sa.String(200), nullable=False),
    sa.Column("actor", sa.BigInteger, nullable=False),  # GitHub's id of whoever started it, 0 for nobody there
    sa.Column("usd", sa.Float, nullable=False),
)


def _tune_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA wal_autocheckpoint=8000")  # 32 MB: a page written again and again is copied once


class Database:
    """One database. `url` as SQLAlchemy's, `sqlite:///file` or `postgresql://...`."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url.replace("postgres://", "postgresql://", 1))
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite:
            Path(self.url.database or "").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.engine = sa.create_engine(self.url, pool_size=5)
            event.listen(self.engine, "connect", _tune_sqlite)
        else:
            self.url = self.url.set(drivername="postgresql+psycopg")
            self.engine = sa.create_engine(self.url, pool_size=8, pool_pre_ping=True)
        self._writer = Writer(self.engine) if self.sqlite else Writers(self.engine)
        self._readers = ThreadPoolExecutor(3, "db-read")

    def _read(self, work: Callable[[sa.Connection], T]) -> T:
        with self.engine.connect() as conn:
            if self.sqlite:
                conn.exec_driver_sql("BEGIN")
            result = work(conn)
            conn.commit()
            return result

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction; committed and durable when this returns. What it raises takes it back."""
        return await asyncio.wrap_future(self._writer.submit(work))

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work`, which only reads, beside the writers."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def migrate(self) -> None:
        await self.write(migrate)

    async def close(self) -> None:
        self._writer.close()
        self._readers.shutdown(wait=True)
        self.engine.dispose()
