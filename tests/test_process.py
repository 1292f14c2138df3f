"""Processes are watched while they run, and nothing that they start outlives them."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.sandbox import process

ENV = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> str:
    return f"test-{os.getpid()}-{request.node.name}"


async def shell(command: str, mark: str, tmp_path: Path, **options: object) -> process.Finished:
    return await process.run(["sh", "-c", command], cwd=tmp_path, env=ENV, run_id=mark, **options)  # type: ignore[arg-type]


async def test_says_how_it_ended_and_what_it_printed(mark: str, tmp_path: Path) -> None:
    finished = await shell("echo one; echo two >&2; exit 3", mark, tmp_path)
    assert (finished.code, finished.output_tail, finished.ending) == (3, "one\ntwo\n", "exited")


async def test_hands_over_lines_as_they_come(mark: str, tmp_path: Path) -> None:
    lines: list[str] = []
    await shell("printf 'a\\nb\\r\\n\\n\\303\\244'", mark, tmp_path, on_line=lines.append)
    assert lines == ["a", "b", "", "ä"]


async def test_keeps_errors_out_of_the_output_when_asked(mark: str, tmp_path: Path) -> None:
    lines: list[str] = []
    finished = await shell("echo out; echo err >&2", mark, tmp_path, errors_apart=True, on_line=lines.append)
    assert finished.output_tail == "out\n"
    assert sorted(lines) == ["err", "out"]


async def test_keeps_only_the_end_of_much_output_and_says_so(mark: str, tmp_path: Path) -> None:
    finished = await shell("head -c 1000000 /dev/zero | tr '\\0' x; echo end", mark, tmp_path, limit=100)
    assert finished.output_tail == "[999904 bytes before this are left out]\n" + "x" * 96 + "end\n"


async def test_sees_nothing_of_the_bots_environment(mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_PRIVATE_KEY", "canary")
    finished = await shell("env", mark, tmp_path)
    assert "canary" not in finished.output_tail
    names = {line.partition("=")[0] for line in finished.output_tail.splitlines()}
    assert names <= {"PATH", "PWD", "TUTTI_RUN", "_", "SHLVL", "OLDPWD"}


async def test_feeds_standard_input(mark: str, tmp_path: Path) -> None:
    finished = await shell("wc -c", mark, tmp_path, stdin=b"x" * 3_000_000)
    assert finished.output_tail.strip() == "3000000"


async def test_does_not_mind_when_nobody_reads_the_input(mark: str, tmp_path: Path) -> None:
    assert (await shell("exit 0", mark, tmp_path, stdin=b"x" * 3_000_000)).code == 0


async def test_ends_what_takes_too_long(mark: str, tmp_path: Path) -> None:
    finished = await shell("echo begun; sleep 1000", mark, tmp_path, timeout=0.3)
    assert (finished.ending, finished.output_tail) == ("timed_out", "begun\n")
    assert process.marked(mark) == set()


async def test_ends_what_says_nothing_for_too_long(mark: str, tmp_path: Path) -> None:
    finished = await shell("echo begun; sleep 1000", mark, tmp_path, timeout=100, silence=0.3)
    assert finished.ending == "silent"


async def test_output_breaks_the_silence(mark: str, tmp_path: Path) -> None:
    finished = await shell("for i in $(seq 40); do echo $i; sleep 0.05; done", mark, tmp_path, silence=1.5)
    assert finished.ending == "exited"


async def test_a_background_child_does_not_keep_the_call_waiting(mark: str, tmp_path: Path) -> None:
    finished = await shell("sleep 1000 & echo left", mark, tmp_path)
    assert (finished.ending, finished.output_tail) == ("exited", "left\n")
    assert process.marked(mark) == set()


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("daemon", flush=True)
        subprocess.run(["env", "-i", "sleep", "1000"])
time.sleep(1000)
"""


async def test_daemons_that_left_the_group_and_ignore_signals_are_ended(mark: str, tmp_path: Path) -> None:
    begun = asyncio.Event()
    job = asyncio.create_task(
        process.run(
            [sys.executable, "-c", STUBBORN],
            cwd=tmp_path,
            env=ENV,
            run_id=mark,
            on_line=lambda line: begun.set(),
        )
    )
    await begun.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert process.marked(mark) == set()


async def test_a_second_cancel_does_not_stop_the_cleaning(mark: str, tmp_path: Path) -> None:
    begun = asyncio.Event()
    job = asyncio.create_task(
        shell("trap '' TERM; echo begun; sleep 1000", mark, tmp_path, on_line=lambda line: begun.set())
    )
    await begun.wait()
    job.cancel()
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert process.marked(mark) == set()


async def test_a_sweep_takes_the_parts_of_a_run_and_leaves_other_runs_alone(mark: str, tmp_path: Path) -> None:
    mine = await asyncio.create_subprocess_exec("sleep", "1000", env={"TUTTI_RUN": f"{mark}/job"})
    other = await asyncio.create_subprocess_exec("sleep", "1000", env={"TUTTI_RUN": f"{mark}2"})
    try:
        assert await process.sweep(mark) == 1
        assert await mine.wait() == -9
        assert process.marked(f"{mark}2") == {other.pid}
    finally:
        other.kill()
        await other.wait()


async def test_a_piece_of_a_line_is_heard(mark: str, tmp_path: Path) -> None:
    heard, lines = asyncio.Event(), list[str]()
    job = asyncio.create_task(shell("printf .; sleep 1000", mark, tmp_path, heard=heard.set, on_line=lines.append))
    await heard.wait()
    assert lines == []
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job


async def test_everything_of_one_installation_is_ended_and_nothing_of_another(mark: str, tmp_path: Path) -> None:
    home, other = tmp_path / "homes", tmp_path / "homes2"
    mine = await asyncio.create_subprocess_exec("sleep", "1000", env={"TUTTI_RUN": mark, "TUTTI_HOME": str(home)})
    theirs = await asyncio.create_subprocess_exec("sleep", "1000", env={"TUTTI_RUN": mark, "TUTTI_HOME": str(other)})
    try:
        assert await process.sweep_all(home) == 1
        assert await mine.wait() == -9
        assert process.marked(mark) == {theirs.pid}
    finally:
        theirs.kill()
        await theirs.wait()


async def test_a_program_that_is_not_there_is_an_os_error(mark: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await process.run(["no-such-program"], cwd=tmp_path, env=ENV, run_id=mark)
