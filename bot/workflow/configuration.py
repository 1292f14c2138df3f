"""A repository's own configuration, `.github/tutti.yml`, read from its default branch."""

import re
from functools import lru_cache
from typing import Annotated, Any, Literal

import pathspec
from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from bot.document import MAX_BYTES, Strict, load, validate
from bot.errors import ConfigError
from bot.graph.ownership import Owners
from bot.review.glob import matcher
from bot.review.rules import ReviewRules
from bot.workflow.right import Right, starting

PATH = ".github/tutti.yml"
WORKFLOWS = ".github/tutti/workflows"


def is_ours(path: str) -> bool:
    """Whether a repository's file configures Tutti."""
    folder, _, name = path.rpartition("/")
    return path == PATH or (folder == WORKFLOWS and name.endswith((".yml", ".yaml")))


def no_file(path: str) -> ConfigError:
    """For a link, a folder or a submodule in the place of a file: none of them is followed."""
    return ConfigError(path, 1, "this is no file but a link or the like, which is not followed")


def too_large(path: str) -> ConfigError:
    return ConfigError(path, 1, f"larger than {MAX_BYTES // 1024} KB")


def _lines(value: Any) -> Any:
    """One command line, or a list of them."""
    return [value] if isinstance(value, str) else value


def _command(given: str) -> str:
    """Refused where it does nothing: it would be green without a test."""
    if not any(line.strip() and not line.strip().startswith("#") for line in given.splitlines()):
        raise ValueError("a command line that does nothing; for none at all write `[]`")
    return given


Command = Annotated[str, AfterValidator(_command)]
Commands = Annotated[tuple[Command, ...], BeforeValidator(_lines, json_schema_input_type=str | tuple[str, ...])]


_HOST = re.compile(r"(?=.{1,253}(?::|$))[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*(?::(\d{1,5}))?")


def _host(given: str) -> str:
    match = _HOST.fullmatch(given.lower())
    if match is None or not 0 < int(match[1] or 443) < 65_536:
        raise ValueError(f"{given!r} is no host: write `name` or `name:port`")
    return given.lower()


Host = Annotated[str, AfterValidator(_host)]


def _glob(given: str) -> str:
    """Refused where no path ever fits: whoever wrote it believes that something is guarded."""
    try:
        matcher([given])
        patterns = [one for one in pathspec.GitIgnoreSpec.from_lines([given]).patterns if one.include is not None]
    except ValueError:
        raise ValueError(f"{given!r} is no glob as in a .gitignore") from None
    if not patterns or {".", ".."} & set(given.removeprefix("!").split("/")) or "//" in given:
        raise ValueError(f"{given!r} is a glob that no path of a repository fits")
    return given


def _not_taken_back_first(given: tuple[str, ...]) -> tuple[str, ...]:
    if given and given[0].startswith("!"):
        raise ValueError(f"{given[0]!r} takes nothing back: no glob stands before it")
    return given


Guarded = Annotated[tuple[Annotated[str, AfterValidator(_glob)], ...], AfterValidator(_not_taken_back_first)]
Area = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Label = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(starting)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z -]{1,39}$")]


class RunLimits(Strict):
    """Lower limits for single runs."""

    usd: Annotated[float, Field(gt=0, le=1000)] | None = None
    minutes: Annotated[float, Field(gt=0, le=24 * 60)] | None = None


class RepositoryLimits(RunLimits):
    """Lower limits for the runs of this repository: each of them, and all of one day of UTC."""

    usd_a_day: Annotated[float, Field(gt=0, le=100_000)] | None = None
    runs_a_day: Annotated[int, Field(ge=0, le=100_000)] | None = None


class AgentSettings(Strict):
    """What a repository sets of an agent, in place of what the agent's file says."""

    backend: str | None = None
    model: str | None = None
    max_turns: Annotated[int, Field(ge=1, le=1000)] | None = None


class WorkflowSettings(Strict):
    """What a repository sets of a workflow: whether it starts at all, by which labels, who may, for how much."""

    enabled: bool = True
    labels: Annotated[tuple[Label, ...], Field(min_length=1)] = ()
    requires: Right | None = None
    approval: Literal["plan", "result", "none"] | None = None
    limits: RunLimits = RunLimits()


class Configuration(Strict):
    """`.github/tutti.yml`; every key but `version` may be left out."""

    version: Literal[1]
    staged: bool = False
    language: Language | None = None
    setup: Commands = ()
    setup_hosts: tuple[Host, ...] | None = None
    test: Commands = ()
    lint: Commands = ()
    backend: str | None = None
    agents: dict[str, AgentSettings] = Field(default_factory=dict)
    workflows: dict[str, WorkflowSettings] = Field(default_factory=dict)
    limits: RepositoryLimits = RepositoryLimits()
    base: str | None = None
    draft: bool | None = None
    co_authors: bool = False
    layers: dict[Area, Annotated[Guarded, Field(min_length=1)]] = Field(default_factory=dict)
    services: Guarded = ()
    owns: Guarded = ()
    protected: Guarded = ()
    bots: tuple[Annotated[int, Field(ge=1)], ...] = ()
    review: ReviewRules | None = None

    @field_validator("layers")
    @classmethod
    def _have_one_owner(cls, layers: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if stray := next((glob for globs in layers.values() for glob in globs if "{{" in glob), None):
            raise ValueError(f"{stray!r} is a glob that holds an expression")
        for one, other, example in Owners(layers).conflicts():
            raise ValueError(f"`{one}` and `{other}` both have `{example}`: a path is of one layer")
        return layers


@lru_cache(maxsize=1024)
def stored(text: str) -> Configuration | None:
    """A copy that was good once, whatever the operator allows by now; None where it is not for this Tutti."""
    try:
        return validate(load(PATH, text), Configuration)
    except ConfigError:
        return None
