"""What takes its time can be ended at any moment, and nobody who works beside another does its work twice."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from bot.backends.rehearsal import Append, Hang, Run, Say, Write
from bot.errors import Stop, TryAgain
from bot.publish.status import Herald
from bot.store import runs
from bot.workflow import receiver
from bot.workflow.guard import Guard
from tests.house import House, opened

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))


# ---- waiting ----------------------------------------------------------------------------------------------


def guard(bell: asyncio.Event, deadline: float = 3600) -> Guard:
    async def stopped() -> Stop | None:
        return None

    return Guard(bell, stopped, time.time() + deadline, 60, asyncio.sleep)


async def test_a_wait_for_github_ends_at_the_bell() -> None:
    bell, asked = asyncio.Event(), asyncio.Event()

    async def effect() -> None:
        asked.set()
        raise TryAgain("the rate limit is used up", after=3000)

    waiting = asyncio.create_task(guard(bell).tries(effect, heed=True))
    await asked.wait()
    bell.set()
    with pytest.raises(Stop) as stop:
        await waiting
    assert stop.value.state == "cancelled"


async def test_a_wait_beyond_the_runs_time_ends_it_at_once() -> None:
    async def effect() -> None:
        raise TryAgain("the rate limit is used up", after=3000)

    with pytest.raises(Stop) as stop:
        await guard(asyncio.Event(), deadline=60).tries(effect, heed=True)
    assert stop.value.state == "timed out"


class Held(asyncio.Event):
    """An event that tells when somebody begins to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.entered.set()
        return await super().wait()


async def test_a_fetch_that_hangs_is_ended_by_taking_the_label_off(house: House) -> None:
    held = Held()
    house.emulator.fault("GET", r"/acme/greeter\.git/info/refs", hold=held)
    issue = await house.open_issue()
    await house.label(issue)
    await held.entered.wait()
    await house.emulator.unlabel(issue, "auto-implement")
    await house.settle()
    held.set()
    assert await house.end(issue) == "cancelled: Cancelled: @maintainer took the label `auto-implement` off."
    house.said(issue)


# ---- one comment, kept true ----------------------------------------------------------------------------------


async def test_the_comment_is_edited_after_a_restart_too(tmp_path: Path) -> None:
    async with opened(tmp_path, pace=0.0) as house:
        house.rehearse((Write("greeting.txt", "helo\n"),), (Run("echo begun"), Hang()))
        house.crash_at("implement.test.1:before")
        issue = await house.open_issue()
        await house.label(issue)
        await house.reached.wait()
        await house.restart()
        await house.hears("begun")
        await house.shows(issue, "try 2 of 3 · **running**")
        assert "Run the tests: `sh check.sh` · **failed**" in house.status(issue)
        await house.emulator.close_issue(issue)


@pytest.fixture
async def two(tmp_path: Path, postgres_url: str) -> AsyncIterator[House]:
    async with opened(tmp_path, postgres_url) as house:
        yield house


async def _leave(run: runs.Run) -> None:
    """No review is played here."""


async def test_two_workers_write_one_comment(two: House) -> None:
    two.rehearse(RIGHT)
    issue = await two.implement()
    (run,) = await two.runs()
    await two.bot.bench.db.write(lambda conn: runs.update(conn, run.id, facts={}))
    for comment in list(issue.comments):
        await two.emulator.delete_comment(comment)
    bench, github = two.bot.bench, two.bot.github
    heralds = [Herald(bench.db, github, f"slot-{n}", None, 3600, _leave) for n in range(2)]
    await asyncio.gather(*(herald.show(run.id) for herald in heralds))
    two.status(issue)


# ---- what another machine finds -----------------------------------------------------------------------------


async def test_a_machine_without_the_mirror_goes_on_from_what_was_kept(house: House) -> None:
    house.rehearse((Write("greeting.txt", "helo\n" * 500),), (Append("greeting.txt", "hello\n"),))
    house.crash_at("push:before")
    issue = await house.open_issue()
    await house.label(issue)
    await house.reached.wait()
    await house.down()
    shutil.rmtree(house.folder / "data/mirrors")
    house.emulator.fault("GET", r"/acme/greeter\.git/info/refs", status=502)
    await house.restart()
    await house.settle()
    assert "· done ·" in house.status(issue)
    (pull,) = house.pulls()
    assert (await house.file(pull.head, "greeting.txt")).endswith("helo\nhello\n")


async def test_a_delivery_that_comes_late_starts_nothing_that_nobody_wants_any_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "LATE_SECONDS", -3600)
    house.emulator.hooks.lose("issues.labeled")
    issue = await house.open_issue()
    await house.label(issue)
    await house.emulator.unlabel(issue, "auto-implement")
    await house.settle()
    lost = next(sent for sent in house.emulator.deliveries if sent.name == "issues.labeled")
    house.emulator.hooks.again(lost)
    await house.settle()
    assert await house.runs() == []
    assert (await house.notes())[-1] == "ignored: it came late, and the issue says something else by now"
