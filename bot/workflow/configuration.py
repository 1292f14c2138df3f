"""A repository's own configuration, `.github/tutti.yml`, read from its default branch."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from bot.document import MAX_BYTES, Strict, load, validate
from bot.errors import ConfigError
from bot.review.rules import ReviewRules
from bot.workflow.right import Right

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


Commands = Annotated[tuple[str, ...], BeforeValidator(_lines)]


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
    labels: tuple[str, ...] = ()
    requires: Right | None = None
    approval: Literal["plan", "none"] | None = None
    limits: RunLimits = RunLimits()


class Configuration(Strict):
    """`.github/tutti.yml`; every key but `version` may be left out."""

    version: Literal[1]
    staged: bool = False
    language: str | None = None
    setup: Commands = ()
    setup_hosts: tuple[str, ...] | None = None
    test: Commands = ()
    lint: Commands = ()
    backend: str | None = None
    agents: dict[str, AgentSettings] = Field(default_factory=dict)
    workflows: dict[str, WorkflowSettings] = Field(default_factory=dict)
    limits: RepositoryLimits = RepositoryLimits()
    base: str | None = None
    draft: bool | None = None
    owns: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    bots: tuple[int, ...] = ()
    review: ReviewRules | None = None


def parse(text: str, backends: frozenset[str], name: str = PATH) -> Configuration:
    """The configuration's text. Raises ConfigError with the line."""
    document = load(name, text)
    configuration = validate(document, Configuration)
    if configuration.backend is not None and configuration.backend not in backends:
        raise document.error(
            ("backend",), f"there is no backend `{configuration.backend}`", "known: " + ", ".join(sorted(backends))
        )
    return configuration
