"""Matrices as in Actions, the names of what they make of a job, and what follows from needs. Pure."""

import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

MOST, LONGEST = 1000, 90  # combinations of one matrix, characters of a name
_PLAIN = (str, int, float, bool)
_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")


def combinations(matrix: Mapping[str, Any], most: int = MOST) -> list[dict[str, Any]]:
    """Each combination of the values, those of the last key changing fastest; `exclude` and `include` as in Actions.

    Raises ValueError where a key has no list of plain values or mappings, and where there are none or too many.
    """
    axes = {key: _values(key, value) for key, value in matrix.items() if key not in ("include", "exclude")}
    count = 1
    for values in axes.values():
        count *= len(values)
    if count > most:
        raise ValueError(f"the matrix makes {count} jobs, and {most} are the most")
    made = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    left = [one for one in made if not any(_fits(one, rule) for rule in _rules(matrix, "exclude"))]
    found = _included(left, _rules(matrix, "include"), set(axes))
    unique = list({_key(one): one for one in reversed(found)}.values())[::-1]
    if not unique:
        raise ValueError("the matrix makes no job at all")
    if len(unique) > most:
        raise ValueError(f"the matrix makes {len(unique)} jobs, and {most} are the most")
    return unique


def instance_name(job: str, values: Mapping[str, Any]) -> str:
    """`build/api`: what a job is called with these values; unique, at most 90 characters, and never with a dot."""
    said = [_word(value) for value in values.values()]
    slug = "-".join(_STRANGE.sub("-", word).strip("-") for word in said)
    name = f"{job}/{slug}"
    if slug == "-".join(said) and slug and len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(_key(values).encode()).hexdigest()[:8]
    return f"{name[: LONGEST - 9]}-{digest}" if slug else f"{job}/{digest}"


def layers(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The names in layers, each of which needs only those before it. Raises ValueError on a circle."""
    left, done, found = dict(needs), set[str](), list[list[str]]()
    while left:
        ready = [name for name, before in left.items() if set(before) <= done]
        if not ready:
            raise ValueError(f"the jobs need each other in a circle: {', '.join(left)}")
        found.append(ready)
        done |= set(ready)
        left = {name: before for name, before in left.items() if name not in done}
    return found


def dependants(needs: Mapping[str, Sequence[str]], name: str) -> set[str]:
    """Those that need it, those that need these, and so on."""
    found: set[str] = set()
    while more := {one for one, before in needs.items() if {name, *found} & set(before)} - found:
        found |= more
    return found


def _values(key: str, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"the matrix's `{key}` is no list")
    if not value:
        raise ValueError(f"the matrix's `{key}` is an empty list")
    if any(not isinstance(one, (*_PLAIN, Mapping)) for one in value):
        raise ValueError(f"the matrix's `{key}` holds something that is neither a plain value nor a mapping")
    return list(value)


def _rules(matrix: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rules = matrix.get(key, [])
    if not isinstance(rules, list | tuple) or any(not isinstance(rule, Mapping) or not rule for rule in rules):
        raise ValueError(f"the matrix's `{key}` is no list of mappings")
    return list(rules)


def _fits(one: Mapping[str, Any], rule: Mapping[str, Any]) -> bool:
    return all(key in one and one[key] == value for key, value in rule.items())


def _included(made: list[dict[str, Any]], rules: Sequence[Mapping[str, Any]], axes: set[str]) -> list[dict[str, Any]]:
    """A rule adds to every combination whose values it does not change; where there is none it is one of its own."""
    found, alone = [dict(one) for one in made], list[dict[str, Any]]()
    for rule in rules:
        shared = {key: value for key, value in rule.items() if key in axes}
        fitting = [new for one, new in zip(made, found, strict=True) if _fits(one, shared)]
        for new in fitting:
            new |= rule
        if not fitting:
            alone.append(dict(rule))
    return [*found, *alone]


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return "-".join(map(_word, value.values()))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key(values: Mapping[str, Any]) -> str:
    """The same for the same values, and for no others."""
    return repr(sorted((key, type(value).__name__, repr(value)) for key, value in values.items()))
