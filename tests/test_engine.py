"""A run's steps are done once, whatever happens to the process; on SQLite and on PostgreSQL alike."""

import asyncio
import logging
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bot.errors import Stop, TryAgain
from bot.workflow.engine import Body, Engine, Json, Step
from tests.postgres import Cluster

STEPS = ("fetch", "agent", "publish")
POINTS = [f"{key}:{when}" for key in STEPS for when in ("before", "done")]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tutti.db'}"
    return str(request.getfixturevalue("postgres_url"))


class Stage:
    """One worker that can be crashed at a checkpoint and started again."""

    def __init__(self, url: str, data_dir: Path, body: Body) -> None:
        self.url, self.data_dir, self.body = url, data_dir, body
        self.reached = asyncio.Event()
        self.engine: Engine

    async def up(self, freeze_at: str = "", slot: str = "slot-0") -> Engine:
        async def checkpoint(point: str) -> None:
            if point == freeze_at:
                self.reached.set()
                await asyncio.Event().wait()

        self.engine = Engine(self.url, self.body, slot=slot, data_dir=self.data_dir, checkpoint=checkpoint)
        await self.engine.launch()
        return self.engine

    async def crash_in(self, run_id: str, freeze_at: str) -> None:
        """Start the run, and end the process' part in it at that checkpoint."""
        await self.up(freeze_at)
        await self.engine.start(run_id)
        await self.reached.wait()
        await self.engine.close(grace=0)

    async def again(self) -> Engine:
        """Start the worker anew and let it do what was left."""
        await self.up()
        await self.engine.idle()
        return self.engine


Build = Callable[[Body], Stage]


@pytest.fixture
async def stage(url: str, tmp_path: Path) -> AsyncIterator[Build]:
    built: list[Stage] = []

    def build(body: Body) -> Stage:
        built.append(Stage(url, tmp_path, body))
        return built[-1]

    yield build
    for each in built:
        await each.engine.close(grace=0)


def doing(what: Json, log: list[str], key: str) -> Callable[[], Awaitable[Json]]:
    async def effect() -> Json:
        log.append(key)
        return what

    return effect


def three_steps(log: list[str], results: list[Json]) -> Body:
    async def body(run_id: str, step: Step) -> None:
        got = [await step(key, doing({"of": key}, log, key)) for key in STEPS]
        results.append({run_id: got})

    return body


@pytest.mark.parametrize("point", POINTS)
async def test_after_a_crash_a_run_goes_on_where_it_was(stage: Build, point: str) -> None:
    log: list[str] = []
    results: list[Json] = []
    worker = stage(three_steps(log, results))
    await worker.crash_in("r1", point)
    before, log[:] = list(log), []

    engine = await worker.again()

    stopped, when = point.split(":")
    place = STEPS.index(stopped)
    assert before == list(STEPS[: place + (when == "done")])
    assert log == list(STEPS[place:])  # what was recorded is not done again; what was interrupted is
    assert results == [{"r1": [{"of": key} for key in STEPS]}]
    assert await engine.unfinished() == set()


async def test_one_id_is_one_run(stage: Build) -> None:
    log: list[str] = []
    engine = await stage(three_steps(log, [])).up()
    await asyncio.gather(*(engine.start("r1") for _ in range(20)))
    await engine.idle()
    assert log == list(STEPS)
    assert await engine.start("r1") is False
    await engine.idle()
    assert log == list(STEPS)


async def test_a_started_run_is_found_by_its_id_until_it_ends(stage: Build) -> None:
    worker = stage(three_steps([], []))
    engine = await worker.up(freeze_at="agent:before")
    await engine.start("r1")
    await worker.reached.wait()
    assert await engine.unfinished() == {"r1"}
    await engine.close(grace=0)
    engine = await worker.up()
    assert await engine.start("r1") is True  # it goes on already
    await engine.idle()
    assert await engine.unfinished() == set()


async def test_the_runs_of_another_slot_are_left_alone(stage: Build) -> None:
    log: list[str] = []
    worker = stage(three_steps(log, []))
    await worker.crash_in("r1", "agent:before")
    engine = await worker.up(slot="slot-1")
    await engine.idle()
    assert log == ["fetch"]
    assert await engine.unfinished() == {"r1"}


async def test_a_stop_is_the_same_stop_after_a_restart(stage: Build) -> None:
    seen: list[tuple[str, str]] = []

    async def refuse() -> Json:
        raise Stop("refused", "Only a maintainer may ask for this.")

    async def body(_run: str, step: Step) -> None:
        try:
            await step("authority", refuse)
        except Stop as stop:
            seen.append((stop.state, stop.sentence))
        await step("tell", doing(None, [], "tell"))

    worker = stage(body)
    await worker.crash_in("r1", "tell:before")
    await worker.again()
    assert seen == [("refused", "Only a maintainer may ask for this.")] * 2


async def test_a_failed_step_is_not_tried_again_by_a_restart(stage: Build) -> None:
    seen: list[Exception] = []

    async def break_down() -> Json:
        raise KeyError("branch")

    async def body(_run: str, step: Step) -> None:
        try:
            await step("broken", break_down)
        except (KeyError, RuntimeError) as error:
            seen.append(error)
        await step("tell", doing(None, [], "tell"))

    worker = stage(body)
    await worker.crash_in("r1", "tell:before")
    await worker.again()
    assert [(type(error), str(error)) for error in seen] == [
        (KeyError, "'branch'"),
        (RuntimeError, "KeyError: 'branch'"),
    ]


async def test_a_step_that_asks_for_it_gets_another_try(stage: Build) -> None:
    tries: list[int] = []
    got: list[Json] = []

    async def busy_twice() -> Json:
        tries.append(len(tries))
        if len(tries) < 3:
            raise TryAgain("GitHub is busy.", after=0)
        return "done"

    async def body(_run: str, step: Step) -> None:
        got.append(await step("ask", busy_twice))

    engine = await stage(body).up()
    await engine.start("r1")
    await engine.idle()
    assert (tries, got) == ([0, 1, 2], ["done"])


async def test_tries_are_bounded_and_the_run_stops_with_the_reason(stage: Build) -> None:
    stops: list[tuple[str, str]] = []

    async def busy() -> Json:
        raise TryAgain("GitHub is busy", after=0)

    async def body(_run: str, step: Step) -> None:
        try:
            await step("ask", busy)
        except Stop as stop:
            stops.append((stop.state, stop.sentence))

    engine = await stage(body).up()
    await engine.start("r1")
    await engine.idle()
    assert stops == [("failed", "GitHub is busy (tried 5 times)")]


async def test_steps_that_race_keep_their_results(stage: Build) -> None:
    """Two chains side by side; after the restart the other one is the faster."""
    log: list[str] = []
    got: dict[str, Json] = {}
    first = ["a"]

    async def body(_run: str, step: Step) -> None:
        leader_done = asyncio.Event()

        async def chain(name: str) -> None:
            if name != first[0]:
                await leader_done.wait()
            for part in ("1", "2"):
                got[name + part] = await step(name + part, doing(name + part, log, name + part))
            leader_done.set()

        await asyncio.gather(chain("a"), chain("b"))
        await step("join", doing(None, log, "join"))

    worker = stage(body)
    await worker.crash_in("r1", "join:before")
    assert log == ["a1", "a2", "b1", "b2"]
    first[0] = "b"
    await worker.again()
    assert log == ["a1", "a2", "b1", "b2", "join"]
    assert got == {key: key for key in ("a1", "a2", "b1", "b2")}


async def test_a_run_goes_on_with_a_release_that_has_other_steps(stage: Build) -> None:
    log: list[str] = []
    steps = ["one", "three"]

    async def body(_run: str, step: Step) -> None:
        for key in steps:
            await step(key, doing(key, log, key))

    worker = stage(body)
    await worker.crash_in("r1", "three:before")
    steps[:] = ["one", "two", "three"]
    await worker.again()
    assert log == ["one", "two", "three"]


async def test_any_text_survives(stage: Build) -> None:
    text = "nul \x00, half a pair \ud83d, é, \U0001f3b5, \\u0000"
    got: list[Json] = []

    async def body(_run: str, step: Step) -> None:
        got.append(await step("read", doing({"text": [text, None, 1.5, True]}, [], "read")))
        await step("tell", doing(None, [], "tell"))

    worker = stage(body)
    await worker.crash_in("r1", "tell:before")
    await worker.again()
    assert got == [{"text": [text, None, 1.5, True]}] * 2


async def test_two_steps_of_one_name_are_a_bug_that_is_logged(stage: Build, caplog: pytest.LogCaptureFixture) -> None:
    async def body(_run: str, step: Step) -> None:
        for _ in range(2):
            await step("again", doing(None, [], "again"))

    engine = await stage(body).up()
    await engine.start("r1")
    await engine.idle()
    assert await engine.unfinished() == set()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the step 'again' is there twice in one run" in caplog.text


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


async def test_a_launch_that_fails_leaves_the_way_free_for_the_next(url: str, tmp_path: Path) -> None:
    unreachable = Stage("postgresql://tutti@127.0.0.1:1/nowhere", tmp_path, three_steps([], []))
    with pytest.raises(OperationalError):
        await unreachable.up()
    log: list[str] = []
    engine = await Stage(url, tmp_path, three_steps(log, [])).up()
    await engine.start("r1")
    await engine.idle()
    await engine.close(grace=0)
    assert log == list(STEPS)


async def test_a_run_started_from_within_another_is_no_part_of_it(stage: Build) -> None:
    """Whatever task starts it: after a restart another one may be started at the same place."""
    log: list[str] = []
    other = ["x"]

    async def body(run_id: str, step: Step) -> None:
        await step("work", doing(None, log, run_id))
        if run_id == "parent":
            await worker.engine.start(other[0])
            await step("end", doing(None, log, "end"))

    worker = stage(body)
    await worker.crash_in("parent", "end:before")
    other[0] = "y"
    await worker.again()
    assert set(log) == {"parent", "x", "y", "end"}


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


class Process:
    """A worker in a process of its own (tests/worker.py), which can really be killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, process.stdout

    async def hear(self, expected: str) -> list[str]:
        """What it says up to that line."""
        heard: list[str] = []
        while expected not in heard:
            line = await self._out.readline()
            assert line, f"it ended after {heard} without {expected!r}"
            heard.append(line.decode().strip())
        return heard

    async def answer(self, command: str) -> str:
        """The next thing it says after the command."""
        self._in.write(f"{command}\n".encode())
        return (await self._out.readline()).decode().strip()

    def tell(self, command: str) -> None:
        self._in.write(f"{command}\n".encode())

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()

    async def end(self) -> int:
        self._in.close()
        return await self._process.wait()


@asynccontextmanager
async def worker_process(url: str, data_dir: Path, mode: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.worker", url, str(data_dir), mode,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_killed_process_is_gone_on_with_by_the_next(url: str, tmp_path: Path) -> None:
    async with worker_process(url, tmp_path, "hang") as killed:
        await killed.hear("slot-0")
        killed.tell("start r1")
        assert await killed.hear("r1 two") == ["r1 one", "r1 two"]
        await killed.kill()
    async with worker_process(url, tmp_path, "go") as next_one:
        await next_one.hear("slot-0")
        next_one.tell("settle")
        assert await next_one.hear("settled 0") == ["r1 two", "r1 three", "settled 0"]
        assert await next_one.end() == 0


async def test_a_worker_takes_up_the_runs_of_a_killed_one_but_not_of_a_living_one(
    postgres_url: str, tmp_path: Path
) -> None:
    async with worker_process(postgres_url, tmp_path / "a", "hang") as killed:
        await killed.hear("slot-0")
        killed.tell("start r1")
        await killed.hear("r1 two")
        async with worker_process(postgres_url, tmp_path / "b", "go") as other:
            await other.hear("slot-1")
            assert await other.answer("adopt") == "adopted"
            await killed.kill()
            while (answer := await other.answer("adopt")) == "adopted":
                continue  # the server has not seen the end of the connection yet
            assert answer == "adopted r1"
            assert await other.hear("r1 three") == ["r1 two", "r1 three"]
            other.tell("settle")
            assert await other.hear("settled 0") == ["settled 0"]
            assert await other.end() == 0
