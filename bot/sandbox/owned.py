"""What of a tree an agent may write to by the globs of what it owns: which folders, and what in them it may not. Pure.

Where the globs leave it open whether something could be owned it may be written: what was made is judged afterwards.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

MOST = 400  # marks of a tree: each is a mount, and the time they take grows faster than their number
_MANY = 100  # foreign paths beside a file that is named: with more of them it alone can be written, and not replaced
_DEEPEST = 200  # folders in folders; what lies deeper counts as a file
_ANY = "**"

Owns = Callable[[str], bool]
_States = frozenset[tuple[int, int]]  # how many parts of which glob the folders down to here have met


class Mark(NamedTuple):
    """From here down a tree can be written, or only be read. `path` is "" for the tree itself."""

    path: str
    writable: bool


@dataclass(frozen=True)
class Writable:
    """What can be written of a tree that can only be read otherwise. Paths are as git has them.

    `folders` must be there for it. Of `marks` the ones that lie in others come later and prevail. `granted` is the same
    for whoever can only add rights: nothing can be taken from what lies in it. In the folders of `loose` foreign paths
    can be written, too, for there are too many to mark each.
    """

    folders: tuple[str, ...]
    marks: tuple[Mark, ...]
    granted: tuple[str, ...]
    loose: tuple[str, ...] = ()


def partition(globs: Sequence[str], files: Sequence[str], owns: Owns, most: int = MOST) -> Writable:
    """What whoever owns what fits `globs` can write to in a tree of `files`; `owns` tells of a path whether it fits.

    There are at most `most` marks, and as many paths that are granted.
    """
    ways = tuple(_way(glob) for glob in globs if glob.strip() and not glob.startswith(("#", "!")))
    found = set(files)
    bases = tuple(sorted({base for way in ways if (base := way.base) and not _above(base) & found}))
    tree, exact = _tree(files, bases, owns), _Walk(ways, owns, frozenset(bases))
    whole = bases if all(way.base for way in ways) and len(bases) <= most else ("",)
    granted = exact.granted(tree)
    if len(granted) > most:
        granted = [*whole]
    for walk in (exact, *_simpler(exact, tree, most)):
        marks = walk.marks(tree)
        if len(marks) <= most:
            return Writable(bases, tuple(marks), tuple(granted), tuple(sorted(walk.loose)))
    return Writable(bases, tuple(Mark(path, True) for path in whole), tuple(granted), whole)


def _simpler(exact: "_Walk", tree: "_Folder", most: int) -> Iterator["_Walk"]:
    """Ways to get along with fewer marks, the one that leaves most of what is owned and least of the rest first."""
    for strict in (1, 2):
        walk = replace(exact, many=0, strict=strict)
        yield walk
        yield replace(walk, loose=walk.largest(tree, len(walk.marks(tree)) - most))


# ---- what globs ask for ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """A glob by its parts, from the top of the tree; `folder`: only folders fit it, and all in them."""

    parts: tuple[str, ...]
    folder: bool

    @property
    def base(self) -> str:
        """The folder before the first wildcard, in which all that fits must lie."""
        literal = next((n for n, part in enumerate(self.parts) if _wild(part)), len(self.parts))
        whole = literal == len(self.parts) and not self.folder
        return "/".join(self.parts[: literal - 1 if whole else literal])


def _way(glob: str) -> _Way:
    said = glob.rstrip()
    parts = tuple(part for part in said.split("/") if part)
    anchored = "/" in said.removesuffix("/")
    return _Way(parts if anchored else (_ANY, *parts), said.endswith("/"))


def _wild(part: str) -> bool:
    return any(letter in part for letter in "*?[\\")


@lru_cache(maxsize=10_000)
def _fits(part: str, name: str) -> bool:
    """Whether a name may fit; classes and escapes, which git reads in a way of its own, may fit all."""
    return "[" in part or "\\" in part or fnmatchcase(name, part)


# ---- the tree --------------------------------------------------------------------------------------------------------


@dataclass
class _Folder:
    """`owned`: one of the files in it and below is owned."""

    path: str
    files: dict[str, bool] = field(default_factory=dict)  # name: owned
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    owned: bool = False

    def at(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name

    @property
    def foreign(self) -> list[str]:
        return [self.at(name) for name, owned in self.files.items() if not owned]

    def below(self, name: str) -> "_Folder":
        if name not in self.folders:
            self.folders[name] = _Folder(self.at(name))
        return self.folders[name]


def _tree(files: Sequence[str], bases: Sequence[str], owns: Owns) -> _Folder:
    top = _Folder("")
    for path in sorted(files):
        *above, name = path.split("/", _DEEPEST)
        owned, folder = owns(path), top
        folder.owned |= owned
        for part in above:
            folder = folder.below(part)
            folder.owned |= owned
        folder.files[name] = owned
    for base in bases:
        folder = top
        for part in base.split("/", _DEEPEST):
            folder = folder.below(part)
    return top


def _above(path: str) -> set[str]:
    """The path, and the folders it lies in."""
    parts = path.split("/")
    return {"/".join(parts[: n + 1]) for n in range(len(parts))}


# ---- what follows ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Walk:
    """Down the tree. In the folders of `loose` no file is marked; `many` is `_MANY`, or fewer.

    `strict`: a glob that fits at any depth fits nothing new but in its own folder; 1: those alone that end in a name,
    as `docs/` does, 2: the others too, where no file is owned yet.
    """

    ways: Sequence[_Way]
    owns: Owns
    bases: frozenset[str]
    many: int = _MANY
    strict: int = 0
    loose: frozenset[str] = frozenset()

    def marks(self, tree: _Folder) -> list[Mark]:
        return [*self._marks(tree, self._start(), around=False)]

    def granted(self, tree: _Folder) -> list[str]:
        return self._granted(tree, self._start())

    def largest(self, tree: _Folder, spare: int) -> frozenset[str]:
        """The fewest folders that have so many foreign files among those that can be written."""
        folders = [folder for folder in self._open(tree, self._start()) if folder.foreign]
        found: list[str] = []
        for folder in sorted(folders, key=lambda one: len(one.foreign), reverse=True):
            if spare <= 0:
                break
            found.append(folder.path)
            spare -= len(folder.foreign)
        return frozenset(found)

    def _marks(self, folder: _Folder, states: _States, *, around: bool) -> Iterator[Mark]:
        """Of a folder and all in it; `around`: the one above can be written.

        A folder with marks in it is marked in any case: what is mounted cannot be moved away, what is above it can.
        """
        if not self._may_own(folder, states):
            yield from [Mark(folder.path, False)] if around else []
            return
        writable = self._writable(folder, states)
        inner: list[Mark] = []
        if folder.path not in self.loose:
            inner += [Mark(folder.at(name), owned) for name, owned in folder.files.items() if owned != writable]
        for name, child in folder.folders.items():
            inner += self._marks(child, self._next(states, name), around=writable)
        if writable != around or (writable and inner):
            yield Mark(folder.path, writable)
        yield from inner

    def _open(self, folder: _Folder, states: _States) -> Iterator[_Folder]:
        if not self._may_own(folder, states):
            return
        if self._writable(folder, states):
            yield folder
        for name, child in folder.folders.items():
            yield from self._open(child, self._next(states, name))

    def _granted(self, folder: _Folder, states: _States) -> list[str]:
        """A folder as a whole where nothing foreign is in it, what is owned of it otherwise.

        The folder of a glob that nothing fits yet is granted in any case: its job could do nothing at all.
        """
        if not self._may_own(folder, states):
            return []
        inner = [folder.at(name) for name, owned in folder.files.items() if owned]
        whole = self._writable(folder, states) and not folder.foreign
        for name, child in folder.folders.items():
            below = self._granted(child, self._next(states, name))
            whole &= below == [child.path]
            inner += below
        barren = not inner and folder.path in self.bases and self._writable(folder, states)
        return [folder.path] if whole or barren else inner

    def _may_own(self, folder: _Folder, states: _States) -> bool:
        """Whether something in a folder is owned, or could be once it is made."""
        if folder.owned or not folder.path:
            return True
        live = self._live(folder, states)
        if any(met == len(self.ways[number].parts) for number, met in live):  # but another glob may have taken it back
            return self.owns(folder.at(secrets.token_hex(8)))
        return bool(live)

    def _writable(self, folder: _Folder, states: _States) -> bool:
        """Whether the folder itself is to be written: for what could be made in it, or replaced.

        For files that are there and named in full it is not where so much lies beside them.
        """
        named = [self._left(state) for state in self._live(folder, states) if self._ends(state, folder)]
        beside = len(folder.foreign) + len(folder.folders)
        if beside > self.many and all(folder.files.get(part) for part in named):
            return self._growing(folder, states)
        return bool(named) or self._growing(folder, states)

    def _growing(self, folder: _Folder, states: _States) -> bool:
        """Whether things that fit could be made in the folder itself, under names that no glob says in full."""
        return any(not (left := self._left(state)) or _wild(left) for state in self._live(folder, states))

    def _ends(self, state: tuple[int, int], folder: _Folder) -> bool:
        """Whether a glob ends with the full name of something that is no folder there."""
        way, left = self.ways[state[0]], self._left(state)
        last = bool(left) and state[1] == len(way.parts) - 1 and not way.folder
        return last and not _wild(left) and left not in folder.folders

    def _left(self, state: tuple[int, int]) -> str:
        """The part of a glob that is to be met next; none where all are, and everything fits."""
        parts = self.ways[state[0]].parts
        return parts[state[1]] if state[1] < len(parts) else ""

    def _live(self, folder: _Folder, states: _States) -> list[tuple[int, int]]:
        return [state for state in states if not self.strict or not self._dropped(state, folder)]

    def _dropped(self, state: tuple[int, int], folder: _Folder) -> bool:
        """Whether a glob counts for nothing new here, since it is strict with those that fit at any depth."""
        way, (_, met) = self.ways[state[0]], state
        if folder.path == way.base or met == len(way.parts):
            return False
        met += way.parts[met] == _ANY
        deep = 0 < met < len(way.parts) and way.parts[met - 1] == _ANY
        return deep and (not _wild(way.parts[met]) or (self.strict > 1 and not any(folder.files.values())))

    def _start(self) -> _States:
        return self._reached({(number, 0) for number in range(len(self.ways))})

    def _next(self, states: _States, name: str) -> _States:
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

    def _reached(self, states: set[tuple[int, int]]) -> _States:
        """Those states, and those that a `**` which stands for nothing leads to."""
        waiting, found = list(states), set(states)
        while waiting:
            number, met = waiting.pop()
            parts = self.ways[number].parts
            if met < len(parts) - 1 and parts[met] == _ANY and (number, met + 1) not in found:
                found.add((number, met + 1))
                waiting.append((number, met + 1))
        return frozenset(found)
