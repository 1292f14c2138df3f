"""A feature that many agents build: components are found, built side by side, put together, and offered as one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backends.rehearsal import Run, Say, Write
from tests.graphs import FILES, Script, rehearse
from tests.house import House, opened
from tests.shelf import only

FOUND = """Two.
```json
{"components": [
  {"name": "api", "paths": ["api"], "task": "read the price"},
  {"name": "web", "paths": ["web", "style.css"], "task": "show the price"}],
 "contract": "prices are cents"}
```
"""
SCRIPT: Script = {
    "Build the component api: read the price": [[Write("api/read.txt", "read\n"), Say("It reads.")]],
    "Build the component web: show the price": [[Write("style.css", "price {}\n"), Say("It shows.")]],
    "The components are built": [[Run("cat api/read.txt style.css > whole.txt"), Say("It is whole.")]],
    "Find the components": [[Say(FOUND)]],
}
SPEC = "specs/price.md"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[House]:
    files = {**FILES, SPEC: "# Prices\n\nEvery price is shown.\n"}
    async with opened(tmp_path, files=files, offered=only("auto-implement", "feature")) as house:
        rehearse(house, SCRIPT)
        yield house


async def test_components_are_built_side_by_side_and_one_pull_request_has_a_section_for_each(shop: House) -> None:
    issue = await shop.open_issue("Show prices")
    await shop.comment(issue, "/implement components")
    await shop.settle()
    assert await shop.file(shop.pull.head, "whole.txt") == "read\nprice {}\n"
    for section in ("### build/api\n\nIt reads.", "### build/web\n\nIt shows.", "### integration\n\nIt is whole."):
        assert section in (shop.pull.body or "")
    assert f"Closes #{issue.number}." in (shop.pull.body or "")
    assert "· done ·" in shop.status(issue)
    told = next(task.prompt for task in shop.tasks if task.key == "build/api.agent.1")
    assert "prices are cents" in told


async def test_a_specification_file_is_what_the_agents_are_told(shop: House) -> None:
    issue = await shop.open_issue("Show prices")
    await shop.comment(issue, f"/implement {SPEC}")
    await shop.settle()
    assert "Every price is shown." in shop.tasks[0].prompt
    assert "· done ·" in shop.status(issue)


async def test_a_specification_that_is_not_there_is_said_so(shop: House) -> None:
    issue = await shop.open_issue("Show prices")
    await shop.comment(issue, "/implement specs/none.md")
    await shop.settle()
    assert "There is no file `specs/none.md`" in shop.status(issue)
    assert shop.pulls() == []


async def test_words_that_name_neither_are_for_the_one_agent(shop: House) -> None:
    shop.script[""] = {1: [Write("alone.txt", "1\n")]}
    issue = await shop.open_issue("Show prices")
    await shop.comment(issue, "/implement mind the rounding")
    await shop.settle()
    assert "**Implement an issue** · done" in shop.status(issue)
