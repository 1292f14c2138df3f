"""The conflicts of one commit, resolved by an agent: asked for with what both sides meant, checked from git objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.agents.attempt import Attempt, Job, Try, stopped_by
from bot.agents.job import Step
from bot.agents.workshop import Order, Workshop
from bot.errors import Stop
from bot.git import changes, conflict, merging, rebase
from bot.git.rebase import Stretch
from bot.publish import rebase_text, text
from bot.publish.rebase_text import Sides
from bot.publish.rebased import Resolution
from bot.publish.trial_text import short
from bot.store import runs
from bot.workflow.job import Job as Spec
from bot.workflow.spec import Workflow


@dataclass(frozen=True)
class _Resolving(Job):
    """An agent's job at the conflicts of the commit `sha`."""

    sha: str = ""

    def agent_node(self, attempt: int) -> runs.Node:
        again = f", try {attempt} of {self.tries}" if attempt > 1 else ""
        title = f"{self.agent} works on the conflicts of {short(self.sha)}{again}"
        return replace(super().agent_node(attempt), title=title)


@dataclass
class Resolver:
    """Has the conflicts of a rebase resolved; all of them share the run's money. `fork`: where the branch left."""

    shop: Workshop
    order: Order
    workflow: Workflow
    fork: str
    step: Step
    spent: float = field(default=0.0, init=False)
    unknown: bool = field(default=False, init=False)

    async def resolve(self, number: int, stretch: Stretch, onto: str) -> Resolution:
        """The files without conflicts. Raises Stop where the agent does not get there."""
        job, paths = self._job(number, stretch.stopped), [one.path for one in stretch.conflicts]
        sides, tree, wrong = await self._sides(stretch.stopped, paths, onto), stretch.tree, list[str]()
        for attempt in range(1, job.tries + 1):
            made = await self._try(job, attempt, tree, rebase_text.to_resolve(paths, sides, wrong))
            flaws = await conflict.flaws(self.order.mirror, stretch.tree, made.tree, stretch.conflicts)
            if not flaws:
                return Resolution(stretch.tree, made.tree, tuple(paths))
            wrong = rebase_text.wrong_with(flaws)
            tree = stretch.tree if flaws.stray or flaws.gone else made.tree
        raise Stop("failed", rebase_text.not_resolved(stretch.stopped, wrong, job.tries))

    def _job(self, number: int, sha: str) -> _Resolving:
        spec: Spec = next(iter(self.workflow.jobs.values()))
        name = next(iter(self.workflow.jobs))
        return _Resolving(f"{name}-{number}", 1_000 * number + 100, spec.agent, spec.tests.tries, sha=sha)

    async def _try(self, job: _Resolving, attempt: int, tree: str, words: str) -> Try:
        """One try of the agent, which is paid for once. Raises Stop where it does not end well."""
        if self.spent >= self.order.usd:
            sentence = (text.cost_unknown if self.unknown else text.over_budget)(self.order.usd)
            raise Stop("over budget", rebase_text.not_pushed(sentence))
        order, spec = self.shop.engaged(self.order, job.agent)
        order = replace(order, asked=replace(order.asked, findings=words))
        work = Attempt(self.shop, order, job, spec, attempt, tree, self.order.usd - self.spent, "")
        made = Try(**await self.step(work.node.key, work.agent))
        self.spent += made.counted
        self.unknown = self.unknown or made.cost is None
        if made.ending != "finished":
            state, sentence = stopped_by(made, self.order, spec)
            raise Stop(state, rebase_text.not_pushed(sentence))
        await self._admit(work.node.key, made.tree)
        return made

    async def _admit(self, key: str, tree: str) -> None:
        """Whatever machine goes on with this has the files that the agent made."""
        mirror, run = self.order.mirror, self.order.run
        if await mirror.has(tree):
            return
        kept: tuple[Mapping[str, Any], bytes] | None
        kept = await self.shop.db.read(lambda conn: runs.kept(conn, run, key))
        if kept is None:
            raise RuntimeError(f"what {key} of run {run} made is not kept")
        await changes.admit(mirror, changes.Harvest(tree, kept[1]))

    async def _sides(self, sha: str, paths: Sequence[str], onto: str) -> Sides:
        mirror = self.order.mirror
        commit = await rebase.original(mirror, sha)
        parent = commit.parents[0] if commit.parents else changes.EMPTY_TREE
        return Sides(
            message=commit.message.decode("utf-8", "replace").strip(),
            patch=await merging.patch_of(mirror, parent, sha, paths),
            base_messages=await rebase.intents(mirror, self.fork, onto, paths),
            base_patch=await merging.patch_of(mirror, self.fork, onto, paths),
        )
