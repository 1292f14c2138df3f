"""What many tasks made, cut into pull requests along the borders of tasks, where it is too much for one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.agents import composition
from bot.agents.job import Portion, Slice
from bot.git import merging
from bot.git.mirror import Mirror
from bot.git.overlap import above
from bot.store.parts import Held


@dataclass(frozen=True)
class Earlier:
    """What a run goes on with: the pull requests that its work is in already, and the commit that new ones go upon.

    `single`: it goes on upon one alone, whose branch has no part of the work by itself, so that nothing is cut.
    """

    held: tuple[Held, ...] = ()
    onto: str = ""
    single: bool = False


@dataclass(frozen=True)
class Group:
    """Jobs whose work stays together, the paths that it changes, and which pull requests it is in, by their place."""

    jobs: tuple[str, ...]
    paths: frozenset[str]
    held: tuple[int, ...] = ()

    def beside(self, other: "Group") -> "Group":
        jobs = tuple(dict.fromkeys([*self.jobs, *other.jobs]))
        return Group(jobs, self.paths | other.paths, (*self.held, *other.held))


@dataclass(frozen=True)
class Whole:
    """A run's work: what new pull requests go upon and the tree that it made, and what each job gave.

    `held` are the pull requests that have some of it already.
    """

    mirror: Mirror
    base: str
    tree: str
    portions: Mapping[str, Portion]
    held: Sequence[Held] = ()

    async def cut(self, files: int | None, most: int) -> list[Group]:
        """The work in at most `most` parts of about `files` files; one where it is not too much for that.

        What is in a pull request already stays there. None where nothing was changed.
        """
        changed = await merging.changed(self.mirror, self.base, self.tree)
        most = 1 if files is None or (len(changed) <= files and not self.held) else most
        touched = {job: changed.intersection(portion.paths) for job, portion in self.portions.items()}
        groups = inseparable(touched, [(one.jobs, await self._stands(one)) for one in self.held])
        if self.held and groups and not any(group.held for group in groups):
            groups[0] = replace(groups[0], held=(0,))
        if not changed <= frozenset[str]().union(*(group.paths for group in groups)):
            most, groups = 1, [*groups, Group((), changed)]
        return packed(groups, files or 0, most)

    async def _stands(self, held: Held) -> frozenset[str]:
        """The paths that a pull request changed before the run."""
        found = [await self._since(commit) for commit in held.stands]
        return frozenset[str]().union(*found)

    async def _since(self, commit: str) -> frozenset[str]:
        return await merging.changed(self.mirror, await merging.common(self.mirror, self.base, commit), commit)

    async def slice(self, group: Group) -> Slice:
        """A part of the work, upon what it goes upon."""
        start = self.start(group)
        tree, _ = await merging.only(self.mirror, start, self.tree, group.paths.__contains__)
        words = composition.words([self.portions[job] for job in group.jobs if job in self.portions])
        return Slice(tree, words, group.jobs)

    def start(self, group: Group) -> str:
        """The commit or tree that a part goes upon."""
        stands = self.held[group.held[0]].stands if group.held else ()
        return stands[0] if stands else self.base

    async def idle(self, group: Group, one: Slice) -> bool:
        """Whether there is nothing new in it."""
        return bool(group.held) and one.tree == await self.mirror.tree(self.start(group))


def inseparable(
    touched: Mapping[str, frozenset[str]], held: Sequence[tuple[Sequence[str], frozenset[str]]] = ()
) -> list[Group]:
    """The jobs in groups that share no path, in their order: nor is a file of one where another has a folder.

    Jobs that changed nothing are in none. `held` are jobs that are to stay together, each with the paths that stay
    changed beside theirs.
    """
    every = dict[str | int, frozenset[str]](touched.items())
    every.update((number, paths) for number, (_, paths) in enumerate(held))
    group = {one: one for one in every}  # each points to another of its group, the last one to itself
    owner: dict[str, str | int] = {}

    def root(one: str | int) -> str | int:
        while group[one] != one:
            group[one] = one = group[group[one]]
        return one

    for one, paths in every.items():
        for path in paths:
            group[root(one)] = root(owner.setdefault(path, one))
    for path, one in owner.items():
        for folder in above(path):
            if folder in owner:
                group[root(one)] = root(owner[folder])
    for number, (jobs, _) in enumerate(held):
        for job in jobs:
            if touched.get(job):
                group[root(job)] = root(number)
    found: dict[str | int, Group] = {}
    for one, paths in every.items():
        if isinstance(one, int):
            mine = Group(tuple(held[one][0]) if paths else (), paths, (one,))
        elif paths:
            mine = Group((one,), paths)
        else:
            continue
        found[root(one)] = found[root(one)].beside(mine) if root(one) in found else mine
    return [one for one in found.values() if one.paths]


def packed(groups: Sequence[Group], files: int, most: int) -> list[Group]:
    """The groups in at most `most` parts of at most `files` files each, where they fit; the last one takes the rest.

    Those that are in a pull request come first, in the order of these, and none of them joins another if it need not.
    """
    parts: list[Group] = []
    first = sorted((one for one in groups if one.held), key=lambda one: min(one.held))
    for group in [*first, *(one for one in groups if not one.held)]:
        fits = parts and not group.held and len(parts[-1].paths) + len(group.paths) <= files
        if parts and (fits or len(parts) == most):
            parts[-1] = parts[-1].beside(group)
        else:
            parts.append(group)
    return parts
