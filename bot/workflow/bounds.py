"""What a run may use: its workflow's limits, lowered by the repository, never above the operator's."""

from dataclasses import dataclass

from bot.agents.spec import AgentSpec
from bot.document import load
from bot.workflow.configuration import RepositoryLimits
from bot.workflow.spec import Limits, Workflow, parse_workflow


@dataclass(frozen=True)
class Bounds:
    """The operator's own limits, in US dollars and minutes, which no file of a repository may exceed.

    `agents`: how many of them one run may have at work at once.
    """

    usd: float
    minutes: float
    agents: int = 8


DEFAULT = Bounds(usd=5.0, minutes=60)


@dataclass(frozen=True)
class Permitted:
    """What else the operator lets repositories ask for. `models` and `setup_hosts`: none where the operator names none.

    `usd_a_day` and `runs_a_day`: US dollars that a repository may cost, and runs that may start in it, in a day of
    UTC; None: no limit.
    """

    models: tuple[str, ...] = ()
    setup_hosts: tuple[str, ...] = ()
    usd_a_day: float | None = None
    runs_a_day: int | None = None


def lowered(workflow: Limits, repository: RepositoryLimits, most: Bounds = DEFAULT) -> Limits:
    """The limits of one run: of each the lowest that anybody set."""
    return workflow.model_copy(
        update={
            "usd": min(workflow.usd, repository.usd or workflow.usd, most.usd),
            "minutes": min(workflow.minutes, repository.minutes or workflow.minutes, most.minutes),
            "agents": min(workflow.agents, most.agents),
        }
    )


def held(workflow: Workflow, most: Bounds) -> Workflow:
    """The workflow with no more agents at once than the operator allows, whoever wrote it."""
    if workflow.limits.agents <= most.agents:
        return workflow
    return workflow.model_copy(update={"limits": workflow.limits.model_copy(update={"agents": most.agents})})


def parse_owned(name: str, text: str, agents: dict[str, AgentSpec], most: Bounds) -> Workflow:
    """A repository's own workflow. Raises ConfigError, also where it asks for more than the operator allows."""
    workflow = parse_workflow(name, text, agents)
    limits = workflow.limits
    for key, wanted, allowed, unit in (
        ("usd", limits.usd, most.usd, "USD"),
        ("minutes", limits.minutes, most.minutes, "minutes"),
        ("agents", limits.agents, most.agents, "agents at once"),
    ):
        if key in limits.model_fields_set and wanted > allowed:
            said = f"`limits.{key}`: this installation allows {allowed:g} {unit} at most"
            hint = f"whoever runs it can raise TUTTI_MAX_{key.upper()}"
            raise load(name, text).error(("limits", key), said, hint)
    return workflow
