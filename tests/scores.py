"""Graphs of runs with their rows, made by hand, for what shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.store import runs
from bot.store.db import Database
from bot.store.record import Node, Run

Graph = Sequence[Mapping[str, Any]]


def entry(name: str, *needs: str, phase: str = "") -> dict[str, Any]:
    return {"name": name, "needs": list(needs), "agent": "developer", "title": "", "owns": [], "phase": phase}


def row(key: str, state: Any = "queued", begin: float | None = None, end: float | None = None, **more: Any) -> Node:
    return replace(Node(key, 0, "developer", state, started_at=begin, ended_at=end), **more)


def placed(rows: Sequence[Node]) -> list[Node]:
    """The rows in their order, where the steps of a run have them."""
    return [replace(one, position=0 if one.key == "prepare" else 1_000 + place) for place, one in enumerate(rows)]


def a_run(graph: Graph, state: Any = "running", **more: Any) -> Run:
    context = {"workflow": {"name": "Build a feature"}}
    made = Run("1f6e0b52", "d", "feature", "acme/shop", "acme/shop#7", state, 0.0, context, {"graph": list(graph)})
    return replace(made, **{"started_at": 0.0, **more})


FEATURE = [
    entry("analysis"),
    entry("build", "analysis"),
    entry("docs", "analysis"),
    entry("ship", "build", "docs"),
    entry("build/api", "analysis"),
    entry("build/web", "analysis"),
]
HALF_WAY = placed(
    [
        row("prepare", "done", 0, 2, title="Read the issue"),
        row("analysis", "done", 2, 14),
        row("analysis.read", "done", 2, 14, title="architect reads", cost_usd=0.1),
        row("build", "running", 14),
        row("build/api", "running", 14),
        row("build/api.agent.1", "running", 14, title="developer works", cost_usd=0.05, plan="[x] look\n[ ] write"),
        row("build/web", "failed", 14, 80, reason="Failed after 3 tries: the tests fail."),
        row("build/web.agent.1", "done", 14, 60, title="developer works", cost_usd=0.4, plan="[x] all of it"),
        row("build/web.test.1", "failed", 60, 80, title="Run the tests: `sh check.sh`", reason="1 failed"),
        row("docs", "skipped", 14, 14, reason="Not played: `if: inputs.docs` does not hold."),
        row("ship"),
        row("publish", title="Push the branch and open the pull request"),
    ]
)
SWARM = [entry("sweep"), *(entry(f"sweep/{number:04d}") for number in range(2_000))]


def swarm(states: Mapping[int, Any]) -> list[Node]:
    """The rows of two thousand tasks, done but for some."""
    return placed(
        [
            row("sweep", "running", 1),
            *(
                row(
                    f"sweep/{number:04d}",
                    states.get(number, "done"),
                    1,
                    2,
                    reason="Failed: no." * 40 if number in states else "",
                )
                for number in range(2_000)
            ),
        ]
    )


async def stored(db: Database, run: Run, rows: Sequence[Node] = ()) -> None:
    """Put a run with its rows into the database as it stands."""

    def write(conn: Any) -> None:
        assert runs.create(conn, run)
        values = ("state", "reason", "started_at", "ended_at", "cost_usd")
        runs.update(conn, run.id, **{name: getattr(run, name) for name in values})
        for node in rows:
            runs.put(conn, run.id, node)

    await db.write(write)
