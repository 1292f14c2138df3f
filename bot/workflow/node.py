"""A job of a workflow where it stands in the file, what its texts may name, and what is wrong with it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot.workflow.job import Job, Phase, Tasks

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Flaw:
    """What is wrong, where in the file, and what was meant perhaps."""

    place: Place
    words: str
    hint: str = ""


@dataclass(frozen=True)
class Node:
    """A job with its place in the file.

    `seen` are the jobs whose results it may name. `matrix` are the keys of its matrix: None where it has none, empty
    where a run alone knows them. `tasks` are those that stand in the file, where it is done for each of them.
    """

    place: Place
    name: str
    job: Job
    seen: frozenset[str]
    matrix: frozenset[str] | None
    tasks: tuple[str, ...] = ()


def meant(word: str, known: Sequence[str]) -> str:
    """What was meant perhaps, as a hint."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""


def nodes(jobs: Mapping[str, Job], phases: Sequence[Phase], tasks: Tasks | None, strategy: str) -> list[Node]:
    """All jobs of a workflow. `strategy`: what jobs are divided by that say neither what they own nor how often."""
    before: list[str] = []
    found = [*_below(("jobs",), jobs, before, tasks, strategy)]
    for number, phase in enumerate(phases):
        found += _below(("phases", number, "jobs"), phase.jobs, before, tasks, strategy)
        before += phase.jobs
    return found


def _below(
    place: Place, jobs: Mapping[str, Job], before: Sequence[str], tasks: Tasks | None, strategy: str
) -> Iterator[Node]:
    given = tuple(dict.fromkeys(tasks.given))[: tasks.max] if tasks is not None else ()
    for name, job in jobs.items():
        seen, keys = frozenset({*job.needs, *before}), _keys(job, strategy, swarm=tasks is not None)
        yield Node((*place, name), name, job, seen, keys, given)


def _keys(job: Job, strategy: str, *, swarm: bool) -> frozenset[str] | None:
    matrix = job.strategy.matrix
    if swarm:
        return frozenset({"task"})
    if not matrix:
        return frozenset({strategy}) if strategy and job.agent and not job.owns else None
    given = matrix.get("include", []) if isinstance(matrix, dict) else matrix
    if isinstance(given, str):
        return frozenset()
    included = {key for one in given if isinstance(one, Mapping) for key in one} if isinstance(given, list) else set()
    return frozenset((set(matrix) | included) - {"include", "exclude"})
