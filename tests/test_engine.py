"""A run's steps are done once, whatever happens to the process; on SQLite and on PostgreSQL alike."""

import asyncio
import zlib

import pytest

from bot.errors import Stop, TryAgain
from bot.workflow.engine import Json, Step
from tests.stage import STEPS, Build, doing, three_steps

POINTS = [f"{key}:{when}" for key in STEPS for when in ("before", "done")]


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
        (RuntimeError, "KeyError"),
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


async def test_steps_whose_keys_have_the_same_number_are_told_apart_after_a_crash_too(stage: Build) -> None:
    one, other = "task/lxguoz.agent.1", "task/wcddmo.agent.1"
    assert zlib.crc32(one.encode()) & 0x7FFFFFFF == zlib.crc32(other.encode()) & 0x7FFFFFFF
    log: list[str] = []
    results: list[Json] = []

    async def body(_run: str, step: Step) -> None:
        order = (one, other) if not log else (other, one)  # what is side by side comes in any order
        results.append([await step(key, doing(key, log, key)) for key in order])
        await step("tell", doing(None, [], "tell"))

    worker = stage(body)
    await worker.crash_in("r1", "tell:before")
    await worker.again()
    assert log == [one, other]
    assert results == [[one, other], [other, one]]
