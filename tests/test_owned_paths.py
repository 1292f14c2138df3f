"""Paths have one owner in a run: what a job changes elsewhere is put back, refused, or asked of whose it is."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.backends.rehearsal import Act, Run, Say, Write
from tests.graphs import FILES, offered, rehearse
from tests.house import House, opened

JOBS = """
jobs:
  contract: {agent: developer, focus: own the contract, owns: [/contract.txt]}
  api: {agent: developer, focus: build the API, needs: contract, owns: [/api/], outside: %s}
"""
ADDED: list[Act] = [Run("echo two >> contract.txt"), Say("Added.")]
OWN: list[list[Act]] = [[Write("contract.txt", "one\n"), Say("The contract.")], [], [], ADDED]


@asynccontextmanager
async def played(folder: Path, outside: str, *tries: Sequence[Act]) -> AsyncIterator[House]:
    async with opened(folder, files=FILES, offered=offered(JOBS % outside)) as house:
        rehearse(house, {"own the contract": OWN, "build the API": tries})
        yield house


@pytest.mark.parametrize("outside", ["return", "refuse"])
async def test_a_change_outside_cannot_even_be_made_in_the_sandbox(tmp_path: Path, outside: str) -> None:
    script = [Run("echo two >> contract.txt || echo kept out; echo 2 > api/price.txt")]
    async with played(tmp_path, outside, script) as house:
        issue = await house.implement()
        assert await house.file(house.pull.head, "contract.txt") == "one\n"
        assert await house.file(house.pull.head, "api/price.txt") == "2\n"
        assert "· done ·" in house.status(issue)
        assert any("kept out" in event.text for event in house.heard)


async def test_who_owns_nothing_is_kept_out_of_what_others_own_and_of_what_runs_may_not_change(tmp_path: Path) -> None:
    files = {**FILES, ".github/tutti.yml": f"{FILES['.github/tutti.yml']}owns: [/api/, /web/]\n"}
    jobs = "jobs:\n  api: {agent: developer, owns: [/api/]}\n  rest: {agent: developer, focus: do the rest}\n"
    strays = [Run("echo 9 > api/price.txt || echo kept out; echo 2 > web/page.txt; echo 3 > stray.txt")]
    async with opened(tmp_path, files=files, offered=offered(jobs)) as house:
        rehearse(house, {"do the rest": [strays, [Run("rm stray.txt")]]})
        issue = await house.implement()
        assert any("kept out" in event.text for event in house.heard)
        assert "files that are not yours to change: stray.txt. Put them back" in house.tasks[-1].prompt
        assert await house.file(house.pull.head, "web/page.txt") == "2\n"
        assert "· done ·" in house.status(issue)


async def test_a_change_outside_goes_to_its_owner_as_a_request(tmp_path: Path) -> None:
    script = [Run("echo two >> contract.txt; echo 2 > api/price.txt")]
    async with played(tmp_path, "request", script) as house:
        issue = await house.implement()
        assert "The job api wants contract.txt changed like this" in house.tasks[-1].prompt
        assert await house.file(house.pull.head, "contract.txt") == "one\ntwo\n"
        assert await house.file(house.pull.head, "api/price.txt") == "2\n"
        assert "· done ·" in house.status(issue)


async def test_a_request_that_nobody_may_make_is_left_out_and_named(tmp_path: Path) -> None:
    script = [Run("echo x > stray.txt; echo 2 > api/price.txt")]
    async with played(tmp_path, "request", script) as house:
        issue = await house.implement()
        assert "stray.txt" not in (await house.git("ls-tree", "--name-only", house.pull.head))
        assert "`api` changed `stray.txt`, which is not its own; nobody may make this change" in house.status(issue)
