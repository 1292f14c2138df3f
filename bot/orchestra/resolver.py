"""Conflicts between the jobs of a run: an agent resolves them, and what it gives is judged before it counts."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from bot.agents.attempt import Attempt, Try, stopped_by
from bot.agents.attempt import Job as Work
from bot.agents.composition import MERGER
from bot.agents.job import Step
from bot.agents.judgement import cut_short
from bot.agents.workshop import Order, Workshop
from bot.check.trial import Verdict
from bot.git import merging
from bot.git.merging import Conflict, Flaws, Merged
from bot.git.overlap import clash
from bot.orchestra.part import Part
from bot.orchestra.score import Score
from bot.orchestra.shares import Shares
from bot.orchestra.sides import Sides, to_resolve
from bot.orchestra.trunk import Trunk
from bot.publish import graph_text
from bot.store import runs

TRIES = 3  # of resolving one conflict
_PLACE, _STEPS = 100, 30  # where the steps stand below their job, and how many lie between one conflict and the next
Test = Callable[[runs.Node, str], Awaitable[Verdict]]


@dataclass(frozen=True)
class Change:
    """What a job made: the trees before and after, and the paths whose conflicts with others an agent resolved."""

    start: str
    made: str
    resolved: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resolved:
    """The change upon the files that the trunk has now, or in `wrong` why there is none; `asked`: an agent tried."""

    change: Change
    wrong: str = ""
    asked: bool = True


@dataclass
class Resolver:
    """One run's. `test` runs the tests on a tree; `green` gets those that passed them.

    `costs` is what resolving for a job has cost, as long as that is not merged. Who resolves holds `lock` until it is:
    another conflict is better resolved upon it than beside it.
    """

    shop: Workshop
    order: Order
    trunk: Trunk
    step: Step
    score: Score
    shares: Shares
    test: Test
    green: dict[str, Verdict]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    costs: dict[str, float] = field(default_factory=dict)

    async def resolve(self, part: Part, change: Change, turn: int | str, nth: int) -> Resolved:
        """The change upon the files that the trunk has now.

        `nth` counts the conflicts of one turn of the job from 0. Others may merge meanwhile.
        """
        below = f"{part.name}.resolve" if nth == 0 else f"{part.name}.resolve.{nth + 1}"
        before = await self._begun(f"{below}.begin.{turn + 1 if isinstance(turn, int) else turn}")
        merged = await merging.merge(self.order.mirror, change.start, before, change.made)
        if not merged.conflicts:
            return Resolved(Change(before, merged.tree, change.resolved))
        paths, names = tuple(one.path for one in merged.conflicts), await self.named(change, merged)
        refused = graph_text.conflicts(names, self._touched(names))
        if not all(one.plain for one in merged.conflicts) or MERGER not in self.shop.agents:
            return Resolved(change, refused, asked=False)
        work = self._work(part, below, turn, nth)
        words = await self._sides(part, change, before, paths)
        tree, why = await self._tried(part, work, words, merged.tree, merged.conflicts)
        made = Change(before, tree, (*change.resolved, *paths))
        return Resolved(made, graph_text.conflicts(names, self._touched(names), why) if why else "")

    async def named(self, change: Change, merged: Merged) -> Sequence[str]:
        """The paths of conflicts, as the job has them."""
        return merging.named(merged, await merging.changed(self.order.mirror, change.start, change.made))

    async def _begun(self, key: str) -> str:
        """The trunk's tree when the conflict was met, the same after a crash, when more is merged."""

        async def tree() -> str:
            return self.trunk.tree

        return str(await self.step(key, tree))

    def _work(self, part: Part, name: str, turn: int | str, nth: int) -> Work:
        position = self.score.place(part.name) + _PLACE + nth * _STEPS
        if isinstance(turn, str):
            return Work(f"{name}.{turn}", position, MERGER, TRIES)
        return Work(name, position, MERGER, TRIES, first=1 + turn * TRIES)

    async def _tried(
        self, part: Part, work: Work, words: Callable[[Sequence[str]], str], tree: str, conflicts: Sequence[Conflict]
    ) -> tuple[str, str]:
        """The files without conflicts, tested; or why there are none."""
        given, wrong, output = tree, list[str](), ""
        for number in range(work.first, work.first + TRIES):
            made = await self._attempt(work, number, given, words(wrong), output)
            if made.ending != "finished":
                return tree, stopped_by(made, self.order, self.shop.agents[MERGER])[1]
            flaws = await merging.flaws(self.order.mirror, tree, made.tree, conflicts)
            given, wrong = await self._without_strays(tree, made.tree, flaws), graph_text.wrong_with(flaws)
            if flaws.marked or flaws.gone:
                await self.shop.board.end(self.order.run, work.agent_node(number).key, "failed", " ".join(wrong))
                given = tree if flaws.gone else given
                continue
            verdict = await self.test(self._test_node(part, work, number), given)
            if stopped := cut_short(verdict, self.order):
                return tree, stopped[1]
            if verdict.passed is not False:
                self.green[given] = verdict
                return given, ""
            wrong, output = [*wrong, graph_text.tests_red_on_it()], verdict.output
        return tree, graph_text.not_resolved(TRIES)

    async def _without_strays(self, tree: str, resolved: str, flaws: Flaws) -> str:
        """What an agent made of `tree`, without its changes to paths that had no conflict."""
        if not flaws.stray:
            return resolved
        kept, _ = await merging.only(self.order.mirror, tree, resolved, lambda path: path not in flaws.stray)
        return kept

    async def _attempt(self, work: Work, number: int, tree: str, words: str, output: str) -> Try:
        order, spec = self.shop.engaged(self.order, MERGER)
        order = replace(order, asked=replace(order.asked, findings=words))
        share = self.shares.aside()
        if share <= 0:
            return Try(tree, "budget", "", 0.0)
        one = Attempt(self.shop, order, work, spec, number, tree, share, output)
        made = Try(**await self.step(one.node.key, one.agent))
        self.shares.settle(share, made.counted)
        job = work.name.partition(".")[0]
        self.costs[job] = self.costs.get(job, 0.0) + made.counted
        return made

    def _test_node(self, part: Part, work: Work, number: int) -> runs.Node:
        step = f"{work.name.removeprefix(f'{part.name}.')}.test.{number}"
        return replace(self.score.node(part, step, graph_text.together()), position=work.position + 2 * number + 1)

    async def _sides(
        self, part: Part, change: Change, before: str, paths: Sequence[str]
    ) -> Callable[[Sequence[str]], str]:
        """What the agent is told of the two sides; it takes what is wrong with its last resolution."""
        mirror = self.order.mirror
        ours = await merging.patch_of(mirror, change.start, before, paths)
        theirs = await merging.patch_of(mirror, change.start, change.made, paths)
        sides = Sides(part.name, part.spec.focus, theirs, tuple(self._touched(paths)), ours)
        return lambda wrong: to_resolve(paths, sides, wrong)

    def _touched(self, paths: Sequence[str]) -> list[str]:
        """The jobs whose merged work meets one of the paths: has it, or has a file where that has a folder."""
        mine = frozenset(paths)
        return list(dict.fromkeys(merge.job for merge in self.trunk.merges if clash(frozenset(merge.paths), mine)))
