"""One rebase from beginning to end: the commits put anew, conflicts given to an agent, tests, one push with a lease."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from bot.agents.job import Step
from bot.agents.judgement import Judgement
from bot.agents.workshop import Workshop
from bot.check.trial import Verdict
from bot.errors import State, Stop
from bot.git import rebase
from bot.git.command import Identity
from bot.git.mirror import Mirror
from bot.git.rebase import Plan, Stretch
from bot.policy.finding import Finding
from bot.policy.protected import is_agent_file
from bot.publish import fix_text, rebase_text, trial_text
from bot.publish.head_ground import HeadGround, HeadSurveyor
from bot.publish.rebase_text import Rebased
from bot.publish.rebased import HINDERING, Rebaser, Resolution
from bot.store import runs
from bot.store.runs import Run
from bot.workflow.guard import Guard
from bot.workflow.resolving import Resolver
from bot.workflow.spec import Workflow

Show = Callable[[str], Awaitable[None]]
LAST = 100_000


@dataclass(frozen=True)
class Prepared:
    """What a rebase starts from, as it is recorded: the ground, the commits, and who commits them anew."""

    ground: HeadGround
    plan: Plan
    identity: Identity


PREPARED, STRETCH = TypeAdapter(Prepared), TypeAdapter(Stretch)


@dataclass(frozen=True)
class _Played:
    """A rebase under way."""

    run: Run
    workflow: Workflow
    prepared: Prepared
    mirror: Mirror
    guard: Guard
    step: Step

    @property
    def working(self) -> Step:
        return self.guard.working(self.step)

    @property
    def ground(self) -> HeadGround:
        return self.prepared.ground

    @property
    def when(self) -> int:
        """When all of it is committed: the same for each time that it is done."""
        return int(self.run.created_at)


@dataclass
class _Made:
    """What was made until now: the newest commit, how many there are, and what agents resolved."""

    head: str
    commits: int = 0
    empty: int = 0
    resolutions: tuple[Resolution, ...] = ()

    def take(self, stretch: Stretch) -> None:
        self.head = stretch.head
        self.commits += stretch.made
        self.empty += stretch.empty

    @property
    def resolved(self) -> list[str]:
        return sorted({path for one in self.resolutions for path in one.paths})


class Rebasing:
    """Conducts rebases. `show` makes the status comment say what is stored."""

    def __init__(self, shop: Workshop, surveyor: HeadSurveyor, rebaser: Rebaser, show: Show) -> None:
        self._shop, self._surveyor, self._rebaser, self._show = shop, surveyor, rebaser, show

    async def play(self, run: Run, workflow: Workflow, guard: Guard, step: Step) -> tuple[State, str]:
        """The state and the sentence it ends with; raises Stop where it ends early."""
        recorded = await guard.working(step)("prepare", lambda: guard.watched(self._prepare(run, workflow)))
        prepared = PREPARED.validate_python(recorded)
        await guard.tries(lambda: self._surveyor.ready(run, prepared.ground), heed=False)
        played = _Played(run, workflow, prepared, await self._surveyor.mirror(run), guard, step)
        made = await self._replayed(played)
        if made.head == prepared.ground.onto:
            return "no change", rebase_text.all_known(prepared.ground.base, prepared.ground.onto)
        findings = await self._judged(played, made)
        verdict = await self._tested(played, made)
        return await self._published(played, made, findings, verdict)

    # ---- what it starts from -----------------------------------------------------------------------------------------

    async def _prepare(self, run: Run, workflow: Workflow) -> dict[str, Any]:
        node = runs.Node("prepare", 0, "Look at the pull request and fetch its commits")
        await self._shop.board.begin(run.id, node)
        await self._shop.board.plan(run.id, _replay_node(1, 0, ""), trial_text.node(""), _push_node(""))
        ground, shown = await asyncio.gather(
            self._surveyor.ground(run, workflow), self._show(run.id), return_exceptions=True
        )
        for result in (ground, shown):
            if isinstance(result, BaseException):
                raise result
        assert isinstance(ground, HeadGround)
        plan = await self._planned(run, workflow, ground)
        await self._shop.board.end(run.id, node.key, "done", rebase_text.count(len(plan.commits)))
        prepared = Prepared(ground, plan, await self._rebaser.identity())
        return PREPARED.dump_python(prepared, mode="json")  # type: ignore[no-any-return]

    async def _planned(self, run: Run, workflow: Workflow, ground: HeadGround) -> Plan:
        """The commits that are to be put anew. Raises Stop where there is nothing to do, or nothing that may be."""
        if not ground.pull:
            raise Stop("refused", rebase_text.not_on_issues())
        if ground.fork:
            raise Stop("refused", rebase_text.from_fork())
        if ground.branch == ground.default:
            raise Stop("refused", fix_text.head_is_default(ground.branch))
        commits = workflow.outputs.commits
        most = commits.max if commits else 0
        plan = await rebase.plan(await self._surveyor.mirror(run), ground.onto, ground.head, most)
        if plan.fork is None:
            raise Stop("refused", rebase_text.unrelated(ground.base))
        if plan.fork == ground.onto:
            raise Stop("no change", rebase_text.up_to_date(ground.base, ground.onto))
        if plan.total - plan.merges > most:
            raise Stop("refused", rebase_text.too_many(plan.total - plan.merges, most))
        return plan

    # ---- the commits -------------------------------------------------------------------------------------------------

    async def _replayed(self, played: _Played) -> _Made:
        """All commits put anew, one stretch after the other; where one conflicts, an agent resolves it."""
        left, made = list(played.prepared.plan.commits), _Made(played.ground.onto)
        order = await self._surveyor.order(played.run, played.ground)
        resolver = Resolver(self._shop, order, played.workflow, played.prepared.plan.fork or "", played.working)
        number = 0
        while left:
            number += 1
            stretch = await self._stretch(played, number, left, made.head)
            made.take(stretch)
            if not stretch.stopped:
                break
            await self._refuse_hard(played, stretch)
            resolution = await resolver.resolve(number, stretch, played.ground.onto)
            await self._put(played, made, stretch.stopped, resolution.tree)
            made.resolutions += (resolution,)
            del left[: left.index(stretch.stopped) + 1]
        return made

    async def _stretch(self, played: _Played, number: int, commits: Sequence[str], onto: str) -> Stretch:
        """Put commits anew as far as it goes. Another machine, or one that lost its mirror, makes the same again."""

        async def replay() -> Stretch:
            return await rebase.replay(played.mirror, commits, onto, played.prepared.identity, played.when)

        async def effect() -> Any:
            node = _replay_node(number, len(commits), played.ground.onto)
            await self._shop.board.begin(played.run.id, node)
            made = await played.guard.watched(replay())
            said = f"stopped at {trial_text.short(made.stopped)}, which conflicts" if made.stopped else ""
            await self._shop.board.end(played.run.id, node.key, "done", said)
            return STRETCH.dump_python(made, mode="json")

        made = STRETCH.validate_python(await played.working(f"replay.{number}", effect))
        there = await played.mirror.has(made.head, *([made.tree] if made.stopped else []))
        return made if there else await replay()

    async def _refuse_hard(self, played: _Played, stretch: Stretch) -> None:
        """Raises Stop where a conflict is none of texts, or in what tells agents what to do."""
        settings = [one.path for one in stretch.conflicts if is_agent_file(one.path)]
        if settings or not all(one.plain for one in stretch.conflicts):
            subject = (await rebase.original(played.mirror, stretch.stopped)).subject
            raise Stop("refused", rebase_text.by_hand(stretch.stopped, subject, stretch.conflicts, settings))

    async def _put(self, played: _Played, made: _Made, sha: str, tree: str) -> None:
        commit = await rebase.original(played.mirror, sha)
        new = await rebase.anew(played.mirror, commit, tree, made.head, played.prepared.identity, played.when)
        made.commits, made.empty = made.commits + (new != made.head), made.empty + (new == made.head)
        made.head = new

    # ---- what is checked before the push -----------------------------------------------------------------------------

    async def _judged(self, played: _Played, made: _Made) -> list[Finding]:
        """What the policies say of what agents made. Raises Stop where it is not to be pushed."""
        if not made.resolutions:
            return []
        said = await played.working("policy", lambda: self._rebaser.judged(played.run, played.ground, made.resolutions))
        findings = [Finding(**one) for one in said]
        if hindering := [one for one in findings if one.level in HINDERING]:
            raise Stop("refused", rebase_text.by_policy(hindering))
        return findings

    async def _tested(self, played: _Played, made: _Made) -> Verdict:
        """The tests of the files as they would be. Raises Stop unless they pass, or there are none."""
        order = await self._surveyor.order(played.run, played.ground)
        judgement = Judgement(self._shop, order, await played.mirror.tree(made.head))
        verdict = Verdict(**await played.working("test", lambda: judgement.step(trial_text.node)))
        if stopped := trial_text.unfinished(verdict, played.ground.minutes):
            raise Stop(stopped[0], trial_text.told(rebase_text.not_pushed(stopped[1]), verdict.output))
        if verdict.passed is False:
            raise Stop("failed", trial_text.told(rebase_text.red(verdict.command, verdict.seconds), verdict.output))
        return verdict

    async def _published(
        self, played: _Played, made: _Made, findings: Sequence[Finding], verdict: Verdict
    ) -> tuple[State, str]:
        ground = played.ground
        told = Rebased(
            branch=ground.branch,
            base=ground.base,
            onto=ground.onto,
            old=ground.head,
            new=made.head,
            made=made.commits,
            empty=made.empty,
            plan=played.prepared.plan,
            resolved=made.resolved,
            findings=findings,
            tested=rebase_text.tested(verdict.command, verdict.seconds),
        )
        if ground.custom.staged:
            return "done", rebase_text.staged(told)
        publishing = played.guard.publishing(played.step)
        await publishing("push", lambda: self._push(played, made))
        return "done", rebase_text.done(told)

    async def _push(self, played: _Played, made: _Made) -> dict[str, Any]:
        node = _push_node(played.ground.branch)
        await self._shop.board.begin(played.run.id, node)
        await self._rebaser.push(played.run, played.ground, made.head)
        await self._shop.board.end(played.run.id, node.key, "done")
        return {"head": made.head}


def _replay_node(number: int, commits: int, onto: str) -> runs.Node:
    title = (
        f"Put {rebase_text.count(commits)} upon {trial_text.short(onto)}" if onto else "Put the commits upon the base"
    )
    return runs.Node(f"replay.{number}", 1_000 * number, title)


def _push_node(branch: str) -> runs.Node:
    return runs.Node("push", LAST, "Push the branch")
