"""The dispatcher: begins queued runs while there is room, ends cancelled ones, and shows how they stand."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bot.agents.budget import Budget
from bot.agents.transcript import Transcripts
from bot.agents.watch import Bells
from bot.errors import TryAgain, UserError
from bot.github.client import GitHub
from bot.github.entity import Pull, RepoRef
from bot.publish import text
from bot.publish.status import Herald
from bot.review.said import Said
from bot.settings import RunsADay
from bot.store import runs
from bot.store.board import Board
from bot.store.db import Database
from bot.store.inbox import Inbox
from bot.workflow.engine import Checkpoint, Engine
from bot.workflow.library import Library
from bot.workflow.slot import Slot

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Parts:
    """What the dispatcher, the receiver and the worker work with.

    `refresh` brings the summary of a pull request up to date with the ledger; `standing` says how findings stand at the
    head that a pull request has now.
    """

    db: Database
    board: Board
    inbox: Inbox
    engine: Engine
    slot: Slot
    github: GitHub
    library: Library
    herald: Herald
    bells: Bells
    transcripts: Transcripts
    max_runs: int
    day: RunsADay
    budget: Budget
    checkpoint: Checkpoint
    refresh: Callable[[RepoRef, int], Awaitable[None]]
    standing: Callable[[RepoRef, Pull, Sequence[Said]], Awaitable[list[Said]]]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Tasks:
    """Work in the background, none of it lost sight of."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def whenever(news: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` each time there is news, for ever; where it fails, that is logged and it is tried again."""
    while True:
        await news.wait()
        news.clear()
        try:
            await work()
        except Exception:
            log.exception("work failed", part=getattr(work, "__name__", ""))
            await asyncio.sleep(1)
            news.set()


class Dispatcher:
    """One per process; all processes together begin at most `max_runs` runs at once, oldest first.

    One more may be under way where it has priority over the others.
    """

    def __init__(self, parts: Parts, tasks: Tasks) -> None:
        self._p, self._tasks = parts, tasks
        self._news = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """There may be a run that can begin now, or one that was cancelled."""
        self._news.set()

    async def loop(self) -> None:
        """Dispatch whenever there is news."""
        await whenever(self._news, self.send)

    async def send(self) -> None:
        """Begin queued runs while there is room, and tell those that wait their place."""
        while run_id := await self._p.db.write(self._claim):
            await self._p.checkpoint("start:before")
            run = await self._p.db.read(partial(runs.get, run_id=run_id))
            assert run is not None
            await self._p.engine.start(run.execution)
        await self._set_alarm()
        leads = await self._p.slot.lead()
        for run in await self._p.db.read(runs.active):
            if run.cancel is not None:
                await self._end(run)
            elif run.state == "queued" and leads:
                self._tasks.spawn(self.show(run.id))

    async def _set_alarm(self) -> None:
        """Look again when the next run that waits for its time is due."""
        if self._alarm is not None:
            self._alarm.cancel()
        now = time.time()
        due = await self._p.db.read(lambda conn: runs.next_due(conn, now))
        self._alarm = asyncio.get_running_loop().call_later(due - now, self.wake) if due is not None else None

    def _claim(self, conn: sa.Connection) -> str | None:
        return runs.claim(conn, self._p.max_runs, time.time())

    async def cancel(self, target: str, workflow: str | None, sentence: str) -> int:
        """Ask the runs of a target to end; those that still wait end here and now."""
        return await self.heed(await self._p.db.write(lambda conn: runs.cancel(conn, target, workflow, sentence)))

    async def end(self, run_ids: Collection[str], sentence: str) -> int:
        """The same for these runs."""
        return await self.heed(await self._p.db.write(lambda conn: runs.cancel_all(conn, run_ids, sentence)))

    async def heed(self, asked: Sequence[str]) -> int:
        """End what was asked to: those that wait here and now, of the others their agents; how many were asked."""
        for run in await self._p.db.read(runs.active):
            if run.cancel is not None:
                await self._end(run)
        self.wake()
        return len(asked)

    async def _end(self, run: runs.Run) -> None:
        """One that is at work hears the bell; for one that waits there is nobody to hear it."""
        if run.state == "running":
            self._p.bells.ring(run.id)
        else:
            await self._p.board.finish(run.id, "cancelled", run.cancel or "")
            await self.show(run.id)

    def show_soon(self, run_id: str) -> None:
        self._tasks.spawn(self.show(run_id))

    async def show(self, run_id: str) -> None:
        """Bring a run's comment up to date; where GitHub will not, the upkeep does it later."""
        try:
            await self._p.herald.show(run_id)
        except (TryAgain, UserError) as problem:
            log.warning("status not shown", run=run_id, reason=str(problem))

    async def resume(self) -> None:
        """Start every run that our row says is running: the engine may never have heard of it."""
        known = await self._p.engine.unfinished()
        for run in await self._p.db.read(runs.active):
            if run.state != "running" or run.execution in known:
                continue
            if not await self._p.engine.start(run.execution):
                await self._p.board.finish(run.id, "failed", text.broken(run.id))
