"""The rehearsal plays scripts, so that tests of everything else are fast."""

import asyncio
from pathlib import Path

import pytest

from bot.agents.task import Outcome
from bot.backends.rehearsal import Append, Delete, Fail, Hang, Plan, Rehearsal, Run, Say, Write
from bot.emulator.model import PlayedModel
from bot.sandbox.gateway import Gateway
from tests.backends.stage import Stage, built


@pytest.fixture
async def agent(tmp_path: Path, played: PlayedModel, gateway: Gateway) -> Stage:
    return await built("rehearsal", tmp_path, played, gateway)


async def test_plays_every_act(agent: Stage) -> None:
    outcome = await agent.perform(
        Plan(("write", "test"), done=1),
        Write("a/b.txt", "1\n"),
        Append("a/b.txt", "2\n"),
        Write("c.txt", ""),
        Delete("c.txt"),
        Run("cat a/b.txt; exit 1"),
        Say("Done."),
    )
    assert outcome == Outcome("finished", "Done.", usd=0.0)
    assert agent.told("plan") == ["[x] write\n[ ] test"]
    assert agent.told("output") == ["1", "2"]
    assert [path.name for path in agent.worktree.iterdir()] == ["a"]


async def test_each_try_and_each_prompt_has_its_own_script(agent: Stage) -> None:
    backend = Rehearsal({"the cart": {1: [Say("cart one")], 2: [Say("cart two")]}, "": {1: [Say("anything")]}})

    async def words(prompt: str, attempt: int) -> str:
        task = agent.task(prompt)
        return (await backend.run(type(task)(**{**vars(task), "attempt": attempt}), agent.tell)).text

    assert await words("Mend the cart", 1) == "cart one"
    assert await words("Mend the cart", 2) == "cart two"
    assert await words("Mend the cart", 3) == ""
    assert await words("Mend the shop", 1) == "anything"


async def test_fails_as_told(agent: Stage) -> None:
    outcome = Outcome("budget", "", usd=5.0, problem="all spent")
    assert await agent.perform(Say("I try."), Fail(outcome), Say("never")) == outcome
    assert agent.told("text") == ["I try."]


async def test_a_link_that_was_made_before_leads_nowhere(agent: Stage) -> None:
    (agent.folder / "outside").mkdir()
    (agent.folder / "outside/file").write_text("theirs\n")
    ways = Run(f"ln -s {agent.folder}/outside way; ln -s {agent.folder}/outside/file file; mkfifo pipe")
    for act in (
        Write("way/new", "x"),
        Append("way/file", "x"),
        Write("file", "x"),
        Write("pipe", "x"),
        Delete("way/file"),
    ):
        with pytest.raises(OSError, match=r"symbolic|Not a directory|No such device"):
            await agent.perform(ways, act)
    for path in ("../outside/file", f"{agent.folder}/outside/file"):
        with pytest.raises(ValueError, match="is not in the worktree"):
            await agent.perform(Write(path, "x"))
    assert [path.read_text() for path in (agent.folder / "outside").iterdir()] == ["theirs\n"]


async def test_what_it_writes_can_be_changed_by_what_it_runs(agent: Stage) -> None:
    await agent.perform(Write("a/b/c.txt", "1\n"), Run("echo 2 >> a/b/c.txt; mv a/b/c.txt a/d.txt; rmdir a/b"))
    assert (agent.worktree / "a/d.txt").read_text() == "1\n2\n"


async def test_hangs_until_it_is_cancelled(agent: Stage) -> None:
    backend, task = agent.ready(Say("I hang."), Hang())
    told = asyncio.Event()
    job = asyncio.create_task(backend.run(task, lambda event: told.set()))
    await told.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
