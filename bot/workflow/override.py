"""What a configuration changes: of the organisation's, of workflows, of agents. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from bot.document import Strict
from bot.workflow.configuration import AgentSettings, Configuration, WorkflowSettings
from bot.workflow.known import covers
from bot.workflow.spec import Workflow
from bot.workflow.trigger import Endings

S = TypeVar("S", bound=Strict)


def merged(organisation: Configuration | None, repository: Configuration | None) -> Configuration | None:
    """The repository's keys over the organisation's: mappings key by key, everything else as a whole."""
    if organisation is None or repository is None:
        return repository or organisation
    return _over(organisation, repository)


def _over(below: S, above: S) -> S:
    return below.model_copy(
        update={name: _laid(getattr(below, name), getattr(above, name)) for name in above.model_fields_set}
    )


def _laid(below: Any, above: Any) -> Any:
    if isinstance(below, Strict) and isinstance(above, Strict):
        return _over(below, above)
    if isinstance(below, dict) and isinstance(above, dict):
        both = {name: _laid(below[name], above[name]) for name in below.keys() & above.keys()}
        return {**below, **above, **both}
    return above


def started(workflows: Mapping[str, Workflow], configuration: Configuration | None) -> dict[str, Workflow]:
    """The workflows that may start, each as the configuration has it."""
    theirs = configuration.workflows if configuration is not None else {}
    settings = {name: theirs.get(name, WorkflowSettings()) for name in workflows}
    return {name: changed(workflows[name], one) for name, one in settings.items() if one.enabled}


def changed(workflow: Workflow, settings: WorkflowSettings) -> Workflow:
    """The workflow with what a repository sets of it; its limits are only lowered, what does not fit it is left out."""
    update: dict[str, object] = {}
    if settings.requires is not None:
        update["requires"] = settings.requires
    if settings.approval is not None and workflow.outputs.pull_request is not None:
        update["approval"] = settings.approval if settings.approval != "none" else None
    if settings.labels and workflow.trigger_labels:
        update["on"] = _labelled(workflow.on, settings.labels)
        update["cancel_on"] = _labelled(workflow.cancel_on, settings.labels)
    lower = {name: getattr(settings.limits, name) for name in ("usd", "minutes")}
    lower = {name: min(value, getattr(workflow.limits, name)) for name, value in lower.items() if value is not None}
    if lower:
        update["limits"] = workflow.limits.model_copy(update=lower)
    return workflow.model_copy(update=update) if update else workflow


def _labelled(triggers: Endings | None, labels: tuple[str, ...]) -> Endings | None:
    """Triggers with other labels, where they look at labels."""
    if triggers is None or triggers.issues is None or not triggers.issues.labels:
        return triggers
    return triggers.model_copy(update={"issues": triggers.issues.model_copy(update={"labels": labels})})


def order(names: Iterable[str], agent: str) -> list[str]:
    """Those of the names under `agents` that mean this agent, the one that wins first: its own, then the longest."""
    return sorted((name for name in names if covers(name, agent)), key=lambda name: (name != agent, -len(name)))


def of_agent(configuration: Configuration | None, agent: str) -> AgentSettings:
    """What a configuration sets of one agent, key by key: its own name wins over `<folder>/*`, that over `*`.

    `backend` of the whole configuration counts where none of these names one.
    """
    found = AgentSettings()
    if configuration is None:
        return found
    for name in reversed(order(configuration.agents, agent)):
        found = _over(found, configuration.agents[name])
    return found if found.backend is not None else found.model_copy(update={"backend": configuration.backend})
