"""What a run may use: its workflow's limits, lowered by the repository, never above the operator's."""

from dataclasses import dataclass

from bot.agents.spec import AgentSpec
from bot.document import load
from bot.workflow.configuration import RepositoryLimits
from bot.workflow.spec import Limits, Workflow, parse_workflow


@dataclass(frozen=True)
class Bounds:
    """The operator's own limits, in US dollars and minutes, which no file of a repository may exceed."""

    usd: float
    minutes: float


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
        }
    )


def parse_owned(name: str, text: str, agents: dict[str, AgentSpec], most: Bounds) -> Workflow:
    """A repository's own workflow. Raises ConfigError, also where it asks for more than the operator allows."""
    workflow = parse_workflow(name, text, agents)
    limits = workflow.limits
    for key, wanted, allowed, unit in (
        ("usd", limits.usd, most.usd, "USD"),
        ("minutes", limits.minutes, most.minutes, "minutes"),
    ):
        if key in limits.model_fields_set and wanted > allowed:
            said = f"`limits.{key}`: this installation allows {allowed:g} {unit} at most"
            hint = f"whoever runs it can raise TUTTI_MAX_{key.upper()}"
            raise load(name, text).error(("limits", key), said, hint)
    return workflow
