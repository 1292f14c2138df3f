"""The worker: takes deliveries from the inbox in order, decides what they mean, and keeps the runs going."""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import sqlalchemy as sa
import structlog

from bot.agents.watch import Bells
from bot.errors import TryAgain, UserError
from bot.github import events
from bot.github.client import GitHub
from bot.github.events import Event, Ignored, InstallationEvent, IssueEvent
from bot.publish import text
from bot.publish.configuration_check import report
from bot.publish.status import Herald
from bot.router import Cancel, Decision, Leave, Reread, Start, Welcome, route
from bot.store import runs
from bot.store.board import Board
from bot.store.db import Database
from bot.store.inbox import Delivery, Inbox, SettledError
from bot.workflow.engine import Checkpoint, Engine
from bot.workflow.library import Library
from bot.workflow.slot import Slot
from bot.workflow.spec import Workflow

log = structlog.get_logger(__name__)
TEND_SECONDS = 5.0
KEPT_DAYS = 30


@dataclass(frozen=True)
class Parts:
    """What the worker works with."""

    db: Database
    board: Board
    inbox: Inbox
    engine: Engine
    slot: Slot
    github: GitHub
    library: Library
    herald: Herald
    bells: Bells
    max_runs: int
    checkpoint: Checkpoint
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Worker:
    """One per process. Targets are handled side by side, each target's deliveries in order of arrival."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts
        self._wake, self._dispatch = asyncio.Event(), asyncio.Event()
        self._seen: set[int] = set()
        self._targets: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []

    # ---- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Go on with what was under way, then take what is new."""
        await self._resume()
        self._loops = [asyncio.create_task(loop) for loop in (self._receive(), self._send_off(), self._tend())]
        self._wake.set()
        self._dispatch.set()

    async def close(self) -> None:
        for task in (*self._loops, *self._tasks):
            task.cancel()
        await asyncio.gather(*self._loops, *self._tasks, return_exceptions=True)

    @property
    def alive(self) -> bool:
        """Whether the loops that take deliveries and begin runs are running."""
        return bool(self._loops) and not any(loop.done() for loop in self._loops)

    def wake(self) -> None:
        """There may be a new delivery."""
        self._wake.set()

    def dispatch(self) -> None:
        """There may be a run that can begin now, or one that was cancelled."""
        self._dispatch.set()

    async def _resume(self) -> None:
        """Start every run that our row says is running: the engine may never have heard of it."""
        known = await self._p.engine.unfinished()
        for run in await self._p.db.read(runs.active):
            if run.state == "running" and run.id not in known and not await self._p.engine.start(run.id):
                await self._p.board.finish(run.id, "failed", text.broken(run.id))

    # ---- deliveries --------------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while await self._p.slot.lead() and (found := await self._p.inbox.pending(self._seen, limit=50)):
                for delivery in found:
                    self._seen.add(delivery.seq)
                    self._spawn(self._in_order(delivery))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_order(self, delivery: Delivery) -> None:
        try:
            event = _parse(delivery)
            target = events.target(event) if not isinstance(event, Ignored) else delivery.guid
            log.info("delivery taken", guid=delivery.guid, name=delivery.event, target=target)
            turn = self._targets.setdefault(target, asyncio.Lock())
            async with turn:
                await self._until_settled(delivery, event)
        finally:
            self._seen.discard(delivery.seq)

    async def _until_settled(self, delivery: Delivery, event: Event | Ignored) -> None:
        while True:
            try:
                return await self._handle(delivery, event)
            except SettledError:
                return None
            except TryAgain as again:
                log.info("delivery waits", guid=delivery.guid, reason=str(again))
                await self._p.sleep(again.after)
            except UserError as refusal:
                return await self._settle(delivery, f"refused: {refusal}")
            except Exception as error:
                log.exception("delivery not handled", guid=delivery.guid)
                if await self._p.inbox.fail(delivery.seq, f"{type(error).__name__}: {error}"):
                    return None

    async def _handle(self, delivery: Delivery, event: Event | Ignored) -> None:
        if isinstance(event, Ignored):
            return await self._settle(delivery, f"ignored: {event.reason}")
        decisions = await self._decide(event)
        if isinstance(decisions, Ignored):
            return await self._settle(delivery, f"ignored: {decisions.reason}")
        found = [await self._carry_out(decision, event, delivery) for decision in decisions]
        starts = [one for one in found if isinstance(one, runs.Run)]
        await self._create(delivery, starts, [one for one in found if isinstance(one, str)])
        return None

    async def _settle(self, delivery: Delivery, note: str) -> None:
        log.info("delivery handled", guid=delivery.guid, name=delivery.event, note=note)
        await self._p.db.write(lambda conn: self._p.inbox.finish(conn, delivery.seq, note))

    async def _decide(self, event: Event) -> list[Decision] | Ignored:
        offered = self._p.library.offered.workflows
        repo = getattr(event, "repo", None)
        workflows = await self._p.library.workflows(repo.full_name) if repo else offered
        own = (await self._p.github.app()).bot_id if isinstance(event, IssueEvent) else 0
        return route(event, workflows, own)

    async def _carry_out(self, decision: Decision, event: Event, delivery: Delivery) -> str | runs.Run:
        """Do one decision: the note for the inbox, or the run that is to be created when the delivery is settled."""
        match decision:
            case Start():
                assert isinstance(event, IssueEvent)
                return await self._begin(decision, event, delivery)
            case Cancel():
                return await self._cancel(decision, events.target(event))
            case Leave():
                return await self._leave(decision)
            case Welcome():
                return await self._welcome(decision)
            case Reread():
                return await report(self._p.github, self._p.library, decision)

    # ---- starts and ends ---------------------------------------------------------------------------------------------

    async def _begin(self, start: Start, event: IssueEvent, delivery: Delivery) -> str | runs.Run:
        workflow = (await self._p.library.workflows(event.repo.full_name))[start.workflow]
        if refusal := await self._refusal(workflow, start, event, delivery):
            return refusal
        run = _new_run(start, event, delivery, workflow)
        for earlier in await self._p.db.read(lambda conn: runs.recent(conn, run.target)):
            if earlier.active and earlier.workflow == run.workflow and earlier.cancel is not None:
                raise TryAgain("the run before this one is still being ended", after=0.2)
        return run

    async def _create(self, delivery: Delivery, wanted: list[runs.Run], notes: list[str]) -> None:
        """Settle the delivery and create the runs it starts, in one transaction."""

        def commit(conn: sa.Connection) -> list[runs.Run]:
            made = [run for run in wanted if runs.create(conn, run)]
            active = ["a run of this is active already"] * (len(wanted) - len(made))
            self._p.inbox.finish(conn, delivery.seq, "; ".join([*notes, *(f"run {run.id}" for run in made), *active]))
            return made

        if wanted:
            await self._p.checkpoint("delivery:before")
        made = await self._p.db.write(commit)
        if wanted:
            await self._p.checkpoint("delivery:done")
        if notes:
            log.info("delivery handled", guid=delivery.guid, name=delivery.event, note="; ".join(notes))
        for run in made:
            log.info("run created", run=run.id, workflow=run.workflow, target=run.target)
        if made:
            await self._send()

    async def _refusal(self, workflow: Workflow, start: Start, event: IssueEvent, delivery: Delivery) -> str:
        """Ask GitHub whether the person may; where not, say so once and take the label off."""
        actor, number = event.actor, event.issue.number
        async with self._p.github.repository(event.repo, {"metadata": "read"}) as repo:
            right = await repo.permission(actor.login)
        allowed = right.reaches(workflow.requires, actor)
        log.info("right asked", actor=actor.login, has=right.level, needs=workflow.requires, allowed=allowed)
        if allowed:
            return ""
        sentence = text.not_allowed(actor.login, workflow.name, workflow.requires, right.level)
        async with self._p.github.repository(event.repo, {"issues": "write"}) as repo:
            await repo.comment(number, sentence, f"refusal:{delivery.guid}")
            if start.label:
                await repo.remove_label(number, start.label)
        return f"refused: {actor.login} has {right.level}, {workflow.requires} is needed"

    async def _cancel(self, cancel: Cancel, target: str) -> str:
        asked = await self._cancel_all(target, cancel.workflow, cancel.sentence)
        return f"cancelled {asked} run(s)" if asked else "nothing to cancel"

    async def _leave(self, leave: Leave) -> str:
        names = {repo.full_name for repo in leave.repos}
        for target in {run.target for run in await self._p.db.read(runs.active) if run.repo in names}:
            await self._cancel_all(target, None, text.cancelled_by_removal())
        return f"left {', '.join(sorted(names))}"

    async def _cancel_all(self, target: str, workflow: str | None, sentence: str) -> int:
        """Ask the runs of a target to end; those that still wait end here and now."""
        asked = await self._p.db.write(lambda conn: runs.cancel(conn, target, workflow, sentence))
        for run_id in asked:
            self._p.bells.ring(run_id)
        for run in await self._p.db.read(runs.active):
            if run.id in asked and run.state == "queued":
                await self._p.board.finish(run.id, "cancelled", sentence)
                await self._shown(run.id)
        self.dispatch()
        return len(asked)

    async def _welcome(self, welcome: Welcome) -> str:
        labels = text.labels(self._p.library.offered.workflows.values())
        refused: list[str] = []
        for ref in welcome.repos:
            try:
                async with self._p.github.repository(ref, {"issues": "write", "contents": "read"}) as repo:
                    await repo.ensure_labels(labels)
                    await self._p.library.read_all(repo, ref.full_name, "HEAD")
            except UserError as refusal:  # an archived repository keeps no other from its labels
                refused.append(f"; refused: {refusal}")
        return f"welcomed by {', '.join(ref.full_name for ref in welcome.repos)}: labels created{''.join(refused)}"

    # ---- runs --------------------------------------------------------------------------------------------------------

    async def _send_off(self) -> None:
        while True:
            await self._dispatch.wait()
            self._dispatch.clear()
            try:
                await self._send()
            except Exception:
                log.exception("runs not sent off")

    async def _send(self) -> None:
        """Begin queued runs while there is room, and tell those that wait their place."""
        while run_id := await self._p.db.write(self._claim):
            await self._p.checkpoint("start:before")
            await self._p.engine.start(run_id)
        for run in await self._p.db.read(runs.active):
            if run.state == "queued":
                self._spawn(self._shown(run.id))
            elif run.cancel is not None:
                self._p.bells.ring(run.id)

    def _claim(self, conn: sa.Connection) -> str | None:
        return runs.claim(conn, self._p.max_runs, time.time())

    async def _shown(self, run_id: str) -> None:
        try:
            await self._p.herald.show(run_id)
        except (TryAgain, UserError) as problem:
            log.warning("status not shown", run=run_id, reason=str(problem))

    async def _tend(self) -> None:
        """Dead workers' runs within seconds; every minute comments that lag behind and deliveries that were lost."""
        for beat in itertools.count():
            await asyncio.sleep(TEND_SECONDS)
            await self.tend(thoroughly=beat % 12 == 0)

    async def tend(self, *, thoroughly: bool = True) -> None:
        """One round of upkeep; a failure of one part is logged and does not stop the others."""
        rare = (self._show_stale, self._redeliver, self._forget) if thoroughly else ()
        for work in (self._adopt, *rare):
            try:
                await work()
            except Exception:
                log.exception("upkeep failed", part=work.__name__)
        self.wake()
        self.dispatch()

    async def _show_stale(self) -> None:
        for run_id in await self._p.herald.stale():
            await self._shown(run_id)

    async def _adopt(self) -> None:
        if not self._p.db.sqlite:
            await self._p.engine.adopt_dead(self._p.slot)
            await self._resume()

    async def _forget(self) -> None:
        """Let go of what nobody asks for any more: bodies of old deliveries, records of runs that ended long ago."""
        before = time.time() - KEPT_DAYS * 24 * 3600
        await self._p.inbox.forget(before)
        await self._p.engine.forget(before)

    async def _redeliver(self) -> None:
        """Ask GitHub to send again what it could not deliver in the last hour."""
        since = datetime.now(UTC) - timedelta(hours=1)
        if asked := await self._p.github.redeliver_missed(self._p.inbox.known, since):
            log.info("asked GitHub to deliver again", count=len(asked))

    # ---- for tests and the demo --------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """Return when there is no delivery left to handle and no run under way in this process."""
        while True:
            await self._p.engine.idle()
            under_way = await self._p.db.read(runs.active)
            if not (under_way or self._tasks or (await self._p.inbox.counts())["new"]):
                return
            await asyncio.sleep(0.01)


Wake = Callable[[], None]


def _parse(delivery: Delivery) -> Event | Ignored:
    try:
        payload: Any = json.loads(delivery.body)
    except (ValueError, RecursionError):
        return Ignored("the body is not JSON")
    return events.parse(delivery.event, payload)


def _new_run(start: Start, event: IssueEvent, delivery: Delivery, workflow: Workflow) -> runs.Run:
    return runs.Run(
        id=str(uuid.uuid4()),
        delivery=delivery.guid,
        workflow=start.workflow,
        repo=event.repo.full_name,
        target=events.target(event),
        state="queued",
        created_at=time.time(),
        context={
            "event": events.dump(event),
            "workflow": workflow.model_dump(mode="json", by_alias=True),
            "asked_at": event.issue.updated_at.timestamp() if event.issue.updated_at else delivery.received_at,
        },
    )


__all__ = ["InstallationEvent", "Parts", "Worker"]
