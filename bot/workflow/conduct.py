"""One run from beginning to end: prepare, let the jobs play, publish, say how it ended. What the engine executes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

import structlog
from pydantic import TypeAdapter

from bot.agents import job as jobs
from bot.agents.attempt import Job as Work
from bot.agents.job import Product, Step
from bot.agents.prompt import Asked
from bot.agents.workshop import Order, Workshop
from bot.errors import State, Stop, TryAgain, UserError
from bot.git import changes
from bot.git.mirror import Mirror
from bot.patterns.pipeline import Pipeline
from bot.publish import text
from bot.publish.ground import Ground
from bot.store import runs
from bot.store.board import Board
from bot.store.db import Database
from bot.store.runs import Run
from bot.workflow.spec import Job, Workflow

log = structlog.get_logger(__name__)


class Host(Protocol):
    """Where runs come from and their results go: GitHub, or a clone on this machine."""

    async def mirror(self, run: Run) -> Mirror: ...
    async def ground(self, run: Run, workflow: Workflow) -> Ground: ...
    async def fetch(self, run: Run, ground: Ground) -> None: ...
    async def show(self, run_id: str) -> None: ...
    def asked(self, run: Run, ground: Ground) -> Asked: ...
    async def offer(self, run: Run, workflow: Workflow, ground: Ground, product: Product, step: Step) -> str: ...


class Conductor:
    """Executes runs by id. `ended` is called once a run's end is stored."""

    def __init__(
        self, shop: Workshop, host: Host, patterns: Mapping[str, Pipeline], ended: Callable[[str], None]
    ) -> None:
        self._shop, self._host, self._patterns, self._ended = shop, host, patterns, ended

    @property
    def _db(self) -> Database:
        return self._shop.db

    @property
    def _board(self) -> Board:
        return self._shop.board

    async def execute(self, run_id: str, step: Step) -> None:
        run = await self._get(run_id)
        state, reason = await self._ending(run, step)
        await step("finish", lambda: self._finish(run, state, reason))

    async def _get(self, run_id: str) -> Run:
        run = await self._db.read(lambda conn: runs.get(conn, run_id))
        if run is None:
            raise RuntimeError(f"there is no run {run_id}")
        return run

    async def _ending(self, run: Run, step: Step) -> tuple[State, str]:
        try:
            return await self._play(run, self._guarded(run.id, step), step)
        except Stop as stop:
            return stop.state, stop.sentence
        except Exception:
            log.exception("run broke", run=run.id)
            return "failed", text.broken(run.id)

    async def _play(self, run: Run, guarded: Step, step: Step) -> tuple[State, str]:
        workflow = Workflow.model_validate(run.context["workflow"])
        ground = _ground(await guarded("prepare", lambda: self._prepare(run, workflow)))
        await self._ready(run, ground)
        order = await self._order(run, ground)

        async def play(name: str, spec: Job, tree: str) -> Product:
            return await jobs.play(self._shop, order, _job(workflow, name, spec), tree, guarded)

        product = await self._patterns[workflow.pattern].play(workflow.jobs, ground.base_tree, play)
        if product.tree == ground.base_tree:
            return product.state, product.reason
        await self._stop_if_cancelled(run.id)
        where = await self._host.offer(run, workflow, ground, product, _plain(step))
        return product.state, "\n\n".join(part for part in (product.reason, where) if part)

    async def _prepare(self, run: Run, workflow: Workflow) -> dict[str, Any]:
        node = runs.Node("prepare", 0, "Read the issue and fetch the repository")
        await self._board.begin(run.id, node)
        await self._board.plan(run.id, *_planned(workflow))
        found = await asyncio.gather(self._host.ground(run, workflow), self._host.show(run.id), return_exceptions=True)
        for result in found:
            if isinstance(result, BaseException):
                raise result
        ground = found[0]
        assert isinstance(ground, Ground)
        await self._board.end(run.id, node.key, "done", " ".join(ground.notes))
        return asdict(ground)

    async def _ready(self, run: Run, ground: Ground) -> None:
        """Whatever machine goes on with this run has the commits and what its steps made."""
        mirror = await self._host.mirror(run)
        if not await mirror.has(ground.base):
            await self._host.fetch(run, ground)
        for meta, pack in await self._db.read(lambda conn: runs.all_kept(conn, run.id)):
            if "tree" in meta and not await mirror.has(meta["tree"]):
                await changes.admit(mirror, changes.Harvest(meta["tree"], pack))
        self._shop.pool.refill(mirror, ground.base)

    async def _order(self, run: Run, ground: Ground) -> Order:
        return Order(
            run=run.id,
            mirror=await self._host.mirror(run),
            base=ground.base,
            base_tree=ground.base_tree,
            asked=self._host.asked(run, ground),
            setup=ground.setup,
            test=ground.test,
            backend=ground.backend,
            usd=ground.usd,
            minutes=ground.minutes,
            deadline=ground.deadline,
            silence=ground.silence,
        )

    def _guarded(self, run_id: str, step: Step) -> Step:
        """Steps before publication: none begins once the run is cancelled, and refusals end it with their sentence."""

        async def call(key: str, effect: Callable[[], Awaitable[Any]]) -> Any:
            async def checked() -> Any:
                await self._stop_if_cancelled(run_id)
                return await _refusable(effect)

            return await step(key, checked)

        return call

    async def _stop_if_cancelled(self, run_id: str) -> None:
        if self._shop.bells.of(run_id).is_set() or (await self._get(run_id)).cancel is not None:
            raise Stop("cancelled", "")

    async def _finish(self, run: Run, state: State, reason: str) -> None:
        if state == "cancelled":
            reason = (await self._get(run.id)).cancel or reason
        await self._board.finish(run.id, state, reason)
        log.info("run ended", run=run.id, state=state)
        self._shop.bells.forget(run.id)
        self._ended(run.id)
        try:
            await self._host.show(run.id)
        except (TryAgain, UserError) as problem:  # the sweep of stale comments says it later
            log.warning("end not shown yet", run=run.id, reason=str(problem))


async def _refusable(effect: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await effect()
    except UserError as refusal:
        raise Stop("failed", str(refusal)) from refusal


def _plain(step: Step) -> Step:
    """Steps of publication: refusals end the run with their sentence, a cancellation comes too late."""

    async def call(key: str, effect: Callable[[], Awaitable[Any]]) -> Any:
        return await step(key, lambda: _refusable(effect))

    return call


def _job(workflow: Workflow, name: str, spec: Job) -> Work:
    return Work(name, 1000 * (1 + list(workflow.jobs).index(name)), spec.agent, spec.tests.tries)


def _planned(workflow: Workflow) -> list[runs.Node]:
    planned: list[runs.Node] = []
    for name, spec in workflow.jobs.items():
        job = _job(workflow, name, spec)
        planned += [job.agent_node(1), job.test_node(1, "")]
    return [*planned, runs.Node("publish", 100_000, "Push the branch and open the pull request")]


def _ground(record: Any) -> Ground:
    """The ground as it was recorded: JSON knows no tuples."""
    return TypeAdapter(Ground).validate_python(record)
