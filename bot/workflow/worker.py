"""The worker: what keeps a process at work; deliveries and runs, upkeep, and an orderly end."""

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta

import structlog

from bot.errors import TryAgain
from bot.store import runs
from bot.workflow.approval import expire
from bot.workflow.dispatcher import Dispatcher, Parts, Tasks
from bot.workflow.hearing import Hearing
from bot.workflow.receiver import Receiver

log = structlog.get_logger(__name__)
TEND_SECONDS = 5.0


class Worker:
    """One per process."""

    def __init__(self, parts: Parts) -> None:
        self._p, self._tasks = parts, Tasks()
        self._dispatcher = Dispatcher(parts, self._tasks)
        self._hearing = Hearing(parts)
        self._receiver = Receiver(parts, self._dispatcher, self._hearing, self._tasks)
        self._loops: list[asyncio.Task[None]] = []
        self._redelivered = datetime.now(UTC) - timedelta(hours=1)

    async def start(self) -> None:
        """Go on with what was under way, then take what is new."""
        await self._dispatcher.resume()
        loops = (self._receiver.loop(), self._dispatcher.loop(), self._tend())
        self._loops = [asyncio.create_task(loop) for loop in loops]
        self.wake()
        self.dispatch()

    async def close(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._tasks.close()

    @property
    def alive(self) -> bool:
        """Whether the loops that take deliveries and begin runs are running."""
        return bool(self._loops) and not any(loop.done() for loop in self._loops)

    def wake(self) -> None:
        """There may be a new delivery."""
        self._receiver.wake()

    def dispatch(self) -> None:
        """There may be a run that can begin now, or one that was cancelled."""
        self._dispatcher.wake()

    async def _tend(self) -> None:
        """Dead workers' runs within seconds; every minute comments that lag behind and deliveries that were lost."""
        for beat in itertools.count():
            await asyncio.sleep(TEND_SECONDS)
            await self.tend(thoroughly=beat % 12 == 0)

    async def tend(self, *, thoroughly: bool = True) -> None:
        """One round of upkeep; a failure of one part is logged and does not stop the others."""
        own = (self._dispatcher.resume, self._expire, self._show_stale, self._redeliver, self._forget)
        rare = (*own, self._hearing.poll) if thoroughly else ()
        for work in (self._adopt, *rare):
            try:
                await work()
            except TryAgain as again:
                log.info("upkeep waits", part=work.__name__, reason=str(again))
            except Exception:
                log.exception("upkeep failed", part=work.__name__)
        self.wake()
        self.dispatch()

    async def _show_stale(self) -> None:
        for run_id in await self._p.herald.stale():
            await self._dispatcher.show(run_id)

    async def _expire(self) -> None:
        """One worker ends what has waited for a person as long as it may."""
        if await self._p.slot.lead():
            await expire(self._p)

    async def _adopt(self) -> None:
        if not self._p.db.sqlite:
            await self._p.engine.adopt_dead(self._p.slot)
            await self._dispatcher.resume()

    async def _forget(self) -> None:
        """Let go of what nobody asks for any more, a month after it ended; runs and their steps stay."""
        before = time.time() - runs.KEPT_DAYS * 24 * 3600
        await self._p.db.write(lambda conn: runs.forget(conn, before))
        await asyncio.to_thread(self._p.transcripts.forget, before)
        await self._p.inbox.forget(before)
        active = await self._p.db.read(runs.active)  # a run that rested long ago takes over what it had
        await self._p.engine.forget(before, {one for run in active for one in (*run.lives_before(), run.execution)})

    async def _redeliver(self) -> None:
        """Ask GitHub to send again what it could not deliver since the last round, at the first in an hour."""
        begun = datetime.now(UTC)
        if asked := await self._p.github.redeliver_missed(self._p.inbox.known, self._redelivered):
            log.info("asked GitHub to deliver again", count=len(asked))
        self._redelivered = begun

    async def settled(self) -> None:
        """Return when there is no delivery left to handle and no run that waits for room or is under way."""
        while True:
            await self._p.engine.idle()
            under_way = [run for run in await self._p.db.read(runs.active) if run.state != "waiting"]
            if not (under_way or self._tasks or (await self._p.inbox.counts())["new"]):
                return
            await asyncio.sleep(0.01)
