"""A bot that dies at any moment of a run goes on with it, and nothing is written or paid for twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backends.rehearsal import Append, Say, Write
from tests.house import House, chained, opened

STEPS = (
    *("prepare", "implement.agent.1", "implement.test.1", "implement.agent.2", "implement.test.2"),
    *("policy", "push", "pull-request", "check", "finish"),
)
POINTS = ["delivery:before", "delivery:done", "start:before"] + [
    f"{step}:{side}" for step in STEPS for side in ("before", "done")
]


@pytest.fixture(params=["sqlite", "postgres"])
async def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    async with opened(tmp_path, url) as house:
        house.rehearse(
            (Write("greeting.txt", "helo\n"), Say("First.")),
            (Append("greeting.txt", "hello\n"), Say("Second.")),
        )
        yield house


async def test_these_are_all_the_checkpoints(lasting: House) -> None:
    lasting.status(await lasting.implement())
    assert lasting.points == POINTS


@pytest.mark.parametrize("points", chained(POINTS), ids=" ".join)
async def test_a_run_survives_a_crash(lasting: House, points: list[str]) -> None:
    lasting.crash_at(points[0])
    issue = await lasting.open_issue()
    await lasting.label(issue)
    await lasting.dies_at(points)
    await lasting.settle()

    (pull,) = lasting.pulls()
    assert sorted(lasting.repo.branches) == ["feature/auto-1-say-hello", "main"]
    assert await lasting.file(pull.head, "greeting.txt") == "helo\nhello\n"
    assert len(lasting.repo.checks) == 1
    assert "· done ·" in lasting.status(issue)
    assert (await lasting.git("rev-list", "--count", f"main..{pull.head}")).strip() == "1"
    assert lasting.played == [1, 2]
