"""A run has no more jobs than it can carry, however they come to be, and its graph is not stored for each of them."""

import asyncio
from typing import Any

import pytest

from bot.orchestra.part import Part
from bot.orchestra.roll import Roll
from bot.orchestra.score import Score
from bot.store import runs
from bot.store.board import Board
from bot.workflow.job import Job
from tests.orchestra.hall import Hall, says

INNER = """
name: Inner
on: {workflow_call: {}}
jobs: {one: {run: "true", if: "1 == 2"}, two: {agent: developer, if: "1 == 2"}}
outputs: {pull-request: {}}
"""
USING = """
jobs:
  plan: {agent: analyst, outputs: {parts: list}}
  each: {uses: inner, needs: plan, strategy: {matrix: {n: "{{ needs.plan.outputs.parts }}"}, fail-fast: false}}
  last: {agent: developer, needs: plan, if: "1 == 2"}
"""


def parts(*names: str) -> list[Part]:
    return [Part(name, Job(run=("true",))) for name in names]


def test_a_job_counts_once_and_not_beside_those_that_it_turns_out_to_be() -> None:
    roll = Roll(3)
    roll.take(parts("a", "b"))
    roll.take(parts("b", "c"))
    roll.take(parts("c"), {"c"})
    roll.take(parts("b/1"), {"b"})
    with pytest.raises(ValueError, match="a run has 3 jobs at most"):
        roll.take(parts("c/1", "c/2"), {"c"})
    with pytest.raises(ValueError, match="a run has 3 jobs at most"):
        roll.fits(parts("d"))
    assert roll.names == {"a", "b/1", "c"}


async def test_workflows_in_a_matrix_are_refused_where_the_run_is_full(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever said how many there are is asked again where these alone are too many."""
    monkeypatch.setattr("bot.orchestra.roll.MOST", 8)
    hall.rehearse({"plan.read": says(parts=[*range(9)]), "plan.read.2": says(parts=[1, 2, 3])})
    played = await hall.play(USING, used={"inner": INNER})
    assert "a run has 8 jobs at most" in hall.cast.task("plan.read.2").prompt
    assert {name: row.state for name, row in played.rows.items() if name.startswith("each/")} == {
        f"each/{name}": "skipped" for name in ("1/one", "1/two")
    }
    assert played.rows["each"].reason.startswith("2 of 3 failed: `each/2`: a run has 8 jobs at most")


class Shelf(Board):
    """Stores nothing, and takes its time."""

    def __init__(self) -> None:
        self.kept: list[int] = []

    async def learn(self, run_id: str, **facts: Any) -> None:
        graph = facts["graph"]
        for _ in range(3):
            await asyncio.sleep(0)
        self.kept.append(len(graph))

    async def plan(self, run_id: str, *steps: runs.Node) -> None:
        assert self.kept[-1] > int(steps[-1].key), "a row that the graph does not know"


async def test_many_graphs_that_are_announced_at_once_are_stored_together() -> None:
    shelf = Shelf()
    score = Score(shelf, "run")
    await asyncio.gather(*(score.announce(parts(str(number))) for number in range(100)))
    await score.announce(parts("7"))
    assert shelf.kept == [1, 100]
