"""A crash while a run comes to rest, goes on, or is tried again: no step is paid for twice, and none is lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.house import House, chained, opened
from tests.shelf import only
from tests.spoken import RIGHT, WRONG, pausing, says

STEPS = ["implement.agent.3", "implement.test.3", "policy", "push", "pull-request", "check", "finish"]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, offered=only("auto-implement")) as house:
        yield house


@pytest.mark.parametrize("point", ["implement.test.1:before", "rest:before", "rest:done"])
async def test_a_crash_while_it_comes_to_rest(house: House, point: str) -> None:
    issue, _ = await pausing(house)
    if point == "implement.test.1:before":  # it dies before it comes to the next step
        await house.restart()
    else:
        house.crash_at(point)
        house.go_on()
        await house.reached.wait()
        await house.restart()
    await house.settle()
    assert "· waiting ·" in house.status(issue)
    await house.comment(issue, "/resume")
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert (house.played, len(house.pulls())) == ([1], 1)


async def test_crashes_after_it_went_on(house: House) -> None:
    issue, _ = await pausing(house)
    house.go_on()
    await house.settle()
    points = ["start:before", "prepare:before", "implement.test.1:before", "push:done", "finish:before"]
    house.crash_at(points[0])
    await house.comment(issue, "/resume")
    await house.dies_at(points)
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert (house.played, len(house.pulls())) == ([1], 1)


async def test_who_lets_it_go_on_before_it_rests_loses_nothing(house: House) -> None:
    issue, _ = await pausing(house)
    house.crash_at("rest:before")
    house.go_on()
    await house.reached.wait()
    await house.comment(issue, "/resume")
    await house.emulator.delivered()
    await house.shows(issue, "**Implement an issue** · running")
    house.go_on()
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert (house.played, len(house.pulls())) == ([1], 1)


AGAIN = ["start:before", *(f"{key}:{when}" for key in STEPS for when in ("before", "done"))]


@pytest.mark.parametrize("points", chained(AGAIN), ids=" ".join)
async def test_crashes_while_it_is_tried_again(house: House, points: list[str]) -> None:
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.implement()
    house.rehearse(WRONG, WRONG, RIGHT)
    house.crash_at(points[0])
    await house.comment(issue, "/retry")
    await house.dies_at(points)
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert house.played == [1, 2, 3, 3], "what was finished is not paid for again"
    assert (await house.file(house.pull.head, "greeting.txt"), len(house.pulls())) == ("hello\n", 1)


async def test_postgresql_keeps_what_rests_and_what_is_tried_again(tmp_path: Path, postgres_url: str) -> None:
    async with opened(tmp_path, str(postgres_url), offered=only("auto-implement")) as house:
        issue, _ = await pausing(house)
        house.go_on()
        await house.settle()
        await house.restart()
        await says(house, issue, "/resume\n/status\n/cost\n/why")
        assert "· done ·" in house.said(issue)[0]
        assert (house.played, len(house.pulls())) == ([1], 1)
        other = await house.open_issue("Say hello again")
        house.rehearse(WRONG, WRONG, WRONG)
        await says(house, other, "/implement")
        house.rehearse(WRONG, WRONG, RIGHT)
        await says(house, other, "/retry")
        assert "· done ·" in house.status(other)
        assert house.played == [1, 1, 2, 3, 3]
