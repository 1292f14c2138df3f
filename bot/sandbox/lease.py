"""The right of one run to ask the model: what it has used, what is under way, and the limits that end it.

What is under way counts: a call is let in when the limit leaves room for the worst that all calls under way and this
one may cost, or when nothing else is under way; otherwise it waits. So a run goes beyond its limit by one call at most.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog

from bot.sandbox.jail import Door
from bot.sandbox.messages import RefusedError
from bot.sandbox.meter import Reading, Tokens, dearest, price

SPENT = "Over budget"  # how every sentence about a limit begins
_CALLS = 8  # of one run at once; more wait
_log = structlog.get_logger()


class Purse(Protocol):
    """Whom a run's calls cost something besides the run: its repository, its actor, the installation."""

    async def empty(self) -> str:
        """A sentence when a limit of these is reached, else nothing."""
        ...

    async def pay(self, usd: float) -> None:
        """Take note of what a call has cost."""
        ...


@dataclass(frozen=True)
class Usage:
    """What a lease has used. `usd` is None as soon as a model answered whose price is not known."""

    calls: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    usd: float | None


@dataclass(eq=False)
class Lease:
    """The right of one run to ask the model: through which door, with which token, for at most `usd`.

    `stopped` is the sentence of the limit that was reached, once a call was refused for it.
    """

    run: str
    door: Door
    token: str
    usd: float
    models: frozenset[str]
    purse: Purse
    stopped: str = ""
    _tokens: Tokens = field(default_factory=Tokens)
    _calls: int = 0
    _spent: float = 0.0  # unknown models priced as the dearest
    _owed: float = 0.0  # what of it the purse has not been told
    _unknown: bool = False
    _under_way: list[float] = field(default_factory=list)  # the worst that each call may cost
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    turns: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, _CALLS))
    big: asyncio.Lock = field(default_factory=asyncio.Lock)
    tasks: set["asyncio.Task[Any]"] = field(default_factory=set)
    _paying: set["asyncio.Task[None]"] = field(default_factory=set)
    life: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def usage(self) -> Usage:
        t = self._tokens
        usd = None if self._unknown else self._spent
        return Usage(self._calls, t.input, t.output, t.cache_read, t.cache_write_5m + t.cache_write_1h, usd)

    @property
    def counted(self) -> float:
        """USD that count against the limit: what is known, and unknown models priced as the dearest."""
        return self._spent

    @property
    def spent(self) -> bool:
        """Whether the limit is reached; an answer under way may go beyond it."""
        return self._spent >= self.usd

    def add(self, reading: Reading) -> None:
        """Count what an answer has used."""
        tokens, known = reading.tokens(), price(reading.model)
        usd = (known or dearest()).of(tokens)
        self._calls += 1
        self._tokens += tokens
        self._spent += usd
        self._owed += usd
        self._unknown = self._unknown or known is None

    async def pay(self) -> None:
        """Tell the purse what it was not told yet; where it cannot be told, with the next call or at the end."""
        self._paying.add(paying := asyncio.create_task(self._pay()))
        paying.add_done_callback(self._paying.discard)
        await asyncio.shield(paying)

    async def _pay(self) -> None:
        usd, self._owed = self._owed, 0.0
        try:
            if usd:
                await self.purse.pay(usd)
        except Exception as problem:  # noqa: BLE001 - a call that was answered has been answered
            self._owed += usd
            _log.warning("what a run has spent cannot be written down", run=self.run, problem=str(problem))

    @asynccontextmanager
    async def room(self, worst: float) -> AsyncIterator[None]:
        """Wait for a turn in which there is room for the worst that a call may cost; it is held for the block."""
        while self._under_way and not self._fits(worst):
            self._changed.clear()
            await self._changed.wait()
        self._under_way.append(worst)
        try:
            yield
        finally:
            self._under_way.remove(worst)
            self._changed.set()

    def _fits(self, worst: float) -> bool:
        return self.spent or self._spent + sum(self._under_way) + worst <= self.usd

    async def may_go_on(self) -> None:
        """Raise RefusedError where a limit is reached."""
        sentence = f"{SPENT}: this run had ${self.usd:.2f} left, and that is used up." if self.spent else ""
        try:
            sentence = sentence or await self.purse.empty()
        except Exception as problem:  # whatever it is, nobody knows whether anything is left
            _log.warning("what was spent today cannot be looked up", run=self.run, problem=str(problem))
            raise RefusedError(503, "what was spent today cannot be looked up") from problem
        if sentence:
            self.stopped = sentence
            raise RefusedError(403, sentence)

    async def end(self) -> None:
        """Cut off what is under way, close the door, and write down what all of it cost."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.life.aclose()
        await asyncio.gather(*self._paying, return_exceptions=True)
        await self.pay()
