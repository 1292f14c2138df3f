"""What earlier tries made is never lost: whatever stops a later one, the work is offered as it was."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.agents.task import Outcome
from bot.backends.rehearsal import Act, Append, Fail, Hang, Run, Say, Write
from bot.emulator.world import Issue
from tests.house import House, opened
from tests.ready import machine
from tests.shelf import limited

ANSWER = "I changed the greeting.\n\n```json\n" + json.dumps({"title": "Greet people"}) + "\n```"
WRONG: tuple[Act, ...] = (Append("greeting.txt", "helo\n"), Say(ANSWER))
RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))


@asynccontextmanager
async def changing(folder: Path, then: str, **given: Any) -> AsyncIterator[House]:
    """A house whose set-up does something else once the first try was tested."""
    tools = folder / "tools"
    tools.mkdir()
    walls = replace(await machine(), tools=(tools,))
    async with opened(folder, walls=walls, **given) as house:
        await house.configure(f"setup: test ! -e {tools}/tested || {then}\n")
        house.rehearse(WRONG, RIGHT)
        house.crash_at("implement.test.1:done")
        yield house


async def implemented(house: House) -> Issue:
    """An issue and its run, which finds another machine after the tests of its first try."""
    issue = await house.open_issue()
    await house.label(issue)
    await house.reached.wait()
    await asyncio.to_thread((house.folder / "tools/tested").touch)
    house.go_on()
    await house.settle()
    return issue


async def assert_offered_as_it_was(house: House) -> None:
    """The draft holds the first try's files, under its words, with what the tests said of them."""
    assert house.pull.draft
    assert house.pull.title == "Greet people"
    assert await house.file(house.pull.head, "greeting.txt") == "Good day\nhelo\n"
    assert "`sh check.sh` failed in " in (house.pull.body or "")
    assert "(try 1)" in (house.pull.body or "")


async def test_the_set_up_fails_before_the_second_try(tmp_path: Path) -> None:
    async with changing(tmp_path, "{ echo no room; exit 3; }") as house:
        issue = await implemented(house)
        said = house.reason(issue)
        assert said.startswith("Failed: the set-up command `test ! -e ")
        assert said.endswith("```text\nno room\n```\n\nWhat was made so far is in the draft #2.")
        assert house.played == [1]
        await assert_offered_as_it_was(house)


async def test_silence_in_the_set_up_before_the_second_try(tmp_path: Path) -> None:
    async with changing(tmp_path, "sleep 1000", offered=limited(silence_minutes=0.03)) as house:
        issue = await implemented(house)
        assert "· timed out ·" in house.told(issue)
        assert house.reason(issue).endswith("for 0.03 minutes.\n\nWhat was made so far is in the draft #2.")
        assert house.played == [1]
        await assert_offered_as_it_was(house)


async def test_git_cannot_take_what_the_second_try_made(house: House) -> None:
    paid = Fail(Outcome("finished", "", usd=0.5))
    house.rehearse(WRONG, [*RIGHT, Run("git init -q inner && echo x > inner/x"), paid])
    issue = await house.implement()
    assert house.reason(issue) == (
        "The agent left a git repository of its own in `inner`; a commit cannot hold a repository.\n\n"
        "What was made so far is in the draft #2."
    )
    assert "· failed · 0.1 s · $0.50 ·" in house.told(issue)
    assert "try 2 of 3 · **failed** · 0.1 s · $0.50" in house.told(issue)
    await assert_offered_as_it_was(house)


async def test_what_git_cannot_take_is_not_paid_for_twice(house: House) -> None:
    house.rehearse([Run("git init -q inner && echo x > inner/x")])
    issue = await house.open_issue()
    house.crash_at("implement.agent.1:done")
    await house.label(issue)
    await house.reached.wait()
    await house.restart()
    await house.settle()
    assert "· failed ·" in house.status(issue)
    assert house.played == [1]


async def test_an_agent_that_breaks_at_the_second_try(house: House) -> None:
    house.rehearse(WRONG, [Fail(Outcome("error", "", problem="the model is overloaded"))])
    issue = await house.implement()
    assert house.reason(issue).endswith("is overloaded\n\nWhat was made so far is in the draft #2.")
    await assert_offered_as_it_was(house)


async def test_a_cancelled_second_try_offers_nothing(house: House) -> None:
    house.rehearse(WRONG, [Say("Once more."), Hang()])
    issue = await house.open_issue()
    await house.label(issue)
    await house.hears("Once more.")
    await house.unlabel(issue)
    await house.settle()
    assert "· cancelled ·" in house.status(issue)
    assert house.repo.pulls == []


# ---- no second try -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tests", "code"), [("no-such-tool --all", 127), ("./greeting.txt", 126)])
async def test_a_test_command_that_cannot_be_run_is_no_red_test(house: House, tests: str, code: int) -> None:
    await house.configure(test=tests)
    house.rehearse(WRONG, RIGHT)
    issue = await house.implement()
    assert "· failed ·" in house.told(issue)
    assert house.reason(issue) == (
        f"Failed: the test command `{tests}` cannot be run here (exit {code}).\n\n"
        "What was made so far is in the draft #2."
    )
    assert house.played == [1]
    assert f"The tests (`{tests}`) were not run on this change." in (house.pull.body or "")


async def test_what_an_agent_pays_by_itself_is_said_to_be_unknown_and_limited_by_tries(house: House) -> None:
    house.rehearse([*WRONG, Fail(Outcome("finished", ANSWER, usd=None))], RIGHT)
    issue = await house.implement()
    assert "· done ·" in house.told(issue)
    assert "· cost unknown ·" in house.told(issue)
    assert house.played == [1, 2]


async def test_a_second_try_gets_what_the_first_one_left_of_the_budget(house: House) -> None:
    house.rehearse([*WRONG, Fail(Outcome("finished", "", usd=3.5))], RIGHT)
    house.status(await house.implement())
    assert [task.usd for task in house.tasks] == [5.0, 1.5]
