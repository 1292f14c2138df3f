"""What the jobs of a run make becomes one: merged as soon as it is ready, conflicts resolved, tested together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from bot.agents.job import Product, Step
from bot.agents.judgement import Judgement, cut_short
from bot.agents.workshop import Order, Workshop
from bot.check.trial import Verdict
from bot.errors import State
from bot.git import merging
from bot.orchestra.blame import Blame
from bot.orchestra.claims import Claims
from bot.orchestra.part import Part
from bot.orchestra.resolver import Change, Resolver
from bot.orchestra.score import Score
from bot.orchestra.shares import Shares
from bot.orchestra.sides import without_binaries
from bot.orchestra.trunk import Merge, Trunk
from bot.publish import graph_text, swarm_text
from bot.store import runs

ROUNDS = 3  # of mending what is red together, and of resolving what conflicts anew each time
TRUNK, SLICE = "trunk", "slice"
_LAST = 9_000_000  # where the tests of the whole stand in the tree
_UNTESTED = Verdict("", None)
Left = Mapping[str, tuple[str, ...]]
Mend = Callable[[str, Verdict, str], Awaitable[bool]]  # the job, what is red, the tree of that where it hinders others


@dataclass(frozen=True)
class Merged:
    """What became of a merge: `paths` it changed on the trunk, `resolved` those whose conflicts an agent resolved.

    `left` are the job's changes to paths of others, which were not merged, by owner. Where it is `waiting`, nothing was
    merged: it conflicts, and that was not to be resolved yet. `unmerged`: the patch of what cannot be merged as it is,
    and could be made anew.
    """

    state: State
    reason: str = ""
    paths: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    left: Left = field(default_factory=dict)
    unmerged: str = ""


@dataclass
class Integrator:
    """One run's. `green` are the trees that passed the tests, with what these said; `verdict` tells of the trunk."""

    shop: Workshop
    order: Order
    trunk: Trunk
    step: Step
    score: Score
    shares: Shares
    green: dict[str, Verdict] = field(default_factory=dict)
    verdict: Verdict = _UNTESTED
    tested: dict[str, Verdict] = field(default_factory=dict)
    blamed: dict[str, str | None] = field(default_factory=dict)
    repaired: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        shop, order, trunk = self.shop, self.order, self.trunk
        self._testing, self._repairing = asyncio.Lock(), asyncio.Lock()
        self._settled = set[str]()
        self.resolver = Resolver(shop, order, trunk, self.step, self.score, self.shares, self._test, self.green)

    async def merge(
        self,
        part: Part,
        product: Product,
        claims: Claims,
        turn: int | str = 0,
        *,
        resolving: bool = True,
        mends: str = "",
    ) -> Merged:
        """Merge what a job made upon its start into the trunk; where it conflicts, once an agent has resolved that.

        `turn` is the job's, or what else is to tell the steps of resolving from others; `mends` is the tree that the
        work is to mend for those whom it hinders. Raises Stop where the run was cancelled or rests.
        """
        mirror = self.order.mirror
        if known := self._known(part.name, product):
            self.trunk.reach(known)
            self._settle(known, known.spent - (product.spent if known.mends else 0.0))
            if known.tree == product.tree and product.verdict.passed:
                self.green[known.tree] = product.verdict
            said = graph_text.resolved(known.resolved) if known.resolved else ""
            return Merged("done", said, known.paths, known.resolved, known.left)
        change, left = Change(product.start, product.tree), dict[str, tuple[str, ...]]()
        if strays := claims.strays(part.name, await merging.changed(mirror, product.start, product.tree)):
            made, rest = await merging.only(mirror, product.start, product.tree, lambda path: path not in strays)
            change = replace(change, made=made)
            left = _by_owner({**strays, **{path: strays.get(path) for path in rest}})
        if self.trunk.refused(part.name, product.start, product.tree):  # before a crash
            return await self._unmerged(product, "")
        merged = await self._joined(part, product, change, left, mends)
        if merged.state != "waiting" or not resolving:
            return merged
        async with self.resolver.lock:
            return await self._resolved(part, product, change, left, turn, mends)

    async def _unmerged(self, product: Product, why: str) -> Merged:
        """What cannot be merged as it is, and no agent can resolve."""
        patch = await merging.patch_of(self.order.mirror, product.start, product.tree)
        return Merged("failed", why, unmerged=without_binaries(patch))

    async def _joined(self, part: Part, product: Product, change: Change, left: Left, mends: str) -> Merged:
        """Merge a change of a job upon what is there now, where nothing conflicts."""
        async with self.trunk.lock:
            merged = await merging.merge(self.order.mirror, change.start, self.trunk.tree, change.made)
            if merged.conflicts:
                paths = await self.resolver.named(change, merged)
                return Merged("waiting", swarm_text.aside(paths), left=left)
            key, resolved = self._key(part.name), change.resolved
            judged = product.verdict.passed is True
            spent = self.resolver.costs.pop(part.name, 0.0) + (product.spent if mends else 0.0)
            more = {"start": product.start, "left": left, "judged": judged, "mends": mends, "spent": spent}
            kept = await self.trunk.append(key, part.name, product.tree, merged.tree, resolved, **more)
            self._settled.add(kept.key)
            if merged.tree == product.tree and product.verdict.passed:
                self.green[merged.tree] = product.verdict
            return Merged("done", graph_text.resolved(resolved) if resolved else "", kept.paths, resolved, left)

    async def _resolved(
        self, part: Part, product: Product, change: Change, left: Left, turn: int | str, mends: str
    ) -> Merged:
        """The same once an agent has resolved what conflicts; again where others merged at those paths meanwhile."""
        for nth in range(ROUNDS):
            resolved = await self.resolver.resolve(part, change, turn, nth)
            if resolved.wrong and not resolved.asked:
                await self.trunk.refuse(part.name, product.start, product.tree)
                return await self._unmerged(product, resolved.wrong)
            if resolved.wrong:
                return Merged("failed", resolved.wrong)
            change = resolved.change
            merged = await self._joined(part, product, change, left, mends)
            if merged.state == "done":
                return merged
        return Merged("failed", graph_text.met_again(change.resolved))

    def _known(self, job: str, product: Product) -> Merge | None:
        """The merge of just this work: after a crash it is not judged anew."""
        work = (product.start, product.tree)
        return next((one for one in self.trunk.of(job) if (one.start, one.made) == work and not one.back), None)

    def _key(self, job: str) -> str:
        """Of the next merge of a job: it may make something again, after a retry or where tests were red together."""
        done = len(self.trunk.of(job))
        return f"{job}.merge" if not done else f"{job}.merge.{done + 1}"

    # ---- tests together ----------------------------------------------------------------------------------------------

    async def check(self, mend: Mend) -> tuple[State, str]:
        """Test what is merged. What is red goes back to the job that broke it, with `mend`, and is tested again."""
        for round_ in range(1, ROUNDS + 1):
            tree = self.trunk.reached
            if ended := await self.judged(tree):
                return ended
            culprit = await self._blamed(tree)
            if culprit is None:
                return "failed", graph_text.red_before()
            if round_ == ROUNDS or not await mend(culprit, self.verdict, ""):
                return "failed", graph_text.red_together(culprit)
        raise AssertionError

    async def _blamed(self, tree: str) -> str | None:
        """The job that made `tree` red, the same one after a crash, when more is merged."""
        if tree not in self.blamed:
            found = await self.blame.culprit()

            async def blamed() -> str | None:
                return found

            self.blamed[tree] = await self.step(f"{TRUNK}.blame.{tree[:12]}", blamed)
        return self.blamed[tree]

    async def red(self, tree: str) -> bool:
        """Whether the tests fail on a tree of the trunk; on the one before all work they are nobody's fault."""
        return tree != self.order.base_tree and (await self._tested(tree)).passed is False

    async def well(self, mend: Mend) -> bool:
        """Whether the tests pass on what is merged; whoever broke them mends that first, once for all whom it hinders.

        After a crash what was mended is merged: then there is nothing to do but to know it.
        """
        async with self._repairing:
            for _ in range(ROUNDS):
                tree = self.trunk.tree
                if not await self.red(tree):
                    for merge in self.trunk.reach_mends():
                        self._settle(merge, merge.spent)
                    return True
                if tree in self.repaired:
                    return False
                self.repaired.add(tree)
                culprit = await self._blamed(tree)
                if culprit is None or not await mend(culprit, self.tested[tree], tree):
                    return False
            return not await self.red(self.trunk.tree)

    def _settle(self, merge: Merge, spent: float) -> None:
        """What an earlier life of the run paid for a merge, and this one does not, counts once."""
        if merge.key not in self._settled:
            self._settled.add(merge.key)
            self.shares.settle(0.0, spent)

    async def judged(self, tree: str = "") -> tuple[State, str] | None:
        """How what is merged stands by its tests, or a tree of it; None where they are red."""
        tree = tree or self.trunk.tree
        if tree == self.order.base_tree:
            return "done", ""
        self.verdict = await self._tested(tree)
        if stopped := cut_short(self.verdict, self.order):
            return stopped
        return ("done", "") if self.verdict.passed is not False else None

    @property
    def blame(self) -> Blame:
        return Blame(self.order.mirror, self.trunk, self.green, self._tested)

    async def _tested(self, tree: str) -> Verdict:
        """What the tests say of a tree: once, whoever asks."""
        if tree in self.green:
            return self.green[tree]
        async with self._testing:
            if tree not in self.tested:
                node = runs.Node(f"{TRUNK}.test.{tree[:12]}", _LAST, graph_text.together())
                self.tested[tree] = await self._test(node, tree)
        verdict = self.tested[tree]
        if verdict.passed is not False and not cut_short(verdict, self.order):
            self.green[tree] = verdict
        return verdict

    async def alone(self, number: int, tree: str) -> Verdict:
        """What the tests say of a tree that is a pull request by itself."""
        if tree in self.green:
            return self.green[tree]
        node = runs.Node(f"{SLICE}.test.{number}", _LAST, "")
        return await self._test(node, tree, partial(swarm_text.alone, number))

    async def _test(self, node: runs.Node, tree: str, told: Callable[[str], str] = graph_text.together) -> Verdict:
        judgement = Judgement(self.shop, self.order, tree)
        described = partial(_described, node, told)
        return Verdict(**await self.step(node.key, partial(judgement.step, described)))


def _described(node: runs.Node, told: Callable[[str], str], command: str) -> runs.Node:
    return replace(node, title=told(command))


def _by_owner(strays: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    owners = dict.fromkeys(owner or "" for owner in strays.values())
    return {owner: tuple(path for path, whose in strays.items() if (whose or "") == owner) for owner in owners}
