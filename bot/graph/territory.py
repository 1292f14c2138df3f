"""What lies inside of what somebody owns: the parts that a file gives away, and those that an agent names. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from bot.graph.language import EFFORT
from bot.graph.ownership import literal, overlap, stray
from bot.review.glob import LONGEST

_LONGEST = 300  # characters of a path that an agent names
_EFFORT = EFFORT // 2  # for the globs of one, of whom there may be a hundred


def outside(globs: Sequence[str], of: Sequence[str]) -> str:
    """The first of the globs that reaches out of `of`; empty where none does, or where `of` is everything.

    It is exact: none does where every path that fits `within(globs, of)` fits `of`, and each leaves something there.
    Raises ValueError for no glob, and where it would take too long to find out.
    """
    ways = _ways(tuple(globs), tuple(of)) if of else {}
    return next((glob for glob, way in ways.items() if way is None), "")


def within(globs: Sequence[str], of: Sequence[str]) -> tuple[str, ...]:
    """The globs without what `of` takes back with `!`, where they reach into that; without any they are `of`."""
    if not globs or not of:
        return tuple(globs or of)
    try:
        needed = [*_ways(tuple(globs), tuple(of)).values()]
    except ValueError:  # which is said where they are read
        needed = [None]
    return (*globs, *max((_less(of)[-1] if way is None else way for way in needed), key=len, default=()))


@lru_cache(maxsize=1024)
def _ways(globs: tuple[str, ...], of: tuple[str, ...]) -> Mapping[str, tuple[str, ...] | None]:
    """By each of the globs what is to be taken back for it to lie inside; None where nothing helps.

    A list fits what each of its globs does together with all that are negated: so each is looked at by itself.
    """
    left, found = _EFFORT, dict[str, tuple[str, ...] | None]()
    for place, glob in enumerate(globs):
        if not glob.startswith("!"):
            alone = tuple(one for at, one in enumerate(globs) if at == place or one.startswith("!"))
            found[glob], left = _way(glob, alone, of, left)
    return found


def _way(glob: str, alone: Sequence[str], of: Sequence[str], left: int) -> tuple[tuple[str, ...] | None, int]:
    """The same for one, and what is left of the effort."""
    late = False
    for less in _less(of):
        rest = (*alone, *less)
        if glob in of and less == tuple(_negated(of)):  # whatever stands before or after it there
            inside = True
        else:
            path, tried = stray(rest, of, left)
            inside, late, left = path is None, late or tried > left, max(0, left - tried)
        if inside and (not less or overlap(rest, ("*",)) is not None):
            return less, left
    if late:
        raise ValueError(f"it would take too long to find out whether `{glob}` lies in what it is a part of")
    return None, left


def _less(of: Sequence[str]) -> Sequence[tuple[str, ...]]:
    """What may be taken back: nothing, what `of` negates, and all that lies in a folder of that name, too.

    A glob that fits a file itself wins over one that is negated and fits a folder around it.
    """
    negated = tuple(_negated(of))
    below = (_below(one[1:].rstrip()) for one in negated if not one.endswith("/**"))
    return [*dict.fromkeys(((), negated, (*negated, *(one for one in below if len(one) <= LONGEST))))]


def _negated(of: Sequence[str]) -> Iterator[str]:
    return (one for one in of if one.startswith("!"))


def _below(words: str) -> str:
    folder = words.rstrip("/")
    return f"!{folder}/**" if "/" in folder else f"!**/{folder}/**"


def claimed(path: str, of: Sequence[str]) -> tuple[str, ...]:
    """The globs of a file or folder that an agent names, which means itself and nothing else.

    Raises ValueError, in words for the agent, where it is none or does not lie in `of`.
    """
    words = path.strip().removesuffix("/**").removesuffix("/*").strip("/")
    parts = words.split("/")
    if not words or {"", ".", "..", ".git"} & set(parts) or not words.isprintable() or len(words) > _LONGEST:
        raise ValueError(f"`{path[:80]}` is no path of a file or folder in the repository")
    if "*" in words or "?" in words:
        raise ValueError(f"`{path[:80]}` is a pattern: name files and folders")
    exact = f"/{literal(words)}"
    if not of:
        return (exact,)
    for one in (exact, f"{exact}/"):  # what is below a folder may be its own where the name alone is not
        if not outside((one,), of):
            return (one,)
    raise ValueError(f"`{words}` is not yours to give: you own {', '.join(of[:10])}")
