"""What a repository wants of its runs besides commands and limits: plain data, which a run's ground records."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.agents.spec import AgentSpec
from bot.workflow.configuration import Configuration
from bot.workflow.override import order


@dataclass(frozen=True)
class Chosen:
    """What is set of an agent, or of all agents of a folder, in place of what the agent file says; None: nothing."""

    backend: str | None = None
    model: str | None = None
    max_turns: int | None = None

    def over(self, other: "Chosen") -> "Chosen":
        """Key by key what is set here, and what the other sets where nothing is."""
        turns = self.max_turns if self.max_turns is not None else other.max_turns
        return Chosen(self.backend or other.backend, self.model or other.model, turns)


@dataclass(frozen=True)
class Custom:
    """`owns` are the globs of what runs may change (none: everything), `protected` of what needs a person's approval.

    `setup_hosts` None: those of the operator. `language` empty: whatever agents take. `usd_a_day` is the repository's.
    `staged`: a run shows what it would do, and writes nothing else. `co_authors`: commits name the agents that made
    them. `layers` by name and `services` say by globs what the repository falls into.
    """

    agents: Mapping[str, Chosen] = field(default_factory=dict)
    lint: tuple[str, ...] = ()
    setup_hosts: tuple[str, ...] | None = None
    owns: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    language: str = ""
    usd_a_day: float | None = None
    staged: bool = False
    co_authors: bool = False
    layers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: tuple[str, ...] = ()

    def chosen(self, agent: str) -> Chosen:
        """What is set of an agent, key by key: its own name wins over its folder's."""
        made = Chosen()
        for name in order(self.agents, agent):
            made = made.over(self.agents[name])
        return made

    def applied(self, agent: str, spec: AgentSpec) -> AgentSpec:
        """The agent file with what is set in its place."""
        chosen = self.chosen(agent)
        wanted = {"backend": chosen.backend, "model": chosen.model, "max_turns": chosen.max_turns}
        return spec.model_copy(update={name: value for name, value in wanted.items() if value is not None})


def custom(settings: Configuration) -> Custom:
    """What a configuration wants of runs."""
    agents = {name: Chosen(one.backend, one.model, one.max_turns) for name, one in settings.agents.items()}
    return Custom(
        agents=agents,
        lint=settings.lint,
        setup_hosts=settings.setup_hosts,
        owns=settings.owns,
        protected=settings.protected,
        language=settings.language or "",
        usd_a_day=settings.limits.usd_a_day,
        staged=settings.staged,
        co_authors=settings.co_authors,
        layers=settings.layers,
        services=settings.services,
    )
