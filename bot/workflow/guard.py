"""What every step of a run heeds: a cancellation, a refusal that ends the run, trouble that passes."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from bot.agents.job import Step
from bot.agents.watch import Interrupted, Watch
from bot.errors import Stop, TryAgain, UserError
from bot.publish import text

T = TypeVar("T")
TRIES = 5  # of what may succeed later
Effect = Callable[[], Awaitable[Any]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Guard:
    """One run's. `bell` rings when it is cancelled here; `deadline` as in the epoch.

    `stopped` asks the database whether it was cancelled or paused, and gives the Stop of that.
    """

    bell: asyncio.Event
    stopped: Callable[[], Awaitable[Stop | None]]
    deadline: float
    minutes: float
    sleep: Sleep

    def working(self, step: Step) -> Step:
        """The steps that make something: none begins once the run is cancelled or paused."""

        async def call(key: str, effect: Effect) -> Any:
            return await step(key, lambda: self.tries(effect, heed=True))

        return call

    def publishing(self, step: Step) -> Step:
        """The steps that publish: after the push a cancellation is heeded only while one waits for another try."""

        async def call(key: str, effect: Effect) -> Any:
            return await step(key, lambda: self.tries(effect, heed=key in ("places", "push")))

        return call

    async def tries(self, effect: Effect, *, heed: bool) -> Any:
        """The effect's result. A refusal or the last failed try is a Stop, and so is a cancellation in between."""
        for number in count(1):
            if heed or number > 1:
                await self._heed(paused=heed)
            try:
                return await effect()
            except UserError as refusal:
                raise Stop("failed", str(refusal)) from refusal
            except TryAgain as again:
                if number == TRIES:
                    raise Stop("failed", f"{again} (tried {number} times)") from again
                await self._wait(again.after)
        raise AssertionError

    async def watched(self, work: Coroutine[Any, Any, T]) -> T:
        """`work`, ended at the bell."""
        try:
            return await Watch(self.bell, self.deadline, math.inf).over(work)
        except Interrupted as early:
            if early.cause == "cancelled":
                raise Stop("cancelled", "") from None
            raise Stop("timed out", text.timed_out(self.minutes)) from None

    async def _heed(self, *, paused: bool) -> None:
        """A cancellation, and where a step is still to begin (`paused`) a pause: what was pushed is told to its end."""
        if self.bell.is_set():
            raise Stop("cancelled", "")
        if (stop := await self.stopped()) and (paused or stop.state == "cancelled"):
            raise stop

    async def _wait(self, seconds: float) -> None:
        """Until the next try; no longer than to the bell, and not at all where the run's time would be over."""
        if time.time() + seconds > self.deadline:
            raise Stop("timed out", text.timed_out(self.minutes))
        waits = [asyncio.ensure_future(self.sleep(seconds)), asyncio.create_task(self.bell.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
