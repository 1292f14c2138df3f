"""What the lead of a team says, as data: its plan, and its review of what came of it. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from slugify import slugify

from bot.graph.ownership import Owners
from bot.graph.territory import claimed, within
from bot.review.answer import LISTED, NO_ANSWER, complaints, object_in

Parsed = tuple[list[dict[str, Any]], list[str]]
_Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000)]
_Text = Annotated[_Words, StringConstraints(min_length=1)]
_Who = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


@dataclass(frozen=True)
class Assignment:
    """A part of a plan: who does it, the task, the globs of what they may change, whether they are a team again."""

    who: str
    task: str
    owns: tuple[str, ...] = ()
    team: bool = False


@dataclass(frozen=True)
class Review:
    """Whether a lead accepts what came of its plan; `returns` has a remark for whoever is to work on it again."""

    accepted: bool
    summary: str
    returns: Mapping[str, str]


@dataclass(frozen=True)
class Scope:
    """What a lead may decide that decides who is needed: on how many, of which paths, and whether on teams.

    `owns` empty: everything. `free`: its people may own something.
    """

    breadth: int
    owns: tuple[str, ...] = ()
    teams: bool = False
    free: bool = True
    taken: frozenset[str] = frozenset()


class _Said(BaseModel):
    """Keys that nobody asked for are left out."""

    model_config = ConfigDict(frozen=True)


class _Part(_Said):
    who: _Who
    task: _Text
    owns: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    team: bool = False


class _Plan(_Said):
    parts: Annotated[tuple[_Part, ...], Field(max_length=200)]


class _Return(_Said):
    who: _Who
    remark: _Text


class _Review(_Said):
    accepted: bool
    summary: _Words = ""
    returns: Annotated[tuple[_Return, ...], Field(max_length=200)] = ()


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    found = {"type": "object", "properties": dict(properties), "required": list(properties)}
    return {**found, "additionalProperties": False}


def _list(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(**properties)}


_STRING = {"type": "string"}
_PATHS = {"type": "array", "items": _STRING}
# For backends that hold a model to a schema.
PLAN = _object(parts=_list(who=_STRING, task=_STRING))
DECISION = _object(parts=_list(who=_STRING, task=_STRING, owns=_PATHS, team={"type": "boolean"}))
REVIEW = _object(accepted={"type": "boolean"}, summary=_STRING, returns=_list(who=_STRING, remark=_STRING))


def plan(words: str, names: Collection[str]) -> Parsed:
    """A plan for people that there are: the assignments as records, or what is wrong with it."""
    said, wrong = _read(words, _Plan)
    if not isinstance(said, _Plan):
        return [], wrong
    wrong = [*_strangers([part.who for part in said.parts], names), *_twice([part.who for part in said.parts])]
    return ([] if wrong else [asdict(Assignment(part.who, part.task)) for part in said.parts]), wrong[:LISTED]


def decision(words: str, scope: Scope) -> Parsed:
    """A plan that says who is needed: the assignments, with names that any key may hold; or what is wrong with it."""
    said, wrong = _read(words, _Plan)
    if not isinstance(said, _Plan):
        return [], wrong
    if len(said.parts) > scope.breadth:
        return [], [f"parts: {len(said.parts)} of them, and there may be {scope.breadth} at most"]
    found = list[Assignment]()
    for number, part in enumerate(said.parts):
        try:
            found.append(_decided(part, scope, alone=len(said.parts) == 1))
        except ValueError as no:
            wrong.append(f"parts.{number}: {no}")
    wrong += [] if wrong else [*_twice([one.who for one in found]), *_shared(found)]
    return ([] if wrong else [asdict(one) for one in found]), wrong[:LISTED]


def _decided(part: _Part, scope: Scope, *, alone: bool) -> Assignment:
    """Raises ValueError for what its lead may not decide."""
    name = slugify(part.who, max_length=30) or "member"
    name = f"{name}-1" if name in scope.taken else name
    if part.team and not scope.teams:
        raise ValueError("`team`: nobody here may lead a team again")
    if part.owns and not scope.free:
        raise ValueError("`owns`: your team owns nothing, and so does whoever is in it")
    owns = tuple(dict.fromkeys(glob for path in part.owns for glob in claimed(path, scope.owns)))
    if not owns and scope.owns and not alone:
        raise ValueError("`owns` is empty: say which of your team's paths are theirs")
    return Assignment(name, part.task, within(owns, scope.owns), part.team)


def _shared(found: Sequence[Assignment]) -> list[str]:
    """Who owns what another does, too; and who owns nothing, where others do."""
    owned = {one.who: one.owns for one in found if one.owns}
    nothing = [one.who for one in found if not one.owns]
    if owned and nothing:
        return [f"parts: `{nothing[0]}` owns nothing: where one of them owns something all do"]
    try:
        shared = Owners(owned).conflicts()
    except ValueError as wrong:
        return [f"parts: {wrong}"]
    return [f"parts: `{one}` and `{other}` both own `{path}`" for one, other, path in shared]


def review(words: str, names: Collection[str]) -> Parsed:
    """A review of what `names` did, as one record; or what is wrong with it."""
    said, wrong = _read(words, _Review)
    if not isinstance(said, _Review):
        return [], wrong
    who = [one.who for one in said.returns]
    wrong = [*_strangers(who, names), *_twice(who)]
    if said.accepted and who:
        wrong.append("`returns` names work, and `accepted` is true: what you accept you do not return")
    if not said.accepted and not who and not said.summary:
        wrong.append("`accepted` is false: say in `returns` whose work is to be done again, or in `summary` why")
    returns = {one.who: one.remark for one in said.returns}
    return ([] if wrong else [asdict(Review(said.accepted, said.summary, returns))]), wrong[:LISTED]


def _read(words: str, model: type[_Said]) -> tuple[_Said | None, list[str]]:
    given = object_in(words)
    if given is None:
        return None, [NO_ANSWER]
    try:
        return model.model_validate(given), []
    except ValidationError as error:
        return None, complaints(error)[:LISTED]


def _strangers(who: Sequence[str], names: Collection[str]) -> list[str]:
    known = ", ".join(names)
    return [f"there is no `{name}` in your team: known are {known}" for name in who if name not in names]


def _twice(who: Sequence[str]) -> list[str]:
    return [f"`{name}` is named twice" for name in dict.fromkeys(who) if who.count(name) > 1]
