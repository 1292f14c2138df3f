"""Deliveries are kept: once, in order, through restarts; on SQLite and on PostgreSQL alike."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from bot.errors import UserError
from bot.store.db import Database, deliveries
from bot.store.inbox import CHANNEL, Inbox, Listener, SettledError
from tests.postgres import Cluster

T = TypeVar("T")


class Counting(Database):
    """A database that counts its write transactions."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.writes = 0
        self.writing = asyncio.Event()

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        self.writes += 1
        self.writing.set()
        return await super().write(work)


class Bell:
    """What the inbox wakes."""

    def __init__(self) -> None:
        self.rung = 0
        self._ring = asyncio.Event()

    def __call__(self) -> None:
        self.rung += 1
        self._ring.set()

    async def rings_for(self, work: Awaitable[object]) -> None:
        """Do `work`, and wait till it rings."""
        self._ring.clear()
        await work
        await self._ring.wait()

    async def first(self) -> None:
        await self._ring.wait()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Counting, Inbox, Bell]]:
    db = Counting(url)
    await db.migrate()
    bell = Bell()
    try:
        yield db, Inbox(db, bell), bell
    finally:
        await db.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tutti.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def house(url: str) -> AsyncIterator[tuple[Counting, Inbox, Bell]]:
    async with opened(url) as parts:
        yield parts


@pytest.fixture
def db(house: tuple[Counting, Inbox, Bell]) -> Counting:
    return house[0]


@pytest.fixture
def inbox(house: tuple[Counting, Inbox, Bell]) -> Inbox:
    return house[1]


@pytest.fixture
def bell(house: tuple[Counting, Inbox, Bell]) -> Bell:
    return house[2]


async def finish(db: Database, inbox: Inbox, seq: int, note: str = "run r1") -> None:
    await db.write(lambda conn: inbox.finish(conn, seq, note))


async def note(db: Database, guid: str) -> str:
    query = sa.select(deliveries.c.note).where(deliveries.c.guid == guid)
    return str(await db.read(lambda conn: conn.scalar(query)))


async def guids(inbox: Inbox, limit: int = 1000) -> list[str]:
    return [delivery.guid for delivery in await inbox.pending(limit=limit)]


# ---- coming in -------------------------------------------------------------------------------------------------------


async def test_a_delivery_is_kept_as_it_came(inbox: Inbox, bell: Bell) -> None:
    before = time.time()
    assert await inbox.add("g1", "issues", b'{"a": "\xff\x00"}') is True
    [found] = await inbox.pending()
    assert (found.guid, found.event, found.body, found.attempts) == ("g1", "issues", b'{"a": "\xff\x00"}', 0)
    assert before <= found.received_at <= time.time()
    assert bell.rung == 1


async def test_a_repeated_guid_changes_nothing_and_wakes_nobody(inbox: Inbox, bell: Bell) -> None:
    await inbox.add("g1", "issues", b"first")
    assert await inbox.add("g1", "push", b"second") is False
    assert [(d.event, d.body) for d in await inbox.pending()] == [("issues", b"first")]
    assert bell.rung == 1


async def test_of_fifty_at_once_with_one_guid_one_is_new(inbox: Inbox) -> None:
    answers = await asyncio.gather(*(inbox.add("g1", "issues", b"{}") for _ in range(50)))
    assert sorted(answers) == [False] * 49 + [True]
    assert await guids(inbox) == ["g1"]


async def test_known_and_new_ones_that_come_together_are_told_apart(inbox: Inbox) -> None:
    await asyncio.gather(*(inbox.add(f"g{n}", "issues", b"{}") for n in (2, 5)))
    answers = await asyncio.gather(*(inbox.add(f"g{n}", "issues", b"{}") for n in (1, 2, 3, 3, 4, 5)))
    assert answers == [True, False, True, False, True, False]
    assert await guids(inbox) == ["g2", "g5", "g1", "g3", "g4"]


async def test_what_arrives_while_one_is_written_goes_together_into_the_next_transaction(
    db: Counting, inbox: Inbox
) -> None:
    db.writes = 0
    db.writing.clear()
    first = asyncio.create_task(inbox.add("g0", "issues", b"{}"))
    await db.writing.wait()
    await asyncio.gather(first, *(inbox.add(f"g{n}", "issues", b"{}") for n in range(1, 100)))
    assert db.writes == 2
    assert await guids(inbox) == [f"g{n}" for n in range(100)]


async def test_no_transaction_grows_without_bound(db: Counting, inbox: Inbox) -> None:
    db.writes = 0
    await asyncio.gather(*(inbox.add(f"n{n}", "issues", b"{}") for n in range(500)))
    assert db.writes == 3
    await asyncio.gather(*(inbox.add(f"l{n}", "issues", bytes(5_000_000)) for n in range(4)))
    assert db.writes == 5
    assert await guids(inbox) == [f"n{n}" for n in range(500)] + [f"l{n}" for n in range(4)]


async def test_when_a_transaction_fails_each_who_waits_hears_of_it_and_the_next_goes_on(
    db: Counting, inbox: Inbox
) -> None:
    await db.write(lambda conn: conn.execute(sa.text("alter table deliveries rename to gone")))
    answers = await asyncio.gather(*(inbox.add(f"g{n}", "issues", b"{}") for n in range(5)), return_exceptions=True)
    assert all(isinstance(answer, sa.exc.DBAPIError) for answer in answers)
    await db.write(lambda conn: conn.execute(sa.text("alter table gone rename to deliveries")))
    assert await inbox.add("g1", "issues", b"{}") is True


async def test_who_stops_waiting_does_not_disturb_the_others(inbox: Inbox) -> None:
    leaving, staying = (asyncio.create_task(inbox.add(guid, "issues", b"{}")) for guid in ("g1", "g2"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying is True
    assert await guids(inbox) == ["g1", "g2"]


async def test_after_a_restart_everything_is_there(url: str) -> None:
    async with opened(url) as (_, inbox, _):
        await inbox.add("g1", "issues", b"{}")
    async with opened(url) as (_, inbox, _):
        assert await inbox.add("g1", "issues", b"{}") is False
        assert await guids(inbox) == ["g1"]


async def test_on_sqlite_a_stored_delivery_is_on_the_disk(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'tutti.db'}") as (db, inbox, _):
        await inbox.add("g1", "issues", b"{}")
        assert await db.write(lambda conn: conn.scalar(sa.text("pragma synchronous"))) == 2  # FULL
        other = sqlite3.connect(tmp_path / "tutti.db")
        assert other.execute("select guid from deliveries").fetchall() == [("g1",)]
        other.close()


# ---- being handled ---------------------------------------------------------------------------------------------------


async def test_the_oldest_come_first_and_the_busy_ones_are_left_out(inbox: Inbox) -> None:
    for n in range(6):
        await inbox.add(f"g{n}", "issues", b"{}")
    first, second = await inbox.pending(limit=2)
    assert (first.guid, second.guid) == ("g0", "g1")
    assert [d.guid for d in await inbox.pending({first.seq, second.seq}, limit=3)] == ["g2", "g3", "g4"]


async def test_a_delivery_is_finished_with_the_transaction_that_finishes_it(db: Counting, inbox: Inbox) -> None:
    await inbox.add("g1", "issues", b"{}")
    [found] = await inbox.pending()

    def work(conn: sa.Connection) -> None:
        inbox.finish(conn, found.seq, "run r1")
        raise UserError("it did not come to pass")

    with pytest.raises(UserError):
        await db.write(work)
    assert await guids(inbox) == ["g1"]
    await finish(db, inbox, found.seq)
    assert await inbox.pending() == []
    assert await inbox.counts() == {"new": 0, "done": 1, "dead": 0}
    assert await note(db, "g1") == "run r1"


async def test_a_delivery_is_finished_once(db: Counting, inbox: Inbox) -> None:
    await inbox.add("g1", "issues", b"{}")
    [found] = await inbox.pending()
    await finish(db, inbox, found.seq)
    with pytest.raises(SettledError):
        await finish(db, inbox, found.seq, "by another worker")
    assert await note(db, "g1") == "run r1"


async def test_a_delivery_that_fails_three_times_is_dead_and_the_others_go_on(db: Counting, inbox: Inbox) -> None:
    await inbox.add("g1", "issues", b"{}")
    await inbox.add("g2", "issues", b"{}")
    poison, _ = await inbox.pending()
    assert [await inbox.fail(poison.seq, f"failure {n}") for n in (1, 2)] == [False, False]
    assert [(d.guid, d.attempts) for d in await inbox.pending()] == [("g1", 2), ("g2", 0)]
    assert await inbox.fail(poison.seq, "failure 3") is True
    assert await guids(inbox) == ["g2"]
    assert await inbox.counts() == {"new": 1, "done": 0, "dead": 1}
    assert await note(db, "g1") == "failure 3"


async def test_a_failure_of_what_is_finished_does_not_count(db: Counting, inbox: Inbox) -> None:
    await inbox.add("g1", "issues", b"{}")
    [found] = await inbox.pending()
    await finish(db, inbox, found.seq)
    for _ in range(3):
        assert await inbox.fail(found.seq, "too late") is False
    assert await inbox.counts() == {"new": 0, "done": 1, "dead": 0}


async def test_a_note_may_hold_anything(db: Counting, inbox: Inbox) -> None:
    await inbox.add("g1", "issues", b"{}")
    [found] = await inbox.pending()
    await inbox.fail(found.seq, "title: \0 \N{SNOWMAN}" + "x" * 5000)
    assert (await note(db, "g1")).startswith("title:  \N{SNOWMAN}xxx")
    assert len(await note(db, "g1")) == 2000


# ---- later -----------------------------------------------------------------------------------------------------------


async def test_a_replayed_delivery_is_new_again(inbox: Inbox, bell: Bell) -> None:
    await inbox.add("g1", "issues", b"{}")
    [found] = await inbox.pending()
    for _ in range(3):
        await inbox.fail(found.seq, "no")
    await inbox.replay("g1")
    assert bell.rung == 2
    assert [(d.guid, d.attempts) for d in await inbox.pending()] == [("g1", 0)]


async def test_an_unknown_delivery_cannot_be_replayed(inbox: Inbox) -> None:
    with pytest.raises(UserError, match=r"^No delivery g1 is stored here\.$"):
        await inbox.replay("g1")


async def test_of_old_deliveries_the_guid_stays_known(db: Counting, inbox: Inbox) -> None:
    for guid in ("g1", "g2"):
        await inbox.add(guid, "issues", b"{}")
    await finish(db, inbox, (await inbox.pending())[0].seq)
    assert await inbox.forget(before=time.time() - 60) == 0
    assert await inbox.forget(before=time.time() + 60) == 1
    assert [d.body for d in await inbox.pending()] == [b"{}"]  # what is not handled yet is kept whole
    assert await inbox.add("g1", "issues", b"{}") is False
    with pytest.raises(UserError, match="too old to be replayed"):
        await inbox.replay("g1")


async def test_it_says_which_guids_it_knows(inbox: Inbox) -> None:
    await inbox.add("g1", "issues", b"{}")
    assert await inbox.known(["g1", "g2"]) == {"g1"}
    assert await inbox.known([]) == set()


# ---- other processes -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(db: Database, bell: Bell) -> AsyncIterator[None]:
    task = asyncio.create_task(Listener(db, {CHANNEL: bell}, poll=3600).run())
    await bell.first()  # it rings once it listens
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_on_postgresql_what_one_process_stores_wakes_the_others(postgres_url: str) -> None:
    async with opened(postgres_url) as (_, door, _), opened(postgres_url) as (db, inbox, _):
        bell = Bell()
        async with listening(db, bell):
            await bell.rings_for(door.add("g1", "issues", b"{}"))
            assert await guids(inbox) == ["g1"]
            await finish(db, inbox, (await inbox.pending())[0].seq)
            await bell.rings_for(door.replay("g1"))
            assert await guids(inbox) == ["g1"]


async def test_on_postgresql_two_processes_store_one_guid_once(postgres_url: str) -> None:
    async with opened(postgres_url) as (_, one, _), opened(postgres_url) as (_, other, _):
        for n in range(20):
            answers = await asyncio.gather(one.add(f"g{n}", "issues", b"{}"), other.add(f"g{n}", "issues", b"{}"))
            assert sorted(answers) == [False, True]


async def test_a_listener_whose_connection_is_lost_listens_again(postgres_url: str, cluster: Cluster) -> None:
    ended = (
        "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'select 1' or query ilike 'listen%'"
    )
    async with opened(postgres_url) as (db, inbox, _):
        bell = Bell()
        async with listening(db, bell):
            await bell.rings_for(asyncio.to_thread(cluster.execute, ended, postgres_url))  # it may have missed one
            await bell.rings_for(inbox.add("g1", "issues", b"{}"))
