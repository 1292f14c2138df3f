"""The tree of a run as it changes: every change is stored, and whoever shows it is told."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

import structlog

from bot.errors import State
from bot.storable import storable
from bot.store import runs
from bot.store.db import Database

log = structlog.get_logger(__name__)
Changed = Callable[[str], None]
Kept = tuple[Mapping[str, Any], bytes]  # what a step made: its record, and the files that go with it


class Board:
    """Writes the steps of runs. Each of `listeners` is called with the id of a run that changed."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.listeners: list[Changed] = []
        self._later: set[asyncio.Task[None]] = set()
        self._last: asyncio.Task[None] | None = None

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

    def _changed(self, run_id: str) -> None:
        for listener in self.listeners:
            listener(run_id)

    async def plan(self, run_id: str, *steps: runs.Node) -> None:
        """Show steps that are still to come; those that began already stay as they are."""
        await self.db.write(lambda conn: runs.plan(conn, run_id, steps))
        self._changed(run_id)

    async def begin(self, run_id: str, node: runs.Node) -> None:
        started = replace(node, state="running", started_at=time.time())
        await self.db.write(lambda conn: runs.put(conn, run_id, started))
        self._changed(run_id)

    async def take_up(self, run_id: str, node: runs.Node) -> Kept | None:
        """What a step made before a crash; where it made nothing it is under way from now on."""
        started = replace(node, state="running", started_at=time.time())

        def write(conn: Any) -> Kept | None:
            if (kept := runs.kept(conn, run_id, node.key)) is None:
                runs.put(conn, run_id, started)
            return kept

        kept = await self.db.write(write)
        self._changed(run_id)
        return kept

    async def open(self, run_id: str, node: runs.Node) -> None:
        """A job of the run is under way: from when it first was, however often its process began anew."""
        await self.db.write(lambda conn: runs.open(conn, run_id, node, time.time()))
        self._changed(run_id)

    async def shut(self, run_id: str, key: str, state: State, reason: str = "") -> None:
        """A job of the run has ended; one that had ended already keeps its time."""
        await self.db.write(lambda conn: runs.shut(conn, run_id, key, state, storable(reason), time.time()))
        self._changed(run_id)

    async def end(self, run_id: str, key: str, state: State, reason: str = "", **more: Any) -> None:
        values = clean({"state": state, "reason": reason, "ended_at": time.time(), **more})
        await self.db.write(lambda conn: runs.change(conn, run_id, key, **values))
        self._changed(run_id)

    async def keep(self, run_id: str, key: str, made: Kept, state: State, reason: str = "", **more: Any) -> None:
        """A step has ended; what it made outlives the worktree, the process and the machine once this returns."""
        values = clean({"state": state, "reason": reason, "ended_at": time.time(), **more})

        def write(conn: Any) -> None:
            runs.keep(conn, run_id, key, *made)
            runs.change(conn, run_id, key, **values)

        await self.db.write(write)
        self._changed(run_id)

    async def note(self, run_id: str, key: str, **values: Any) -> None:
        await self.db.write(lambda conn: runs.change(conn, run_id, key, **clean(values)))
        self._changed(run_id)

    async def learn(self, run_id: str, **facts: Any) -> None:
        await self.db.write(lambda conn: runs.learn(conn, run_id, **facts))
        self._changed(run_id)

    async def finish(self, run_id: str, state: State, reason: str) -> None:
        await self.db.write(lambda conn: runs.end(conn, run_id, state, storable(reason)))
        self._changed(run_id)


def clean(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with every text as the database can hold it."""
    return {key: storable(value) if isinstance(value, str) else value for key, value in values.items()}
