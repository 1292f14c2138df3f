"""Approvals: a label that publishes exactly the patch which a run ended with."""

import time
import uuid
from dataclasses import replace

import structlog

from bot.github import events
from bot.github.api import Level
from bot.github.events import IssueEvent
from bot.publish import verdict
from bot.publish.subject import event_of
from bot.store import runs
from bot.store.inbox import Delivery
from bot.store.runs import Run
from bot.workflow.dispatcher import Parts

log = structlog.get_logger(__name__)
NEEDED: Level = "write"
CLOCKS_APART = 5.0  # seconds that GitHub's clock may be behind ours


async def approve(parts: Parts, event: IssueEvent, delivery: Delivery) -> str | Run:
    """The run that publishes what waits for approval on an issue; else the note why there is none."""
    async with parts.github.repository(event.repo, {"metadata": "read"}) as repo:
        right = await repo.permission(event.actor.login)
    allowed = right.reaches(NEEDED, event.actor)
    log.info("right asked", actor=event.actor.login, has=right.level, needs=NEEDED, allowed=allowed)
    if not allowed:
        return await _refuse(parts, event, delivery, verdict.may_not_approve(event.actor.login, right.level))
    recent = await parts.db.read(lambda conn: runs.recent(conn, events.target(event)))
    waiting = _waiting([run for run in recent if event_of(run).repo.id == event.repo.id])  # names change hands
    if wrong := _wrong(waiting, event):
        return await _refuse(parts, event, delivery, wrong)
    assert waiting is not None
    return _publishing(waiting, event, delivery)


def _wrong(waiting: Run | None, event: IssueEvent) -> str:
    """Why this label approves nothing: it holds for a patch that could be seen when it was set, and for that alone."""
    if waiting is None:
        return verdict.nothing_to_approve()
    if event.issue.state != "open":
        return verdict.approved_closed()
    told = event.issue.updated_at
    if told is None or waiting.ended_at is None or told.timestamp() + CLOCKS_APART < waiting.ended_at:
        return verdict.approved_before()
    return ""


def _waiting(recent: list[Run]) -> Run | None:
    """The newest run of its workflow, where that one waits for approval."""
    seen: set[str] = set()
    for run in recent:
        if run.state == "needs approval" and run.workflow not in seen:
            return run
        seen.add(run.workflow)
    return None


async def _refuse(parts: Parts, event: IssueEvent, delivery: Delivery, sentence: str) -> str:
    async with parts.github.repository(event.repo, {"issues": "write"}) as repo:
        await repo.comment(event.issue.number, sentence, f"refusal:{delivery.guid}")
        await repo.remove_label(event.issue.number, event.label or "")
    return f"refused: {sentence}"


def _publishing(waiting: Run, event: IssueEvent, delivery: Delivery) -> Run:
    """A run that only publishes: bound to the SHA of the patch that was shown when the label was set."""
    asked = event_of(waiting)
    assert isinstance(asked, IssueEvent)
    asked = replace(asked, label=event.label)
    approves = {"run": waiting.id, "patch": waiting.facts["patch"], "by": event.actor.login}
    return Run(
        id=str(uuid.uuid4()),
        delivery=delivery.guid,
        workflow=waiting.workflow,
        repo=waiting.repo,
        target=waiting.target,
        state="queued",
        created_at=time.time(),
        context={**waiting.context, "event": events.dump(asked), "approves": approves},
    )
