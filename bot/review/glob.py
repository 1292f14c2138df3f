"""Globs as in a `.gitignore`, many paths at a time: a change of thousands of files is matched in a moment. Pure."""

import re
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache

import pathspec

_NAME = "(?P<ps_d>"  # the one group that pathspec names
_STAR = "[^/]*"
_FIXED = re.compile(r"(?:\[\^/\]|\\.|[^\\\[/(])+", re.DOTALL)  # characters of a name, as many as are written
NONE = frozenset[str]()
_PLAIN, _BETWEEN = re.compile(r"[\w.*/-]+"), re.compile(r"[*/]+")


def matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path fits one of the globs; the last that fits decides where one is negated. ValueError for no glob."""
    return _matcher(tuple(globs))


def among(globs: Sequence[str], paths: Sequence[str]) -> frozenset[str]:
    """Those of the paths that fit one of the globs. ValueError for no glob."""
    words, fits = _words(tuple(globs)), matcher(globs)
    there = present(words, paths)
    return frozenset(path for path in paths if any(map(path.__contains__, there)) and fits(path)) if there else NONE


def present(words: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Those of the words that are in one of the paths at least: of thousands of paths it is few, and soon known."""
    whole = "\n".join(paths)
    return [word for word in words if word in whole]


@lru_cache(maxsize=256)
def _matcher(globs: tuple[str, ...]) -> Callable[[str], bool]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `[[`, which means in a glob what it means
        spec = _spec(globs)
        patterns = [pattern for pattern in spec.patterns if pattern.include is not None]
        said = [pattern.regex.pattern for pattern in patterns if pattern.include and pattern.regex is not None]
        if not patterns:
            return lambda path: False
        if len(said) < len(patterns) or any(_NAME in glob for glob in globs):
            return spec.match_file
        # One expression for all: pathspec looks at each in turn, which takes ten times as long.
        whole = re.compile("|".join(f"(?:{_straight(_anchored(one)).replace(_NAME, '(?:')})" for one in said))
    return lambda path: whole.match(path) is not None


@lru_cache(maxsize=256)
def _words(globs: tuple[str, ...]) -> tuple[str, ...]:
    """What a path that fits has one of: most paths have none, and are done with in no time."""
    asked = [glob for glob in globs if not glob.startswith("!")]  # what is negated makes no path fit
    plain = [max(_BETWEEN.split(glob), key=len) if _PLAIN.fullmatch(glob) else "" for glob in asked]
    return tuple(dict.fromkeys(plain)) if all(plain) else ("",)


def _spec(globs: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    try:
        return pathspec.GitIgnoreSpec.from_lines(globs)
    except (re.error, ValueError) as error:
        raise ValueError(f"no globs as in a .gitignore: {error}") from error


def _anchored(said: str) -> str:
    """pathspec looks for what it means anywhere in a path: `*/` is any slash."""
    return said if said.startswith("^") else f"(?s:.*?){said}"


def _straight(said: str) -> str:
    """The same, never tried twice: `*a*a*a*b` would take minutes for a name that somebody made for it.

    What stands between two stars of a name may be taken where it comes first.
    """
    first, *pieces = said.split(_STAR)
    if not pieces:
        return said
    *between, last = pieces
    middle = (f"(?>{_STAR}?{piece})" if _FIXED.fullmatch(piece) else f"{_STAR}{piece}" for piece in between if piece)
    return f"{first}{''.join(middle)}{_STAR}{last}"
