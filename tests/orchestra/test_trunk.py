"""What is merged stays merged: whoever asks after a crash finds every merge, in its order, with its objects."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from bot.git import changes, merging
from bot.orchestra.trunk import Merge, Trunk
from bot.store import runs
from bot.store.db import Database
from tests.git.objects import Files, Objects

T = TypeVar("T")
START: Files = {"a": "1\n", "d/b": "1\n"}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    return Objects(tmp_path_factory.mktemp("objects") / "shop.git")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    found = Slow(f"sqlite:///{tmp_path / 'tutti.db'}")
    await found.migrate()
    yield found
    await found.close()


class Slow(Database):
    """A database that tells when it is about to write, and waits until it may."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked, self.may = asyncio.Event(), asyncio.Event()
        self.may.set()

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        self.asked.set()
        await self.may.wait()
        return await super().write(work)


def trunk(db: Database, objects: Objects, run: str = "run-1") -> Trunk:
    """The trunk as a process that has just begun has it."""
    return Trunk(db, objects.mirror, run, objects.tree(START))


async def joined(one: Trunk, objects: Objects, job: str, edits: Files, key: str = "") -> Merge:
    """What a job made of the first files is merged."""
    made = objects.tree({**START, **edits})
    async with one.lock:
        merged = await merging.merge(objects.mirror, objects.tree(START), one.tree, made)
        return await one.append(key or f"{job}.merge", job, made, merged.tree)


async def test_the_trunk_grows_with_every_merge_and_knows_what_came_by_which(db: Database, objects: Objects) -> None:
    one = trunk(db, objects)
    await one.load()
    assert (one.tree, one.merges, one.known("web.merge")) == (objects.tree(START), (), None)
    first = await joined(one, objects, "web", {"a": "2\n", "new": ""})
    second = await joined(one, objects, "api/v1", {"d/b": "2\n"})
    made = objects.tree({**START, "a": "2\n", "new": ""})
    assert first == Merge("web.merge", "web", 1, objects.tree(START), made, made, ("a", "new"))
    assert (second.seq, second.before, second.paths) == (2, made, ("d/b",))
    assert second.tree == one.tree == objects.tree({"a": "2\n", "d/b": "2\n", "new": ""})
    assert one.merges == (first, second)
    assert one.known("api/v1.merge") == second


async def test_after_a_crash_everything_is_there_and_goes_on(db: Database, objects: Objects) -> None:
    one = trunk(db, objects)
    for number in range(11):  # in the order of merging, not of the alphabet
        await joined(one, objects, f"job-{number}", {f"new/\udcff{number}": "1\n"})
    async with one.lock:
        await one.append("job-1.merge.2", "job-1", one.tree, objects.tree({}), ["a"])
    again, other = trunk(db, objects), trunk(db, objects, "run-2")
    await again.load()
    await other.load()
    assert (again.merges, again.tree) == (one.merges, objects.tree({}))
    assert again.merges[-1].resolved == ("a",)
    assert other.merges == ()
    assert (await joined(again, objects, "last", {"b": ""})).seq == 13


async def test_a_repeated_step_gives_what_it_gave(db: Database, objects: Objects) -> None:
    before = await joined(trunk(db, objects), objects, "web", {"a": "2\n"})
    again = trunk(db, objects)
    await again.load()
    assert await joined(again, objects, "web", {"a": "3\n"}) == before
    assert again.merges == (before,)


async def test_another_machine_gets_the_objects_of_what_was_merged(
    db: Database, objects: Objects, tmp_path: Path
) -> None:
    one = trunk(db, objects)
    await joined(one, objects, "web", {"a": "one\n"})
    await joined(one, objects, "api", {"d/b": "two\n"})
    elsewhere = Objects(tmp_path / "other.git")
    elsewhere.tree(START)
    kept = [await db.read(partial(runs.kept, run_id="run-1", key=merge.key)) for merge in one.merges]
    for meta, pack in filter(None, kept):
        await changes.admit(elsewhere.mirror, changes.Harvest(meta["tree"], pack))
    assert await elsewhere.mirror.read(one.tree, "a") == b"one\n"
    assert await elsewhere.mirror.read(one.tree, "d/b") == b"two\n"


async def test_other_steps_that_kept_something_are_no_merges(db: Database, objects: Objects) -> None:
    for key in ("merge.agent.1", "web.agent.1", "web.merged", "xmerge", "web.merge.agent.1"):
        await db.write(partial(runs.keep, run_id="run-1", key=key, meta={"tree": "1" * 40}))
    one = trunk(db, objects)
    await one.load()
    assert one.merges == ()


async def test_who_is_cancelled_while_it_is_kept_has_merged(db: Slow, objects: Objects) -> None:
    one = trunk(db, objects)
    db.asked.clear()
    db.may.clear()
    joining = asyncio.create_task(joined(one, objects, "web", {"a": "2\n"}))
    await db.asked.wait()
    joining.cancel()
    db.may.set()
    with pytest.raises(asyncio.CancelledError):
        await joining
    again = trunk(db, objects)
    await again.load()
    assert one.merges == again.merges != ()


async def test_those_who_merge_at_once_take_turns_and_nobody_merges_without(db: Database, objects: Objects) -> None:
    one = trunk(db, objects)
    await asyncio.gather(*(joined(one, objects, f"job-{n}", {f"{n}": ""}) for n in range(4)))
    assert one.tree == objects.tree({**START, **{f"{n}": "" for n in range(4)}})
    with pytest.raises(RuntimeError):
        await one.append("web.merge", "web", one.tree, one.tree)
