"""The trunk of a run: the files as everything merged so far has them, and the durable record of each merge."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.git import changes, merging
from bot.git.mirror import Mirror
from bot.store import merges, runs
from bot.store.db import Database


@dataclass(frozen=True)
class Merge:
    """What job `job` made (the tree `made`) upon the trunk: the trees `before` and after, and the `paths` between them.

    `seq` counts from 1. The job began with the tree `start`. An agent resolved the conflicts at the paths in
    `resolved`; `left` are paths by owner that the job changed, too, and that are not its own. `back` says why what the
    job had merged was taken back; it is empty where something was merged. `judged`: the tests passed on it alone.
    `mends`: the tree that it is to mend for others. `spent`: what that and resolving its conflicts cost, in US
    dollars.
    """

    key: str
    job: str
    seq: int
    before: str
    made: str
    tree: str
    paths: tuple[str, ...]
    resolved: tuple[str, ...] = ()
    back: str = ""
    start: str = ""
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    judged: bool = False
    mends: str = ""
    spent: float = 0.0


class Trunk:
    """One run's, from the tree `base` on.

    Whoever merges holds `lock` from reading `tree` until `append` has returned: what is merged meanwhile would be lost.
    """

    def __init__(self, db: Database, mirror: Mirror, run: str, base: str) -> None:
        self.lock = asyncio.Lock()
        self._db, self._mirror, self._run, self._base = db, mirror, run, base
        self._merges: dict[str, Merge] = {}
        self._of: dict[str, list[Merge]] = {}
        self.backs: list[Merge] = []  # those that took something back, oldest first
        self._reached: Merge | None = None
        self._refused: set[tuple[str, str, str]] = set()

    @property
    def base(self) -> str:
        """The tree before anything was merged."""
        return self._base

    @property
    def tree(self) -> str:
        """The newest tree."""
        return self._last.tree if self._last else self._base

    @property
    def reached(self) -> str:
        """The tree as far as this life of the run has come: after a crash others may have been merged on it already."""
        return self._reached.tree if self._reached else self._base

    def reach(self, merge: Merge) -> None:
        """This life of the run has come to a merge, which it made, or one before it."""
        if self._reached is None or merge.seq > self._reached.seq:
            self._reached = merge

    @property
    def merges(self) -> tuple[Merge, ...]:
        """Every merge, oldest first."""
        return tuple(self._merges.values())

    def known(self, key: str) -> Merge | None:
        """The merge of that key, where it is done already."""
        return self._merges.get(key)

    def of(self, job: str) -> Sequence[Merge]:
        """The merges of one job, oldest first."""
        return self._of.get(job, ())

    def standing(self, job: str) -> Sequence[Merge]:
        """Those of them that were not taken back."""
        found = self.of(job)
        return found[max((number for number, one in enumerate(found, 1) if one.back), default=0) :]

    def judged(self, tree: str) -> bool:
        """Whether all that had been merged when this was the newest tree was well by itself."""
        last = next((merge.seq for merge in self._merges.values() if merge.tree == tree), 0)
        return all(merge.judged or merge.back for merge in self._merges.values() if merge.seq <= last)

    def reach_mends(self) -> list[Merge]:
        """This life of the run has come to whatever was mended for those whom it hindered: to these merges."""
        found = [merge for merge in self._merges.values() if merge.mends]
        for merge in found:
            self.reach(merge)
        return found

    def refused(self, job: str, start: str, made: str) -> bool:
        """Whether this work of a job could not be merged when it was made."""
        return (job, start, made) in self._refused

    async def refuse(self, job: str, start: str, made: str) -> None:
        """Keep that this work could not be merged: upon what is merged later it perhaps could, after a crash."""
        meta = {"job": job, "start": start, "refused": made}
        await self._db.write(lambda conn: runs.keep(conn, self._run, f"{job}.refused.{made[:12]}", meta))
        self._refused.add((job, start, made))

    def taken_back(self) -> dict[str, str]:
        """The jobs nothing of which stands, and why that was taken back."""
        return {merge.job: merge.back for merge in self.backs if self._of[merge.job][-1] is merge}

    @property
    def _last(self) -> Merge | None:
        return next(reversed(self._merges.values()), None)

    async def load(self) -> None:
        """Read what an earlier process has merged of this run."""
        rows = await self._db.read(lambda conn: merges.merges(conn, self._run))
        self._refused = set(await self._db.read(lambda conn: merges.refused(conn, self._run)))
        self._merges, self._of, self.backs = {}, {}, []
        for key, meta in rows:
            self._know(_merge(key, meta))

    def _know(self, merge: Merge) -> None:
        self._merges[merge.key] = merge
        self._of.setdefault(merge.job, []).append(merge)
        self.backs += [merge] if merge.back else []

    async def append(
        self, key: str, job: str, made: str, tree: str, resolved: Sequence[str] = (), **more: Any
    ) -> Merge:
        """The trunk is `tree` from now on, for the job made `made`: kept before this returns, with the objects it adds.

        `more`: the rest of a merge. A key that is known changes nothing, and gives what it gave.
        Raises RuntimeError where nobody holds the lock.
        """
        if not self.lock.locked():
            raise RuntimeError("who merges into the trunk holds its lock")
        if found := self.known(key):
            return found
        keeping = asyncio.create_task(self._keep(key, job, made, tree, tuple(resolved), more))
        try:
            return await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await asyncio.wait({keeping})  # a row that is there is merged, whoever is not interested any more
            raise

    async def _keep(self, key: str, job: str, made: str, tree: str, resolved: tuple[str, ...], more: Any) -> Merge:
        before, seq = self.tree, self._last.seq + 1 if self._last else 1
        paths, pack = await asyncio.gather(
            merging.changed(self._mirror, before, tree), changes.packed(self._mirror, before, tree)
        )
        merge = Merge(key, job, seq, before, made, tree, tuple(sorted(paths)), resolved, **more)
        meta = {name: value for name, value in asdict(merge).items() if name != "key"}
        await self._db.write(lambda conn: runs.keep(conn, self._run, key, meta, pack))
        self._know(merge)
        self.reach(merge)
        return merge


def _merge(key: str, meta: Mapping[str, Any]) -> Merge:
    left = {owner: tuple(paths) for owner, paths in meta.get("left", {}).items()}
    return Merge(key, **{**meta, "paths": tuple(meta["paths"]), "resolved": tuple(meta["resolved"]), "left": left})
