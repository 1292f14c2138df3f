"""The order of the jobs of a workflow, what is wrong with their needs, and how many there may be. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from bot.graph import expansion
from bot.workflow.job import Job, Phase
from bot.workflow.node import Flaw, Place, meant

MOST = 2_000  # jobs of one run: those that a matrix makes count, and those of workflows that are used


def too_many(most: int = MOST) -> str:
    return f"a run has {most} jobs at most, those of matrices and of workflows that are used among them"


def flaws(jobs: Mapping[str, Job], phases: Sequence[Phase]) -> Iterator[Flaw]:
    """Needs that cannot be, and jobs that are there twice."""
    yield from _needs(("jobs",), jobs, ())
    before: list[str] = []
    for number, phase in enumerate(phases):
        place: Place = ("phases", number, "jobs")
        for name in phase.jobs:
            if name in before:
                yield Flaw((*place, name), f"the job `{name}` is in two phases")
        yield from _needs(place, phase.jobs, before)
        before += phase.jobs


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
