"""The engine opens and closes in order, keeps what it must and forgets what it may."""

import asyncio
import logging
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from bot.workflow.engine import Engine, Json, Step
from tests.postgres import Cluster
from tests.stage import STEPS, Build, Stage, doing, three_steps


async def test_closing_waits_for_runs_and_takes_no_new_ones(stage: Build) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    log: list[str] = []

    async def wait() -> Json:
        begun.set()
        await go_on.wait()
        log.append("worked")
        return None

    async def body(_run: str, step: Step) -> None:
        await step("work", wait)

    worker = stage(body)
    engine = await worker.up()
    await engine.start("r1")
    await begun.wait()
    closing = asyncio.create_task(engine.close(grace=30))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="the engine is closing"):
        await engine.start("r2")
    go_on.set()
    await closing
    assert await asyncio.to_thread(sorted, log) == ["worked"]  # the loop has threads of its own again
    assert await (await worker.again()).unfinished() == set()
    assert log == ["worked"]


async def test_what_breaks_because_of_closing_is_repeated(stage: Build) -> None:
    lives: list[str] = []
    begun = asyncio.Event()

    async def work() -> Json:
        lives.append("begun")
        if len(lives) == 1:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ConnectionError("Session is closed") from None
        return "done"

    got: list[Json] = []

    async def body(_run: str, step: Step) -> None:
        got.append(await step("work", work))

    worker = stage(body)
    engine = await worker.up()
    await engine.start("r1")
    await begun.wait()
    await engine.close(grace=0)
    await worker.again()
    assert got == ["done"]


async def test_history_is_forgotten_but_never_of_an_unfinished_run(stage: Build) -> None:
    log: list[str] = []

    async def body(run_id: str, step: Step) -> None:
        await step(run_id, doing(None, log, run_id))

    worker = stage(body)
    engine = await worker.up(freeze_at="stuck:done")
    for run_id in ("r1", "r2", "stuck"):
        await engine.start(run_id)
    await worker.reached.wait()
    assert await engine.forget(before=time.time() - 3600) == 0
    await engine.close(grace=0)
    engine = await worker.again()
    assert await engine.forget(before=time.time() + 3600) == 3
    assert await engine.forget(before=time.time() + 3600) == 0

    await engine.close(grace=0)
    engine = await worker.up(freeze_at="late:before")
    await engine.start("late")
    assert await engine.forget(before=time.time() + 3600) == 0
    assert await engine.unfinished() == {"late"}


async def test_it_is_quiet(stage: Build, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    worker = stage(three_steps([], []))
    await worker.crash_in("r1", "agent:before")
    await (await worker.again()).close(grace=0)
    assert capfd.readouterr() == ("", "")
    assert [record.message for record in caplog.records if record.name.startswith("dbos")] == []


async def test_on_sqlite_records_are_plain_json_in_a_file_of_their_own(tmp_path: Path) -> None:
    worker = Stage(f"sqlite:///{tmp_path / 'tutti.db'}", tmp_path, three_steps([], []))
    engine = await worker.up()
    await engine.start("r1")
    await engine.idle()
    await engine.close(grace=0)
    assert not (tmp_path / "tutti.db").exists()
    with sqlite3.connect(tmp_path / "engine.db") as conn:
        kept = dict(conn.execute("select function_name, output from operation_outputs").fetchall())
        assert conn.execute("pragma journal_mode").fetchone() == ("wal",)
    conn.close()
    assert kept["agent"] == '"[\\"value\\", {\\"of\\": \\"agent\\"}]"'


async def test_on_sqlite_steps_that_end_together_are_committed_together(tmp_path: Path) -> None:
    keys = [f"step {number}" for number in range(6)]
    everybody, ended = asyncio.Barrier(len(keys)), asyncio.Event()
    done: list[str] = []
    commits: list[str] = []

    async def body(_run: str, step: Step) -> None:
        await asyncio.gather(*(step(key, everybody.wait) for key in keys))

    async def checkpoint(point: str) -> None:
        if point.endswith(":done"):
            done.append(point)
            if len(done) == 1:
                other.execute("BEGIN IMMEDIATE")  # nobody else can write now
            if len(done) == len(keys):
                ended.set()

    def committed(_conn: sa.Connection) -> None:
        commits.append(threading.current_thread().name)

    engine = Engine("sqlite://", body, slot="slot-0", data_dir=tmp_path, checkpoint=checkpoint)
    await engine.launch()
    with closing(sqlite3.connect(tmp_path / "engine.db", isolation_level=None)) as other:
        await engine.start("r1")
        await ended.wait()
        sa.event.listen(sa.Engine, "commit", committed)
        other.execute("COMMIT")
        await engine.idle()
    sa.event.remove(sa.Engine, "commit", committed)
    assert sorted(await engine.recorded("r1")) == keys
    await engine.close(grace=0)
    assert len([name for name in commits if name.startswith("db-write")]) in (1, 2)  # whoever was first, and the others


async def test_a_restart_of_postgresql_within_a_step_is_survived(
    postgres_url: str, cluster: Cluster, tmp_path: Path
) -> None:
    results: list[Json] = []

    async def restart_the_server() -> Json:
        await asyncio.to_thread(cluster.stop)
        await asyncio.to_thread(cluster.start)
        return "back"

    async def body(_run: str, step: Step) -> None:
        await step("one", doing(None, [], "one"))
        results.append(await step("restart", restart_the_server))

    engine = await Stage(postgres_url, tmp_path, body).up()
    await engine.start("r1")
    await engine.idle()
    assert results == ["back"]
    assert await engine.unfinished() == set()
    await engine.close(grace=0)


async def test_a_launch_that_fails_leaves_the_way_free_for_the_next(database_url: str, tmp_path: Path) -> None:
    unreachable = Stage("postgresql://tutti@127.0.0.1:1/nowhere", tmp_path, three_steps([], []))
    with pytest.raises(OperationalError):
        await unreachable.up()
    log: list[str] = []
    engine = await Stage(database_url, tmp_path, three_steps(log, [])).up()
    await engine.start("r1")
    await engine.idle()
    await engine.close(grace=0)
    assert log == list(STEPS)


async def test_a_run_that_kills_its_worker_each_time_is_given_up(
    stage: Build, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.workflow.engine._RECOVERIES", 1)
    log: list[str] = []
    worker = stage(three_steps(log, []))
    await worker.crash_in("r1", "fetch:done")
    await worker.up(freeze_at="fetch:done")
    worker.reached.clear()
    await worker.reached.wait()
    await worker.engine.close(grace=0)
    assert log == ["fetch", "fetch"]

    engine = await worker.again()
    assert log == ["fetch", "fetch"]
    assert await engine.start("r1") is False
    assert await engine.unfinished() == set()
    assert "r1" in caplog.text
