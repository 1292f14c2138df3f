"""Approvals: by a label or a command, of exactly what a run ended with and showed: a plan or a patch."""

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bot.errors import TryAgain, UserError
from bot.github import events
from bot.github.api import Repository
from bot.github.content import Level
from bot.github.entity import Issue
from bot.github.events import CommentEvent, IssueEvent
from bot.github.writing import BODY_LIMIT
from bot.publish import command_text, reason_text, verdict
from bot.publish.ground import GATE
from bot.publish.subject import event_of, issue_of
from bot.store import gates, runs
from bot.store.gates import KEPT_DAYS, Found
from bot.store.inbox import Delivery
from bot.store.runs import Run
from bot.workflow import reuse
from bot.workflow.allowance import Allowance
from bot.workflow.authority import Authority, suffices
from bot.workflow.dispatcher import Parts
from bot.workflow.lane import lane
from bot.workflow.library import key
from bot.workflow.planning import digest
from bot.workflow.spec import Workflow

log = structlog.get_logger(__name__)
CLOCKS_APART = 5.0  # seconds that GitHub's clock may be behind ours
EARLIER = 3600.0  # seconds before a run began, by our clock, in which GitHub's may have its comment
CLIPPED = BODY_LIMIT - 10_000  # characters of an end from which on a comment may not hold all of it
Asking = IssueEvent | CommentEvent


class NotApprovedError(UserError):
    """An approval that holds for nothing: why, in a sentence for whoever gave it."""


async def approve(parts: Parts, event: Asking, delivery: Delivery, words: Sequence[str] = ()) -> str | Run:
    """The run that carries out what waits on an issue; else the note why there is none.

    `words` may name what is meant by its digest, as it is shown. Where a label approves nothing, a sentence is said on
    the issue and the label taken off; where a command does, NotApprovedError has the sentence for whoever called.
    """
    try:
        return await _Approval(parts, event, delivery).run(words)
    except NotApprovedError as refusal:
        if isinstance(event, CommentEvent):
            raise
        return await _refuse(parts, event, delivery, str(refusal))


async def expire(parts: Parts) -> None:
    """End what has waited as long as it may, and show what ended lately where that is not shown yet."""
    now = time.time()

    def end(conn: sa.Connection) -> None:
        for run_id in overdue:
            gates.end(conn, run_id, "expired", partial(verdict.was_expired, days=KEPT_DAYS))

    if overdue := await parts.db.read(lambda conn: gates.overdue(conn, now)):
        await parts.db.write(end)
    for run_id in await parts.db.read(lambda conn: gates.untold(conn, now)):
        try:
            await parts.herald.show(run_id)
        except (TryAgain, UserError) as problem:
            log.warning("status not shown", run=run_id, reason=str(problem))


class _Approval:
    """One approval of somebody, held against what waits, at this moment."""

    def __init__(self, parts: Parts, event: Asking, delivery: Delivery) -> None:
        self._p, self._event, self._delivery = parts, event, delivery
        self._by_label = isinstance(event, IssueEvent)

    async def run(self, words: Sequence[str]) -> str | Run:
        event, now = self._event, time.time()
        target, number = events.target(event), event.issue.number
        about = await self._p.db.read(lambda conn: gates.about(conn, event.repo.id, target, number))
        found = next((one for one in about if _meant(one, words) and one.waits(now)), None)
        found = found or next((one for one in about if _meant(one, words)), None)
        current = (await self._p.library.workflows(key(event.repo))).get(found.gate.workflow) if found else None
        await self._may(found, current)
        if found is None:
            raise NotApprovedError(
                verdict.nothing_called(words[0]) if words and about else verdict.nothing_to_approve()
            )
        if found.approved is not None and await self._p.inbox.same(found.approved.delivery, self._delivery):
            return f"ignored: this was delivered already, as {found.approved.delivery}"
        self._demand_waiting(found, now)
        settings = await self._p.library.settings(key(event.repo))
        if settings is not None and settings.staged:
            raise NotApprovedError(verdict.staged_now(found.gate.kind))
        kept = await self._p.db.read(lambda conn: runs.kept(conn, found.run.id, GATE))
        if kept is None:
            raise NotApprovedError(verdict.not_kept(found.gate.kind))
        issue = await self._seen(found, kept[0])
        if found.gate.kind == "patch":
            return await self._publishing(found)
        if current is None:
            raise NotApprovedError(verdict.workflow_gone(found.gate.workflow))
        if exhausted := await Allowance(self._p).exhausted(event):
            raise NotApprovedError(exhausted)
        return await self._carrying_out(found, current, kept[0], issue, await self._used(current))

    async def _may(self, found: Found | None, current: Workflow | None) -> None:
        """Ask GitHub whether the person may, and say no before anything else is told."""
        actor = self._event.actor
        if actor.is_bot:
            raise NotApprovedError(verdict.only_people(actor.login))
        wanted: list[Level] = [current.requires] if current is not None else []
        if found is not None and found.gate.kind == "patch":
            wanted.append(Workflow.model_validate(found.run.context["workflow"]).requires)
        needs = verdict.needed(*wanted)
        standing = await Authority(self._p).of(self._event.repo, actor)
        if not suffices(standing, needs):
            raise NotApprovedError(verdict.may_not_approve(actor.login, standing.level, needs))

    def _demand_waiting(self, found: Found, now: float) -> None:
        """An approval holds for what could be seen when it was given, for that alone, and once."""
        kind = found.gate.kind
        if (made := found.approved) is not None:
            by = made.context["approves"]["by"]
            raise NotApprovedError(verdict.approved_already(by, made.id, made.state, self._p.herald.page(made.id)))
        if found.later is not None or found.gate.ended == "superseded":
            raise NotApprovedError(verdict.overtaken(kind))
        if found.expired(now):
            raise NotApprovedError(verdict.expired(kind, KEPT_DAYS))
        if not found.waits(now):
            raise NotApprovedError(verdict.nothing_to_approve())
        told = self._event.issue.updated_at if isinstance(self._event, IssueEvent) else self._event.comment.created_at
        if told is None or found.run.ended_at is None or told.timestamp() + CLOCKS_APART < found.run.ended_at:
            raise NotApprovedError(verdict.approved_before(kind, by_label=self._by_label))

    async def _seen(self, found: Found, kept: dict[str, Any]) -> Issue:
        """The issue as it is now: open, with the comment of the run that shows what is approved as it was made."""
        run = found.run
        async with self._p.github.repository(self._event.repo, {"issues": "read"}) as repo:
            issue = await repo.issue(issue_of(run).number)
            if issue.state != "open":
                raise NotApprovedError(verdict.approved_closed(by_label=self._by_label))
            await self._demand_shown(repo, run, found, kept)
        return issue

    async def _demand_shown(self, repo: Repository, run: Run, found: Found, kept: dict[str, Any]) -> None:
        kind = found.gate.kind
        since = datetime.fromtimestamp(run.created_at - EARLIER, UTC)
        comment = await repo.find_comment(issue_of(run).number, f"run:{run.id}", since)
        if comment is None:
            raise NotApprovedError(verdict.comment_gone(kind))
        made = kept["plan"] if kind == "plan" else run.reason
        genuine = kind == "patch" or digest(made) == found.gate.digest
        if not genuine or not _shows(comment.body, reason_text.told(run, made)):
            cut = genuine and len(made) >= CLIPPED
            raise NotApprovedError(verdict.comment_too_long(kind) if cut else verdict.comment_edited(kind))

    async def _publishing(self, found: Found) -> Run:
        """A run that only publishes: bound to the SHA of the patch that was shown."""
        before = event_of(found.run)
        asked = self._asked(found.run, before.actor, before.action)
        approves = {"run": found.run.id, "kind": "patch", "patch": found.gate.digest, "by": self._event.actor.login}
        return await self._new(found, {**found.run.context, "event": asked, "approves": approves})

    async def _carrying_out(
        self, found: Found, workflow: Workflow, kept: dict[str, Any], issue: Issue, used: Mapping[str, Workflow]
    ) -> Run:
        """A run on the plan: of the commit and the issue that the plan was made for, paid for by who approved."""
        then = issue_of(found.run)
        approves = {
            "run": found.run.id,
            "kind": "plan",
            "digest": found.gate.digest,
            "by": self._event.actor.login,
            "plan": kept["plan"],
            "ground": kept["ground"],
            "edited": (issue.title, issue.body) != (then.title, then.body),
        }
        asked = self._asked(found.run, self._event.actor, "approved")
        context = {
            "event": asked,
            "workflow": workflow.record(),
            "used": {name: one.record() for name, one in used.items()},
            "approves": approves,
            "asked": True,
            "asked_at": self._at(),
        }
        return await self._new(found, context)

    def _asked(self, run: Run, actor: events.Person, action: str) -> dict[str, Any]:
        """What asks for the new run: the issue is as it was; the label that approved comes off at the end."""
        event = self._event
        label = event.label if isinstance(event, IssueEvent) else None
        return events.dump(IssueEvent(action, event.repo, actor, issue_of(run), label))

    def _at(self) -> float:
        event = self._event
        told = event.issue.updated_at if isinstance(event, IssueEvent) else event.comment.created_at
        return told.timestamp() if told else self._delivery.received_at

    async def _new(self, found: Found, context: dict[str, Any]) -> Run:
        return Run(
            id=str(uuid.uuid4()),
            delivery=self._delivery.guid,
            workflow=found.gate.workflow,
            repo=found.run.repo,
            target=found.run.target,
            state="queued",
            created_at=time.time(),
            context=context,
            actor=self._event.actor.id,
            **await self._lane(found, Workflow.model_validate(context["workflow"])),
        )

    async def _used(self, workflow: Workflow) -> Mapping[str, Workflow]:
        try:
            return reuse.used(workflow, await self._p.library.workflows(key(self._event.repo)))
        except ValueError as wrong:
            raise NotApprovedError(command_text.not_playable(workflow.name, str(wrong))) from wrong

    async def _lane(self, found: Found, workflow: Workflow) -> dict[str, Any]:
        issue, repo = issue_of(found.run), self._event.repo
        ours = await self._p.library.ships(key(repo), found.gate.workflow)
        try:
            return lane(workflow, (repo.id, repo.full_name), (issue.number, issue.title), ours=ours)
        except ValueError as wrong:
            raise NotApprovedError(command_text.not_playable(workflow.name, str(wrong))) from wrong


def _meant(found: Found, words: Sequence[str]) -> bool:
    """Whether an approval means this: the newest where it names nothing, else what it names by its digest."""
    named = [word.strip("`") for word in words]
    return not named or any(len(word) >= 7 and found.gate.digest.startswith(word) for word in named)


def _shows(body: str, made: str) -> bool:
    """Whether a comment shows exactly this, and no comment in HTML hides it."""
    before, there, _ = body.replace("\r\n", "\n").partition(made.strip() or "\0")
    return bool(there) and "<!--" not in before


async def _refuse(parts: Parts, event: IssueEvent, delivery: Delivery, sentence: str) -> str:
    async with parts.github.repository(event.repo, {"issues": "write"}) as repo:
        await repo.comment(event.issue.number, sentence, f"refusal:{delivery.guid}")
        await repo.remove_label(event.issue.number, event.label or "")
    return f"refused: {sentence}"
