"""A bot that dies at any moment of a rebase goes on with it: one push, the same commits, and no agent is paid twice."""

import shutil

import pytest

from tests.desk import Desk
from tests.house import chained
from tests.test_rebase import BOTH, CLASH, behind, cart, desk, resolves, told

__all__ = ["desk"]

STEPS = ("prepare", "replay.1", "resolve-1.agent.1", "replay.2", "policy", "test", "push", "finish")
POINTS = ["delivery:before", "delivery:done", "start:before"] + [
    f"{step}:{side}" for step in STEPS for side in ("before", "done")
]


async def test_these_are_all_the_checkpoints(desk: Desk) -> None:
    pull = await behind(desk, *CLASH)
    resolves(desk, BOTH)
    desk.points.clear()
    await desk.order(pull, "/rebase")
    assert [point for point in desk.points if not point.startswith("delivery")] == POINTS[2:]
    desk.said(pull)


@pytest.mark.parametrize("points", chained(POINTS[2:]), ids=" ".join)
async def test_a_crash_at_any_checkpoint_ends_in_the_same_branch_and_the_agent_is_paid_once(
    desk: Desk, points: list[str]
) -> None:
    pull = await behind(desk, *CLASH)
    resolves(desk, BOTH)
    desk.crash_at(points[0])
    await desk.comment(pull, "/rebase")
    await desk.dies_at(points)
    await desk.settle()
    words = told(desk, pull)
    assert "· done ·" in words
    assert "Done: 2 commits of `topic` stand upon `<main>` of `main` now; the newest is `<topic>`." in words
    assert await desk.file("topic", "cart.py") == cart(total=21)
    assert len(desk.played) == 1


async def test_a_machine_that_lost_its_mirror_makes_the_same_again(desk: Desk) -> None:
    pull = await behind(desk, *CLASH)
    resolves(desk, BOTH)
    desk.crash_at("test:done")
    await desk.comment(pull, "/rebase")
    await desk.reached.wait()
    await desk.down()
    shutil.rmtree(desk.folder / "data/mirrors")
    await desk.restart()
    await desk.settle()
    assert "the newest is `<topic>`" in told(desk, pull)
    assert await desk.file("topic", "cart.py") == cart(total=21)
    assert len(desk.played) == 1
