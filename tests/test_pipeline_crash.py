"""A pipeline whose process dies makes the same on GitHub, and no finished agent is paid for again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.graphs import FILES, PIPELINE, offered, rehearse
from tests.house import House, opened
from tests.test_pipeline import SCRIPT

JOBS = ("contract", "api", "web", "docs")


@pytest.fixture(params=["sqlite", "postgres"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    one_at_a_time = f"limits: {{agents: 1}}\n{PIPELINE}"
    async with opened(tmp_path, url, files=FILES, offered=offered(one_at_a_time)) as house:
        rehearse(house, SCRIPT)
        yield house


WORST = [
    "contract.agent.1:done",
    "api.test.1:before",
    "web.test.1:done",
    "docs.agent.1:done",
    "push:before",
    "check:done",
]


async def test_a_pipeline_survives_crashes(shop: House) -> None:
    """At every other step it dies in `tests/orchestra/test_pipeline.py`, without GitHub."""
    points = WORST
    shop.crash_at(points[0])
    issue = await shop.open_issue()
    await shop.label(issue)
    await shop.dies_at(points)
    await shop.settle()
    assert "· done ·" in shop.status(issue)
    assert await shop.file(shop.pull.head, "README.md") == "# Shop\n1\nprice: cents\nprice\nprice: cents\n"
    assert len(shop.played) == len(JOBS)
    assert len(shop.repo.checks) == 1
