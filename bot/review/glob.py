"""Globs as in a `.gitignore`, many paths at a time: a change of thousands of files is matched in a moment. Pure."""

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from bot.review.automaton import BELOW, ITSELF, NOTHING, Automaton

LONGEST = 1000  # characters of one glob
_NAME = "(?P<ps_d>"  # the one group that pathspec names
_STAR = "[^/]*"
_FIXED = re.compile(r"(?:\[\^/\]|\\.|[^\\\[/(])+", re.DOTALL)  # characters of a name, as many as are written
_CLASS = re.compile(r"(?<!\\)\[(?!\^/\])")
NONE = frozenset[str]()
_PLAIN, _BETWEEN = re.compile(r"[\w.*/-]+"), re.compile(r"[*/]+")


@dataclass(frozen=True)
class _Glob:
    """One glob of a list: its place there, whether it makes paths fit or takes them back, and pathspec's expression."""

    place: int
    includes: bool
    said: str

    @property
    def slow(self) -> bool:
        """Whether tried in one way after the other it may take for ever, for a path that somebody made for it."""
        return self.said.count(".+") > 1 or (self.said.count(_STAR) > 1 and _CLASS.search(self.said) is not None)


def matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path fits one of the globs; the last that fits decides where one is negated. ValueError for no glob."""
    return _matcher(tuple(globs))


def finder(globs: Sequence[str]) -> Callable[[str], int | None]:
    """The place of the glob by which a path fits, None where it does not. ValueError for no glob."""
    return _finder(tuple(globs))


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
    read = _read(globs)
    if not read:
        return lambda path: False
    if any(one.slow or not one.includes for one in read) or any(_NAME in glob for glob in globs):
        find = _finder(globs)
        return lambda path: find(path) is not None
    # One expression for all: to look at each in turn takes ten times as long.
    whole = _compiled("|".join(f"(?:{_straight(_anchored(one.said)).replace(_NAME, '(?:')})" for one in read))
    return lambda path: whole.match(path) is not None


@lru_cache(maxsize=256)
def _finder(globs: tuple[str, ...]) -> Callable[[str], int | None]:
    """As git does it: what fits itself wins over what lies in a folder that fits; of each kind the last."""
    tried = [(one, _teller(one)) for one in reversed(_read(globs))]

    def find(path: str) -> int | None:
        found: _Glob | None = None
        for one, tell in tried:
            told = tell(path)
            if told == ITSELF:
                found = one
                break
            if told == BELOW and found is None:
                found = one
        return found.place if found is not None and found.includes else None

    return find


def _teller(one: _Glob) -> Callable[[str], int]:
    if one.slow:
        return Automaton(one.said).tell
    expression = _compiled(_straight(_anchored(one.said)))
    named = "ps_d" in expression.groupindex

    def tell(path: str) -> int:
        match = expression.match(path)
        return NOTHING if match is None else BELOW if named and match["ps_d"] else ITSELF

    return tell


@lru_cache(maxsize=256)
def _words(globs: tuple[str, ...]) -> tuple[str, ...]:
    """What a path that fits has one of: most paths have none, and are done with in no time."""
    asked = [glob for glob in globs if not glob.startswith("!")]  # what is negated makes no path fit
    plain = [max(_BETWEEN.split(glob), key=len) if _PLAIN.fullmatch(glob) else "" for glob in asked]
    return tuple(dict.fromkeys(plain)) if all(plain) else ("",)


def _read(globs: tuple[str, ...]) -> list[_Glob]:
    """Those of the globs that any path may fit; remarks and empty ones are none."""
    found = []
    for place, glob in enumerate(globs):
        if len(glob) > LONGEST:
            raise ValueError(f"no globs as in a .gitignore: one has more than {LONGEST} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of `[[`, which means in a glob what it means
                pattern = GitIgnoreSpecPattern(glob)
        except (re.error, ValueError) as error:
            raise ValueError(f"no globs as in a .gitignore: {error}") from error
        if pattern.include is not None and pattern.regex is not None:
            found.append(_Glob(place, pattern.include, pattern.regex.pattern))
    return found


def _compiled(said: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(said)


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
