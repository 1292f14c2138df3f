"""Writes that are committed together: each stands or falls by itself, and nobody is told before it is durable."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store.db import Database
from bot.store.writer import Writer

Work = Callable[[sa.Connection], Any]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    made = Database(f"sqlite:///{tmp_path / 'tutti.db'}").engine
    with made.connect() as conn:
        conn.exec_driver_sql("CREATE TABLE said (word TEXT)")
    yield made
    made.dispose()


@pytest.fixture
def writer(database: sa.Engine) -> Iterator[Writer]:
    one = Writer(database)
    yield one
    one.close()


@contextmanager
def busy(writer: Writer) -> Iterator[None]:
    """What is asked for meanwhile waits."""
    begun, over = Event(), Event()

    def hold(_conn: sa.Connection) -> None:
        begun.set()
        over.wait(10)

    held = writer.submit(hold)
    begun.wait(10)
    yield
    over.set()
    held.result(10)


def says(word: str) -> Work:
    return lambda conn: conn.exec_driver_sql("INSERT INTO said VALUES (?)", (word,)).rowcount


def fails(word: str) -> Work:
    def write(conn: sa.Connection) -> None:
        says(word)(conn)
        raise ValueError(word)

    return write


def fills_the_disk(conn: sa.Connection) -> None:
    """SQLite takes back by itself whatever the transaction did so far."""
    conn.exec_driver_sql("ROLLBACK")


def said(database: sa.Engine) -> list[str]:
    with database.connect() as conn:
        return list(conn.exec_driver_sql("SELECT word FROM said ORDER BY rowid").scalars())


def test_what_waits_is_committed_once_in_its_order(writer: Writer, database: sa.Engine) -> None:
    commits: list[sa.Connection] = []
    with busy(writer):
        asked = [writer.submit(says(word)) for word in "abc"]
        sa.event.listen(database, "commit", commits.append)
    assert [one.result(10) for one in asked] == [1, 1, 1]
    assert said(database) == ["a", "b", "c"]
    assert len(commits) == 2  # the one that made them wait, and theirs


def test_one_that_fails_takes_back_its_own_and_nothing_of_the_others(writer: Writer, database: sa.Engine) -> None:
    with busy(writer):
        before, bad, after = writer.submit(says("a")), writer.submit(fails("b")), writer.submit(says("c"))
    with pytest.raises(ValueError, match="b"):
        bad.result(10)
    assert [before.result(10), after.result(10)] == [1, 1]
    assert said(database) == ["a", "c"]
    with pytest.raises(ValueError, match="d"):
        writer.submit(fails("d")).result(10)
    assert writer.submit(says("e")).result(10) == 1
    assert said(database) == ["a", "c", "e"]


def test_where_all_is_taken_back_everybody_is_told(writer: Writer, database: sa.Engine) -> None:
    with busy(writer):
        asked = [writer.submit(work) for work in (says("a"), fills_the_disk, says("c"))]
    for one in asked:
        with pytest.raises(Exception, match="taken back"):
            one.result(10)
    assert said(database) == []


def test_a_commit_that_fails_is_told_to_all_of_them(writer: Writer, database: sa.Engine) -> None:
    def refuse(_conn: sa.Connection) -> None:
        raise OSError("no space")

    with busy(writer):
        asked = [writer.submit(says(word)) for word in "ab"]
        writer.submit(lambda _conn: sa.event.listen(database, "commit", refuse))
    for one in asked:
        with pytest.raises(OSError, match="no space"):
            one.result(10)
    sa.event.remove(database, "commit", refuse)
    assert said(database) == []
    assert writer.submit(says("c")).result(10) == 1


def test_nobody_waits_for_what_was_given_up(writer: Writer, database: sa.Engine) -> None:
    with busy(writer):
        asked = [writer.submit(says(word)) for word in "ab"]
        assert asked[0].cancel()
    assert asked[1].result(10) == 1
    assert said(database) == ["b"]
