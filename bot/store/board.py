"""The tree of a run as it changes: every change is stored, and whoever shows it is told."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
import structlog

from bot.errors import State
from bot.storable import storable
from bot.store import runs
from bot.store.db import Database

log = structlog.get_logger(__name__)
Changed = Callable[[str], None]
Kept = tuple[Mapping[str, Any], bytes]  # what a step made: its record, and the files that go with it


class Board:
    """Writes the steps of runs. Each of `listeners` is called with the id of a run that changed.

    That a step begins, or a job ends, is not waited for: a run that goes on after a crash writes it again. Whoever
    changes that step next, or a step of that job, waits for it, and so does the end of the run.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        self.listeners: list[Changed] = []
        self._later: set[asyncio.Task[None]] = set()
        self._last: asyncio.Task[None] | None = None
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}  # by run and key

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a change in the background, for callers that cannot wait; the changes keep their order."""
        before = self._last

        async def after() -> None:
            if before is not None:
                await asyncio.wait({before})
            try:
                await work
            except Exception:
                log.exception("change not stored")

        self._last = asyncio.get_running_loop().create_task(after())
        self._later.add(self._last)
        self._last.add_done_callback(self._later.discard)

    async def settled(self) -> None:
        """Return when every change in the background is stored."""
        await asyncio.gather(*self._later)
        for run_id in {run_id for run_id, _ in self._under_way}:
            await self.settle(run_id)

    async def settle(self, run_id: str) -> None:
        """Return when everything about the steps of a run is stored that was not waited for."""
        for place in [place for place in self._under_way if place[0] == run_id]:
            try:
                await self._written(*place)
            except Exception:
                log.exception("change not stored")

    async def _written(self, run_id: str, key: str) -> None:
        """Return when what is under way of a step is stored. Raises what went wrong with it, once."""
        place = (run_id, key)
        if task := self._under_way.get(place):
            await asyncio.wait({task})
            self._forget(place, task)
            task.result()

    def _forget(self, place: tuple[str, str], task: asyncio.Task[None]) -> None:
        if self._under_way.get(place) is task:
            del self._under_way[place]

    def _soon(self, run_id: str, key: str, work: Callable[[sa.Connection], None]) -> None:
        """Begin to store a change of a step."""
        place = (run_id, key)
        before = self._under_way.get(place)

        async def write() -> None:
            if before is not None:
                await asyncio.wait({before})
            await self.db.write(work)
            self._changed(run_id)

        self._under_way[place] = task = asyncio.create_task(write())
        task.add_done_callback(lambda _: None if task.cancelled() or task.exception() else self._forget(place, task))

    async def _write(self, run_id: str, key: str, work: Callable[[sa.Connection], None]) -> None:
        """Store a change of a step; it is durable when this returns, and that its job is under way is, too."""
        for name in dict.fromkeys((key.partition(".")[0], key)):
            await self._written(run_id, name)
        await self.db.write(work)
        self._changed(run_id)

    def _changed(self, run_id: str) -> None:
        for listener in self.listeners:
            listener(run_id)

    async def plan(self, run_id: str, *steps: runs.Node) -> None:
        """Show steps that are still to come; those that began already stay as they are."""
        await self.db.write(lambda conn: runs.plan(conn, run_id, steps))
        self._changed(run_id)

    async def begin(self, run_id: str, node: runs.Node) -> None:
        started = replace(node, state="running", started_at=time.time())
        self._soon(run_id, node.key, lambda conn: runs.put(conn, run_id, started))

    async def take_up(self, run_id: str, node: runs.Node) -> Kept | None:
        """What a step made before a crash; where it made nothing it is under way from now on."""
        kept = await self.db.read(lambda conn: runs.kept(conn, run_id, node.key))
        if kept is None:
            await self.begin(run_id, node)
        return kept

    async def open(self, run_id: str, node: runs.Node) -> None:
        """A job of the run is under way: from when it first was, however often its process began anew."""
        now = time.time()
        self._soon(run_id, node.key, lambda conn: runs.open(conn, run_id, node, now))

    async def shut(self, run_id: str, key: str, state: State, reason: str = "") -> None:
        """A job of the run has ended; one that had ended already keeps its time."""
        said, now = storable(reason), time.time()
        self._soon(run_id, key, lambda conn: runs.shut(conn, run_id, key, state, said, now))

    async def end(self, run_id: str, key: str, state: State, reason: str = "", **more: Any) -> None:
        await self.note(run_id, key, state=state, reason=reason, ended_at=time.time(), **more)

    async def keep(self, run_id: str, key: str, made: Kept, state: State, reason: str = "", **more: Any) -> None:
        """A step has ended; what it made outlives the worktree, the process and the machine once this returns."""
        values = clean({"state": state, "reason": reason, "ended_at": time.time(), **more})

        def write(conn: sa.Connection) -> None:
            runs.keep(conn, run_id, key, *made)
            runs.change(conn, run_id, key, **values)

        await self._write(run_id, key, write)

    async def note(self, run_id: str, key: str, **values: Any) -> None:
        cleaned = clean(values)
        await self._write(run_id, key, lambda conn: runs.change(conn, run_id, key, **cleaned))

    async def learn(self, run_id: str, **facts: Any) -> None:
        await self.db.write(lambda conn: runs.learn(conn, run_id, **facts))
        self._changed(run_id)

    async def finish(self, run_id: str, state: State, reason: str) -> None:
        await self.settle(run_id)
        await self.db.write(lambda conn: runs.end(conn, run_id, state, storable(reason)))
        self._changed(run_id)


def clean(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with every text as the database can hold it."""
    return {key: storable(value) if isinstance(value, str) else value for key, value in values.items()}
