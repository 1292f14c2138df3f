"""The graph of a run as people see it: its jobs in order, what each needs and owns, and how each stands."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.orchestra.part import Ended, Part
from bot.store import runs
from bot.store.board import Board

FIRST, APART = 1_000, 200  # where the first job's steps stand in the tree, and how far the next job's from there


@dataclass
class Score:
    """One run's; `graph` is what its facts hold: `name`, `needs`, `agent`, `title`, `owns`, `phase` of each job.

    `shown`: jobs have rows of their own, beside their steps; where there is only one they have none.
    """

    board: Board
    run: str
    graph: list[dict[str, Any]] = field(default_factory=list)
    shown: bool = True

    def __post_init__(self) -> None:
        self._places = {entry["name"]: number for number, entry in enumerate(self.graph)}
        self._known, self._planned = set(self._places), set[str]()
        self._turn, self._kept = asyncio.Lock(), len(self.graph)
        self.owned = {entry["name"]: tuple(entry["owns"]) for entry in self.graph if entry["owns"]}
        self.rows: Mapping[str, runs.Node] = {}

    async def load(self) -> None:
        """Read how the jobs stand that an earlier life of the run came to."""
        rows = await self.board.db.read(lambda conn: runs.tree(conn, self.run))
        self.rows = {row.key: row for row in rows if "." not in row.key}

    def fate(self, name: str) -> Literal["", "begun", "skipped"]:
        """What became of a job in an earlier life: whoever repeats that asks no anew what depended on the moment."""
        row = self.rows.get(name)
        if row is None or (row.started_at is None and row.state != "skipped"):
            return ""
        return "skipped" if row.state == "skipped" else "begun"

    def place(self, name: str) -> int:
        """Where a job's steps begin in the tree of the run: in the order in which jobs were announced."""
        return FIRST + APART * self._places.setdefault(name, len(self._places))

    def node(self, part: Part, step: str, title: str) -> runs.Node:
        """The row of a step of a job."""
        return runs.Node(f"{part.name}.{step}", self.place(part.name) + 1, title)

    async def announce(self, parts: Sequence[Part]) -> None:
        """Show jobs that are to be played, those of a run that is tried again too."""
        if not self.shown:
            return
        if fresh := [part for part in parts if part.name not in self._known]:
            self.graph += [_entry(part) for part in fresh]
            self._known.update(part.name for part in fresh)
            await self._keep()
        if rows := [self._row(part) for part in parts if part.name not in self._planned]:
            self._planned.update(row.key for row in rows)
            await self.board.plan(self.run, *rows)

    async def _keep(self) -> None:
        """Store the graph as it is now: once for all those who wait for that."""
        wanted = len(self.graph)
        async with self._turn:
            if self._kept < wanted:
                graph = [*self.graph]
                await self.board.learn(self.run, graph=graph)
                self._kept = len(graph)

    async def begin(self, part: Part) -> None:
        if self.shown:
            await self.board.open(self.run, self._row(part))

    async def note(self, part: Part, reason: str) -> None:
        """What there is to say of a job that is under way."""
        if self.shown:
            await self.board.note(self.run, part.name, reason=reason)

    async def end(self, part: Part, ended: Ended) -> None:
        if self.shown:
            await self.board.shut(self.run, part.name, ended.state, ended.reason)

    async def skip(self, part: Part, why: str) -> None:
        await self.announce([part])
        if self.shown:
            await self.board.shut(self.run, part.name, "skipped", why)
            await self.board.settle(self.run)  # what comes after it may go by that

    def _row(self, part: Part) -> runs.Node:
        return runs.Node(part.name, self.place(part.name), part.spec.agent or "commands")


def _entry(part: Part) -> dict[str, Any]:
    spec = part.spec
    return {
        "name": part.name,
        "needs": list(part.needs),
        "agent": spec.agent,
        "title": next(iter(spec.focus.strip().splitlines()), "")[:120],
        "owns": [] if not part.ready and any("{{" in glob for glob in spec.owns) else list(spec.owns),
        "phase": part.phase,
    }
