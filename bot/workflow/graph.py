"""What is wrong with the graph of a workflow: needs, and whatever its jobs name and own. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from bot.graph import expansion
from bot.workflow import naming, owning, teams
from bot.workflow.job import Job, Phase, Tasks, Team
from bot.workflow.node import Flaw, Place, meant, nodes
from bot.workflow.trigger import Triggers


def flaws(
    jobs: Mapping[str, Job],
    phases: Sequence[Phase],
    tasks: Tasks | None,
    team: Team | None,
    on: Triggers,
    publishes: str = "",
    strategy: str = "",
) -> Iterator[Flaw]:
    """Everything that is wrong, what hinders most first. `publishes` is the condition under which anything is.

    `strategy`: what jobs are divided by that say neither what they own nor how often they are played.
    """
    yield from _needs(("jobs",), jobs, ())
    yield from _twice(phases)
    before: list[str] = []
    for number, phase in enumerate(phases):
        yield from _needs(("phases", number, "jobs"), phase.jobs, before)
        before += phase.jobs
    found = nodes(jobs, phases, tasks, strategy)
    yield from naming.flaws(found, tuple(on.workflow_call.inputs) if on.workflow_call else (), publishes)
    yield from owning.flaws(found)
    if team is not None:
        yield from teams.flaws(team, ("team",))


def order(jobs: Mapping[str, Job]) -> list[str]:
    """The jobs' names, each after its needs. Raises ValueError on a circle."""
    return [name for layer in expansion.layers({name: job.needs for name, job in jobs.items()}) for name in layer]


def _needs(place: Place, jobs: Mapping[str, Job], before: Sequence[str]) -> Iterator[Flaw]:
    for name, job in jobs.items():
        if stray := next((need for need in job.needs if need not in jobs), None):
            early = stray in before
            what = "a job of an earlier phase" if early else "not a job of this workflow"
            hint = "phases wait for one another by themselves" if early else meant(stray, [*jobs])
            yield Flaw((*place, name, "needs"), f"the job `{name}` needs `{stray}`, which is {what}", hint)
            return
    try:
        order(jobs)
    except ValueError as circle:
        yield Flaw(place, str(circle))


def _twice(phases: Sequence[Phase]) -> Iterator[Flaw]:
    seen: set[str] = set()
    for number, phase in enumerate(phases):
        for name in phase.jobs:
            if name in seen:
                yield Flaw(("phases", number, "jobs", name), f"the job `{name}` is in two phases")
            seen.add(name)
