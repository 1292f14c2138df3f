"""The jobs that a matrix stands for, as in Actions, their names, and the order of a graph. Pure."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from bot.verbatim import code

MOST = 1_000  # combinations of one matrix
LETTERS = 20_000_000  # characters of the values of all its combinations
EFFORT = 500_000  # values that are compared or added, for `exclude` and `include`
LONGEST = 90  # characters of the name of an instance
_INCLUDE, _EXCLUDE = "include", "exclude"
_LEAST = 12  # characters that an instance needs for what is its own in its name
_DIGEST = 8
_READ = 4 * LONGEST  # characters of a value that are looked at for a name
_OTHER = re.compile(r"[^A-Za-z0-9_]+")

Values = Mapping[str, Any]


# ---- matrices --------------------------------------------------------------------------------------------------------


def combinations(matrix: Mapping[str, Any], most: int = MOST) -> list[dict[str, Any]]:
    """The values of each instance, in the order of the matrix: one at least.

    As in Actions what `exclude` fits is left out first. Then each map of `include` is added to every combination none
    of whose own values it would change, and is one of its own where there is no such combination. Raises ValueError,
    with one sentence, for a matrix that is none, for more than `most` combinations or `LETTERS`, for two that are the
    same, and for an `exclude` and `include` that would take more than `EFFORT`.
    """
    lists = {_key(key): _list(key, values) for key, values in matrix.items() if key not in (_INCLUDE, _EXCLUDE)}
    excluded, included = _maps(_EXCLUDE, matrix), _maps(_INCLUDE, matrix)
    if stray := sorted({key for one in excluded for key in one} - set(lists)):
        raise ValueError(f"`exclude` names {code(stray[0])}, which is no key of the matrix")
    if empty := [key for key, values in lists.items() if not values]:
        raise ValueError(f"{code(empty[0])} of the matrix is an empty list")
    _few(max(prod(map(len, lists.values())), len(included)), most)
    effort = _Effort()
    own = _without(_products(lists), excluded, effort)
    found = _with(own, [_one(values) for values in included], lists.keys(), effort)
    _few(len(found), most)
    _distinct(found)
    return [one.values for one in found]


@dataclass(frozen=True)
class _One:
    """A combination, and by key what tells its values from others: in Python `1` is `true`."""

    values: dict[str, Any]
    said: dict[str, str]

    def of(self, keys: Iterable[str]) -> tuple[str, ...]:
        """What tells its values of these keys from others."""
        return tuple(self.said[key] for key in keys)

    def add(self, other: "_One") -> None:
        self.values.update(other.values)
        self.said.update(other.said)


@dataclass
class _Effort:
    """What `exclude` and `include` take: each is told apart by the values of the same keys at once."""

    left: int = field(default_factory=lambda: EFFORT)

    def take(self, many: int) -> None:
        """Raises ValueError for too much."""
        self.left -= many
        if self.left < 0:
            raise ValueError(
                "`exclude` and `include` of the matrix are too much for its many combinations: name fewer keys there,"
                " or list all combinations in `include` alone"
            )


def _one(values: Values) -> _One:
    return _One(dict(values), {key: _same(value) for key, value in values.items()})


def _products(lists: Mapping[str, Sequence[Any]]) -> list[_One]:
    """Every combination of the lists."""
    if not lists:
        return []
    said = {key: [_same(value) for value in values] for key, values in lists.items()}
    many = prod(map(len, lists.values()))
    _short(sum(sum(map(len, words)) * many // len(words) for words in said.values()))
    both = [[*zip(values, said[key], strict=True)] for key, values in lists.items()]
    found = [[*zip(lists, one, strict=True)] for one in product(*both)]
    return [_One({key: value for key, (value, _) in one}, {key: words for key, (_, words) in one}) for one in found]


def _short(letters: int) -> None:
    if letters > LETTERS:
        raise ValueError(f"the values of the matrix have {letters} characters in all, and {LETTERS} are the most")


def _few(many: int, most: int) -> None:
    if many == 0:
        raise ValueError("the matrix has no combination at all")
    if many > most:
        raise ValueError(f"the matrix has {many} combinations, and {most} are the most")


def _without(own: Sequence[_One], excluded: Iterable[Values], effort: _Effort) -> list[_One]:
    gone: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for one in map(_one, excluded):
        keys = tuple(sorted(one.said))
        gone.setdefault(keys, set()).add(one.of(keys))
    effort.take(len(own) * sum(map(len, gone)))
    return [one for one in own if not any(one.of(keys) in values for keys, values in gone.items())]


def _with(own: Sequence[_One], included: Iterable[_One], lists: Collection[str], effort: _Effort) -> list[_One]:
    found, more = [_One(dict(one.values), dict(one.said)) for one in own], list[_One]()
    places: dict[tuple[str, ...], dict[tuple[str, ...], list[int]]] = {}
    for one in included:
        keys = tuple(sorted(key for key in one.said if key in lists))
        if keys not in places:
            effort.take(len(own) * (len(keys) + 1))
            places[keys] = _places(own, keys)
        fitting = places[keys].get(one.of(keys), [])
        effort.take(len(fitting) * len(one.said))
        for number in fitting:
            found[number].add(one)
        if not fitting:
            more.append(one)
    return [*found, *more]


def _places(own: Sequence[_One], keys: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    """Which of the combinations have the same values of these keys."""
    found: dict[tuple[str, ...], list[int]] = {}
    for number, one in enumerate(own):
        found.setdefault(one.of(keys), []).append(number)
    return found


def _same(value: Any) -> str:
    """What tells values apart: in Python `1` is `true`."""
    return json.dumps(value, sort_keys=True, default=str)


def _distinct(found: Sequence[_One]) -> None:
    _short(sum(len(words) for one in found for words in one.said.values()))
    known, names = set[frozenset[tuple[str, str]]](), set[str]()
    for one in found:
        whole, name = frozenset(one.said.items()), instance_name("", one.values)
        if whole in known:
            raise ValueError(f"two combinations of the matrix are the same: {code(_shown(one.values))}")
        if name in names:
            raise ValueError(f"two combinations of the matrix would have the same name: {code(_shown(one.values))}")
        known.add(whole)
        names.add(name)


def _shown(one: Values) -> str:
    words = ", ".join(f"{key}: {_words(value)}" for key, value in one.items())
    return words if len(words) <= 100 else f"{words[:97]}..."


def _key(key: object) -> str:
    if not isinstance(key, str) or not key or len(key) > LONGEST:
        raise ValueError(f"{code(str(key), LONGEST) or 'what is empty'} is no key of a matrix")
    return key


def _list(key: str, values: object) -> Sequence[Any]:
    if not isinstance(values, list | tuple):
        raise ValueError(f"{code(key)} of the matrix is no list")
    if any(isinstance(value, list | tuple) for value in values):
        raise ValueError(f"{code(key)} of the matrix has a list in its list")
    return values


def _maps(key: str, matrix: Mapping[str, Any]) -> Sequence[Values]:
    values = _list(key, matrix.get(key) or [])
    if not all(isinstance(one, Mapping) and one for one in values):
        raise ValueError(f"`{key}` of the matrix is no list of maps")
    for one in values:
        for inner, value in one.items():
            if isinstance(value, list | tuple):
                raise ValueError(f"{code(_key(inner))} in `{key}` of the matrix is a list")
            _key(inner)
    return values


# ---- names -----------------------------------------------------------------------------------------------------------


def instance_name(job: str, values: Values) -> str:
    """`build/api`: letters, digits, `-` and `_`, and at most `LONGEST` characters in all.

    No two combinations of one matrix have the same: where something of the values is lost, their digest follows. Values
    with a `-` are parted by two. Raises ValueError where the job's own name leaves no room.
    """
    room = LONGEST - len(job) - 1
    if room < _LEAST:
        raise ValueError(f"the name of the job `{job}` is too long for one with a matrix")
    words = [_words(value)[:_READ] for value in values.values()]
    between = "--" if any("-" in word for word in words) and len(words) > 1 else "-"
    slugs = ["-".join(part for part in _OTHER.split(word) if part) for word in words]
    slug = between.join(filter(None, slugs))
    named = all("name" in value for value in values.values() if isinstance(value, Mapping))
    whole = slugs == words and all(words) and named
    if whole and 0 < len(slug) <= room:
        return f"{job}/{slug}"
    digest = hashlib.sha256(_same(values).encode()).hexdigest()[:_DIGEST]
    cut = slug[: room - _DIGEST - 1].rstrip("-")
    return f"{job}/{cut}-{digest}" if cut else f"{job}/{digest}"


def _words(value: Any) -> str:
    """A value as people read it; of a map its name, or what it holds."""
    if isinstance(value, Mapping):
        return _words(value["name"]) if "name" in value else "-".join(map(_words, value.values()))
    return value if isinstance(value, str) else json.dumps(value, default=str)


# ---- order -----------------------------------------------------------------------------------------------------------


def layers(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The names, each in the first layer after all that it needs; in a layer they stand as written.

    Raises ValueError for what needs itself, by way of others too, and for needs that are no names.
    """
    for name, wanted in needs.items():
        if stray := next((need for need in wanted if need not in needs), None):
            raise ValueError(f"the job `{name}` needs `{stray}`, which is no job")
    found, done, left = list[list[str]](), set[str](), dict.fromkeys(needs)
    while left:
        layer = [name for name in left if done.issuperset(needs[name])]
        if not layer:
            raise ValueError(f"jobs need each other in a circle: {_circle(needs, left)}")
        found.append(layer)
        done.update(layer)
        for name in layer:
            del left[name]
    return found


def _circle(needs: Mapping[str, Sequence[str]], left: Mapping[str, None]) -> str:
    """A circle, from the first name in it: whatever is left needs something that is left."""
    path = dict[str, None]()
    name = next(iter(left))
    while name not in path:
        path[name] = None
        name = next(need for need in needs[name] if need in left)
    names = list(path)
    names = names[names.index(name) :]
    return ", which needs ".join(f"`{one}`" for one in (*names, name))
