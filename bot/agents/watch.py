"""Watching work that may take too long: cancelled by a person, out of time, or silent."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Cause = Literal["cancelled", "timed out", "silent"]


class Bells:
    """One bell a run, rung when somebody cancels it."""

    def __init__(self) -> None:
        self._bells: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def of(self, run_id: str) -> asyncio.Event:
        return self._bells[run_id]

    def ring(self, run_id: str) -> None:
        self._bells[run_id].set()

    def forget(self, run_id: str) -> None:
        self._bells.pop(run_id, None)


class Interrupted(Exception):  # noqa: N818
    """The work was ended early, for `cause`; its processes are gone."""

    def __init__(self, cause: Cause) -> None:
        self.cause = cause
        super().__init__(cause)


class Watch:
    """Ends work at `deadline` (seconds since the epoch), after `silence` seconds without a word, or at the bell."""

    def __init__(self, bell: asyncio.Event, deadline: float, silence: float) -> None:
        self.bell, self.deadline, self.silence = bell, deadline, silence
        self._heard = time.time()

    def hear(self) -> None:
        """The work gave a sign of life."""
        self._heard = time.time()

    async def over(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; raises Interrupted once it has ended early, and never leaves it running."""
        self.hear()
        task = asyncio.ensure_future(work)
        rung = asyncio.ensure_future(self.bell.wait())
        try:
            while not (cause := self._cause()):
                await asyncio.wait({task, rung}, timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    return task.result()
            raise Interrupted(cause)
        finally:
            rung.cancel()
            await _ended(task)

    def _cause(self) -> Cause | None:
        now = time.time()
        if self.bell.is_set():
            return "cancelled"
        if now >= self.deadline:
            return "timed out"
        return "silent" if now - self._heard >= self.silence else None

    def _patience(self) -> float:
        return max(0.0, min(self.deadline, self._heard + self.silence) - time.time())


async def _ended(task: "asyncio.Future[Any]") -> None:
    if not task.done():
        task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
