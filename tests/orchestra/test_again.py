"""Which steps of a graph `/retry` does anew."""

import pytest

from bot.orchestra.again import redone
from bot.store.record import Node

GRAPH = [
    {"name": "contract", "needs": []},
    {"name": "api", "needs": ["contract"]},
    {"name": "build", "needs": ["contract"]},
    {"name": "build/a", "needs": ["contract"]},
    {"name": "build/b", "needs": ["contract"]},
    {"name": "docs", "needs": ["api", "build"]},
]
TEAM = [{"name": "lead", "needs": []}, {"name": "a", "needs": ["lead"]}, {"name": "b", "needs": ["lead"]}]


def rows(*said: str) -> list[Node]:
    """Steps in their order: `key`, or `key state`."""
    parted = [one.partition(" ") for one in said]
    return [Node(key, number, key, state or "done") for number, (key, _, state) in enumerate(parted)]  # type: ignore[arg-type]


WELL = ["prepare", "contract", "contract.agent.1", "contract.test.1"]


@pytest.mark.parametrize(
    ("steps", "start", "again"),
    [
        (
            [
                *(*WELL, "api failed", "api.agent.1", "api.test.1 failed", "api.agent.2", "api.test.2 failed"),
                *("build", "build/a", "build/a.agent.1", "docs skipped", "publish skipped"),
            ],
            "",
            ["api", "api.agent.2", "api.test.2", "docs", "publish"],
        ),
        (
            [
                *WELL,
                "build failed",
                "build/a",
                "build/a.agent.1",
                "build/b failed",
                "build/b.agent.1 timed out",
                "docs skipped",
            ],
            "",
            ["build", "build/b", "build/b.agent.1", "docs"],
        ),
        (  # what was not merged, for its conflict was not resolved
            [*WELL, "api failed", "api.agent.1", "api.test.1", "api.resolve.agent.1", "api.resolve.test.1"],
            "",
            ["api", "api.resolve.agent.1", "api.resolve.test.1"],
        ),
        (  # what was taken back
            [*WELL, "api failed", "api.agent.1", "api.test.1", "trunk.test.abc failed"],
            "",
            ["api", "api.agent.1", "api.test.1", "trunk.test.abc"],
        ),
        (
            [*WELL, "api", "api.agent.1", "docs", "docs.agent.1", "trunk.test.abc", "publish"],
            "api",
            ["api", "api.agent.1", "docs", "docs.agent.1", "trunk.test.abc", "publish"],
        ),
    ],
)
def test_what_failed_and_what_follows_is_done_anew(steps: list[str], start: str, again: list[str]) -> None:
    assert redone(GRAPH, rows(*steps), start) == again


def test_of_teams_the_plans_stand_and_the_work_that_nobody_had_returned() -> None:
    steps = [
        "prepare",
        "lead failed",
        "lead.plan",
        "a",
        "a.agent.1",
        "a.test.1",
        "b failed",
        "b.agent.1",
        "b.test.1 failed",
    ]
    steps += ["b.agent.2", "b.test.2 failed", "a.agent.10", "a.test.10", "lead.review", "publish skipped"]
    again = redone(TEAM, rows(*steps), "", "hierarchy")
    assert again == ["lead", "a", "b", "b.agent.2", "b.test.2", "a.agent.10", "a.test.10", "lead.review", "publish"]


def test_a_mend_that_others_waited_for_is_asked_for_anew_where_it_was_not_done() -> None:
    mend = ["api.repair.abc.agent.1", "api.repair.abc.test.1 failed", "trunk.test.abc failed"]
    again = redone(GRAPH, rows("api", "api.agent.1", "web", "docs failed", "docs.agent.1", *mend), "")
    assert again == ["docs", "docs.agent.1", "api.repair.abc.agent.1", "api.repair.abc.test.1", "trunk.test.abc"]
    steps = rows("lead failed", "lead.plan", "a", "a.agent.1", "a.repair.abc.agent.1", "b", "b.agent.1")
    assert redone(TEAM, steps, "", "hierarchy") == ["lead", "a", "a.repair.abc.agent.1", "b"]
