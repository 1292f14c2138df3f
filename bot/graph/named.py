"""Globs that name a file or folder as it is: they are compared as words, and no expression is made of them. Pure."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from bot.review.glob import LONGEST, matcher

_NAME = r"(?!\.{1,2}(?:/|$))(?:[^\\*?\[\]!#\s/]|\\[\\*?\[\]!# ])+"
_AS_IT_IS = re.compile(rf"(/?)({_NAME}(?:/{_NAME})*)(/|/\*\*)?")
_ESCAPED = re.compile(r"\\(.)")


class Named(NamedTuple):
    """A file or folder; of it fits all that is in it, and with `whole` itself too."""

    path: str
    whole: bool
    glob: str

    @property
    def begins(self) -> str:
        """What every path begins with that fits."""
        return self.path if self.whole else f"{self.path}/"


@lru_cache(maxsize=16_384)
def named(glob: str) -> Named | None:
    """What a glob names from the top, None for every other glob."""
    match = _AS_IT_IS.fullmatch(glob) if len(glob) <= LONGEST and glob.isprintable() else None
    if match is None or not (match[1] or "/" in match[2] or match[3] == "/**"):
        return None
    path = _ESCAPED.sub(r"\1", match[2]) if "\\" in glob else match[2]
    return Named(path, match[3] is None, glob)


def shared(one: Named, other: Named) -> str:
    """One of the shortest paths that fit both, where one of the two names the same as the other or a folder around it.

    It can be seen: `x` stands for whatever is in a folder.
    """
    deep, above = (one, other) if len(one.path) >= len(other.path) else (other, one)
    itself = deep.whole and (above.whole or deep.path != above.path)
    return deep.path if itself else f"{deep.path}/x"


def fitting(globs: Sequence[str]) -> Callable[[str], bool]:
    """The same as `matcher`, and sooner where all of the globs are names. Raises ValueError for no glob."""
    known = [one for one in map(named, globs) if one is not None]
    if len(known) < len(globs):
        return matcher(globs)
    whole, folders = {one.path for one in known if one.whole}, {one.path for one in known}

    def fits(path: str) -> bool:
        if not path.isprintable():  # what is made of a glob looks past a last line break
            return matcher(globs)(path)
        ends = (at for at, letter in enumerate(path) if letter == "/")
        return path in whole or any(path[:at] in folders for at in ends)

    return fits
