"""One plan from beginning to end: an agent reads and proposes, the plan is shown, and waits; and the run on it."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import TypeAdapter

from bot.agents import prompt
from bot.agents.hidden import visible
from bot.agents.job import Step
from bot.agents.judgement import suite_of
from bot.agents.order import Matter, order
from bot.agents.reader import Reader, Reading
from bot.agents.workshop import Order, Workshop
from bot.errors import State, Stop, TryAgain, UserError
from bot.publish import plan_text, verdict
from bot.publish.ground import GATE, Ground
from bot.publish.host import GitHubHost
from bot.publish.subject import event_of
from bot.store import gates, runs
from bot.store.db import Database
from bot.store.gates import Gate
from bot.store.runs import Run
from bot.workflow.guard import Guard
from bot.workflow.library import Library, key
from bot.workflow.spec import Workflow

AGENT, COMMAND = "planner", "implement"
READING = 1_000  # where the agent's step stands in the run's tree
ENDINGS: dict[str, State] = {
    "budget": "over budget",
    "over budget": "over budget",
    "timed out": "timed out",
    "silent": "timed out",
    "limits": "resource limit",
}
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Prepared:
    """What a plan is made for: `workflow` is what an approval starts, and `requires` the right that this needs."""

    ground: Ground
    workflow: str
    requires: str


def _plain(workflow: Workflow) -> bool:
    """Whether it is what `/implement` alone means."""
    return workflow.on.command == COMMAND and not workflow.on.command_with


class Planning:
    """Conducts runs that plan: those of `/plan`, and those of workflows whose plan has to be approved of first."""

    def __init__(self, shop: Workshop, host: GitHubHost, library: Library) -> None:
        self._shop, self._host, self._library = shop, host, library

    async def play(self, run: Run, workflow: Workflow, guard: Guard, step: Step) -> tuple[State, str]:
        """The state and the plan it ends with; raises Stop where there is none."""
        working = guard.working(step)
        record = await working("prepare", lambda: guard.watched(self._prepare(run, workflow)))
        prepared: Prepared = TypeAdapter(Prepared).validate_python(record)
        await guard.tries(lambda: self._ready(run, prepared.ground), heed=False)
        reader = await self._reader(run, prepared.ground)
        reading = Reading(**await working(reader.node.key, reader.step))
        if reading.failed:
            raise Stop(ENDINGS.get(reading.ending, "failed"), reading.problem)
        shown = plan_text.plan(plan_text.load(reading.said[0]))
        if prepared.ground.custom.staged:
            return "done", plan_text.staged(shown)
        return await self._wait(run, prepared, shown)

    async def _prepare(self, run: Run, workflow: Workflow) -> dict[str, Any]:
        node = runs.Node("prepare", 0, "Read the issue and fetch the repository")
        await self._shop.board.begin(run.id, node)
        name, planned = await self._planned(run, workflow)
        if workflow.pattern != "plan":
            await close_earlier(self._shop.db, self._host.show, run, name)
        limited = planned.model_copy(update={"limits": workflow.limits})
        work = (self._host.ground(replace(run, workflow=name), limited), self._host.show(run.id))
        ground, shown = await asyncio.gather(*work, return_exceptions=True)
        for result in (ground, shown):
            if isinstance(result, BaseException):
                raise result
        assert isinstance(ground, Ground)
        await self._shop.board.learn(run.id, branch=None)  # the run on the plan finds itself one
        await self._shop.board.end(run.id, node.key, "done", " ".join(ground.notes))
        return asdict(Prepared(ground, name, verdict.needed(planned.requires)))

    async def _planned(self, run: Run, workflow: Workflow) -> tuple[str, Workflow]:
        """The workflow that an approval starts, by its id: that of `/implement`, or the one that wants a plan."""
        if workflow.pattern != "plan":
            return run.workflow, workflow
        offered = await self._library.workflows(key(event_of(run).repo))
        found = next((one for one in offered.items() if _plain(one[1])), None)
        if found is None or found[1].outputs.pull_request is None:
            raise Stop("refused", plan_text.nothing_to_start())
        return found

    async def _ready(self, run: Run, ground: Ground) -> None:
        """Whatever machine goes on with this run has the commit."""
        mirror = await self._host.mirror(run)
        if not await mirror.has(ground.base):
            await self._host.fetch(run, ground)
        self._shop.pool.refill(mirror, ground.base)

    async def _reader(self, run: Run, ground: Ground) -> Reader:
        order, spec = self._shop.engaged(await self._order(run, ground), AGENT)
        clean, asked = self._shop.clean, order.asked
        about = prompt.issue_given(asked.repo, asked.number, asked.title, asked.body, asked.author)
        said = [prompt.fence(f"comment by {one['author']}", visible(one["body"]).text) for one in asked.comments]
        words = " ".join(run.context.get("words", ()))
        more = {
            "comments": "\n\n".join(said),
            "tests": (await suite_of(order, ground.base_tree)).shown,
            "instructions": prompt.fence("words after the command", visible(words).text) if words else "",
            "language": ground.custom.language,
        }
        return Reader(
            shop=self._shop,
            order=order,
            node=runs.Node("plan.agent.1", READING, f"{AGENT} reads and plans"),
            agent=AGENT,
            spec=spec,
            given={**about, **more},
            parse=lambda said: plan_text.read(said, clean),
            salvage=lambda said: plan_text.read(said, clean),
            schema=plan_text.SCHEMA,
            usd=order.usd,
            noun="plan",
        )

    async def _order(self, run: Run, ground: Ground) -> Order:
        files = (await self._host.mirror(run), ground.base, ground.base_tree)
        matter = Matter(*files, self._host.asked(run, ground), ground.setup, ground.test)
        return await order(self._shop.db, run, ground, matter, self._host.payer(run))

    async def _wait(self, run: Run, prepared: Prepared, shown: str) -> tuple[State, str]:
        """The run waits by a row from now on, and what waited for the same before does no more; the words for people.

        Where the work was begun meanwhile it ends at once. A repeat changes nothing: this is no step, so that another
        life of the run waits anew.
        """
        ground = prepared.ground
        gate = Gate(
            run=run.id,
            repo=event_of(run).repo.id,
            target=run.target,
            workflow=prepared.workflow,
            kind="plan",
            digest=digest(shown),
            base=ground.base,
            created_at=time.time(),
            pull=ground.pull,
        )

        def write(conn: sa.Connection) -> None:
            if gates.put(conn, gate):
                runs.keep(conn, run.id, GATE, {"plan": shown, "ground": asdict(ground)})

        await self._shop.db.write(write)
        await close_earlier(self._shop.db, self._host.show, run, gate.workflow)
        where = plan_text.place(ground.base_branch, ground.base, ground.pull)
        words = plan_text.needs_approval(shown, gate.digest, where, gates.KEPT_DAYS, prepared.requires)
        if await self._shop.db.write(lambda conn: _overtaken(conn, gate)):
            return "cancelled", verdict.was_superseded(words)
        return "needs approval", words


def _overtaken(conn: sa.Connection, gate: Gate) -> bool:
    """Whether work began while the plan was made. Asked once its row is there: what begins later sees that."""
    return gates.has_later(conn, gate) and gates.end(conn, gate.run, "superseded", verdict.was_superseded)


def digest(shown: str) -> str:
    """What an approval of a plan holds for: exactly this text."""
    return hashlib.sha256(shown.encode()).hexdigest()


async def close_earlier(db: Database, show: Callable[[str], Awaitable[None]], run: Run, workflow: str) -> None:
    """What waited with work for `workflow` before this run is approved by it or has lost its place, and says so."""
    closed = await db.write(partial(close, run=run, workflow=workflow))
    approved = run.context.get("approves", {}).get("run")
    for waiting in dict.fromkeys([*closed, *([approved] if approved else [])]):
        try:
            await show(waiting)
        except (TryAgain, UserError) as problem:  # the upkeep says it later
            log.warning("status not shown", run=waiting, reason=str(problem))


def close(conn: sa.Connection, run: Run, workflow: str) -> list[str]:
    """The same in a transaction: the ids of the runs that wait no more. On this machine nothing ever waits."""
    if "event" not in run.context:
        return []
    approves, closed = run.context.get("approves", {}), gates.before(conn, run, event_of(run).repo.id, workflow)
    for waiting in closed:
        if waiting == approves.get("run"):
            gates.end(conn, waiting, "approved", partial(verdict.was_approved, by=approves["by"]), run.id)
        else:
            gates.end(conn, waiting, "superseded", verdict.was_superseded)
    return closed


def bound(ground: Ground, approves: dict[str, Any]) -> Ground:
    """The ground of a run on a plan: the commit and the words that the plan was made for, whatever came since.

    `ground` is as it is found now; the first of the notes says what it is bound to. Raises Stop where the pull request
    that the plan goes on with is not what it was.
    """
    then = TypeAdapter(Ground).validate_python(approves["ground"])
    if (ground.pull, ground.expected, ground.parts) != (then.pull, then.expected, then.parts):
        raise Stop("refused", plan_text.pull_moved(then.pull, ground.pull))
    newer = [one for one in ground.comments if one not in then.comments and not one["body"].startswith("/approve")]
    notes = plan_text.bound(
        plan_text.place(then.base_branch, then.base, then.pull),
        then.base_branch,
        moved=ground.base != then.base,
        edited=approves["edited"],
        newer=len(newer),
    )
    return replace(
        ground,
        base=then.base,
        base_tree=then.base_tree,
        base_branch=then.base_branch,
        joins=then.joins,
        comments=then.comments,
        notes=(" ".join(notes), *ground.notes),
    )


def plan_of(run: Run) -> str:
    """The plan that a run carries out; empty where it has none."""
    approves = run.context.get("approves", {})
    return str(approves["plan"]) if approves.get("kind") == "plan" else ""
