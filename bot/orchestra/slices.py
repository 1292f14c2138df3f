"""What many tasks made, cut into pull requests along the borders of tasks, where it is too much for one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.agents import composition
from bot.agents.job import Portion, Slice
from bot.git import merging
from bot.git.mirror import Mirror
from bot.git.overlap import above

Group = tuple[tuple[str, ...], frozenset[str]]  # jobs, and the paths they changed


@dataclass(frozen=True)
class Whole:
    """A run's work: the tree it began with and the one it made, and what each job gave."""

    mirror: Mirror
    base: str
    tree: str
    portions: Mapping[str, Portion]

    async def cut(self, files: int | None, most: int) -> tuple[Slice, ...]:
        """The work in at most `most` parts of about `files` files; none where it is to be published as one."""
        changed = await merging.changed(self.mirror, self.base, self.tree)
        if files is None or most == 1 or len(changed) <= files:
            return ()
        touched = {job: changed.intersection(portion.paths) for job, portion in self.portions.items()}
        groups = packed(inseparable(touched), files, most)
        return tuple([await self._slice(group) for group in groups]) if len(groups) > 1 else ()

    async def _slice(self, group: Group) -> Slice:
        jobs, paths = group
        tree, _ = await merging.only(self.mirror, self.base, self.tree, paths.__contains__)
        return Slice(tree, composition.words([self.portions[job] for job in jobs]), jobs)


def inseparable(touched: Mapping[str, frozenset[str]]) -> list[Group]:
    """The jobs in groups that share no path, in their order: nor is a file of one where another has a folder.

    Jobs that changed nothing are in none.
    """
    group = {job: job for job in touched}  # each points to another of its group, the last one to itself
    owner: dict[str, str] = {}

    def root(job: str) -> str:
        while group[job] != job:
            group[job] = job = group[group[job]]
        return job

    for job, paths in touched.items():
        for path in paths:
            group[root(job)] = root(owner.setdefault(path, job))
    for path, job in owner.items():
        for folder in above(path):
            if folder in owner:
                group[root(job)] = root(owner[folder])
    found: dict[str, list[str]] = {}
    for job, paths in touched.items():
        if paths:
            found.setdefault(root(job), []).append(job)
    return [(tuple(jobs), frozenset[str]().union(*(touched[job] for job in jobs))) for jobs in found.values()]


def packed(groups: Sequence[Group], files: int, most: int) -> list[Group]:
    """The groups in at most `most` parts of at most `files` files each, where they fit; the last one takes the rest."""
    parts: list[Group] = []
    for jobs, paths in groups:
        fits = parts and len(parts[-1][1]) + len(paths) <= files
        if parts and (fits or len(parts) == most):
            parts[-1] = ((*parts[-1][0], *jobs), parts[-1][1] | paths)
        else:
            parts.append((jobs, paths))
    return parts
