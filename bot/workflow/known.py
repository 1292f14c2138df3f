"""What a repository's configuration may name, and how much it may ask for: checked where it is read. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from bot.document import Document, load, validate
from bot.document import Path as Place
from bot.errors import ConfigError
from bot.sandbox import reach
from bot.sandbox.meter import undated
from bot.workflow.bounds import Bounds
from bot.workflow.configuration import PATH, Configuration, RepositoryLimits, RunLimits, WorkflowSettings
from bot.workflow.spec import Workflow, unread


@dataclass(frozen=True)
class Known:
    """What there is here. Of `models`, `hosts` and what follows None says that nothing is known of it, or no limit.

    `workflows` holds None for a file that never was good, `hosts` the places that set-up steps may reach; `most` and
    what a repository may use in a day (US dollars, runs) are the operator's.
    """

    backends: Collection[str]
    agents: Collection[str]
    workflows: Mapping[str, Workflow | None]
    models: frozenset[str] | None = None
    hosts: frozenset[reach.Place] | None = None
    most: Bounds | None = None
    usd_a_day: float | None = None
    runs_a_day: int | None = None


def parse(text: str, known: Known, name: str = PATH) -> Configuration:
    """The configuration's text. Raises ConfigError with the line of the first thing that is wrong."""
    document = load(name, text)
    configuration = validate(document, Configuration)
    if wrong := min(_wrong(document, configuration, known), key=lambda error: error.line, default=None):
        raise wrong
    return configuration


def covers(pattern: str, agent: str) -> bool:
    """Whether a name under `agents` means this agent: its own, `<folder>/*`, or `*`."""
    return pattern == agent or ((pattern == "*" or pattern.endswith("/*")) and agent.startswith(pattern[:-1]))


def _wrong(document: Document, configuration: Configuration, known: Known) -> Iterator[ConfigError]:
    yield from _backends(document, configuration, known)
    yield from _models(document, configuration, known)
    for name in configuration.agents:
        if not any(covers(name, agent) for agent in known.agents):
            yield _unknown(document, ("agents", name), "agent", name, known.agents)
    for name, settings in configuration.workflows.items():
        if name not in known.workflows:
            yield _unknown(document, ("workflows", name), "workflow", name, known.workflows)
        elif (workflow := known.workflows[name]) is not None:
            yield from _unfit(document, name, settings, workflow)
        yield from _too_much(document, ("workflows", name, "limits"), settings.limits, known.most)
    for place, said, hint in unread(configuration.review.tiers if configuration.review else (), known.agents):
        yield document.error(("review", *place), said, hint)
    yield from _too_much(document, ("limits",), configuration.limits, known.most)
    yield from _too_much_a_day(document, configuration.limits, known)
    yield from _hosts(document, configuration.setup_hosts or (), known.hosts)


def _backends(document: Document, configuration: Configuration, known: Known) -> Iterator[ConfigError]:
    named: list[tuple[Place, str | None]] = [(("backend",), configuration.backend)]
    named += [(("agents", name, "backend"), one.backend) for name, one in configuration.agents.items()]
    for place, backend in named:
        if backend is not None and backend not in known.backends:
            yield _unknown(document, place, "backend", backend, known.backends)


def _models(document: Document, configuration: Configuration, known: Known) -> Iterator[ConfigError]:
    if known.models is None:
        return
    named: list[tuple[Place, str | None]] = []
    named += [(("agents", name, "model"), one.model) for name, one in configuration.agents.items()]
    tiers = configuration.review.tiers if configuration.review is not None else ()
    named += [(("review", "tiers", number, "model"), tier.model) for number, tier in enumerate(tiers)]
    allowed = frozenset(map(undated, known.models))
    for place, model in named:
        if model is not None and undated(model) not in allowed:
            said = f"this installation does not allow the model `{model}`"
            yield document.error(place, said, _meant(model, known.models, "allowed: "))


def _unfit(document: Document, name: str, settings: WorkflowSettings, workflow: Workflow) -> Iterator[ConfigError]:
    """What would change nothing, though whoever wrote it believes that it does."""
    if settings.labels and not workflow.trigger_labels:
        yield document.error(("workflows", name, "labels"), f"no label starts the workflow `{name}`")
    if settings.approval in ("plan", "result") and workflow.outputs.pull_request is None:
        said = f"the workflow `{name}` opens no pull request, so there is no {settings.approval} to approve of"
        yield document.error(("workflows", name, "approval"), said)


def _too_much(document: Document, place: Place, limits: RunLimits, most: Bounds | None) -> Iterator[ConfigError]:
    for key, unit in (("usd", "USD"), ("minutes", "minutes")) if most is not None else ():
        wanted, allowed = getattr(limits, key), getattr(most, key)
        if wanted is not None and wanted > allowed:
            yield _above(document, (*place, key), f"{allowed:g} {unit}", f"TUTTI_MAX_{key.upper()}")


def _too_much_a_day(document: Document, limits: RepositoryLimits, known: Known) -> Iterator[ConfigError]:
    for key, unit in (("usd", "USD"), ("runs", "runs")):
        wanted, allowed = getattr(limits, f"{key}_a_day"), getattr(known, f"{key}_a_day")
        if wanted is not None and allowed is not None and wanted > allowed:
            setting = f"TUTTI_REPO_{key.upper()}_A_DAY"
            yield _above(document, ("limits", f"{key}-a-day"), f"{allowed:g} {unit}", setting)


def _above(document: Document, place: Place, allowed: str, setting: str) -> ConfigError:
    key = ".".join(map(str, place))
    said = f"`{key}`: this installation allows {allowed} at most"
    return document.error(place, said, f"whoever runs it can raise {setting}")


def _hosts(document: Document, hosts: tuple[str, ...], allowed: frozenset[reach.Place] | None) -> Iterator[ConfigError]:
    for number, host in enumerate(hosts if allowed is not None else ()):
        if not reach.places([host]) <= (allowed or frozenset()):
            said = f"`setup-hosts.{number}`: this installation does not let set-up steps reach `{host}`"
            yield document.error(("setup-hosts", number), said, "whoever runs it can add it to TUTTI_SETUP_HOSTS")


def _unknown(document: Document, place: Place, kind: str, name: str, known: Collection[str]) -> ConfigError:
    return document.error(place, f"there is no {kind} `{name}`", _meant(name, known, "known: "))


def _meant(name: str, known: Collection[str], otherwise: str) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else otherwise + ", ".join(sorted(known))
