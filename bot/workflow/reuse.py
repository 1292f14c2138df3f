"""Workflows that use other workflows: which, with which inputs, and what is wrong with that. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.workflow.job import Job
from bot.workflow.spec import Workflow

DEEPEST = 3  # workflows in workflows


def used(workflow: Workflow, workflows: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """The workflows that a workflow uses, and those that these use, by id. Raises ValueError where that cannot be."""
    found: dict[str, Workflow] = {}
    _collect(workflow, workflows, found, ())
    return found


def problem(workflow: Workflow, workflows: Mapping[str, Workflow]) -> tuple[tuple[str | int, ...], str] | None:
    """What is wrong with what it uses, with its place in the file; None where nothing is."""
    for place, job in _users(workflow):
        try:
            _collect(_only(workflow, job), workflows, {}, ())
        except ValueError as wrong:
            return (*place, "uses"), str(wrong)
    return None


def inputs(workflow: Workflow, given: Mapping[str, Any], *, lenient: bool = False) -> dict[str, Any]:
    """The inputs of a workflow that is used. Raises ValueError for one that is missing, unknown or of another kind.

    `lenient`: where it is started by itself, what nobody gives is empty.
    """
    known = workflow.on.workflow_call.inputs if workflow.on.workflow_call else {}
    if stray := sorted(set(given) - set(known)):
        raise ValueError(f"`{workflow.name}` has no input `{stray[0]}` (known: {', '.join(sorted(known)) or 'none'})")
    found: dict[str, Any] = {}
    for name, wanted in known.items():
        value = given.get(name, wanted.default)
        if value is None and wanted.required and not lenient:
            raise ValueError(f"`{workflow.name}` needs the input `{name}`")
        if value is not None and not wanted.fits(value):
            raise ValueError(f"the input `{name}` of `{workflow.name}` is to be a {wanted.type}")
        found[name] = value if value is not None else {"string": "", "number": 0, "boolean": False}[wanted.type]
    return found


def _users(workflow: Workflow) -> Iterator[tuple[tuple[str | int, ...], Job]]:
    yield from ((("jobs", name), job) for name, job in workflow.jobs.items() if job.uses)
    for number, phase in enumerate(workflow.phases):
        yield from ((("phases", number, "jobs", name), job) for name, job in phase.jobs.items() if job.uses)


def _only(workflow: Workflow, job: Job) -> Workflow:
    return workflow.model_copy(update={"jobs": {"only": job}, "phases": ()})


def _collect(
    workflow: Workflow, workflows: Mapping[str, Workflow], found: dict[str, Workflow], around: tuple[str, ...]
) -> None:
    for _, job in _users(workflow):
        if job.uses in around:
            raise ValueError(f"the workflow `{job.uses}` uses itself")
        if len(around) == DEEPEST:
            raise ValueError(f"workflows are used in workflows {DEEPEST} deep at most")
        one = workflows.get(job.uses)
        if one is None:
            raise ValueError(f"there is no workflow `{job.uses}`")
        if one.on.workflow_call is None or one.pattern != "pipeline":
            raise ValueError(f"the workflow `{job.uses}` is no pipeline with `on.workflow_call`")
        if not any("{{" in str(value) for value in job.inputs.values()):
            inputs(one, job.inputs)
        found[job.uses] = one
        _collect(one, workflows, found, (*around, job.uses))
