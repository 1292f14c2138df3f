"""The jobs of a run as people see them: a tree of how each stands, from the graph and the rows of the run. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.errors import State
from bot.publish import text
from bot.store.record import PAST, Node, total, total_cost

WELL: frozenset[State] = frozenset({"done", "no change"})
SWARM = 12  # jobs beside each other that are shown one by one
RUNNING, FAILED = 5, 10  # of more than that: how many of those that run, and that failed, are named
_NEVER_BEGUN = "Never begun."


@dataclass(frozen=True)
class Job:
    """One job of a graph: `steps` are its own, `below` the jobs that it stands for or leads (a matrix, a team).

    Times in seconds since the epoch; `cost_usd` is for it and all below, None where unknown.
    """

    name: str
    state: State
    reason: str = ""
    needs: tuple[str, ...] = ()
    agent: str = ""
    title: str = ""
    phase: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    cost_usd: float | None = 0.0
    steps: tuple[Node, ...] = ()
    below: tuple["Job", ...] = ()

    @property
    def bad(self) -> bool:
        """Whether it ended short of its goal; one that was not played did not."""
        return self.state not in WELL and self.state not in ("queued", "running", "waiting", "skipped")

    @property
    def joins(self) -> bool:
        """Whether it is but the sum of what is below, as a job with a matrix is; a lead's team needs its lead."""
        return bool(self.below) and not any(self.name in one.needs for one in self.below)

    def seconds(self, now: float) -> float | None:
        """How long it took, or has taken until now; None where it never began."""
        return None if self.started_at is None else max(0.0, (self.ended_at or now) - self.started_at)

    def everybody(self) -> Iterator["Job"]:
        """It, and all below, each before those below it."""
        yield self
        for one in self.below:
            yield from one.everybody()


@dataclass(frozen=True)
class View:
    """A run: its jobs, and the steps that are of none of them, in the order of the tree."""

    jobs: tuple[Job, ...] = ()
    before: tuple[Node, ...] = ()
    after: tuple[Node, ...] = ()

    def everybody(self) -> Iterator[Job]:
        """Every job, each before those below it."""
        for one in self.jobs:
            yield from one.everybody()

    def leaves(self) -> list[Job]:
        """The jobs that are no sum of others."""
        return [one for one in self.everybody() if not one.joins]


def view(graph: Sequence[Mapping[str, Any]], rows: Sequence[Node], *, active: bool) -> View:
    """The graph as `run.facts` holds it and the run's rows, as a tree; of a run without a graph it has no job.

    A job without a row is queued, or, once the run has ended, was never begun.
    """
    if not graph:
        return View(before=tuple(rows))
    names = {str(entry["name"]) for entry in graph}
    own = {row.key: row for row in rows}
    steps: dict[str, list[Node]] = {}
    strays: list[Node] = []
    for row in rows:
        name = row.key.partition(".")[0]
        if name not in names:
            strays += [row] if name.partition(PAST)[0] not in names else []  # a job's own row of a life before
        elif row.key != name:
            steps.setdefault(name, []).append(row)
    flat = [_job(entry, own.get(str(entry["name"])), steps.get(str(entry["name"]), []), active) for entry in graph]
    first = min((row.position for row in rows if row.key in names), default=0)
    before = tuple(row for row in strays if row.position < first)
    after = tuple(row for row in strays if row.position >= first)
    return View(_nested(flat), before, after)


def _job(entry: Mapping[str, Any], row: Node | None, steps: Sequence[Node], active: bool) -> Job:
    name, agent, title, phase = (str(entry.get(key) or "") for key in ("name", "agent", "title", "phase"))
    needs, cost = tuple(map(str, entry.get("needs") or ())), total_cost(steps)
    job = Job(name, "queued", needs=needs, agent=agent, title=title, phase=phase, cost_usd=cost, steps=tuple(steps))
    if row is not None:
        reason = text.in_a_line(row.reason)
        return replace(job, state=row.state, reason=reason, started_at=row.started_at, ended_at=row.ended_at)
    return job if active else replace(job, state="skipped", reason=_NEVER_BEGUN)


def _nested(flat: Sequence[Job]) -> tuple[Job, ...]:
    """The jobs with those whose names begin with theirs below them, in their order."""
    names = {job.name for job in flat}
    below: dict[str, list[Job]] = {}
    for job in flat:
        below.setdefault(_above(job.name, names), []).append(job)

    def whole(job: Job) -> Job:
        inner = tuple(whole(one) for one in below.get(job.name, ()))
        return replace(job, below=inner, cost_usd=total([job.cost_usd, *(one.cost_usd for one in inner)]))

    return tuple(whole(job) for job in below.get("", ()))


def _above(name: str, names: Iterable[str]) -> str:
    """The nearest job that this one is a part of; empty where it is of none."""
    while "/" in name:
        name = name.rpartition("/")[0]
        if name in names:
            return name
    return ""


# ---- many at once ----------------------------------------------------------------------------------------------------


def counted(jobs: Sequence[Job]) -> str:
    """How many jobs stand how, as `tally` says it."""
    return tally(job.state for job in jobs)


def tally(of: Iterable[State]) -> str:
    """How many there are of each state: `46 of 50 done, 3 failed, 1 without a change`."""
    states = Counter("without a change" if state == "no change" else state for state in of)
    last = ("skipped", "queued", "without a change")
    order = ["running", "waiting", *sorted(set(states) - {"done", "running", "waiting", *last}), *last]
    named = [f"{states[state]:,} {state}" for state in order if states[state]]
    return ", ".join([f"{states['done']:,} of {states.total():,} done", *named])


def named(jobs: Sequence[Job], most: int = SWARM) -> tuple[list[Job], list[str]]:
    """Those of jobs beside each other that are shown by name, and words about others that would be worth it.

    Up to `most` all of them are; of more those that run and those that failed, some of them.
    """
    if len(jobs) <= most:
        return list(jobs), []
    running, failed = [one for one in jobs if one.state == "running"], [one for one in jobs if one.bad]
    kept = {one.name for one in (*running[:RUNNING], *failed[:FAILED])}
    left = [f"{len(running) - RUNNING:,} more run"] if len(running) > RUNNING else []
    left += [f"{len(failed) - FAILED:,} more failed"] if len(failed) > FAILED else []
    return [one for one in (*running, *failed) if one.name in kept], left


def layers(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs of one level by how many come one after another before them: those that may begin at once first."""
    places = {inner.name: job.name for job in jobs for inner in job.everybody()}
    needs = {job.name: {places[need] for need in job.needs if need in places} - {job.name} for job in jobs}
    depth: dict[str, int] = {}
    while len(depth) < len(needs):
        ready = [name for name, of in needs.items() if name not in depth and of <= depth.keys()]
        for name in ready or [name for name in needs if name not in depth]:  # a circle is drawn, too
            depth[name] = 1 + max((depth.get(need, 0) for need in needs[name]), default=0)
    found: dict[int, list[Job]] = {}
    for job in jobs:
        found.setdefault(depth[job.name], []).append(job)
    return [found[number] for number in sorted(found)]
