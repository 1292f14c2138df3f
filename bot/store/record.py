"""A run and its steps as plain values. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.errors import ACTIVE, State

ABOVE_ALL = 2  # the priority of what goes before everything that is queued


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

    `due`: it does not begin before that time (seconds since 1970), nor before the run `after` has ended. `life` counts
    its executions: a run that is gone on with after a pause, or tried again, has another. `actor`: who asked, by id.
    `priority` 1: before what is queued of its repository; ABOVE_ALL: before everything that is queued. `turn`: where it
    stands in the queue, `seq` where that is None. `concurrency`: the group of which one run is under way at a time.
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
    life: int = 1
    after: str | None = None
    actor: int = 0
    priority: int = 0
    concurrency: str | None = None
    turn: int | None = None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def execution(self) -> str:
        """What the engine knows this life of the run by; `parted` takes it apart."""
        return self.id if self.life == 1 else f"{self.id}:{self.life}"

    def lives_before(self) -> list[str]:
        """The executions before this one, oldest first."""
        return [replace(self, life=life).execution for life in range(1, self.life)]


def parted(execution: str) -> tuple[str, int]:
    """The run and the life that an execution is of."""
    run_id, _, life = execution.partition(":")
    return run_id, int(life or 1)


PAST = "~"  # in the key of a step that was done anew since: `implement.agent.1~1` is that of the first life


def busy(steps: Sequence[Node]) -> float:
    """Seconds in which at least one of the steps was at work; what a stopped bot slept does not count.

    Nor do steps that were done anew since: whoever tries a run again gives it its time again.
    """
    now = (node for node in steps if PAST not in node.key)
    spans = sorted((node.started_at, node.ended_at) for node in now if node.started_at and node.ended_at)
    total = until = 0.0
    for began, ended in spans:
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


def total_cost(steps: Sequence[Node]) -> float | None:
    """What the steps cost together, in US dollars; None as soon as one of them is unknown."""
    return total(node.cost_usd for node in steps)


def total(costs: Iterable[float | None]) -> float | None:
    """The sum; None as soon as one of them is unknown."""
    known = list(costs)
    return None if None in known else sum(cost for cost in known if cost is not None)
