"""Where in a tree globs as in a `.gitignore` could find something, folder by folder from the top. Pure.

It may say so where they could not, but never the other way round: what is read in it is not what decides. Globs that
take back what others found are passed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

EVERYTHING = ""  # what is left of a glob that a folder fits: all in it does
_ANY = "**"

State = tuple[int, int]  # the number of a glob, and how many of its parts the folders down to here have met
States = frozenset[State]


@dataclass(frozen=True)
class _Way:
    """A glob by its parts, from the top of the tree; `folder`: only folders fit it.

    `base` is the folder before the first wildcard, in which all that fits must lie; "" for the top.
    """

    parts: tuple[str, ...]
    folder: bool
    base: str

    @classmethod
    def of(cls, glob: str) -> "_Way":
        said = glob.rstrip()
        parts, folder = tuple(part for part in said.split("/") if part), said.endswith("/")
        parts = parts if "/" in said.removesuffix("/") else (_ANY, *parts)
        literal = next((n for n, part in enumerate(parts) if wild(part)), len(parts))
        ends = literal == len(parts) and not folder  # in a name that may be a file's
        return cls(parts, folder, "/".join(parts[: literal - 1 if ends else literal]))


@dataclass(frozen=True)
class Fitting:
    """What several globs wait for in a folder: `start` for the top of the tree, `following` for each one in it."""

    ways: tuple[_Way, ...]

    @classmethod
    def of(cls, globs: Sequence[str]) -> "Fitting":
        """From globs."""
        return cls(tuple(_Way.of(glob) for glob in globs if glob.strip(" /") and not glob.startswith(("#", "!"))))

    @property
    def bases(self) -> set[str]:
        """The folders before the first wildcard of each."""
        return {way.base for way in self.ways}

    def start(self) -> States:
        """For the top of the tree."""
        return self._reached({(number, 0) for number in range(len(self.ways))})

    def following(self, states: States, name: str) -> States:
        """For the folder of this name in one that has `states`; none where nothing could fit there."""
        reached = set()
        for number, met in states:
            parts = self.ways[number].parts
            if met == len(parts):
                reached.add((number, met))
            elif parts[met] == _ANY:
                reached.add((number, met + 1 if met == len(parts) - 1 else met))
            elif _fits(parts[met], name):
                reached.add((number, met + 1))
        return self._reached(reached)

    def left(self, state: State) -> str:
        """The part of a glob that is to be met next, or EVERYTHING."""
        parts = self.ways[state[0]].parts
        return parts[state[1]] if state[1] < len(parts) else EVERYTHING

    def name(self, state: State) -> str:
        """The name, in full, of what may be a file by which a glob would be met here."""
        way, left = self.ways[state[0]], self.left(state)
        return left if left and not wild(left) and state[1] == len(way.parts) - 1 and not way.folder else ""

    def base(self, state: State) -> str:
        """The folder before the first wildcard of a glob."""
        return self.ways[state[0]].base

    def at_any_depth(self, state: State) -> str:
        """The part that a glob looks for here as in every folder around; nothing where it is not between two."""
        parts, met = self.ways[state[0]].parts, state[1]
        met += met < len(parts) and parts[met] == _ANY
        return parts[met] if 0 < met < len(parts) and parts[met - 1] == _ANY else ""

    def _reached(self, states: set[State]) -> States:
        """Those states, and those that a `**` which stands for nothing leads to."""
        waiting, found = list(states), set(states)
        while waiting:
            number, met = waiting.pop()
            parts = self.ways[number].parts
            if met < len(parts) - 1 and parts[met] == _ANY and (number, met + 1) not in found:
                found.add((number, met + 1))
                waiting.append((number, met + 1))
        return frozenset(found)


def wild(part: str) -> bool:
    """Whether a part of a glob may be met by several names."""
    return any(letter in part for letter in "*?[\\")


@lru_cache(maxsize=10_000)
def _fits(part: str, name: str) -> bool:
    """Whether a name may fit; classes and escapes, which git reads in a way of its own, may fit all."""
    return "[" in part or "\\" in part or fnmatchcase(name, part)
