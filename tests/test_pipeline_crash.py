"""A pipeline whose process dies at any checkpoint makes the same, and no finished agent is paid for again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.graphs import FILES, PIPELINE, offered, rehearse
from tests.house import House, chained, opened
from tests.test_pipeline import SCRIPT

JOBS = ("contract", "api", "web", "docs")
STEPS = [f"{job}.{step}.1" for job in JOBS for step in ("agent", "test")]
POINTS = [
    f"{step}:{side}"
    for step in ("prepare", *STEPS, "policy", "push", "pull-request", "check", "finish")
    for side in ("before", "done")
]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[House]:
    one_at_a_time = f"limits: {{agents: 1}}\n{PIPELINE}"
    async with opened(tmp_path, files=FILES, offered=offered(one_at_a_time)) as house:
        rehearse(house, SCRIPT)
        yield house


async def test_these_are_all_the_checkpoints(shop: House) -> None:
    shop.status(await shop.implement())
    assert [point for point in shop.points if not point.startswith(("delivery", "start"))] == POINTS


@pytest.mark.parametrize("points", chained(POINTS), ids=lambda points: points[0])
async def test_a_pipeline_survives_a_crash(shop: House, points: list[str]) -> None:
    shop.crash_at(points[0])
    issue = await shop.open_issue()
    await shop.label(issue)
    await shop.dies_at(points)
    await shop.settle()
    assert "· done ·" in shop.status(issue)
    assert await shop.file(shop.pull.head, "README.md") == "# Shop\n1\nprice: cents\nprice\nprice: cents\n"
    assert len(shop.played) == len(JOBS)
    assert len(shop.repo.checks) == 1
