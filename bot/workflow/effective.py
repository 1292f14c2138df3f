"""Every setting that is in force in a repository, and where each comes from. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.agents.spec import AgentSpec
from bot.document import Document, Strict, kebab, load
from bot.review.rules import merged as with_rules
from bot.workflow import override
from bot.workflow.bounds import Bounds, Permitted
from bot.workflow.configuration import PATH, Configuration, WorkflowSettings, stored
from bot.workflow.spec import Workflow

DEFAULT, ORGANISATION, INSTALLATION = "default", "organisation", "this installation"
_ALONE = ("staged", "language", "setup", "setup_hosts", "test", "lint", "backend", "base", "draft", "co_authors")
_GUARDS = ("layers", "services", "owns", "protected", "bots")
Way = tuple[str, ...]  # the names that lead to a value: fields of models and keys of mappings


@dataclass(frozen=True)
class Row:
    """One setting: `review.caps.nit`, its value, and its source with the line there, where that is known.

    `source`: DEFAULT, ORGANISATION, `.github/tutti.yml`, INSTALLATION, or the path of a repository's own workflow.
    """

    key: str
    value: Any
    source: str
    line: int | None = None


@dataclass(frozen=True)
class File:
    """A configuration file: its last good text (empty where there never was one), what is wrong with its newest."""

    text: str
    problem: str


@dataclass(frozen=True)
class Sources:
    """The files of a repository: its configuration, its organisation's, and the paths of its own workflows by id."""

    own: File | None
    organisation: File | None
    workflows: Mapping[str, str]


@dataclass(frozen=True)
class Effective:
    """What is in force. `problem`: what is wrong with the newest copy of the repository's own configuration, in whose
    place the last good one is in force, if there is one (`good`); `organisation_wrong`: the same happened above it.
    """

    rows: tuple[Row, ...]
    problem: str = ""
    good: bool = True
    organisation_wrong: bool = False


@dataclass(frozen=True)
class _Layer:
    source: str
    configuration: Configuration
    document: Document

    def line(self, way: Way) -> int | None:
        """The line of a value, None where this file does not set it."""
        value: Any = self.configuration
        place: list[str] = []
        for name in way:
            there = value.model_fields_set if isinstance(value, Strict) else value if isinstance(value, dict) else ()
            if name not in there:
                return None
            place.append(kebab(name) if isinstance(value, Strict) else name)
            value = getattr(value, name) if isinstance(value, Strict) else value[name]
        return self.document.line(tuple(place))


def explained(
    sources: Sources,
    workflows: Mapping[str, Workflow],
    agents: Mapping[str, AgentSpec],
    most: Bounds,
    permitted: Permitted,
) -> Effective:
    """All of it, `workflows` being those that there are, before the configuration changes them."""
    layers = [*_layer(PATH, sources.own), *_layer(ORGANISATION, sources.organisation)]
    told = _Told(layers, sources, most, permitted)
    rows = [*told.alone(), *told.limits(), *told.of_workflows(workflows), *told.of_agents(agents)]
    rows += told.of_reviews(workflows)
    own, theirs = sources.own, sources.organisation
    return Effective(
        tuple(rows),
        problem=own.problem if own is not None else "",
        good=own is None or own.text != "",
        organisation_wrong=theirs is not None and theirs.problem != "",
    )


def _layer(source: str, file: File | None) -> list[_Layer]:
    found = stored(file.text) if file is not None and file.text else None
    return [_Layer(source, found, load(source, file.text))] if file is not None and found is not None else []


def _triggers(workflow: Workflow) -> tuple[str, ...]:
    """What starts a workflow: `issues: labeled (auto-implement)`, `/implement`."""
    on, said = workflow.on, list[str]()
    if on.issues is not None:
        said.append(f"issues: {_listed(on.issues.types, on.issues.labels)}")
    if on.pull_request is not None:
        said.append(f"pull_request: {_listed(on.pull_request.types)}")
    if on.check_run is not None:
        said.append(f"check_run: {_listed(on.check_run.types, (on.check_run.button,) if on.check_run.button else ())}")
    return (*said, *([f"/{on.command}"] if on.command else []))


def _listed(types: Iterable[str], narrowed: Iterable[str] = ()) -> str:
    return ", ".join(types) + (f" ({', '.join(narrowed)})" if narrowed else "")


class _Told:
    """The rows, of the files from the top one down."""

    def __init__(self, layers: list[_Layer], sources: Sources, most: Bounds, permitted: Permitted) -> None:
        self._layers, self._sources, self._most, self._permitted = layers, sources, most, permitted
        below, above = layers[-1:], layers[:-1]
        found = override.merged(below[0].configuration if below else None, above[0].configuration if above else None)
        self._all = found or Configuration(version=1)

    def _row(self, key: str, value: Any, way: Way, otherwise: str = DEFAULT) -> Row:
        for layer in self._layers:
            if (line := layer.line(way)) is not None:
                return Row(key, value, layer.source, line)
        return Row(key, value, otherwise)

    def _lowest(self, key: str, offers: Iterable[tuple[float | None, Way, str]]) -> Row:
        """The lowest of what anybody set, each with the way to it or with its source."""
        told = [(value, way, source) for value, way, source in offers if value is not None]
        if not told:
            return Row(key, None, DEFAULT)
        value, way, source = min(told, key=lambda offer: offer[0])
        return self._row(key, value, way, source) if way else Row(key, value, source)

    def alone(self) -> Iterator[Row]:
        for name in (*_ALONE, *_GUARDS):
            named = INSTALLATION if name == "setup_hosts" and self._permitted.setup_hosts else DEFAULT
            yield self._row(kebab(name), getattr(self._all, name), (name,), named)

    def limits(self) -> Iterator[Row]:
        limits = self._all.limits
        for name, most in (
            ("usd", self._most.usd),
            ("minutes", self._most.minutes),
            ("usd_a_day", self._permitted.usd_a_day),
            ("runs_a_day", self._permitted.runs_a_day),
        ):
            offers = ((getattr(limits, name), ("limits", name), ""), (most, (), INSTALLATION))
            yield self._lowest(f"limits.{kebab(name)}", offers)

    def of_workflows(self, workflows: Mapping[str, Workflow]) -> Iterator[Row]:
        for name, workflow in workflows.items():
            settings = self._all.workflows.get(name, WorkflowSettings())
            result, source = override.changed(workflow, settings), self._source(name)
            way, key = ("workflows", name), f"workflows.{name}"
            yield self._row(f"{key}.enabled", settings.enabled, (*way, "enabled"))
            yield self._row(f"{key}.on", _triggers(result), (*way, "labels"), source)
            if result.trigger_labels:
                yield self._row(f"{key}.labels", result.trigger_labels, (*way, "labels"), source)
            yield self._row(f"{key}.requires", result.requires, (*way, "requires"), source)
            if result.outputs.pull_request is not None:
                yield self._row(f"{key}.approval", result.approval, (*way, "approval"), source)
            yield from (
                Row(f"{key}.jobs.{job}.owns", one.owns, source) for job, one in workflow.jobs.items() if one.owns
            )
            for limit in ("usd", "minutes"):
                yield self._lowest(f"{key}.limits.{limit}", self._offers(workflow, settings, (*way, "limits"), limit))

    def _offers(self, workflow: Workflow, settings: WorkflowSettings, way: Way, limit: str) -> Any:
        yield getattr(settings.limits, limit), (*way, limit), ""
        yield getattr(self._all.limits, limit), ("limits", limit), ""
        yield getattr(workflow.limits, limit), (), self._source(way[1])
        yield getattr(self._most, limit), (), INSTALLATION

    def _source(self, workflow: str) -> str:
        return self._sources.workflows.get(workflow, DEFAULT)

    def of_agents(self, agents: Mapping[str, AgentSpec]) -> Iterator[Row]:
        for name, spec in agents.items():
            settings = override.of_agent(self._all, name)
            for field in ("backend", "model", "max_turns"):
                value = getattr(settings, field)
                ways: list[Way] = [("agents", one, field) for one in override.order(self._all.agents, name)]
                ways += [("backend",)] if field == "backend" else []
                found = (self._row(f"agents.{name}.{kebab(field)}", value, way) for way in ways)
                default = Row(f"agents.{name}.{kebab(field)}", getattr(spec, field), DEFAULT)
                yield next((row for row in found if row.source != DEFAULT), default)

    def of_reviews(self, workflows: Mapping[str, Workflow]) -> Iterator[Row]:
        """The rules of the first workflow that reviews: there is one."""
        for name, workflow in workflows.items():
            if workflow.pattern == "review":
                rules = with_rules(workflow.review, self._all.review)
                yield from self._rules(rules, ("review",), self._source(name))
                return

    def _rules(self, rules: Strict, way: Way, source: str) -> Iterator[Row]:
        for name in type(rules).model_fields:
            value, there = getattr(rules, name), (*way, name)
            if isinstance(value, Strict):
                yield from self._rules(value, there, source)
            elif there == ("review", "language") and self._speaks():
                yield self._row("review.language", self._all.language, ("language",))
            else:
                yield self._row(".".join(map(kebab, there)), value, there, source)

    def _speaks(self) -> bool:
        """Whether the language of everything is that of reviews, too: nobody set one for them."""
        set_for_reviews = (layer.line(("review", "language")) is not None for layer in self._layers)
        return self._all.language is not None and not any(set_for_reviews)
