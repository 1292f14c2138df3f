"""Workflows that use other workflows: which, with which inputs, and what is wrong with that. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from bot import expression
from bot.graph.filling import LateError, Told
from bot.graph.ownership import Owners
from bot.workflow.graph import MOST, too_many
from bot.workflow.job import Job
from bot.workflow.node import Place
from bot.workflow.owning import two_owners
from bot.workflow.spec import Workflow

DEEPEST = 3  # workflows in workflows


@dataclass(frozen=True)
class _Owner:
    """A job as it will be played: its name in the run, what it owns, where that is said in the file that is read.

    `inside`: it is a workflow's that is used. `hangs`: the jobs with an `if` without which it owns nothing.
    """

    name: str
    owns: tuple[str, ...]
    place: Place
    inside: bool
    hangs: frozenset[str]

    def meets(self, other: "_Owner") -> bool:
        """Whether both own something in one run, as far as one can tell; two of one file are that file's matter."""
        either_or = self.hangs - other.hangs and other.hangs - self.hangs
        return (self.inside or other.inside) and not either_or


def used(workflow: Workflow, workflows: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """The workflows that a workflow uses, and those that these use, by id. Raises ValueError where that cannot be."""
    found: dict[str, Workflow] = {}
    for _, job in _users(workflow):
        _collect(job, workflows, found, ())
    if wrong := _shared(workflow, found):
        raise ValueError(wrong[1])
    return found


def problem(workflow: Workflow, workflows: Mapping[str, Workflow | None]) -> tuple[Place, str] | None:
    """What is wrong with what it uses, with its place in the file; None where nothing is.

    `workflows` holds None for a file that has a mistake. Paths that two jobs own are among what is wrong, as far as
    one can tell before the run.
    """
    found: dict[str, Workflow] = {}
    for place, job in _users(workflow):
        try:
            _collect(job, workflows, found, ())
        except ValueError as wrong:
            return (*place, "uses"), str(wrong)
    return _unsaid(workflow, found) or _shared(workflow, found)


def inputs(
    workflow: Workflow, given: Mapping[str, Any], *, hidden: Collection[str] = (), lenient: bool = False
) -> dict[str, Any]:
    """The inputs of a workflow that is used. Raises ValueError for one that is missing, unknown or of another kind.

    `hidden`: those that are given, too, by what only a run knows. `lenient`: where it is started by itself, what nobody
    gives is empty.
    """
    known = workflow.on.workflow_call.inputs if workflow.on.workflow_call else {}
    if stray := sorted({*given, *hidden} - set(known)):
        raise ValueError(f"`{workflow.name}` has no input `{stray[0]}` (known: {', '.join(sorted(known)) or 'none'})")
    found: dict[str, Any] = {}
    for name, wanted in known.items():
        value = given.get(name, wanted.default)
        if value is None and wanted.required and name not in hidden and not lenient:
            raise ValueError(f"`{workflow.name}` needs the input `{name}`")
        if value is not None and not wanted.fits(value):
            raise ValueError(f"the input `{name}` of `{workflow.name}` is to be a {wanted.type}")
        found[name] = value if value is not None else {"string": "", "number": 0, "boolean": False}[wanted.type]
    return found


def _graphs(workflow: Workflow) -> Iterator[tuple[Place, Mapping[str, Job]]]:
    yield ("jobs",), workflow.jobs
    yield from ((("phases", number, "jobs"), phase.jobs) for number, phase in enumerate(workflow.phases))


def _users(workflow: Workflow) -> Iterator[tuple[Place, Job]]:
    for place, jobs in _graphs(workflow):
        yield from (((*place, name), job) for name, job in jobs.items() if job.uses)


def _collect(
    job: Job, workflows: Mapping[str, Workflow | None], found: dict[str, Workflow], around: tuple[str, ...]
) -> None:
    """The workflow that a job uses, and those that this one does."""
    if job.uses in around:
        raise ValueError(f"the workflow `{job.uses}` uses itself")
    if len(around) == DEEPEST:
        raise ValueError(f"workflows are used in workflows {DEEPEST} deep at most")
    if job.uses not in workflows:
        raise ValueError(f"there is no workflow `{job.uses}`")
    one = workflows[job.uses]
    if one is None:
        raise ValueError(f"the workflow `{job.uses}` has a mistake of its own")
    if one.on.workflow_call is None or one.pattern != "pipeline":
        raise ValueError(f"the workflow `{job.uses}` is no pipeline with `on.workflow_call`")
    plain = {name: value for name, value in job.inputs.items() if "{{" not in str(value)}
    inputs(one, plain, hidden=set(job.inputs) - set(plain))
    found[job.uses] = one
    for _, inner in _users(one):
        _collect(inner, workflows, found, (*around, job.uses))


def _unsaid(workflow: Workflow, workflows: Mapping[str, Workflow]) -> tuple[Place, str] | None:
    """An output that no job of a workflow that is used has, and where it is spoken of."""
    for place, text in _spoken(workflow):
        for name in sorted(expression.names_in(text)):
            match name.split("."):
                case ["needs", job, "outputs", output, *_] if uses := workflow.every_job[job].uses:
                    if output not in _outputs(workflows[uses], workflows):
                        return place, f"no job of the workflow `{uses}`, which `{job}` uses, has an output `{output}`"
    return None


def _spoken(workflow: Workflow) -> Iterator[tuple[Place, str]]:
    for place, jobs in _graphs(workflow):
        for name, job in jobs.items():
            yield from (((*place, name, *at), text) for at, text in (*job.templates, (("if",), job.condition)))
    yield ("outputs", "pull-request", "if"), workflow.opens.condition


def _outputs(workflow: Workflow, workflows: Mapping[str, Workflow]) -> set[str]:
    """What its jobs say by name, and those of the workflows that it uses."""
    used = (_outputs(workflows[job.uses], workflows) for job in workflow.jobs.values() if job.uses)
    return {name for job in workflow.jobs.values() for name in job.outputs}.union(*used)


# ---- who owns what ---------------------------------------------------------------------------------------------------


def _shared(workflow: Workflow, workflows: Mapping[str, Workflow]) -> tuple[Place, str] | None:
    """More jobs than a run may have, or a path that two own of which one is a workflow's that is used.

    The place is where that one is used.
    """
    uses = next(((*place, "uses") for place, _ in _users(workflow)), None)
    every = (one for place, jobs in _graphs(workflow) for one in _owners(jobs, workflows, Told(), place))
    try:
        whole = list(islice(every, MOST + 1))
        if len(whole) > MOST:
            return uses or whole[-1].place[:-1], too_many()
        found = {one.name: one for one in whole if one.owns and uses}
        conflicts = Owners({name: one.owns for name, one in found.items()}).conflicts()
    except ValueError as wrong:  # an input makes no matrix, or no glob
        return (uses, str(wrong)) if uses else None
    for one, other, example in conflicts:
        if found[one].meets(found[other]):
            place = found[other if found[other].inside else one].place
            return place, two_owners(one, other, example)
    return None


def _owners(
    jobs: Mapping[str, Job], workflows: Mapping[str, Workflow], told: Told, place: Place, around: _Owner | None = None
) -> Iterator[_Owner]:
    """The jobs of a graph, and those of the workflows that it uses, without what only a run knows.

    `around`: the job in whose place it is played.
    """
    prefix, hangs = (f"{around.name}/", around.hangs) if around else ("", frozenset[str]())
    for name, job in jobs.items():
        at = around.place if around else (*place, name, "uses" if job.uses else "owns")
        late = hangs | {f"{prefix}{one}" for one in _conditional(name, jobs)}
        unknown = _Owner(f"{prefix}{name}", (), at, around is not None, late)
        try:
            instances = told.instances(unknown.name, job.strategy.matrix)
        except LateError:
            yield unknown
            continue
        for whole, known in instances:
            one = replace(unknown, name=whole)
            if job.uses:
                yield from _used(one, job, workflows, known)
            else:
                yield replace(one, owns=_globs(job, known), hangs=late if _is_late(job) else hangs)


def _used(owner: _Owner, job: Job, workflows: Mapping[str, Workflow], told: Told) -> Iterator[_Owner]:
    """A job and those of the workflow that it uses."""
    yield owner
    workflow = workflows[job.uses]
    given = {name: told.value(value) for name, value in job.inputs.items() if told.tells(value)}
    hidden = set(job.inputs) - set(given)
    try:
        whole = inputs(workflow, given, hidden=hidden)
    except ValueError:  # of which the run tells
        return
    plain = {name for name, value in job.inputs.items() if "{{" not in str(value)}
    yield from _owners(workflow.jobs, workflows, told.inside(whole, plain, hidden), (), owner)


def _globs(job: Job, told: Told) -> tuple[str, ...]:
    try:
        return told.globs(job.owns)
    except LateError:
        return ()


def _is_late(job: Job) -> bool:
    """Whether a job owns nothing before it is played; of others it is known once its graph begins."""
    return bool(job.strategy.matrix) or any("{{" in glob for glob in job.owns)


def _conditional(name: str, jobs: Mapping[str, Job]) -> set[str]:
    """The jobs with an `if` without which a job may not be played: itself, and those before it."""
    found, left = {name}, [name]
    while left:
        fresh = set(jobs[left.pop()].needs) - found
        found |= fresh
        left += fresh
    return {one for one in found if jobs[one].condition}
