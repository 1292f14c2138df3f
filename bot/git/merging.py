"""Three-way merges of trees inside the mirror: one, what others would meet, in which order, and parts of a change."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from bot.git import changes
from bot.git.changes import Change
from bot.git.command import GitError, Identity
from bot.git.conflict import Conflict as Conflict
from bot.git.conflict import Flaws as Flaws
from bot.git.conflict import conflicts
from bot.git.conflict import flaws as flaws
from bot.git.mirror import Mirror
from bot.git.overlap import Paths, above, beside, clash, pairs
from bot.git.overlap import order as order

MOST = 200  # pairs that a forecast merges: some seconds
_AT_ONCE = 4
_HELPER = Identity("Tutti", "merge@tutti.invalid")  # signs what git needs for a merge and nobody ever sees
T = TypeVar("T")
X = TypeVar("X")


@dataclass(frozen=True)
class Merged:
    """What a merge gives: the tree, with markers in the texts that conflict."""

    tree: str
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True)
class Forecast:
    """The paths at which jobs would conflict: each with what is merged already (`alone`), and two with each other.

    The two of a pair stand in the order they were given. `untried` counts the pairs that share a path and were too many
    to be merged.
    """

    pairs: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    alone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    untried: int = 0


async def merge(mirror: Mirror, base: str, ours: str, theirs: str, *, folders: bool = False) -> Merged:
    """The files of `ours` with what changed from `base` to `theirs`; all three are trees or commits.

    Where two of them are the same, the answer is the one that counts, as it was given. With `folders`, new files follow
    when the other side renamed their folder; without, who changes no common path never conflicts.
    """
    if base == theirs or ours == theirs:
        return Merged(ours)
    if base == ours:
        return Merged(theirs)
    # Git merges commits. They have no date, and nobody's name: the same trees give the same names in the markers.
    root = await _commit(mirror, base)
    sides = await asyncio.gather(_commit(mirror, ours, root), _commit(mirror, theirs, root))
    renames = f"merge.directoryRenames={str(folders).lower()}"
    args = ("-c", renames, "merge-tree", "--write-tree", "-z", "--messages", *sides)
    said = await mirror.answer(*args)
    if said.code > 1:
        raise GitError(args, said.code, said.stderr)
    words = said.stdout.decode(errors="surrogateescape").split("\0")
    return Merged(words[0], conflicts(words[1:]) if said.code else ())


async def changed(mirror: Mirror, before: str, after: str) -> Paths:
    """The paths that differ between two trees or commits, both names of a renamed file."""
    if before == after:
        return frozenset()
    options = ("-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none")
    said = await mirror.git("diff-tree", *options, f"{before}^{{tree}}", f"{after}^{{tree}}")
    return frozenset(said.decode(errors="surrogateescape").split("\0")[:-1])


async def forecast(mirror: Mirror, base: str, sides: Mapping[str, tuple[str, str]], most: int = MOST) -> Forecast:
    """Which of some finished jobs would conflict when merged into `base`, what is merged already, and upon one another.

    `sides` has the tree that each began with and the tree that it made. Only those that share a path are merged to find
    out, and at most `most` pairs of them.
    """

    async def touches(side: tuple[str, str]) -> Paths:
        return await changed(mirror, *side)

    async def joins(name: str) -> Merged:
        start, made = sides[name]
        return await merge(mirror, start, base, made)

    async def meets(pair: tuple[str, str]) -> Merged:
        start, made = sides[pair[1]]
        return await merge(mirror, start, onto[pair[0]].tree, made)

    touched = dict(zip(sides, await _each(touches, sides.values()), strict=True))
    masks = beside(touched)
    tried = list(islice(pairs(masks), most))
    late = await _late(mirror, base, sides, touched)
    first = list(dict.fromkeys([*late, *(one for one, _ in tried)]))
    onto = dict(zip(first, await _each(joins, first), strict=True))
    both = dict(zip(tried, await _each(meets, tried), strict=True))
    alone = {name: named(onto[name], touched[name]) for name in late}
    together = {pair: named(merged, _all(touched, pair) - _all(alone, pair)) for pair, merged in both.items()}
    untried = sum(mask.bit_count() for mask in masks.values()) // 2 - len(tried)
    return Forecast(_without_empty(together), _without_empty(alone), untried)


async def only(mirror: Mirror, start: str, made: str, keep: Callable[[str], bool]) -> tuple[str, tuple[str, ...]]:
    """The tree `start` with the changes of `made` at paths that `keep` accepts, and the paths that were left out.

    A new file is left out, too, where a file or folder stays in its place that may not be changed.
    """
    every = await changes.diff(mirror, start, made) if start != made else []
    stay = {change.path for change in every if not keep(change.path) and change.status == "D"}
    kept = [change for change in every if keep(change.path) and not _hindered(change, stay)]
    left = {change.path for change in every} - {change.path for change in kept}
    if not left:
        return await mirror.tree(made), ()
    tree = await changes.applied(mirror, start, kept) if kept else await mirror.tree(start)
    return tree, tuple(sorted(left))


async def common(mirror: Mirror, one: str, other: str) -> str:
    """The commit that two commits have in common; the first of them where they have none."""
    said = await mirror.answer("merge-base", one, other)
    return said.stdout.decode().strip() if said.code == 0 else one


async def join(mirror: Mirror, onto: str, heads: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A commit with what branches changed upon `onto`, and which of them: without those that conflict.

    The same input gives the same commit.
    """
    tree, kept = await mirror.tree(onto), tuple[str, ...]()
    for head in heads:
        merged = await merge(mirror, await common(mirror, onto, head), tree, head)
        if not merged.conflicts:
            tree, kept = await mirror.tree(merged.tree), (*kept, head)
    return await _commit(mirror, tree, onto, *kept), kept


async def patch_of(mirror: Mirror, start: str, made: str, paths: Sequence[str] = ()) -> str:
    """The difference as people and agents read it, with `paths` of these alone."""
    return (await changes.patch(mirror, start, made, paths)).decode("utf-8", "replace")


async def _commit(mirror: Mirror, tree: str, *parents: str) -> str:
    return await changes.commit(mirror, f"{tree}^{{tree}}", parents, "", 0, _HELPER)


async def _late(
    mirror: Mirror, base: str, sides: Mapping[str, tuple[str, str]], touched: Mapping[str, Paths]
) -> list[str]:
    """The jobs that changed what others changed, too, and were merged since the job began."""
    starts = dict.fromkeys(start for start, _ in sides.values())
    since = {start: await changed(mirror, start, base) for start in starts}
    return [name for name, (start, _) in sides.items() if clash(since[start], touched[name])]


def named(merged: Merged, paths: Paths) -> tuple[str, ...]:
    """Those of `paths` that conflict: git gives a file that a folder takes the place of a name of its own."""
    found = (one.path if one.path in paths else one.path.rpartition("~")[0] for one in merged.conflicts)
    return tuple(dict.fromkeys(path for path in found if path in paths))


def _all(paths: Mapping[str, Iterable[str]], pair: tuple[str, str]) -> Paths:
    return frozenset(path for name in pair for path in paths.get(name, ()))


def _hindered(change: Change, stay: set[str]) -> bool:
    """Whether a file has no place because one that stays is above it, or below."""
    return change.status != "D" and (
        any(folder in stay for folder in above(change.path)) or any(one.startswith(f"{change.path}/") for one in stay)
    )


def _without_empty(found: Mapping[X, tuple[str, ...]]) -> dict[X, tuple[str, ...]]:
    return {name: paths for name, paths in found.items() if paths}


async def _each(work: Callable[[X], Awaitable[T]], given: Iterable[X]) -> list[T]:
    """What the work gives for each, a few at once."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(some: X) -> T:
        async with room:
            return await work(some)

    return await asyncio.gather(*map(one, given))
