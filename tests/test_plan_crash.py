"""A bot that dies while it plans, or once somebody approved, goes on with it: the agents are paid once."""

from pathlib import Path

import pytest

from bot.emulator.world import Issue
from bot.publish.text import APPROVED
from tests.house import House, chained, opened
from tests.test_plan import SHOWN, approves, planning, plays
from tests.test_plan import planned as planned

BOTH = ["delivery:before", "delivery:done", "start:before"]
ASKING = [*BOTH, *(f"{one}:{side}" for one in ("prepare", "plan.agent.1", "finish") for side in ("before", "done"))]
STEPS = ("prepare", "implement.agent.1", "implement.test.1", "policy", "push", "pull-request", "check", "finish")
WORKING = [*BOTH, *(f"{one}:{side}" for one in STEPS for side in ("before", "done"))]


async def carried_out(house: House, issue: Issue) -> None:
    plan, work = house.said(issue)
    assert SHOWN in plan
    assert "Approved by @maintainer." in plan
    assert "· done ·" in work
    assert [task.key for task in house.tasks].count("plan.agent.1") == house.played.count(1) - 1
    assert len(house.played) == 2
    assert len(house.pulls()) == 1


async def test_these_are_all_the_checkpoints(planned: House) -> None:
    issue = await planned.implement()
    assert planned.points == ASKING
    planned.points.clear()
    await approves(planned, issue)
    assert planned.points == WORKING
    await carried_out(planned, issue)


@pytest.mark.parametrize("points", chained(ASKING), ids=" ".join)
async def test_a_plan_survives_a_crash(planned: House, points: list[str]) -> None:
    planned.crash_at(points[0])
    issue = await planned.open_issue()
    await planned.label(issue)
    await planned.dies_at(points)
    await planned.settle()
    assert SHOWN in planned.status(issue)
    await approves(planned, issue)
    await carried_out(planned, issue)


async def dies_once_approved(house: House, *points: str) -> None:
    issue = await house.implement()
    house.crash_at(points[0])
    await house.label(issue, APPROVED)
    await house.dies_at(points)
    await house.settle()
    await carried_out(house, issue)


@pytest.mark.parametrize("points", chained(WORKING), ids=" ".join)
async def test_the_run_on_a_plan_survives_a_crash(planned: House, points: list[str]) -> None:
    await dies_once_approved(planned, *points)


async def test_the_run_on_a_plan_survives_a_crash_on_postgres(postgres_url: str, tmp_path: Path) -> None:
    async with opened(tmp_path, postgres_url, offered=planning()) as house:
        plays(house)
        await dies_once_approved(house, "prepare:done")
