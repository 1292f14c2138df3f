"""`worktrees: layer` and `service`: the one job of a workflow that is played for each part of a repository. Pure."""

from collections.abc import Collection, Mapping, Sequence

from bot.graph.areas import Area
from bot.workflow.job import Job

DIVIDING = ("layer", "service")  # the strategies, and what `matrix` calls a part


def divisible(jobs: Mapping[str, Job], readers: Collection[str]) -> list[str]:
    """The jobs that change files and say neither what they own nor how often they are played.

    `readers` are the agents that change nothing.
    """
    changing = {name: job for name, job in jobs.items() if job.agent and job.agent not in readers}
    return [name for name, job in changing.items() if not job.owns and not job.strategy.matrix]


def flaw(strategy: str, jobs: Mapping[str, Job], readers: Collection[str]) -> str:
    """What is wrong with a workflow that is divided; empty where nothing is."""
    found = divisible(jobs, readers)
    if len(found) == 1:
        return ""
    said = f"`worktrees: {strategy}` plays one job for each {strategy}, which says neither `owns` nor `strategy.matrix`"
    if not found:
        return f"{said}; there is none that changes files"
    return f"{said}; `{found[0]}` and `{found[1]}` are two, and a path has one owner in a run"


def divided(job: Job, strategy: str, areas: Sequence[Area]) -> Job:
    """The job, played once for each area and owning that; its texts may name `matrix.layer.name` and the like."""
    parts = [{"name": area.name, "owns": list(area.owns)} for area in areas]
    matrix = job.strategy.model_copy(update={"matrix": {strategy: parts}})
    return job.model_copy(update={"strategy": matrix, "owns": (f"{{{{ matrix.{strategy}.owns }}}}",)})
