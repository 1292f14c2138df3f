"""Plans by command: `/plan`, `/implement` and `/approve` on an issue, and a repository that wants plans first."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulator.world import Issue
from tests.house import House, opened
from tests.shelf import only
from tests.test_plan import SHOWN, plays, prompts


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[House]:
    """What is shipped for issues; `helper` may triage."""
    async with opened(tmp_path, offered=only("auto-implement", "plan")) as house:
        house.emulator.user("helper", "triage")
        plays(house)
        yield house


async def orders(house: House, issue: Issue, words: str, by: str = "maintainer") -> None:
    await house.comment(issue, words, by=by)
    await house.settle()


async def test_a_plan_is_asked_for_and_approved_in_comments(asked: House) -> None:
    issue = await asked.open_issue()
    await orders(asked, issue, "/plan heed the evening", by="helper")
    told = asked.status(issue)
    assert "**Plan an issue** · needs approval ·" in told
    assert SHOWN in told
    assert "BEGIN DATA (words after the command)\nheed the evening\nEND DATA" in prompts(asked)[0]
    await orders(asked, issue, "/approve", by="helper")
    assert "you have triage" in asked.said(issue)[1]
    assert len(asked.tasks) == 1
    await orders(asked, issue, "/approve")
    work = asked.said(issue)[2]
    assert "**Implement an issue** · done ·" in work
    assert "Read the plan that @maintainer approved" in work
    assert "Not read" not in work
    assert f"BEGIN DATA (plan)\n{SHOWN}\nEND DATA" in prompts(asked)[1]
    await orders(asked, issue, "/approve")
    assert "@maintainer approved this already: run" in asked.said(issue)[3]
    assert len(asked.pulls()) == 1


async def test_the_work_without_a_plan_is_asked_for_in_a_comment(asked: House) -> None:
    issue = await asked.open_issue()
    await orders(asked, issue, "/implement")
    assert "**Implement an issue** · done ·" in asked.status(issue)
    assert len(asked.pulls()) == 1


async def test_a_repository_has_every_plan_approved_first(asked: House) -> None:
    await asked.configure("workflows:\n  auto-implement:\n    approval: plan\n")
    await asked.settle()
    issue = await asked.open_issue()
    await orders(asked, issue, "/implement")
    assert "**Implement an issue** · needs approval ·" in asked.status(issue)
    assert SHOWN in asked.status(issue)
    await orders(asked, issue, "/approve")
    assert "· done ·" in asked.said(issue)[1]


async def test_nothing_waits_where_nobody_planned(asked: House) -> None:
    issue = await asked.open_issue()
    await orders(asked, issue, "/approve")
    assert "There is nothing here that waits for approval" in asked.status(issue)
