"""What keeps a job of a run from going well and is not its own fault, and how often it is played once more for that."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from bot.orchestra.integrator import Integrator, Mend

MOST = 2  # times that a job is played once more for one kind of hindrance
Outlook = Literal["none", "gone", "stays"]


@dataclass
class Hindrances:
    """One run's. `unmerged` has by job the work of its that could not be merged, as a patch."""

    integrator: Integrator
    unmerged: dict[str, str] = field(default_factory=dict)
    _red: set[str] = field(default_factory=set)
    _repaired: Counter[str] = field(default_factory=Counter)
    _anew: Counter[str] = field(default_factory=Counter)

    async def suspect(self, job: str, start: str) -> bool:
        """Whether the tests fail on the files that a job began with, though all of those were well, each by itself.

        Work that nobody tested may be red on purpose, as tests that come first are.
        """
        red = self.integrator.trunk.judged(start) and await self.integrator.red(start)
        self._red |= {job} if red else set()
        return red

    async def outlook(self, job: str, mend: Mend) -> Outlook:
        """Whether what hindered a job that did not go well is gone, by `mend`; `none` where nothing did."""
        if job in self._red:
            self._red.discard(job)
            self._repaired[job] += 1
            gone = self._repaired[job] <= MOST and await self.integrator.well(mend)
            return "gone" if gone else "stays"
        if job in self.unmerged and self._anew[job] < MOST:
            self._anew[job] += 1
            return "gone"
        return "none"
