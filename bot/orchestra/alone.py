"""The parts of a run's work, each a pull request, tested each by itself: what is red goes together with others."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.agents.job import Slice
from bot.check.trial import Verdict
from bot.orchestra.slices import Group, Whole
from bot.workflow.output import PullRequest

Tested = Callable[[int, str], Awaitable[Verdict]]


@dataclass
class Alone:
    """One run's. `verdict` is what the tests say of the whole; `tested` runs them on a tree, and counts from 1."""

    whole: Whole
    verdict: Verdict
    tested: Tested
    count: int = 0

    async def slices(self, opens: PullRequest, *, single: bool = False) -> tuple[Slice, ...]:
        """The pull requests that the work is to be, each of them green by itself; none where it is to be a new one.

        A part that is red goes together with the next ones, and the last with those before it. Where the whole is red
        nothing of that helps. Raises Stop where the run was cancelled.
        """
        groups = await self.whole.cut(opens.files, 1 if single else opens.max)
        red = bool(self.verdict.command) and not self.verdict.passed
        if not self.whole.held and (red or len(groups) < 2):
            return ()
        made = await self._each(groups) if red else await self._green(groups)
        return () if len(made) == 1 and not self.whole.held else tuple(made)

    async def _each(self, groups: list[Group]) -> list[Slice]:
        return [(await self._slice(group))[0] for group in groups]

    async def _green(self, groups: list[Group]) -> list[Slice]:
        made: list[tuple[Group, Slice]] = []
        red: Group | None = None
        for number, group in enumerate(groups, start=1):
            joined = red.beside(group) if red else group
            one, good = await self._slice(joined, last=len(groups) == number and not made)
            red = None if good else joined
            made += [(joined, one)] if good else []
        while red:
            red = made.pop()[0].beside(red)
            one, good = await self._slice(red, last=not made)
            if good:
                made.append((red, one))
                red = None
        return [one for _, one in made]

    async def _slice(self, group: Group, *, last: bool = False) -> tuple[Slice, bool]:
        """A part with what its tests say, and whether it may stand by itself; the `last` one may, for it is all."""
        one = await self.whole.slice(group)
        if await self.whole.idle(group, one):
            return one, True
        if one.tree == self.whole.tree or not self.verdict.command:
            return replace(one, verdict=self.verdict), True
        self.count += 1
        verdict = await self.tested(self.count, one.tree)
        return replace(one, verdict=verdict), last or bool(verdict.passed) or not verdict.command
