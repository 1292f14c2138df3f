"""What a job says by name for those after it: of which kind each is, and what of an agent's words is that. Pure."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from bot.invisible import cleaned
from bot.review.answer import object_in
from bot.storable import storable

Kind = Literal["string", "number", "boolean", "list", "map"]
MOST, MOST_KEYS, LONGEST = 1_000, 100, 10_000  # items of a list, keys of a map, characters of a text
_TOLD = 10  # sentences that an agent is told
_LARGEST = 2**53  # whole numbers up to it are the same wherever JSON is read
_NEEDED: Mapping[Kind, str] = {
    "string": f"a text of at most {LONGEST} characters",
    "number": "a number",
    "boolean": "true or false",
    "list": f"a list of at most {MOST} texts, numbers or maps",
    "map": f"a map of at most {MOST_KEYS} keys",
}
_INSIDE = "a text, a number, true or false; below a key a list of these or null, too"
_HELD: frozenset[Kind] = frozenset({"string", "number", "boolean"})  # what a backend can hold a model to


def schema(types: Mapping[str, Kind]) -> dict[str, Any]:
    """The JSON Schema of an object with these keys, each of them required, and no others.

    None at all, `{}`, where one of them is a list or a map: backends that hold a model to a schema take no free keys.
    """
    if not _HELD.issuperset(types.values()):
        return {}
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in types.items()},
        "required": list(types),
        "additionalProperties": False,
    }


def wanted(types: Mapping[str, Kind]) -> str:
    """What an agent is told that it is to say by name, a line each."""
    return "\n".join(f"- `{name}`: {_NEEDED[kind]}" for name, kind in types.items())


def parse(words: str, types: Mapping[str, Kind]) -> tuple[dict[str, Any], list[str]]:
    """What an agent's last words hold of these by name, as far as it is valid, and what is wrong in sentences for it.

    They are JSON, or have a block of it; the outputs are its keys, or stand below its key `outputs`. Other keys are
    left out.
    """
    said = object_in(words)
    if said is None:
        return {}, [f"the answer has no JSON block with {', '.join(f'`{name}`' for name in types)}"]
    inner = said.get("outputs")
    given = inner if isinstance(inner, dict) and "outputs" not in types else said
    found = {name: _clean(given[name]) for name in types if name in given}
    wrong = {name: sentence for name, kind in types.items() if (sentence := _wrong(found, name, kind))}
    return {name: value for name, value in found.items() if name not in wrong}, [*wrong.values()][:_TOLD]


def _wrong(found: Mapping[str, Any], name: str, kind: Kind) -> str:
    """What is wrong with one output; empty when nothing is."""
    if name not in found:
        return f"`{name}` is missing: {_NEEDED[kind]} is needed"
    value = found[name]
    if not _is(kind, value):
        return f"`{name}`: {_NEEDED[kind]} is needed"
    if place := next(_strange(value, name), ""):
        return f"`{place}` is none of what may stand there: {_INSIDE}"
    return ""


def _is(kind: Kind, value: Any) -> bool:
    match kind:
        case "string" | "number" | "boolean":
            return _kind(value) == kind
        case "list":
            return isinstance(value, list) and len(value) <= MOST
        case "map":
            return isinstance(value, dict) and len(value) <= MOST_KEYS


def _kind(value: Any) -> Kind | None:
    """Which of the plain kinds a value is, if it is one that can be kept."""
    match value:
        case bool():
            return "boolean"
        case str():
            return "string" if len(value) <= LONGEST else None
        case int():
            return "number" if abs(value) <= _LARGEST else None
        case float():
            return "number" if math.isfinite(value) else None
    return None


def _strange(value: Any, place: str) -> Iterator[str]:
    """The places of what may not stand in a list or a map."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, dict) and len(item) <= MOST_KEYS:
                yield from _strange(item, f"{place}.{number}")
            elif _kind(item) is None:
                yield f"{place}.{number}"
    elif isinstance(value, dict):
        for key, item in value.items():
            rows = isinstance(item, list) and len(item) <= MOST and all(map(_kind, item))
            if len(key) > LONGEST or not (item is None or rows or _kind(item)):
                yield f"{place}.{key[:50]}"


def _clean(value: Any) -> Any:
    """The same without what nobody sees and what no database holds."""
    if isinstance(value, str):
        return cleaned(storable(value)).strip()
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list) else value
