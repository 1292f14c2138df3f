"""Desks for hostile reviews: one agent that reads, a stranger's fork, the tokens that were asked for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulator.world import Pull
from bot.review.rules import Caps
from tests.desk import BASE, DISCOUNT, ROUNDING, Desk
from tests.house import opened
from tests.shelf import only

ONE = "review:\n  tiers:\n    - name: one\n      agents: [correctness]\n"
ALONE = {**BASE, ".github/tutti.yml": BASE[".github/tutti.yml"] + ONE}
FIXER = "A review of pull request"


@pytest.fixture
async def lone(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk with one agent that reads, which may find much."""
    offered = only("review", "fix", caps=Caps(major=50))
    async with opened(tmp_path, files=ALONE, kind=Desk, offered=offered) as house:
        assert isinstance(house, Desk)
        house.begin()
        yield house


@pytest.fixture
async def found(lone: Desk) -> Desk:
    """The same, where the agent always finds something."""
    lone.finds("correctness", ROUNDING)
    return lone


async def from_afar(desk: Desk, files: dict[str, str] | None = None) -> Pull:
    """A stranger's pull request from a fork, reviewed."""
    fork = await desk.emulator.fork(desk.repo, "stranger")
    await desk.emulator.push_commit(fork, "topic", files or {"shop/cart.py": DISCOUNT}, by="stranger")
    pull = await desk.emulator.open_pull(desk.repo, "topic", title="From afar", head_repo=fork, by="stranger")
    await desk.settle()
    return pull


def minted(desk: Desk, since: int = 0) -> list[dict[str, str]]:
    """The rights of every token that was asked for; those that can write are good for the one repository."""
    asked = [one.body for one in desk.emulator.requests[since:] if one.path.endswith("/access_tokens")]
    writing = [body for body in asked if "write" in body["permissions"].values()]
    assert all(body["repository_ids"] == [desk.repo.id] for body in writing)
    return [body["permissions"] for body in asked]
