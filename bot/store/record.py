"""A run and its steps as plain values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.errors import ACTIVE, State


@dataclass(frozen=True)
class Node:
    """One step of a run as people see it. Times in seconds since the epoch, `cost_usd` None where unknown."""

    key: str
    position: int
    title: str
    state: State = "queued"
    reason: str = ""
    plan: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    cost_usd: float | None = 0.0


@dataclass(frozen=True)
class Run:
    """One execution of a workflow for one target. `context` never changes; `facts` grow as steps finish.

    `due`: it does not begin before that time (seconds since 1970).
    """

    id: str
    delivery: str
    workflow: str
    repo: str
    target: str
    state: State
    created_at: float
    context: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    cancel: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    cost_usd: float | None = None
    seq: int = 0
    due: float | None = None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


def total_cost(steps: Sequence[Node]) -> float | None:
    """What the steps cost together, in US dollars; None as soon as one of them is unknown."""
    costs = [node.cost_usd for node in steps]
    return None if None in costs else sum(cost for cost in costs if cost is not None)
