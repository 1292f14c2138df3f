"""A plan: what an agent answers, as data; the text that people approve of; and every sentence about plans. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from bot.github.harmless import code, phrase
from bot.invisible import cleaned
from bot.publish.text import APPROVED
from bot.review import answer

Clean = Callable[[str], str]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
MOST, MOST_FILES = 20, 40  # items of a list that are shown
LONGEST = 500  # characters of one of them
_SIZES = {"small": "a few dozen lines", "medium": "a few hundred lines", "large": "more than a few hundred lines"}


class _Said(BaseModel):
    """Keys that nobody asked for are left out."""

    model_config = ConfigDict(frozen=True)


class Change(_Said):
    """What is to happen in one file."""

    path: Words
    change: str = ""


class Plan(_Said):
    """What an agent proposes to do."""

    goal: Words
    steps: tuple[Words, ...]
    files: tuple[Change, ...] = ()
    tests: tuple[Words, ...] = ()
    risks: tuple[Words, ...] = ()
    questions: tuple[Words, ...] = ()
    size: Literal["small", "medium", "large"] = "medium"


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT: Mapping[str, Any] = {"type": "string"}
SCHEMA = _object(
    goal=_TEXT,
    steps=_list(_TEXT),
    files=_list(_object(path=_TEXT, change=_TEXT)),
    tests=_list(_TEXT),
    risks=_list(_TEXT),
    questions=_list(_TEXT),
    size={"type": "string", "enum": list(_SIZES)},
)


def read(words: str, clean: Clean) -> tuple[list[dict[str, Any]], list[str]]:
    """The plan in an agent's last words as plain data, one at most; and what is not valid in it, one line a problem.

    `clean` takes out of each text what nobody may see: JSON can spell it in ways that the words do not show.
    """
    given = answer.object_in(words)
    if given is None:
        return [], [answer.NO_ANSWER]
    try:
        made = Plan.model_validate(_cleaned(given, clean))
    except ValidationError as error:
        return [], answer.complaints(error)
    return ([made.model_dump(mode="json")], []) if made.steps else ([], ["steps: name at least one"])


def load(record: Mapping[str, Any]) -> Plan:
    """The plan as `read` gave it."""
    return Plan.model_validate(record)


def _cleaned(value: object, clean: Clean) -> object:
    if isinstance(value, str):
        return clean(" ".join(cleaned(value).split()))
    if isinstance(value, list):
        return [_cleaned(item, clean) for item in value]
    if isinstance(value, dict):
        return {key: _cleaned(item, clean) for key, item in value.items()}
    return value


def plan(made: Plan) -> str:
    """The plan as people approve of it and as the agent gets it: the very same text."""
    files = [f"{code(one.path)}: {_line(one.change)}" if one.change else code(one.path) for one in made.files]
    parts = [
        f"**Goal:** {_line(made.goal)}",
        _listed("Steps", [_line(one) for one in made.steps], numbered=True),
        _listed("Files", files, most=MOST_FILES),
        _listed("Tests", [_line(one) for one in made.tests]),
        _listed("Risks", [_line(one) for one in made.risks]),
        _listed("Open questions", [_line(one) for one in made.questions]),
        f"**Size:** {made.size}, {_SIZES[made.size]}",
    ]
    return "\n\n".join(part for part in parts if part)


def _listed(title: str, lines: Sequence[str], *, numbered: bool = False, most: int = MOST) -> str:
    """A list below its title; nothing of an empty one. What is left out is counted."""
    shown = [f"{number}. {line}" if numbered else f"- {line}" for number, line in enumerate(lines[:most], start=1)]
    if len(lines) > most:
        shown.append(f"\nand {len(lines) - most} more, which are not part of the plan")
    return f"**{title}**\n\n" + "\n".join(shown) if lines else ""


def _line(words: str) -> str:
    """One line of others' words, which no command, mention or markup of theirs gets out of."""
    return phrase(words, LONGEST)


# ---- what is said about plans ----------------------------------------------------------------------------------------


def place(branch: str, sha: str, pull: int | None) -> str:
    """Where a plan is for: `main` at `1a2b3c4d5e6f`."""
    return f"{f'#{pull}' if pull is not None else code(branch)} at `{sha[:12]}`"


def needs_approval(shown: str, digest: str, where: str, days: int, requires: str) -> str:
    """The plan, and how somebody says yes to exactly this text."""
    return (
        "Needs approval: nothing is changed before somebody agrees to this plan.\n\n"
        f"{shown}\n\n"
        f"To have exactly this plan (`{digest[:12]}`) carried out on {where}, someone with {requires} access comments "
        f"`/approve` or sets the label `{APPROVED}`. Another `/plan` takes the place of this one. "
        f"It waits for {days} days."
    )


def staged(shown: str) -> str:
    return f"Staged: nothing but this comment is written, so this plan waits for no approval.\n\n{shown}"


def nothing_to_start() -> str:
    return "Refused: no workflow here begins with `/implement`, so a plan could not be carried out."


def reading(by: str) -> str:
    """The title of the step in which a run takes over a plan."""
    return f"Read the plan that @{by} approved and fetch the repository"


def bound(where: str, branch: str, *, moved: bool, edited: bool, newer: int) -> list[str]:
    """What a run on a plan says about what it works on: exactly what was approved, whatever came after."""
    notes = [f"The plan and the work are for {where}."]
    if moved:
        notes.append(f"{code(branch)} has moved on since.")
    if edited:
        notes.append("The issue was edited since; its text is taken as it was then.")
    if newer:
        which = "1 comment that was" if newer == 1 else f"{newer} comments that were"
        notes.append(f"Not read: {which} written since the plan was asked for.")
    return notes


def pull_moved(pull: int | None, now: int | None) -> str:
    """For a plan that goes on with a pull request which is not what it was."""
    if pull is None:
        return f"Refused: #{now} was opened since the plan was made, which knows nothing of it; ask for a new `/plan`."
    if now != pull:
        return f"Refused: #{pull}, which the plan goes on with, is not open any more; ask for a new `/plan`."
    return f"Refused: #{pull} has new commits since the plan was made for it; ask for a new `/plan`."
