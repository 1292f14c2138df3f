"""The rules of reviews, as a workflow gives them and a repository changes them: who reads what, and what is said."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from bot.document import Strict
from bot.review.finding import Severity
from bot.review.glob import matcher


def _globs(given: tuple[str, ...]) -> tuple[str, ...]:
    """Refused where they are read, not in the middle of a review."""
    for glob in given:
        try:
            matcher([glob])
        except ValueError:
            raise ValueError(f"{glob!r} is no glob as in a .gitignore") from None
    return given


Globs = Annotated[tuple[str, ...], AfterValidator(_globs)]


class Tier(Strict):
    """One row of the risk tiers. It holds for a change any (`any`) or all (`all`) of whose files fit its globs.

    The first tier that holds picks the agents: `all`, `none`, or names. `model` replaces the agents' own.
    """

    name: str
    any: Globs = ()
    all: Globs = ()
    most_lines: Annotated[int, Field(ge=1)] | None = None
    agents: Literal["all", "none"] | tuple[str, ...] = "all"
    model: str | None = None

    @field_validator("agents", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class Instruction(Strict):
    """What agents are told besides, for files that fit `paths`."""

    paths: Globs = Field(min_length=1)
    text: Annotated[str, Field(max_length=4_000)]


class Caps(Strict):
    """How many findings of each severity a review has at lines, and in its text; the rest stands in the folded list."""

    critical: Annotated[int, Field(ge=0, le=50)] = 20
    major: Annotated[int, Field(ge=0, le=50)] = 10
    minor: Annotated[int, Field(ge=0, le=50)] = 5
    nit: Annotated[int, Field(ge=0, le=50)] = 1


class Bars(Strict):
    """The least confidence (0 to 1) at which a finding is said, by severity; `style` is for that category."""

    critical: Annotated[float, Field(ge=0, le=1)] = 0.4
    major: Annotated[float, Field(ge=0, le=1)] = 0.55
    minor: Annotated[float, Field(ge=0, le=1)] = 0.7
    nit: Annotated[float, Field(ge=0, le=1)] = 0.9
    style: Annotated[float, Field(ge=0, le=1)] = 0.9


class Skip(Strict):
    """Pull requests that are not reviewed by themselves; a person may still ask for a review.

    `own` are those that Tutti opened, `all` is every one.
    """

    all: bool = False
    own: bool = False
    drafts: bool = True
    bots: bool = True
    authors: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    labels: tuple[str, ...] = ("no-review",)
    branches: Globs = ()


class Reading(Strict):
    """How much is read: `part_tokens` in one prompt, `parts` prompts an agent; what does not fit is named."""

    part_tokens: Annotated[int, Field(ge=1_000, le=500_000)] = 40_000
    parts: Annotated[int, Field(ge=1, le=20)] = 4
    ignore: Globs = ()


class ReviewRules(Strict):
    """The key `review` of a workflow, and of a repository's configuration, which replaces what it names."""

    tiers: tuple[Tier, ...] = ()
    skip: Skip = Skip()
    reading: Reading = Reading()
    caps: Caps = Caps()
    bars: Bars = Bars()
    guidelines: Globs = ("CONTRIBUTING.md", "AGENTS.md", "CLAUDE.md", ".github/review.md")
    instructions: tuple[Instruction, ...] = ()
    language: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z -]{1,39}$")] = "English"
    debounce_seconds: Annotated[float, Field(ge=0, le=600)] = 15
    event: Literal["comment", "request-changes", "approve"] = "comment"
    fail_on: Severity | None = None


def merged(ours: ReviewRules, theirs: ReviewRules | None) -> ReviewRules:
    """The workflow's rules with what the repository sets; of `skip`, `reading`, `caps`, `bars` key by key."""
    if theirs is None:
        return ours
    update: dict[str, object] = {}
    for name in theirs.model_fields_set:
        mine, wanted = getattr(ours, name), getattr(theirs, name)
        if isinstance(wanted, Strict):
            wanted = mine.model_copy(update={key: getattr(wanted, key) for key in wanted.model_fields_set})
        update[name] = wanted
    return ours.model_copy(update=update)


def tiers_of(rules: ReviewRules) -> Sequence[Tier]:
    return rules.tiers or (Tier.model_validate({"name": "usual"}),)
