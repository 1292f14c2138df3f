"""What keeps a job of a run from going well and is not its own fault, and how often it is played once more for that."""

from collections import Counter
from dataclasses import dataclass, field

from bot.orchestra.integrator import Integrator, Mend

MOST = 2  # times that a job is played once more for one kind of hindrance


@dataclass
class Hindrances:
    """One run's. `unmerged` has by job the work of its that could not be merged, as a patch."""

    integrator: Integrator
    unmerged: dict[str, str] = field(default_factory=dict)
    _red: dict[str, str] = field(default_factory=dict)
    _repaired: Counter[str] = field(default_factory=Counter)
    _anew: Counter[str] = field(default_factory=Counter)

    async def suspect(self, job: str, start: str) -> bool:
        """Whether the tests fail on the files that a job began with, and that may be mended."""
        red = self._repaired[job] < MOST and await self.integrator.red(start)
        self._red |= {job: start} if red else {}
        return red

    async def gone(self, job: str, mend: Mend) -> bool:
        """Whether a job that did not go well may be played once more: what hindered it is mended, or was not known."""
        if start := self._red.pop(job, ""):
            self._repaired[job] += 1
            return await self.integrator.repair(start, mend)
        if job in self.unmerged and self._anew[job] < MOST:
            self._anew[job] += 1
            return True
        return False
