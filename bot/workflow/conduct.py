"""One run from beginning to end: prepare, let the jobs play, publish, say how it ended. What the engine executes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, Protocol, TypeVar

import structlog
from pydantic import TypeAdapter

from bot.agents.attempt import Job as Work
from bot.agents.job import Product, Step
from bot.agents.order import Matter, order
from bot.agents.prompt import Asked
from bot.agents.spec import AgentSpec
from bot.agents.workshop import Order, Workshop
from bot.errors import State, Stop, TryAgain, UserError
from bot.git import changes
from bot.git.mirror import Mirror
from bot.orchestra.divide import Division, divide
from bot.orchestra.release import held_back
from bot.orchestra.score import FIRST, Score
from bot.orchestra.slices import Earlier
from bot.orchestra.stage import Stage
from bot.orchestra.trunk import Trunk
from bot.publish import plan_text, text, verdict
from bot.publish.ground import GATE, Ground
from bot.publish.pull_request import POSITION
from bot.store import parts, runs
from bot.store.board import Board
from bot.store.db import Database
from bot.store.runs import Run
from bot.workflow import reuse
from bot.workflow.guard import Guard, Sleep
from bot.workflow.planning import bound, close_earlier, plan_of
from bot.workflow.spec import Workflow

T = TypeVar("T")
Recorded = Callable[[str], Awaitable[Mapping[str, Any]]]
ENDS = ("finish", "rest")
log = structlog.get_logger(__name__)


class Host(Protocol):
    """Where runs come from and their results go: GitHub, or a clone on this machine."""

    async def mirror(self, run: Run) -> Mirror: ...
    async def ground(self, run: Run, workflow: Workflow) -> Ground: ...
    async def fetch(self, run: Run, ground: Ground) -> None: ...
    async def show(self, run_id: str) -> None: ...
    def payer(self, run: Run) -> tuple[int, str]: ...
    def asked(self, run: Run, ground: Ground) -> Asked: ...
    async def offer(self, run: Run, workflow: Workflow, ground: Ground, product: Product, step: Step) -> str: ...


class Pattern(Protocol):
    """How the jobs of a workflow are put together."""

    @property
    def name(self) -> str: ...
    async def play(self, workflow: Workflow, stage: Stage) -> Product:
        """What they made; raises Stop where the run was cancelled or rests."""
        ...


class Conduct(Protocol):
    """What plays the runs of one pattern that is no graph of changing jobs: a review, an answer ..."""

    async def play(self, run: Run, workflow: Workflow, guard: Guard, step: Step) -> tuple[State, str]:
        """The state and the sentence that the run ends with; raises Stop where it ends early."""
        ...


async def _nothing(_execution: str) -> Mapping[str, Any]:
    return {}


class Conductor:
    """Executes runs by id. `ended` is called once a run's end is stored; `conducts` play patterns of their own.

    `recorded` gives what the steps of an earlier life of a run gave.
    """

    def __init__(
        self,
        shop: Workshop,
        host: Host,
        patterns: Mapping[str, Pattern],
        ended: Callable[[str], None],
        sleep: Sleep = asyncio.sleep,
        conducts: Mapping[str, Conduct] | None = None,
        recorded: Recorded = _nothing,
    ) -> None:
        self._shop, self._host, self._patterns, self._ended, self._sleep = shop, host, patterns, ended, sleep
        self._conducts, self._recorded = conducts or {}, recorded

    @property
    def _db(self) -> Database:
        return self._shop.db

    @property
    def _board(self) -> Board:
        return self._shop.board

    async def execute(self, execution: str, step: Step) -> None:
        """One life of a run: it takes over what the steps of the lives before gave, as far as that still holds."""
        run_id, life = runs.parted(execution)
        self._shop.bells.forget(run_id)  # it may have rung for a life that nobody executed, or in another process
        run = replace(await self._get(run_id), life=life)
        run, step = await self._going_on(run, step)
        state, reason = await self._ending(run, step)
        if state == "waiting":
            await step("rest", lambda: self._rest(run))
        else:
            await step("finish", lambda: self._finish(run, state, reason))

    async def _going_on(self, run: Run, step: Step) -> tuple[Run, Step]:
        """The run with the keys of the steps that are `taken` over, and the steps that do so."""
        taken: dict[str, Any] = {}
        for before, kept in zip(run.lives_before(), run.facts.get("kept", ()), strict=False):
            taken |= await self._recorded(before)
            taken = {key: made for key, made in taken.items() if kept is None or key in kept}
        taken = {key: made for key, made in taken.items() if key not in ENDS}

        async def going_on(key: str, effect: Callable[[], Awaitable[Any]]) -> Any:
            async def made() -> Any:
                return taken[key]

            return await step(key, made if key in taken else effect)

        return replace(run, facts={**run.facts, "taken": sorted(taken)}), going_on

    async def _get(self, run_id: str) -> Run:
        run = await self._db.read(lambda conn: runs.get(conn, run_id))
        if run is None:
            raise RuntimeError(f"there is no run {run_id}")
        return run

    async def _ending(self, run: Run, step: Step) -> tuple[State, str]:
        try:
            return await self._play(run, step)
        except Stop as stop:
            return stop.state, stop.sentence
        except Exception:
            log.exception("run broke", run=run.id)
            return "failed", text.broken(run.id)

    async def _play(self, run: Run, step: Step) -> tuple[State, str]:
        workflow = Workflow.model_validate(run.context["workflow"])
        guard = self._guard(run, workflow)
        working = guard.working(step)
        approves = run.context.get("approves", {})
        plans = workflow.approval == "plan" and not approves
        if not self._shop.closed and (conduct := self._conducts.get("plan" if plans else workflow.pattern)):
            return await conduct.play(run, workflow, guard, step)
        if approves and approves.get("kind") != "plan":
            return await self._publish(run, workflow, approves["run"], guard, step)
        if self._shop.closed:
            return "refused", text.no_sandbox()
        began = _ground(await working("prepare", lambda: guard.watched(self._prepare(run, workflow))))
        ground = await _after_its_own(began, run, working)
        await guard.tries(lambda: self._ready(run, ground, run.id), heed=False)
        order = await self._order(run, ground)

        division = await divide(workflow, order, self._shop.agents)
        workflow = division.workflow
        stage = await self._stage(run, division, order, working, _earlier(began, ground))
        product = await self._patterns[workflow.pattern].play(workflow, stage)
        product = replace(product, held=held_back(workflow, product, stage.ended))
        if not product.whole:
            await self._board.learn(run.id, partial=True)
        if product.tree == ground.base_tree:
            return product.state, product.reason
        where = await self._host.offer(run, workflow, ground, product, guard.publishing(step))
        bound_to = ground.notes[0] if approves else ""
        return product.state, "\n\n".join(part for part in (product.reason, where, bound_to) if part)

    async def _stage(self, run: Run, division: Division, order: Order, step: Step, earlier: Earlier) -> Stage:
        """What the pattern plays on, as far as the run has come already."""
        workflow = division.workflow
        trunk = Trunk(self._db, order.mirror, run.id, order.base_tree)
        await trunk.load()
        single = _single(workflow, self._shop.agents)
        score = Score(self._board, run.id, list(run.facts.get("graph", ())), shown=not single)
        issue = {"title": order.asked.title, "number": order.asked.number}
        names = {"issue": issue, "repo": {"name": order.asked.repo}, "inputs": reuse.inputs(workflow, {}, lenient=True)}
        used = {name: Workflow.model_validate(one) for name, one in run.context.get("used", {}).items()}
        await score.load()
        stage = Stage(self._shop, order, workflow, step, score, trunk, names, used, division.rules, earlier)
        stage.errands.notes += division.notes
        return stage

    async def _publish(self, run: Run, workflow: Workflow, made_by: str, guard: Guard, step: Step) -> tuple[State, str]:
        """Publish what another run made and a person approved."""
        reading = guard.working(step)
        gate = await reading("prepare", lambda: guard.watched(self._read_gate(run, workflow, made_by)))
        ground, product = _ground(gate["ground"]), TypeAdapter(Product).validate_python(gate["product"])
        await guard.tries(lambda: self._ready(run, ground, made_by), heed=False)
        where = await self._host.offer(run, workflow, ground, product, guard.publishing(step))
        return product.state, "\n\n".join(part for part in (product.reason, where) if part)

    async def _read_gate(self, run: Run, workflow: Workflow, made_by: str) -> dict[str, Any]:
        """What was kept of the work; whether anything may be written at all, the repository says anew."""
        by = run.context["approves"]["by"]
        node = runs.Node("prepare", 0, f"Read the patch that @{by} approved")
        await self._board.begin(run.id, node)
        await close_earlier(self._db, self._host.show, run, run.workflow)
        kept = await self._db.read(lambda conn: runs.kept(conn, made_by, GATE))
        if kept is None:
            raise Stop("failed", verdict.approval_gone())
        then, now = _ground(kept[0]["ground"]), await self._host.ground(run, workflow)
        await self._board.learn(run.id, branch=then.branch)
        await self._board.end(run.id, node.key, "done")
        return {**kept[0], "ground": asdict(replace(then, custom=replace(then.custom, staged=now.custom.staged)))}

    def _guard(self, run: Run, workflow: Workflow) -> Guard:
        async def stopped() -> Stop | None:
            now = await self._get(run.id)
            if now.cancel is not None:
                return Stop("cancelled", "")
            return Stop("waiting", now.facts["pause"]) if now.facts.get("pause") else None

        minutes = workflow.limits.minutes
        deadline = time.time() + minutes * 60
        return Guard(self._shop.bells.of(run.id), stopped, deadline, minutes, self._sleep)

    async def _prepare(self, run: Run, workflow: Workflow) -> dict[str, Any]:
        approves = run.context.get("approves")
        title = plan_text.reading(approves["by"]) if approves else "Read the issue and fetch the repository"
        node = runs.Node("prepare", 0, title)
        await self._board.begin(run.id, node)
        await self._board.plan(run.id, *_planned(workflow, single=_single(workflow, self._shop.agents)))
        await close_earlier(self._db, self._host.show, run, run.workflow)
        found = await asyncio.gather(self._host.ground(run, workflow), self._host.show(run.id), return_exceptions=True)
        for result in found:
            if isinstance(result, BaseException):
                raise result
        ground = found[0]
        assert isinstance(ground, Ground)
        ground = bound(ground, approves) if approves else ground
        await self._board.end(run.id, node.key, "done", " ".join(ground.notes))
        return asdict(ground)

    async def _ready(self, run: Run, ground: Ground, made_by: str) -> None:
        """Whatever machine goes on with this run has the commits and what the steps of run `made_by` made."""
        mirror = await self._host.mirror(run)
        if not await mirror.has(ground.base):
            await self._host.fetch(run, ground)
        kept = await self._db.read(lambda conn: runs.all_kept(conn, made_by))
        await _admit_all(mirror, [changes.Harvest(meta["tree"], pack) for meta, pack in kept if "tree" in meta])
        self._shop.pool.refill(mirror, ground.base)

    async def _order(self, run: Run, ground: Ground) -> Order:
        asked = replace(self._host.asked(run, ground), plan=plan_of(run))
        files = (await self._host.mirror(run), ground.base, ground.base_tree)
        matter = Matter(*files, asked, ground.setup, ground.test)
        return await order(self._db, run, ground, matter, self._host.payer(run))

    async def _rest(self, run: Run) -> None:
        """The run waits for whoever lets it go on: a row, and nothing that is awake."""
        await self._board.settle(run.id)
        await self._db.write(lambda conn: runs.rest(conn, run.id, run.life))
        log.info("run paused", run=run.id)
        self._ended(run.id)
        await self._shown(run)

    async def _finish(self, run: Run, state: State, reason: str) -> None:
        if state == "cancelled":
            now = await self._get(run.id)
            reason = "\n\n".join(part for part in (now.cancel or reason, text.left_behind(now.facts)) if part)
        await self._board.finish(run.id, state, reason)
        log.info("run ended", run=run.id, state=state)
        self._shop.bells.forget(run.id)
        self._ended(run.id)
        await self._shown(run)

    async def _shown(self, run: Run) -> None:
        try:
            await self._host.show(run.id)
        except (TryAgain, UserError) as problem:  # the sweep of stale comments says it later
            log.warning("end not shown yet", run=run.id, reason=str(problem))


async def _admit_all(mirror: Mirror, kept: list[changes.Harvest]) -> None:
    """Take in what the steps made; a pack may build on another's objects, whatever their order."""
    if await mirror.has(*(harvest.tree for harvest in kept)):  # as after a crash on the same machine
        return
    left = [harvest for harvest in kept if not await mirror.has(harvest.tree)]
    while left:
        refused = [harvest for harvest in left if not await _admitted(mirror, harvest)]
        if len(refused) == len(left):
            raise RuntimeError(f"{len(left)} kept packs build on objects that are not here")
        left = refused


async def _admitted(mirror: Mirror, harvest: changes.Harvest) -> bool:
    try:
        await changes.admit(mirror, harvest)
    except UserError:
        return False
    return True


def _single(workflow: Workflow, agents: Mapping[str, AgentSpec]) -> bool:
    """Whether a run is the work of one agent that changes files, and no graph."""
    jobs = list(workflow.jobs.values())
    plain = workflow.pattern == "pipeline" and len(jobs) == 1 and workflow.worktrees not in ("layer", "service")
    writes = plain and bool(jobs[0].agent) and not agents[jobs[0].agent].reads
    return writes and not jobs[0].strategy.matrix and not jobs[0].condition


def _planned(workflow: Workflow, *, single: bool) -> list[runs.Node]:
    """The steps that people see from the start; those of a graph are shown once it is known."""
    planned: list[runs.Node] = []
    if single:
        name, spec = next(iter(workflow.jobs.items()))
        job = Work(name, FIRST, spec.agent, spec.tests.tries)
        planned = [job.agent_node(1), job.test_node(1, "")]
    return [*planned, runs.Node("publish", POSITION, "Push the branch and open the pull request")]


async def _after_its_own(ground: Ground, run: Run, step: Step) -> Ground:
    """The ground of a run that is tried again: what it pushed before stands on its branch, and nothing else may.

    It is a step: after a crash, when it has pushed again, its work is still cut as it was.
    """
    if "prepare" not in run.facts.get("taken", ()):
        return ground

    async def its_own() -> dict[str, Any]:
        held, spare = parts.of(run.facts), parts.spare(run.facts)
        known = {name: run.facts.get(name) for name in ("branch", "head", "pull")}
        return {**known, "parts": [asdict(one) for one in held], "spare": [asdict(one) for one in spare]}

    own = await step("again", its_own)
    if not own["head"]:
        return ground
    after = replace(ground, branch=own["branch"], expected=own["head"], pull=own["pull"])
    return replace(after, parts=parts.read(own["parts"]), spare=parts.read(own["spare"]))


def _earlier(began: Ground, ground: Ground) -> Earlier:
    """What the work goes on with: several pull requests, or the branch of one that it began upon."""
    single = began.pull is not None and began.expected == began.base
    return Earlier(ground.parts, next(iter(ground.joins), ""), single)


def _ground(record: Any) -> Ground:
    """The ground as it was recorded: JSON knows no tuples."""
    return TypeAdapter(Ground).validate_python(record)
