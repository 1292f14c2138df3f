"""What the jobs of a run are played with: each kind of job, what it is told, what it may use, where its work goes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bot.agents import composition
from bot.agents import job as jobs
from bot.agents.job import Portion, Product, Step
from bot.agents.workshop import Order, Workshop
from bot.check.trial import Verdict
from bot.errors import State, Stop
from bot.github.harmless import code
from bot.orchestra.asking import Asking
from bot.orchestra.briefing import Briefing
from bot.orchestra.claims import Claims, fixed
from bot.orchestra.command import Command
from bot.orchestra.errand import Errands
from bot.orchestra.hindrance import Hindrances, Outlook
from bot.orchestra.integrator import Integrator, Mend, Merged
from bot.orchestra.part import REPAIR, WELL, Ended, Part
from bot.orchestra.player import Player
from bot.orchestra.roll import Roll
from bot.orchestra.score import Score
from bot.orchestra.shares import Shares
from bot.orchestra.slices import Earlier
from bot.orchestra.texts import filled
from bot.orchestra.trunk import Trunk
from bot.publish import graph_text, text
from bot.workflow.job import Job
from bot.workflow.spec import Workflow

Join = Callable[[Part, Product, Ended, int], Awaitable[Ended]]
AGAIN: frozenset[State] = frozenset({"failed", "timed out"})  # how a job ends that may be played anew


@dataclass
class Stage:
    """One run's. A pattern plays graphs on it with `play`, and gives `product` of what came of them."""

    shop: Workshop
    order: Order
    workflow: Workflow
    step: Step
    score: Score
    trunk: Trunk
    names: Mapping[str, Any]
    used: Mapping[str, Workflow] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    earlier: Earlier = field(default_factory=Earlier)
    ended: dict[str, Ended] = field(default_factory=dict)
    portions: dict[str, Portion] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    known: dict[str, Part] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    announced: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        # What an earlier life found owned stays so, whoever comes first now.
        self.claims = Claims(self.score.owned, () if self.single else self.order.custom.owns)
        self.briefing = Briefing(self.order, self.workflow, self.rules, self.score, self.claims, self.ended)
        self.roll = Roll.of(self.workflow)
        self.shares = Shares(self.order.usd, kept=self.workflow.pattern != "hierarchy")
        self.asking = Asking(self.shop, self.step, self.score, self.trunk, self.order, self.briefing.told)
        self.ask = self.asking.ask
        self.errands = Errands(self.order.mirror)
        self.integrator = Integrator(self.shop, self.order, self.trunk, self.step, self.score, self.shares)
        self.hindrances = Hindrances(self.integrator)
        self.player = Player(self, self.workflow.limits.agents, self.names, used=self.used)

    @property
    def single(self) -> bool:
        """Whether the run is one job: then its steps are the run's, and its work too, wherever it stops."""
        return not self.score.shown

    async def play(
        self, graph: Mapping[str, Job], earlier: Mapping[str, Ended] | None = None, phase: str = ""
    ) -> dict[str, Ended]:
        """Play a graph on the trunk; how each of its jobs ended. Raises Stop where the run was cancelled or rests."""
        return await self.player.play(graph, earlier, phase)

    async def alone(self, name: str, spec: Job) -> Product:
        """The only job of a run: its work is the run's, also where it stops short of its goal."""
        try:
            part = filled(Part(name, spec), {**self.names, "needs": {}}, {}, trusted=True)
            self.claims.take([part])
        except ValueError as wrong:
            return Product(self.order.base_tree, "", Verdict("", None), 0, "failed", graph_text.not_filled(str(wrong)))
        self.score.place(part.name)
        left = min(self.order.usd, spec.usd or self.order.usd)
        for turn in range(spec.retries + 1):
            work = self.briefing.work(part, turn)
            made = await jobs.play(self.shop, self.briefing.told(part, left), work, self.order.base_tree, self.step)
            left -= made.spent
            if made.state not in AGAIN or left <= 0:
                break
        return made

    async def announce(self, parts: Sequence[Part]) -> None:
        """Parts that are to be played: they are shown, own their paths, and wait for money.

        Raises ValueError where two of them own a path, or the run would have too many.
        """
        self.shares.expect(await self.show(parts))

    async def show(self, parts: Sequence[Part]) -> int:
        """The same for parts whose money is not shared out here; how many of them are new."""
        fresh = [part for part in parts if part.name not in self.announced]
        self.roll.take(fresh)
        self.claims.take(fresh)
        self.announced.update(part.name for part in fresh)
        self.known |= {part.name: part for part in fresh}
        await self.score.announce(fresh)
        return len(fresh)

    def fits(self, parts: Sequence[Part]) -> None:
        self.roll.fits(parts)
        self.claims.fits(parts)

    async def expand(self, whole: Part, parts: Sequence[Part]) -> None:
        self.known |= {part.name: part for part in parts}
        if whole.spec.strategy.matrix or whole.spec.uses:
            self.roll.take(parts, {whole.name})
            await self.announce(parts if not whole.spec.uses else ())
            self.shares.expect(-1)
            await self.score.begin(whole)
        else:
            self.claims.take(parts)  # with its texts filled in

    def fate(self, part: Part) -> str:
        """What became of a part in an earlier life of the run."""
        return self.score.fate(part.name)

    async def conclude(self, whole: Part, ended: Ended) -> None:
        self.ended[whole.name] = ended
        await self.score.end(whole, ended)

    async def refuse(self, part: Part, ended: Ended) -> None:
        self.shares.expect(-1)
        await self.finish(part, ended)

    async def skip(self, part: Part, why: str) -> None:
        self.shares.expect(-1)
        self.ended[part.name] = Ended("skipped", why)
        await self.score.skip(part, why)

    async def perform(self, part: Part, shares: Shares | None = None) -> Ended:
        """Play one part, again as often as it says, and merge what it made into the trunk.

        What it may use it takes from the run's shares, or from those that are given.
        """
        ended = await self.played(part, self.merge, self.mend, shares)
        await self.finish(part, ended)
        return ended

    async def finish(self, part: Part, ended: Ended) -> None:
        self.ended[part.name] = ended
        await self.score.end(part, ended)

    async def played(self, part: Part, join: Join, mend: Mend, shares: Shares | None = None) -> Ended:
        """The same as `perform`, with `join` in place of the merge; who calls it says how the part ended.

        Where the tests fail on what it began with, whoever broke that is to `mend` it, and the part is played again.
        """
        self.parts[part.name] = self.known[part.name] = part
        await self.score.begin(part)
        shares = shares or self.shares
        share = shares.take(part.spec.usd)
        spent, ended = 0.0, Ended("failed")
        try:
            left = part.spec.retries + 1
            while left > 0:
                ended, cost = await self._once(part, share - spent, self._turn(part), join)
                spent, left = spent + cost, left - 1
                if ended.state not in AGAIN or spent >= share:
                    break
                outlook = await self._outlook(part, mend)
                left = 0 if outlook == "stays" else left + (outlook == "gone")
        finally:
            shares.settle(share, spent)
        return ended

    async def _outlook(self, part: Part, mend: Mend) -> Outlook:
        try:
            return await self.hindrances.outlook(part.name, mend)
        except Stop as stop:
            if stop.state in ("cancelled", "waiting"):
                raise
            return "stays"

    def _turn(self, part: Part) -> int:
        """Which turn of a part begins, from 0: its steps go on counting whoever gives it another."""
        turn = self.turns.get(part.name, 0)
        self.turns[part.name] = turn + 1
        return turn

    async def _once(self, part: Part, usd: float, turn: int, join: Join) -> tuple[Ended, float]:
        """How one turn ended, and what it cost."""
        try:
            if part.spec.run:
                return await self._run(part, turn), 0.0
            if self._reads(part.spec.agent):
                return await self.asking.read(part, usd, nth("read", turn))
            return await self._write(part, usd, turn, join)
        except Stop as stop:
            if stop.state in ("cancelled", "waiting"):
                raise
            return Ended(stop.state, stop.sentence), 0.0

    async def _run(self, part: Part, turn: int) -> Ended:
        node = self.score.node(part, nth("run", turn), f"Run {code(' && '.join(part.spec.run))}")
        command = Command(self.shop, self.briefing.told(part, self.order.usd), part, node, self.trunk.tree)
        return command.ended(Verdict(**await self.step(node.key, command.step)))

    def _reads(self, agent: str) -> bool:
        return self.shop.agents[agent].reads

    async def _write(self, part: Part, usd: float, turn: int, join: Join) -> tuple[Ended, float]:
        work = replace(self.briefing.work(part, turn), suspect=partial(self.hindrances.suspect, part.name))
        order, unmerged = self.briefing.told(part, usd), self.hindrances.unmerged.pop(part.name, "")
        order = replace(order, asked=replace(order.asked, unmerged=unmerged))
        product = await jobs.play(self.shop, order, work, self.trunk.tree, self.step)
        ended = Ended(product.state, product.reason, product.outputs, product.words)
        if product.state in WELL and product.tree != product.start:
            ended = await join(part, product, ended, turn)
        return ended, product.spent

    async def merge(
        self, part: Part, product: Product, ended: Ended, turn: int | str, *, told: bool = True, mends: str = ""
    ) -> Ended:
        """Merge a job's work of one turn into the trunk; what is not its own goes back, or to whom it belongs.

        `told`: its words tell of all that it did, and not of something that others wanted besides. `mends`: the tree
        that it is to mend for those whom that hinders.
        """
        merged = await self.ready(part, product, ended, told=told, mends=mends)
        if merged.state != "waiting":
            return merged
        if not mends and self.trunk.judged(self.trunk.tree):  # who resolves a conflict needs tests that can be green
            await self.integrator.well(self.mend)
        result = await self.integrator.merge(part, product, self.claims, turn, mends=mends)
        return await self._merged(part, product, ended, result, told=told)

    async def ready(self, part: Part, product: Product, ended: Ended, *, told: bool = True, mends: str = "") -> Ended:
        """The same for work without conflicts: of any other nothing is merged, and the job is `waiting`."""
        result = await self.integrator.merge(part, product, self.claims, resolving=False, mends=mends)
        return await self._merged(part, product, ended, result, told=told)

    async def _merged(self, part: Part, product: Product, ended: Ended, merged: Merged, *, told: bool) -> Ended:
        if merged.unmerged and told:
            self.hindrances.unmerged[part.name] = merged.unmerged
        if merged.state == "done":
            known = self.portions.get(part.name)
            self.portions[part.name] = self._portion(part, product.words if told or known is None else known.words)
            await self.errands.take(part, product, merged.left)
        return replace(ended, state=merged.state, reason=merged.reason)

    async def fulfil(self) -> None:
        """Have the owners of paths make the changes that others asked for."""
        await self.errands.fulfil(self.parts, self._asked)

    async def _asked(self, part: Part, words: str) -> bool:
        """Whether a job did what others asked of it, as well as it saw fit."""
        return await self._besides(part, request=words)

    async def mend(self, job: str, red: Verdict, hindering: str) -> bool:
        """Have a job mend what its work broke, on everything together; whether it did.

        `hindering` is the tree that is red, where others wait for that: after a crash it is not known in which turn.
        """
        part = self.known.get(job)
        if part is None or not (part.ready or fixed(part)):
            return False
        return await self._besides(part, earlier=red.output or " ", mends=hindering)

    async def _besides(self, part: Part, request: str = "", earlier: str = "", mends: str = "") -> bool:
        """Whether a job did what is wanted of it besides its part."""
        self.shares.expect(1)
        share = self.shares.take(part.spec.usd)
        order = self.briefing.told(part, share)
        order = replace(order, asked=replace(order.asked, request=request))
        turn = f"{REPAIR}.{mends[:12]}" if mends else self._turn(part)
        work = self.briefing.work(part, turn, earlier)
        product = await jobs.play(self.shop, order, work, self.trunk.tree, self.step)
        self.shares.settle(share, product.spent)
        if product.state != "done" or product.tree == product.start:
            return False
        return (await self.merge(part, product, Ended("done"), turn, told=False, mends=mends)).well

    def _portion(self, part: Part, words: str) -> Portion:
        """What a job gave so far, in these words: after a crash what it mended since is merged, and not said."""
        merges = self.trunk.standing(part.name)
        paths = dict.fromkeys(path for merge in merges for path in merge.paths)
        resolved = dict.fromkeys(path for merge in merges for path in merge.resolved)
        return Portion(part.name, part.spec.agent, words, tuple(paths), tuple(resolved), part.spec.focus)

    async def read_again(self, names: Sequence[str]) -> None:
        """Have jobs that read answer once more where the files are not those that they read, as after a mend."""
        for name in names:
            ended = self.ended.get(name)
            if name in self.parts and ended is not None and ended.read and ended.read != self.trunk.tree:
                self.shares.expect(1)
                await self.perform(self.parts[name])

    async def ask_again(self, name: str, why: str) -> Ended | None:
        """What a job that reads says once it is told why its answer cannot be used; None where it does not read."""
        part = self.parts.get(name)
        if part is None or part.spec.run or not self._reads(part.spec.agent):
            return None
        self.shares.expect(1)
        told, first = f"{part.spec.focus}\n\n{graph_text.answer_anew(why)}", self.ended[name]
        ended = await self.perform(replace(part, spec=part.spec.model_copy(update={"focus": told, "retries": 0})))
        self.parts[name] = part
        if not ended.well:
            await self.finish(part, first)
        return ended

    async def check(self) -> Ended:
        """The tests on everything together; what is red goes back to the job that broke it."""
        await self.fulfil()
        return Ended(*await self.integrator.check(self.mend))

    def _seq(self, portion: Portion) -> int:
        """When a job was merged first: the same after a crash, when those that are done come in any order."""
        return next((merge.seq for merge in self.trunk.standing(portion.job)), 0)

    def product(self, ended: Mapping[str, Ended], checked: Ended, *, tolerant: bool = False) -> Product:
        """What the run made; `tolerant`: jobs that failed do not make the whole fail, where one went well."""
        bad = {name: one for name, one in ended.items() if not one.well}
        failed = {name: one for name, one in bad.items() if one.state != "skipped"}
        changed = self.trunk.tree != self.order.base_tree
        state: State = "done" if changed else "no change"
        if not checked.well:
            state = checked.state
        elif failed and not (tolerant and changed):
            state = next(iter(failed.values())).state
        notes = self.errands.close()
        reason = graph_text.ended({name: (one.state, one.reason) for name, one in ended.items()}) if bad else ""
        reason = "\n\n".join(part for part in (checked.reason, reason, *notes) if part)
        if state == "no change" and not reason:
            reason = text.no_change("")
        portions = tuple(sorted(self.portions.values(), key=self._seq))
        verdict = self.integrator.verdict
        return Product(
            tree=self.trunk.tree,
            words=composition.words(portions),
            verdict=verdict,
            attempt=0,
            state=state,
            reason=reason,
            start=self.order.base_tree,
            parts=portions,
        )


def nth(step: str, turn: int) -> str:
    return step if turn == 0 else f"{step}.{turn + 1}"
