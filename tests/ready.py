"""What all houses of a process can share: the walls of this machine, and databases that nothing has happened in yet."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from bot.sandbox import selftest
from bot.sandbox.jail import Limits, Walls

NAMES = ("tutti.db", "engine.db")
_empty: dict[str, bytes] = {}  # each of them with its tables, whose making takes a fifth of a short story
_hasty: set[str] = set()  # databases that need not outlive this machine, so that nothing waits for a disk
_statements: LRUCache[Any, Any] = LRUCache(2000)


def begun(data: Path) -> None:
    """Put them where the bot will look for its own, and let none of them wait for a disk."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    _hasty.update(str(data / name) for name in NAMES)
    for name, content in _empty.items():
        if not (data / name).exists():
            (data / name).write_bytes(content)


def kept(data: Path) -> None:
    """Keep the first ones that the bot made, before anything is in them."""
    for name in NAMES:
        if name not in _empty:
            with closing(sqlite3.connect(data / name)) as there:
                _empty[name] = there.serialize()


def _hasten(connection: Any, record: Any, _proxy: Any) -> None:
    if "hasty" in record.info:
        return
    path = (
        connection.execute("PRAGMA database_list").fetchone()[2] if isinstance(connection, sqlite3.Connection) else ""
    )
    record.info["hasty"] = path in _hasty
    if record.info["hasty"]:
        connection.execute("PRAGMA synchronous=OFF")


def _share_statements() -> None:
    """Let a statement be put into SQLite's words once in a process, not once in each house."""
    engine: Any = sa.Engine
    dialect: Any = SQLiteDialect_pysqlite
    dialect.__eq__ = lambda one, other: type(one) is type(other)
    dialect.__hash__ = lambda one: hash(type(one))
    engine._compiled_cache = property(_cache, lambda self, own: self.__dict__.update(_own_cache=own))


def _cache(engine: Any) -> Any:
    return _statements if type(engine.dialect) is SQLiteDialect_pysqlite else engine.__dict__["_own_cache"]


event.listen(sa.Pool, "checkout", _hasten)
_share_statements()


_machine: Walls | None = None
_tried = tempfile.TemporaryDirectory(prefix="tutti-tried-")  # what walls are made of is there as long as the process is


async def machine() -> Walls:
    """The walls of this machine as a start finds them, tried once for all houses; they must be strong."""
    global _machine
    if _machine is None:
        found = await selftest.find(Path(_tried.name), wanted="strong", tools=(), limits=Limits())
        assert found.tier == "strong", found.reason
        _machine = found
    return _machine
