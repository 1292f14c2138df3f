"""What every backend keeps, whatever drives the agent."""

import asyncio
from typing import get_args

import pytest

from bot.agents.task import EventKind
from bot.backends.rehearsal import Run, Say, Write
from bot.registry import discover
from bot.sandbox import process
from tests.backends.stage import NAMES, Stage, hostile
from tests.counter import KEY


def test_every_backend_is_on_the_stage() -> None:
    assert set(discover("bot.backends", "BACKEND")) == set(NAMES)


async def test_edits_files_runs_commands_and_has_last_words(stage: Stage) -> None:
    stage.task()
    (stage.worktree / "old.txt").write_text("old\n")
    outcome = await stage.perform(
        Write("new/file.txt", "new ä\n"), Run("cat old.txt new/file.txt > both.txt"), Say("Bye.")
    )
    assert (outcome.ending, outcome.text) == ("finished", "Bye.")
    assert (stage.worktree / "both.txt").read_text() == "old\nnew ä\n"
    assert stage.events
    assert {event.kind for event in stage.events} <= set(get_args(EventKind))


async def test_leaves_nothing_in_the_worktree_but_the_agents_own(stage: Stage) -> None:
    await stage.perform(Write("a.txt", "a"), Say("Bye."))
    assert [path.name for path in stage.worktree.iterdir()] == ["a.txt"]
    assert [path.name for path in stage.home.parent.iterdir()] == ["one"]


async def test_sees_no_secret_and_nothing_of_the_bots_environment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TUTTI_PRIVATE_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GITHUB_TOKEN", "CANARY"):
        monkeypatch.setenv(name, "canary-value")
    await stage.perform(Run("env > env.txt; tr '\\0' '\\n' < /proc/$PPID/environ >> env.txt"), Say("Bye."))
    seen = (stage.worktree / "env.txt").read_text()
    assert "canary-value" not in seen
    assert KEY not in seen
    assert f"HOME={stage.home}\n" in seen


async def test_a_cancelled_agent_leaves_no_process(stage: Stage) -> None:
    backend, task = stage.ready(Run("(setsid sh -c 'trap \"\" TERM HUP; sleep 1000' &) ; touch begun; sleep 1000"))
    job = asyncio.create_task(backend.run(task, stage.tell))
    while not (stage.worktree / "begun").exists():
        await asyncio.wait({job}, timeout=0.02)
        assert not job.done(), job.result()
    job.cancel()
    async with asyncio.timeout(5):  # the promise made to people
        await asyncio.wait({job})
    assert job.cancelled()
    assert process.marked(task.run) == set()


async def test_what_runs_on_after_the_end_is_ended(stage: Stage) -> None:
    outcome = await stage.perform(Run("setsid sleep 1000 > /dev/null 2>&1 < /dev/null &"), Say("Bye."))
    assert outcome.ending == "finished"
    assert process.marked(stage.task().run) == set()


async def test_settings_of_the_repository_run_nothing_and_say_nothing(stage: Stage) -> None:
    stage.task()
    hostile(stage.worktree)
    outcome = await stage.perform(Run("env > env.txt"), Say("Bye."))
    assert outcome.ending == "finished"
    assert not (stage.worktree / "trapped").exists()
    assert "INJECTED" not in (stage.worktree / "env.txt").read_text()
    assert not any("INJECTED" in str(request.body) for request in stage.played.requests)
