"""What the jobs of a run make becomes one: merged as soon as it is ready, conflicts resolved, tested together."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bot.agents.attempt import Attempt, Try, stopped_by
from bot.agents.attempt import Job as Work
from bot.agents.composition import MERGER
from bot.agents.job import Product, Step
from bot.agents.judgement import Judgement, cut_short
from bot.agents.workshop import Order, Workshop
from bot.check.trial import Verdict
from bot.errors import State
from bot.git import changes, merging
from bot.git.merging import Conflict
from bot.graph.ownership import Owners
from bot.orchestra.blame import Blame
from bot.orchestra.part import Part
from bot.orchestra.score import Score
from bot.orchestra.shares import Shares
from bot.orchestra.sides import Sides, to_resolve
from bot.orchestra.trunk import Merge, Trunk
from bot.publish import graph_text, swarm_text
from bot.store import runs

TRIES, ROUNDS = 3, 3  # of resolving one conflict, of mending what is red together
TRUNK = "trunk"
_LAST, _RESOLVING = 9_000_000, 100  # where the tests of the whole stand in the tree; steps of resolving below their job
_UNTESTED = Verdict("", None)
Mend = Callable[[str, Verdict], Awaitable[bool]]


@dataclass(frozen=True)
class Merged:
    """What became of a merge: `paths` it changed on the trunk, `resolved` those whose conflicts an agent resolved.

    `left` are the job's changes to paths of others, which were not merged, by owner. Where it is `waiting`, nothing was
    merged: it conflicts, and that was not to be resolved yet.
    """

    state: State
    reason: str = ""
    paths: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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

    async def merge(
        self, part: Part, product: Product, owners: Owners, turn: int = 0, *, resolving: bool = True
    ) -> Merged:
        """Merge what a job made upon its start into the trunk; where it conflicts, once an agent has resolved that.

        `turn` is the job's. Raises Stop where the run was cancelled or rests.
        """
        mirror = self.order.mirror
        if known := self._known(part.name, product):
            self.trunk.reach(known)
            if known.tree == product.tree and product.verdict.passed:
                self.green[known.tree] = product.verdict
            return Merged("done", "", known.paths, known.resolved, known.left)
        made, left = product.tree, dict[str, tuple[str, ...]]()
        if strays := owners.outside(part.name, await merging.changed(mirror, product.start, product.tree)):
            made, rest = await merging.only(mirror, product.start, product.tree, lambda path: path not in strays)
            left = _by_owner({**strays, **{path: strays.get(path) for path in rest}})
        async with self.trunk.lock:
            before = self.trunk.tree
            merged = await merging.merge(mirror, product.start, before, made)
            tree, wrong = merged.tree, ""
            if merged.conflicts and not resolving:
                return Merged("waiting", swarm_text.aside([one.path for one in merged.conflicts]), left=left)
            if merged.conflicts:
                tree, wrong = await self._resolve(part, product, turn, merged.tree, merged.conflicts)
            if wrong:
                return Merged("failed", wrong, left=left)
            resolved = tuple(one.path for one in merged.conflicts)
            more = {"start": product.start, "left": left}
            kept = await self.trunk.append(self._key(part.name), part.name, product.tree, tree, resolved, **more)
            if tree == product.tree and product.verdict.passed:
                self.green[tree] = product.verdict
            return Merged("done", graph_text.resolved(resolved) if resolved else "", kept.paths, resolved, left)

    def _known(self, job: str, product: Product) -> Merge | None:
        """The merge of just this work: after a crash it is not judged anew."""
        work = (product.start, product.tree)
        return next((one for one in self.trunk.of(job) if (one.start, one.made) == work and not one.back), None)

    def _key(self, job: str) -> str:
        """Of the next merge of a job: it may make something again, after a retry or where tests were red together."""
        done = len(self.trunk.of(job))
        return f"{job}.merge" if not done else f"{job}.merge.{done + 1}"

    # ---- conflicts ---------------------------------------------------------------------------------------------------

    async def _resolve(
        self, part: Part, product: Product, turn: int, tree: str, conflicts: Sequence[Conflict]
    ) -> tuple[str, str]:
        """The files without conflicts, tested; or a sentence that says why there are none."""
        paths = [one.path for one in conflicts]
        with_whom = self._touched(paths)
        if not all(one.plain for one in conflicts) or MERGER not in self.shop.agents:
            return tree, graph_text.conflicts(paths, with_whom)
        sides = await self._sides(part, product, paths)
        given, wrong, output = tree, list[str](), ""
        for attempt in range(1 + turn * TRIES, 1 + (turn + 1) * TRIES):
            made = await self._attempt(part, attempt, given, to_resolve(paths, sides, wrong), output)
            if made.ending != "finished":
                return tree, graph_text.conflicts(paths, with_whom, stopped_by(made, self.order, self._spec)[1])
            flaws = await merging.flaws(self.order.mirror, tree, made.tree, conflicts)
            if flaws:
                wrong = graph_text.wrong_with(flaws)
                given = tree if flaws.stray or flaws.gone else made.tree
                continue
            verdict = await self._test(self._node(part, f"resolve.test.{attempt}"), made.tree)
            if stopped := cut_short(verdict, self.order):
                return tree, graph_text.conflicts(paths, with_whom, stopped[1])
            if verdict.passed is not False:
                self.green[made.tree] = verdict
                return made.tree, ""
            wrong, output, given = [graph_text.tests_red_on_it()], verdict.output, made.tree
        return tree, graph_text.conflicts(paths, with_whom, graph_text.not_resolved(TRIES))

    @property
    def _spec(self) -> Any:
        return self.shop.agents[MERGER]

    async def _attempt(self, part: Part, attempt: int, tree: str, words: str, output: str) -> Try:
        position = self.score.place(part.name) + _RESOLVING
        work = Work(f"{part.name}.resolve", position, MERGER, TRIES, first=attempt - (attempt - 1) % TRIES)
        order, spec = self.shop.engaged(self.order, MERGER)
        order = replace(order, asked=replace(order.asked, findings=words))
        share = self.shares.aside()
        if share <= 0:
            return Try(tree, "budget", "", 0.0)
        one = Attempt(self.shop, order, work, spec, attempt, tree, share, output)
        made = Try(**await self.step(one.node.key, one.agent))
        self.shares.settle(share, made.counted)
        return made

    async def _sides(self, part: Part, product: Product, paths: Sequence[str]) -> Sides:
        mirror, start = self.order.mirror, product.start
        ours = (await changes.patch(mirror, start, self.trunk.tree, paths)).decode("utf-8", "replace")
        theirs = (await changes.patch(mirror, start, product.tree, paths)).decode("utf-8", "replace")
        return Sides(part.name, part.spec.focus, theirs, tuple(self._touched(paths)), ours)

    def _touched(self, paths: Sequence[str]) -> list[str]:
        """The jobs whose merged work has one of the paths."""
        return list(dict.fromkeys(merge.job for merge in self.trunk.merges if set(merge.paths) & set(paths)))

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
            if round_ == ROUNDS or not await mend(culprit, self.verdict):
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
        if tree not in self.tested:
            node = runs.Node(f"{TRUNK}.test.{tree[:12]}", _LAST, graph_text.together())
            self.tested[tree] = await self._test(node, tree)
        verdict = self.tested[tree]
        if verdict.passed is not False and not cut_short(verdict, self.order):
            self.green[tree] = verdict
        return verdict

    async def _test(self, node: runs.Node, tree: str) -> Verdict:
        judgement = Judgement(self.shop, self.order, tree)
        described = partial(_described, node)
        return Verdict(**await self.step(node.key, partial(judgement.step, described)))

    def _node(self, part: Part, step: str) -> runs.Node:
        return replace(self.score.node(part, step, graph_text.together()), position=self.score.place(part.name) + 150)


def _described(node: runs.Node, command: str) -> runs.Node:
    return replace(node, title=graph_text.together(command))


def _by_owner(strays: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    owners = dict.fromkeys(owner or "" for owner in strays.values())
    return {owner: tuple(path for path, whose in strays.items() if (whose or "") == owner) for owner in owners}
