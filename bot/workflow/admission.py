"""Admission: whether a run that an event asks for may begin, and the run where it may."""

import time
import uuid
from datetime import datetime
from functools import partial

import structlog

from bot.decision import Start
from bot.errors import ACTIVE, TryAgain
from bot.github import events
from bot.github.events import CheckEvent, CommentEvent, IssueEvent, PullEvent, RepoRef
from bot.publish import command_text, strategy_text, text
from bot.publish.reply import Replies, refuse
from bot.publish.subject import Act, event_of, issue_in, of
from bot.store import runs
from bot.store.inbox import Delivery
from bot.store.runs import Run
from bot.workflow import reuse
from bot.workflow.allowance import Allowance
from bot.workflow.authority import Authority, suffices
from bot.workflow.dispatcher import Dispatcher, Parts
from bot.workflow.lane import cancels, lane
from bot.workflow.library import key
from bot.workflow.spec import Workflow

log = structlog.get_logger(__name__)
MOST_ACTIVE = 100  # runs of one repository that wait or run
LONGEST_STORM = 10  # times the pause after a push that a review is put off at most, however many follow
_BUSY = "the run before this one is still being ended"


class Admission:
    """One per process."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher) -> None:
        self._p, self._dispatcher = parts, dispatcher
        self._authority, self._allowance, self._replies = Authority(parts), Allowance(parts), Replies(parts.github)

    async def begin(self, start: Start, event: Act | CheckEvent, delivery: Delivery) -> str | Run:
        """The run that is to be created when the delivery is settled, or the note why there is none."""
        if isinstance(event, CheckEvent):
            found = await self._pressed(event)
            if isinstance(found, str):
                return found
            event = found
        workflow = (await self._p.library.workflows(key(event.repo)))[start.workflow]
        try:
            run = await self._new(start, event, delivery, workflow)
        except ValueError as wrong:  # a workflow that it uses has gone meanwhile, or its group cannot be named
            sentence = command_text.not_playable(workflow.name, str(wrong))
            await self._say_no(start, event, delivery, sentence, once=True)
            return f"refused: {sentence}"
        if note := await self._repeated(start, run, event, delivery):
            return note
        refusal = await self._refusal(workflow, start, event, delivery) if start.asked else ""
        if refusal := refusal or await self._crowded(start, event, delivery):
            return refusal
        if start.asked and cancels(workflow):
            await self._begin_anew(run, workflow, event)
        return await self._joined(start, run, workflow, event, delivery) or run

    async def _pressed(self, event: CheckEvent) -> IssueEvent | str:
        """A button below a check run of ours, as an event of the pull request that the check run belongs to."""
        made_by = await self._p.db.read(lambda conn: runs.get(conn, event.external_id[:36]))
        if made_by is None or not of(made_by, event.repo):
            return "ignored: the check run is none of ours"
        number = issue_in(event_of(made_by)).number
        number = int(made_by.facts.get("pull") or number)
        async with self._p.github.repository(event.repo, {"issues": "read"}) as repo:
            issue = await repo.issue(number)
        if issue.state != "open" or not issue.is_pull:
            return "ignored: the pull request is closed"
        return IssueEvent(event.action, event.repo, event.actor, issue)

    async def _repeated(self, start: Start, run: Run, event: Act, delivery: Delivery) -> str:
        """Why there is to be no other run; what takes the place of one that is under way waits for its end."""
        for earlier in await self._p.db.read(lambda conn: runs.recent(conn, run.target)):
            if earlier.workflow != run.workflow or not of(earlier, event.repo):
                continue
            if earlier.active and earlier.cancel is not None:
                raise TryAgain(_BUSY, after=0.2)
            if earlier.delivery == delivery.guid:
                return f"run {earlier.id} exists"
            if await self._p.inbox.same(earlier.delivery, delivery):
                return f"ignored: this was delivered already, as {earlier.delivery}"
            if start.anew and earlier.active:
                return await self._replaced(run, earlier)
        return ""

    async def _replaced(self, run: Run, earlier: Run) -> str:
        """A run that waits still reads what has changed by then; one that reads already ends, for another to begin."""
        due = run.due and min(run.due, earlier.created_at + LONGEST_STORM * (run.due - run.created_at))
        asked = run.context["asked"] or earlier.context.get("asked")
        renewed = partial(runs.renew, run_id=earlier.id, due=due, **{**run.context, "asked": asked})
        if earlier.state == "queued" and await self._p.db.write(renewed):
            self._dispatcher.wake()
            return f"run {earlier.id} waits and will read this"
        await self._dispatcher.cancel(run.target, run.workflow, text.superseded())
        raise TryAgain(_BUSY, after=0.2)

    async def _begin_anew(self, run: Run, workflow: Workflow, event: Act) -> None:
        """What is under way of a workflow that cancels what is in progress ends, for this one to begin."""
        for earlier in await self._p.db.read(lambda conn: runs.recent(conn, run.target)):
            if earlier.active and earlier.workflow == run.workflow and of(earlier, event.repo):
                sentence = strategy_text.asked_anew(workflow.name, event.actor.login)
                await self._dispatcher.end([earlier.id], sentence)
                raise TryAgain(_BUSY, after=0.2)

    async def _joined(self, start: Start, run: Run, workflow: Workflow, event: Act, delivery: Delivery) -> str:
        """A review that waits takes over what is asked for; of a run that is at work whoever asks is told."""
        issue = issue_in(event)
        found = await self._p.db.read(lambda conn: runs.recent(conn, run.target)) if start.asked else []
        earlier = next((one for one in found if one.active and one.workflow == run.workflow), None)
        if earlier is None or not of(earlier, event.repo) or not (issue.is_pull or isinstance(event, CommentEvent)):
            return ""
        renewed = partial(runs.renew, run_id=earlier.id, due=None, **run.context)
        if workflow.pattern == "review" and await self._p.db.write(renewed):
            self._dispatcher.wake()
            return f"run {earlier.id} waits and does what is asked"
        paused = earlier.state == "waiting"
        sentence = command_text.is_paused(workflow.name) if paused else text.at_work(workflow.name)
        await self._say_no(start, event, delivery, sentence)
        return f"refused: run {earlier.id} is at work"

    async def _new(self, start: Start, event: Act, delivery: Delivery, workflow: Workflow) -> Run:
        context = {
            "event": events.dump(event),
            "workflow": workflow.record(),
            "asked_at": _asked_at(event, delivery),
            "asked": start.asked or await self._owed(start, event),
        }
        if used := reuse.used(workflow, await self._p.library.workflows(key(event.repo))):
            context["used"] = {name: one.record() for name, one in used.items()}
        if start.order is not None:
            context |= {"words": list(start.order.arguments), "text": start.order.text, "taken_as": start.taken_as}
        now, issue, ours = time.time(), issue_in(event), await self._p.library.ships(key(event.repo), start.workflow)
        return Run(
            id=str(uuid.uuid4()),
            delivery=delivery.guid,
            workflow=start.workflow,
            repo=event.repo.full_name,
            target=events.target(event),
            state="queued",
            created_at=now,
            due=now + await self._debounce(event.repo, workflow) if start.pushed else None,
            context=context,
            actor=event.actor.id,
            **lane(workflow, (event.repo.id, event.repo.full_name), (issue.number, issue.title), ours=ours),
        )

    async def _owed(self, start: Start, event: Act) -> bool:
        """Whether somebody asked for the run whose place this one takes."""
        found = await self._p.db.read(lambda conn: runs.recent(conn, events.target(event))) if start.anew else []
        last = next((one for one in found if one.workflow == start.workflow and of(one, event.repo)), None)
        if last is None or last.cancel != text.superseded() or last.state not in ("cancelled", *ACTIVE):
            return False
        return bool(last.context.get("asked"))

    async def _debounce(self, repo: RepoRef, workflow: Workflow) -> float:
        """Seconds that a review waits after a push, for pushes seldom come alone."""
        theirs = await self._p.library.settings(key(repo))
        wanted = theirs.review if theirs is not None else None
        if wanted is not None and "debounce_seconds" in wanted.model_fields_set:
            return wanted.debounce_seconds
        return workflow.review.debounce_seconds

    async def _refusal(self, workflow: Workflow, start: Start, event: Act, delivery: Delivery) -> str:
        """Ask GitHub whether the person may; where not, say so once and take the label off."""
        standing = await self._authority.of(event.repo, event.actor)
        if suffices(standing, workflow.requires):
            return ""
        sentence = text.not_allowed(event.actor.login, workflow.name, workflow.requires, standing.level)
        await self._say_no(start, event, delivery, sentence, once=standing.stranger)
        return f"refused: {event.actor.login} has {standing.level}, {workflow.requires} is needed"

    async def _crowded(self, start: Start, event: Act, delivery: Delivery) -> str:
        """Whether as many runs wait, run or were started as may; where so, say it and take the label off."""
        waits = [run for run in await self._p.db.read(runs.active) if run.state != "waiting" and of(run, event.repo)]
        sentence = text.too_many(len(waits)) if len(waits) >= MOST_ACTIVE else await self._allowance.exhausted(event)
        if not sentence:
            return ""
        if start.asked:
            await self._say_no(start, event, delivery, sentence)
        return f"refused: {sentence}"

    async def _say_no(self, start: Start, event: Act, delivery: Delivery, sentence: str, *, once: bool = False) -> None:
        """One sentence. Anybody may write a command, again and again: `once`, and it is said once in a conversation."""
        if isinstance(event, CommentEvent):
            return await refuse(self._replies, event, sentence, once=once)
        number = issue_in(event).number
        async with self._p.github.repository(event.repo, {"issues": "write"}) as repo:
            await repo.comment(number, sentence, f"refusal:{delivery.guid}")
            if start.label:
                await repo.remove_label(number, start.label)
        return None


def _asked_at(event: Act, delivery: Delivery) -> float:
    told: datetime | None
    match event:
        case IssueEvent():
            told = event.issue.updated_at
        case PullEvent():
            told = event.pull.updated_at
        case CommentEvent():
            told = event.comment.created_at
    return told.timestamp() if told else delivery.received_at
