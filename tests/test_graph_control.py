"""Graphs obey: a run of many agents is ended, comes to rest and goes on as one of a single agent does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backends.rehearsal import Write
from tests.graphs import FILES, offered, rehearse
from tests.house import House, opened

PAIR = """
jobs:
  api: {agent: developer, focus: build the API, owns: [/api/]}
  web: {agent: developer, focus: build the page, owns: [/web/]}
  docs: {agent: developer, focus: write it down, needs: [api, web]}
"""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, files=FILES, offered=offered(PAIR)) as house:
        rehearse(
            house,
            {
                "build the API": [[Write("api/made.txt", "1\n")]],
                "build the page": [[Write("web/made.txt", "1\n")]],
                "write it down": [[Write("docs.txt", "1\n")]],
            },
        )
        yield house


async def test_cancelling_ends_every_agent(shop: House) -> None:
    shop.gate.close()
    issue = await shop.open_issue()
    await shop.label(issue)
    await shop.gate.reached(2)
    await shop.comment(issue, "/cancel")
    await shop.settle()
    assert "· cancelled ·" in shop.said(issue)[0]
    assert (shop.played, shop.pulls()) == ([], [])


async def test_a_pause_lets_those_at_work_end_and_what_is_done_stands(shop: House) -> None:
    shop.gate.close()
    issue = await shop.open_issue()
    await shop.label(issue)
    await shop.gate.reached(2)
    await shop.comment(issue, "/pause")
    await shop.shows(issue, "Paused by @maintainer")
    await shop.gate.open()
    await shop.settle()
    assert "· waiting ·" in shop.said(issue)[0]
    assert len(shop.played) == 2
    await shop.comment(issue, "/resume")
    await shop.settle()
    assert "· done ·" in shop.said(issue)[0]
    assert len(shop.played) == 3
    changed = (await shop.git("diff", "--name-only", f"main..{shop.pull.head}")).split()
    assert changed == ["api/made.txt", "docs.txt", "web/made.txt"]
