"""Whose work made the tests red, found by halving what is merged; and that work taken out of the trunk again."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from bot.check.trial import Verdict
from bot.git import merging
from bot.git.mirror import Mirror
from bot.orchestra.trunk import Merge, Trunk
from bot.publish import swarm_text


@dataclass(frozen=True)
class Blame:
    """One run's. `green` are trees that passed the tests; `tested` runs them on a tree."""

    mirror: Mirror
    trunk: Trunk
    green: Collection[str]
    tested: Callable[[str], Awaitable[Verdict]]

    def jobs(self) -> list[str]:
        """The jobs whose work stands, in the order in which it came."""
        first = {merge.job: self.trunk.standing(merge.job)[:1] for merge in self.trunk.merges}
        return sorted((job for job, found in first.items() if found), key=lambda job: first[job][0].seq)

    async def culprit(self) -> str | None:
        """The first job with whose work the tests are red; None where they are without any. They are red on all."""
        jobs = self.jobs()
        number = await self._first_red(jobs)
        return jobs[number - 1] if number > 0 else None

    async def _first_red(self, jobs: Sequence[str]) -> int:
        """How many of the jobs it takes, from the first on, for the tests to be red."""
        again = [merge for job in jobs for merge in self.trunk.standing(job)[1:]]
        plain = [self.trunk.base, *(self._plain(jobs[:number], again) for number in range(1, len(jobs)))]
        low, high = max((number for number, tree in enumerate(plain) if tree in self.green), default=-1), len(jobs)
        while high - low > 1:
            middle = max((low + high) // 2, 0)
            verdict = await self.tested(await self._with(jobs[:middle]))
            low, high = (middle, high) if verdict.passed is not False else (low, middle)
        return high

    def _plain(self, jobs: Sequence[str], again: Sequence[Merge]) -> str:
        """The tree when the last of the jobs was merged, where it held what stands of them and no more; else empty.

        `again`: what jobs merged after their first work.
        """
        last = self.trunk.standing(jobs[-1])[0]
        later = any(merge.seq > last.seq and merge.job in jobs for merge in again)
        return "" if later or self._gone(last) else last.tree

    async def _with(self, jobs: Sequence[str]) -> str:
        """The files with the work of these jobs alone, what they mended later too, as far as that can be parted."""
        if not jobs:
            return self.trunk.base
        last = self.trunk.standing(jobs[-1])[0]
        tree = last.tree
        for merge in reversed(self._gone(last)):
            tree = await self._instead(tree, merge.tree, merge.before)
        later = [merge for job in jobs for merge in self.trunk.standing(job) if merge.seq > last.seq]
        for merge in sorted(later, key=lambda one: one.seq):
            tree = await self._instead(tree, merge.before, merge.tree)
        return tree

    def _gone(self, last: Merge) -> list[Merge]:
        """What was merged when `last` was, and was taken back since; oldest first."""
        since = {merge.job: merge.seq for merge in reversed(self.trunk.backs) if merge.seq > last.seq}
        found = [merge for job in since for merge in self.trunk.of(job) if merge.seq < last.seq]
        before = {merge.job: merge.seq for merge in self.trunk.backs if merge.seq < last.seq}
        return sorted((one for one in found if one.seq > before.get(one.job, 0)), key=lambda one: one.seq)

    async def _instead(self, tree: str, base: str, other: str) -> str:
        merged = await merging.merge(self.mirror, base, tree, other)
        return tree if merged.conflicts else merged.tree

    # ---- taking back -------------------------------------------------------------------------------------------------

    async def take_back(self, job: str, why: str) -> bool:
        """Take the work of a job out of the trunk, and before it the work that builds on it; whether that could be."""
        async with self.trunk.lock:
            waiting = [job]
            while waiting:
                tree, hinders = await self._without(waiting[-1])
                if hinders:
                    waiting.append(hinders)
                    continue
                if not tree:
                    return False
                name, reason = waiting[-1], why if len(waiting) == 1 else swarm_text.built_on(job)
                await self.trunk.append(self._key(name), name, self.trunk.tree, tree, back=reason)
                waiting.pop()
        return True

    async def _without(self, job: str) -> tuple[str, str]:
        """The trunk without the work of a job; or the newest job that has built on it."""
        tree = self.trunk.tree
        for merge in reversed(self.trunk.standing(job)):
            merged = await merging.merge(self.mirror, merge.tree, tree, merge.before)
            if merged.conflicts:
                paths = {one.path for one in merged.conflicts}
                return "", self._newest(merge, paths) or self._newest(merge, set(merge.paths))
            tree = merged.tree
        return tree, ""

    def _newest(self, since: Merge, paths: set[str]) -> str:
        """The job that merged last of those that changed one of the paths after a merge; empty where there is none."""
        for merge in reversed(self.trunk.merges):
            if merge.seq <= since.seq:
                return ""
            if merge.job != since.job and merge in self.trunk.standing(merge.job) and not paths.isdisjoint(merge.paths):
                return merge.job
        return ""

    def _key(self, job: str) -> str:
        return f"{job}.merge.{len(self.trunk.of(job)) + 1}"
