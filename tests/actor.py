"""The agent of the tests: it plays a script, waits at a gate where it is told to, and notes what it was asked."""

import asyncio
from collections.abc import Mapping, Sequence

from bot.agents.task import Outcome, Task, Tell
from bot.backends.rehearsal import Act, Rehearsal


class Gate:
    """Where agents wait while it is closed."""

    def __init__(self) -> None:
        self._waiting, self._changed, self._open = 0, asyncio.Condition(), True
        self.most = 0

    async def through(self) -> None:
        async with self._changed:
            self._waiting += 1
            self.most = max(self.most, self._waiting)
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: self._open)
            finally:
                self._waiting -= 1
                self._changed.notify_all()

    def close(self) -> None:
        self._open = False

    async def open(self) -> None:
        async with self._changed:
            self._open = True
            self._changed.notify_all()

    async def reached(self, count: int = 1) -> None:
        """Until so many agents wait here."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting == count)


class Actor(Rehearsal):
    """`tasks` is everything it was asked, `played` the tries played to their end, which would have been paid for."""

    def __init__(self, script: Mapping[str, Mapping[int, Sequence[Act]]]) -> None:
        super().__init__(script)
        self.gate = Gate()
        self.tasks: list[Task] = []
        self.played: list[int] = []

    async def run(self, task: Task, tell: Tell) -> Outcome:
        self.tasks.append(task)
        await self.gate.through()
        outcome = await super().run(task, tell)
        self.played.append(task.attempt)
        return outcome
