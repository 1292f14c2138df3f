"""A bot that dies at any moment of a review goes on with it: nothing is said twice, and no agent is paid for twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.desk import BASE, ROUNDING, Desk
from tests.house import opened
from tests.shelf import only
from tests.test_review import FIXED, NEGATIVE

ONE_AGENT = "review:\n  tiers:\n    - name: one\n      agents: [correctness]\n"
STEPS = ("prepare", "begin", "correctness.1", "judge", "say", "ledger", "settle", "summary", "conclude", "finish")
POINTS = ["delivery:before", "delivery:done", "start:before"] + [
    f"{step}:{side}" for step in STEPS for side in ("before", "done")
]
NEGATIVE_NOW = {**NEGATIVE, "path": "shop/cart.py", "start_line": 11, "end_line": 11}


@pytest.fixture(params=["sqlite", "postgres"])
async def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """A pull request with a finding, before the push that mends it and brings another."""
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    files = {**BASE, ".github/tutti.yml": BASE[".github/tutti.yml"] + ONE_AGENT}
    async with opened(tmp_path, url, files=files, kind=Desk, offered=only("review")) as house:
        assert isinstance(house, Desk)
        house.begin()
        house.finds("correctness", ROUNDING)
        await house.reviewed()
        house.finds("correctness", NEGATIVE_NOW)
        house.points.clear()
        yield house


async def push_and_look(desk: Desk) -> None:
    (pull,) = desk.pulls()
    first, second = desk.remarks(pull)
    assert first.resolved_by is desk.emulator.bot
    assert second.body.startswith("**A discount above 100 makes the total negative**")
    assert len(desk.texts(pull)) == 2
    assert "1 new · 0 still open · 1 fixed" in desk.summary(pull)
    assert [check.conclusion for check in desk.checks()] == ["neutral", "neutral"]
    assert len(desk.checks()[1].annotations) == 1
    assert [task.key for task in desk.tasks].count("correctness.1") == 2
    assert [task.key for task in desk.tasks].count("judge") == 2


async def test_these_are_all_the_checkpoints(lasting: Desk) -> None:
    await lasting.push({"shop/cart.py": FIXED}, branch="topic")
    await lasting.settle()
    assert lasting.points == POINTS
    await push_and_look(lasting)


WRITING = [point for point in POINTS if point.startswith(("say", "ledger", "summary"))]  # what differs by database


@pytest.mark.parametrize(
    ("lasting", "point"),
    [*(("sqlite", point) for point in POINTS), *(("postgres", point) for point in WRITING)],
    indirect=["lasting"],
)
async def test_a_review_survives_a_crash(lasting: Desk, point: str) -> None:
    lasting.crash_at(point)
    await lasting.push({"shop/cart.py": FIXED}, branch="topic")
    await lasting.reached.wait()
    await lasting.restart()
    await lasting.settle()
    await push_and_look(lasting)
