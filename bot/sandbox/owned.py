"""What of a tree an agent may write to by the globs of what it owns: which folders, and what in them it may not. Pure.

Where the globs leave it open whether something could be owned it may be written: what was made is judged afterwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bot.sandbox.fitting import EVERYTHING, Fitting, State, States, wild

MOST = 400  # marks of a tree: each is a mount, and the time they take grows faster than their number
_MANY = 100  # foreign paths beside a file that is named: with more of them it alone can be written, and not replaced
_DEEPEST = 200  # folders in folders; what lies deeper counts as a file
_ANYTHING = "any name that nobody has said"

Owns = Callable[[str], bool]


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
    fitting, found = Fitting.of(globs), set(files)
    bases = tuple(sorted({base for base in fitting.bases if base and not _above(base) & found}))
    tree, exact = _tree(files, bases, owns), _Walk(fitting, owns, frozenset(bases))
    whole = bases if "" not in fitting.bases and len(bases) <= most else ("",)
    granted = exact.granted(tree)
    if not 0 < len(granted) <= most:
        granted = [*whole]
    for walk in (exact, *_simpler(exact, tree, most)):
        marks = walk.marks(tree)
        if len(marks) <= most:
            break
    else:
        marks = [Mark(path, writable=True) for path in whole]
    return Writable(bases, tuple(marks), tuple(granted), _loose(tree, dict(marks)))


def _simpler(exact: "_Walk", tree: "_Folder", most: int) -> Iterator["_Walk"]:
    """Ways to get along with fewer marks, the one that leaves most of what is owned and least of the rest first.

    Where nothing is owned yet it may have to be made anywhere, and no folder is shut for that there is nothing in it.
    """
    near = replace(exact, many=0, strict=1)
    yield near
    if tree.owned:
        there = replace(near, strict=2)
        yield there
        yield _loosened(there, tree, most)
        yield from (replace(there, deepest=deepest) for deepest in (3, 2, 1))
    yield _loosened(near, tree, most)


def _loosened(walk: "_Walk", tree: "_Folder", most: int) -> "_Walk":
    return replace(walk, loose=walk.largest(tree, len(walk.marks(tree)) - most))


def _loose(tree: "_Folder", kinds: Mapping[str, bool]) -> tuple[str, ...]:
    """The folders with foreign files that can be written all the same."""
    found, waiting = list[str](), [(tree, False)]
    while waiting:
        folder, around = waiting.pop()
        here = kinds.get(folder.path, around)
        if any(kinds.get(path, here) for path in folder.foreign):
            found.append(folder.path)
        waiting += ((child, here) for child in folder.folders.values())
    return tuple(sorted(found))


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
    as `docs/` does, 2: the others too, where no file is owned yet. Where something is owned in folders that are
    `deepest` folders down, they are open as a whole.
    """

    fitting: Fitting
    owns: Owns
    bases: frozenset[str]
    many: int = _MANY
    strict: int = 0
    loose: frozenset[str] = frozenset()
    deepest: int = _DEEPEST

    def marks(self, tree: _Folder) -> list[Mark]:
        return [*self._marks(tree, self.fitting.start(), around=False)]

    def granted(self, tree: _Folder) -> list[str]:
        return self._granted(tree, self.fitting.start())

    def largest(self, tree: _Folder, spare: int) -> frozenset[str]:
        """The fewest folders that have so many foreign files among those that can be written."""
        folders = [folder for folder in self._open(tree, self.fitting.start()) if folder.foreign]
        found: list[str] = []
        for folder in sorted(folders, key=lambda one: len(one.foreign), reverse=True):
            if spare <= 0:
                break
            found.append(folder.path)
            spare -= len(folder.foreign)
        return frozenset(found)

    def _marks(self, folder: _Folder, states: States, *, around: bool) -> Iterator[Mark]:
        """Of a folder and all in it; `around`: the one above can be written.

        A folder with marks in it is marked in any case: what is mounted cannot be moved away, what is above it can.
        """
        if not self._may_own(folder, states):
            yield from [Mark(folder.path, writable=False)] if around else []
            return
        if folder.path.count("/") + 1 >= self.deepest and folder.path:
            yield from [Mark(folder.path, writable=True)] if not around else []
            return
        writable = self._writable(folder, states)
        inner: list[Mark] = []
        if folder.path not in self.loose:
            inner += [Mark(folder.at(name), owned) for name, owned in folder.files.items() if owned != writable]
        for name, child in folder.folders.items():
            inner += self._marks(child, self.fitting.following(states, name), around=writable)
        if writable != around or (writable and inner):
            yield Mark(folder.path, writable)
        yield from inner

    def _open(self, folder: _Folder, states: States) -> Iterator[_Folder]:
        if not self._may_own(folder, states):
            return
        if self._writable(folder, states):
            yield folder
        for name, child in folder.folders.items():
            yield from self._open(child, self.fitting.following(states, name))

    def _granted(self, folder: _Folder, states: States) -> list[str]:
        """A folder as a whole where nothing foreign is in it, what is owned of it otherwise.

        The folder of a glob that nothing fits yet is granted in any case: else nothing could be made by it.
        """
        if not self._may_own(folder, states):
            return []
        inner = [folder.at(name) for name, owned in folder.files.items() if owned]
        whole = self._writable(folder, states) and not folder.foreign
        for name, child in folder.folders.items():
            below = self._granted(child, self.fitting.following(states, name))
            whole &= below == [child.path]
            inner += below
        barren = not inner and folder.path in self.bases and self._writable(folder, states)
        return [folder.path] if whole or barren else inner

    def _may_own(self, folder: _Folder, states: States) -> bool:
        """Whether something in a folder is owned, or could be once it is made."""
        if folder.owned or not folder.path:
            return True
        live = self._live(folder, states)
        if any(self.fitting.left(state) == EVERYTHING for state in live):  # but another glob may have taken it back
            return self.owns(folder.at(_ANYTHING))
        return bool(live)

    def _writable(self, folder: _Folder, states: States) -> bool:
        """Whether the folder itself is to be written: for what could be made in it, or replaced.

        For files that are there and named in full it is not where so much lies beside them.
        """
        live = self._live(folder, states)
        named = {name for state in live if (name := self.fitting.name(state)) and name not in folder.folders}
        growing = any((left := self.fitting.left(state)) == EVERYTHING or wild(left) for state in live)
        beside = len(folder.foreign) + len(folder.folders)
        alone = beside > self.many and all(folder.files.get(name) for name in named)
        return growing or bool(named and not alone)

    def _live(self, folder: _Folder, states: States) -> list[State]:
        return [state for state in states if not self.strict or not self._dropped(state, folder)]

    def _dropped(self, state: State, folder: _Folder) -> bool:
        """Whether a glob counts for nothing new here, since it is strict with those that fit at any depth."""
        ending = self.fitting.at_any_depth(state)
        if not ending or folder.path == self.fitting.base(state):
            return False
        return not wild(ending) or (self.strict > 1 and not any(folder.files.values()))
