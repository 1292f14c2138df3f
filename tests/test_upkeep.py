"""What the bot does by itself every few minutes: it mends, asks again, and forgets what is a month old."""

import os
import time

from bot.agents.task import AgentEvent
from bot.backends.rehearsal import Say, Write
from bot.store import runs
from tests.house import House

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
MONTH = (runs.KEPT_DAYS + 1) * 24 * 3600


async def test_what_ended_a_month_ago_is_let_go_and_its_run_stays(house: House) -> None:
    house.rehearse(RIGHT)
    house.status(await house.implement())
    (run,) = await house.runs()
    db, transcripts = house.bot.bench.db, house.bot.bench.transcripts
    transcripts.write(run.id, "x", AgentEvent("text", "said"))
    written = house.folder / f"data/transcripts/{run.id}.jsonl"
    await house.bot.worker.tend()
    assert await db.read(lambda conn: runs.all_kept(conn, run.id)) != []
    assert list(transcripts.read(run.id)) != []

    await db.write(lambda conn: runs.update(conn, run.id, ended_at=time.time() - MONTH))
    os.utime(written, (time.time() - MONTH,) * 2)
    await house.bot.worker.tend()
    assert await db.read(lambda conn: runs.all_kept(conn, run.id)) == []
    assert list(transcripts.read(run.id)) == []
    assert [one.id for one in await house.runs()] == [run.id]


async def test_a_run_that_no_engine_knows_is_taken_up(house: House) -> None:
    house.rehearse(RIGHT)
    house.crash_at("start:before")
    issue = await house.open_issue()
    await house.label(issue)
    await house.reached.wait()
    await house.bot.worker.tend()
    await house.bot.engine.idle()
    house.go_on()
    await house.settle()
    assert "· done ·" in house.status(issue)


async def test_an_end_that_github_would_not_take_is_told_later(house: House) -> None:
    house.rehearse(RIGHT)
    house.crash_at("finish:before")
    issue = await house.open_issue()
    await house.label(issue)
    await house.reached.wait()
    house.expected_log = {"end not shown yet"}
    house.emulator.fault("PATCH", "/repos/acme/greeter/issues/comments/.*", status=500, times=5)
    house.go_on()
    await house.settle()
    assert "· done ·" not in house.status(issue)
    await house.bot.worker.tend()
    assert "· done ·" in house.status(issue)
