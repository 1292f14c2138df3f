"""The receiver: takes deliveries from the inbox in order, and carries out what each of them means."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import sqlalchemy as sa
import structlog

from bot.decision import Approve, Cancel, Control, Decision, Hear, Leave, Own, Refuse, Reread, Start, Welcome
from bot.errors import TryAgain, UserError
from bot.github import events
from bot.github.events import CheckEvent, CommentEvent, Event, Ignored, IssueEvent, PullEvent, PushEvent, RepoRef
from bot.github.refusal import RefusalError
from bot.publish import strategy_text, text
from bot.publish.configuration_check import answer, report, tell
from bot.publish.reply import Replies
from bot.publish.subject import Act, event_of, of
from bot.router import route
from bot.store import groups, runs
from bot.store.inbox import Delivery, SettledError
from bot.workflow.admission import Admission
from bot.workflow.approval import approve
from bot.workflow.authority import Authority
from bot.workflow.commander import Commander
from bot.workflow.dispatcher import Dispatcher, Parts, Tasks, whenever
from bot.workflow.hearing import Hearing
from bot.workflow.lane import cancels
from bot.workflow.library import key
from bot.workflow.planning import close
from bot.workflow.spec import Workflow

log = structlog.get_logger(__name__)
LATE_SECONDS = 60.0
_ANYWAY = (Leave, Welcome, Cancel)  # what is done whoever the delivery says it is about
_STRANGE = frozenset({"absent", "moved", "suspended"})
IN_HAND = 200  # deliveries that one process handles, or keeps waiting for their turn, at once


class Receiver:
    """One per process, at work in the one that leads. Targets side by side, each target's deliveries in order."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher, hearing: Hearing, tasks: Tasks) -> None:
        self._p, self._dispatcher, self._tasks = parts, dispatcher, tasks
        self._admission, self._hearing = Admission(parts, dispatcher), hearing
        self._commander, self._authority = Commander(parts, dispatcher), Authority(parts)
        self._replies = Replies(parts.github)
        self._news = asyncio.Event()
        self._seen: set[int] = set()
        self._targets: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def wake(self) -> None:
        """There may be a new delivery."""
        self._news.set()

    async def loop(self) -> None:
        """Take deliveries whenever there is news."""
        await whenever(self._news, self._take)

    async def _take(self) -> None:
        while (room := IN_HAND - len(self._seen)) > 0 and await self._p.slot.lead():
            found = await self._p.inbox.pending(self._seen, limit=min(room, 50))
            if not found:
                return
            for delivery in found:
                self._seen.add(delivery.seq)
                self._tasks.spawn(self._in_order(delivery))

    async def _in_order(self, delivery: Delivery) -> None:
        try:
            event = _parse(delivery)
            target = _target(event) or delivery.guid
            log.info("delivery taken", guid=delivery.guid, name=delivery.event, target=target)
            turn = self._targets.setdefault(target, asyncio.Lock())
            async with turn:
                await self._until_settled(delivery, event)
        finally:
            self._seen.discard(delivery.seq)
            if len(self._seen) == IN_HAND - 1:
                self.wake()

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
                return await self._settle(delivery, f"refused: {refusal}", _target(event))
            except Exception as error:
                log.exception("delivery not handled", guid=delivery.guid)
                if await self._p.inbox.fail(delivery.seq, f"{type(error).__name__}: {error}"):
                    return None

    async def _handle(self, delivery: Delivery, event: Event | Ignored) -> None:
        if isinstance(event, Ignored):
            return await self._settle(delivery, f"ignored: {event.reason}")
        decisions = await self._decide(event)
        if isinstance(decisions, Ignored):
            return await self._settle(delivery, f"ignored: {decisions.reason}", events.target(event))
        if any(not isinstance(one, _ANYWAY) for one in decisions) and (strange := await self._strange(event)):
            return await self._settle(delivery, f"ignored: {strange}", events.target(event))
        in_turn = isinstance(event, CommentEvent)
        if in_turn and (earlier := await self._p.inbox.earlier(events.target(event), delivery)):
            note = f"ignored: this was delivered already, as {earlier}"
            return await self._settle(delivery, note, events.target(event))
        if isinstance(event, CommentEvent) and any(isinstance(one, Start | Control) for one in decisions):
            await self._taken(event, delivery)
        starts, notes = list[runs.Run](), list[str]()
        for place, decision in enumerate(decisions):
            if starts and not isinstance(decision, Start):  # what was said before it is to be there when it looks
                await self._p.db.write(lambda conn: [runs.create(conn, run) for run in starts])
            found = await self._carry_out(decision, event, delivery, place)
            if isinstance(found, str):
                notes.append(found)
            else:
                starts.append(replace(found, after=starts[-1].id) if starts and in_turn else found)
        await self._create(delivery, starts, notes, events.target(event))
        return None

    async def _taken(self, event: CommentEvent, delivery: Delivery) -> None:
        """Show once that a command was read, however often its delivery has to be looked at."""
        if "taken" not in await self._p.inbox.marks(delivery.seq):
            await self._replies.taken(event)
            await self._p.inbox.mark(delivery.seq, "taken", True)

    async def _settle(self, delivery: Delivery, note: str, target: str = "") -> None:
        log.info("delivery handled", guid=delivery.guid, name=delivery.event, note=note)
        await self._p.db.write(lambda conn: self._p.inbox.finish(conn, delivery.seq, note, target))

    async def _decide(self, event: Event) -> list[Decision] | Ignored:
        library, repo = self._p.library, getattr(event, "repo", None)
        if repo is None:
            return route(event, library.offered.workflows, Own())
        acts = not isinstance(event, PushEvent) or event.is_default
        if acts and not await library.knows(key(repo)) and (strange := await self._acquaint(repo)):
            return Ignored(strange)
        workflows = await library.workflows(key(repo))
        return route(event, workflows, await self._own(event, repo, workflows))

    async def _own(self, event: Event, repo: RepoRef, workflows: Mapping[str, Workflow]) -> Own:
        """Who the bot is and what it knows, as far as the event asks for it."""
        if isinstance(event, PushEvent):
            return Own()
        app = await self._p.github.app()
        if not isinstance(event, CommentEvent | IssueEvent):
            return Own(app.bot_id, app.slug)
        broken = await self._broken(repo)
        if isinstance(event, IssueEvent):
            return Own(app.bot_id, app.slug, broken=broken)
        offered = {flow.on.command for flow in self._p.library.offered.workflows.values() if flow.on.command}
        off = offered - {flow.on.command for flow in workflows.values()}
        controls = {name: command.usage for name, command in self._commander.commands.items()}
        return Own(app.bot_id, app.slug, controls, await self._authority.bots(repo), frozenset(off), broken)

    async def _broken(self, repo: RepoRef) -> dict[str, str]:
        """The files that never were good, by the labels and commands that would start ours of their names."""
        found = (await self._p.library.broken(key(repo))).values()
        labels = {label.casefold(): path for path, flow in found for label in flow.trigger_labels}
        return labels | {f"/{flow.on.command}": path for path, flow in found if flow.on.command}

    async def _acquaint(self, repo: RepoRef) -> str:
        """Read what configures a repository of which nothing is known, whoever had its name before."""
        if strange := await self._strange_repo(repo):
            return strange
        async with self._p.github.repository(repo, {"contents": "read"}) as read:
            problems = await self._p.library.read_all(read, "HEAD")
        await tell(self._p.github, repo, problems)
        return ""

    async def _strange(self, event: Event) -> str:
        repo = getattr(event, "repo", None)
        return await self._strange_repo(repo) if repo is not None else ""

    async def _strange_repo(self, repo: RepoRef) -> str:
        """Why a delivery about this repository is none of ours: GitHub is asked, for names and ids may not fit."""
        try:
            await self._p.github.confirm(repo)
        except RefusalError as refusal:
            if refusal.kind not in _STRANGE:
                raise
            return str(refusal)
        return ""

    async def _carry_out(self, decision: Decision, event: Event, delivery: Delivery, place: int) -> str | runs.Run:
        """Do one decision: the note for the inbox, or the run that is to be created when the delivery is settled."""
        match decision:
            case Start() | Cancel() | Approve() if isinstance(event, IssueEvent) and await self._is_outdated(event):
                return "ignored: it came late, and the issue says something else by now"
            case Start():
                assert isinstance(event, Act | CheckEvent)
                return await self._admission.begin(decision, event, delivery)
            case Control():
                assert isinstance(event, CommentEvent)
                return await self._commander.do(decision, event, delivery, place)
            case Refuse() if isinstance(event, IssueEvent):
                return await answer(self._p.github, event, decision.sentence)
            case Refuse():
                assert isinstance(event, CommentEvent)
                return await self._commander.refuse(decision, event)
            case Hear():
                return await self._hearing.hear(event, delivery.guid)
            case Approve():
                assert isinstance(event, IssueEvent)
                return await approve(self._p, event, delivery)
            case Cancel():
                assert isinstance(event, IssueEvent | PullEvent)
                return await self._cancel(decision, event)
            case Leave():
                return await self._leave(decision)
            case Welcome():
                return await self._welcome(decision)
            case Reread():
                return await report(self._p.github, self._p.library, decision)

    async def _is_outdated(self, event: IssueEvent) -> bool:
        """Whether a delivery that comes late (GitHub was asked for it again) tells what is no longer so."""
        told = event.issue.updated_at
        if told is None or time.time() - told.timestamp() < LATE_SECONDS:
            return False
        async with self._p.github.repository(event.repo, {"issues": "read"}) as repo:
            issue = await repo.issue(event.issue.number)
        labels = {name.casefold() for name in issue.labels}
        if event.label is not None and (event.label.casefold() in labels) != (event.action == "labeled"):
            return True
        return issue.state != event.issue.state

    async def _create(self, delivery: Delivery, wanted: list[runs.Run], notes: list[str], target: str) -> None:
        """Settle the delivery and create the runs it starts, in one transaction; what waited before waits no more."""

        def commit(conn: sa.Connection) -> tuple[list[runs.Run], list[str], list[str]]:
            made = [run for run in wanted if runs.create(conn, run) or runs.get(conn, run.id)]
            active = ["a run of this is active already"] * (len(wanted) - len(made))
            note = "; ".join([*notes, *(f"run {run.id}" for run in made), *active])
            self._p.inbox.finish(conn, delivery.seq, note, target)
            closed = [waiting for run in made for waiting in close(conn, run, run.workflow)]
            return made, closed, [one for run in made for one in _grouped(conn, run)]

        if wanted:
            await self._p.checkpoint("delivery:before")
        made, closed, give_way = await self._p.db.write(commit)
        if wanted:
            await self._p.checkpoint("delivery:done")
        if notes:
            log.info("delivery handled", guid=delivery.guid, name=delivery.event, note="; ".join(notes))
        for run in made:
            log.info("run created", run=run.id, workflow=run.workflow, target=run.target)
        for waiting in closed:
            self._dispatcher.show_soon(waiting)
        if give_way:
            await self._dispatcher.heed(give_way)
        if made:
            await self._dispatcher.send()

    async def _cancel(self, cancel: Cancel, event: IssueEvent | PullEvent) -> str:
        target, asked = events.target(event), 0
        if any(run.target == target and of(run, event.repo) for run in await self._p.db.read(runs.active)):
            asked = await self._dispatcher.cancel(target, cancel.workflow, cancel.sentence)
        return f"cancelled {asked} run(s)" if asked else "nothing to cancel"

    async def _leave(self, leave: Leave) -> str:
        """Ends runs by the ids that they were asked under; from then on no token is asked for."""
        github, whole = self._p.github, leave.installation
        if whole and await github.standing(whole):
            return "ignored: it came late, the App is installed there by now"
        if whole:
            github.leave(whole)
        for repo in () if whole else leave.repos:
            github.leave(repo.installation, [repo.id])
            await self._p.library.left(repo)
        for run in await self._p.db.read(runs.active):
            if event_of(run).repo.installation == whole or any(of(run, repo) for repo in leave.repos):
                await self._dispatcher.cancel(run.target, None, text.cancelled_by_removal())
        names = sorted(repo.full_name for repo in leave.repos)
        return f"left {', '.join(names) or f'installation {whole}'}"

    async def _welcome(self, welcome: Welcome) -> str:
        refused: list[str] = []
        for ref in welcome.repos:
            try:
                await self._p.github.confirm(ref)
                async with self._p.github.repository(ref, {"issues": "write", "contents": "read"}) as repo:
                    problems = await self._p.library.read_all(repo, "HEAD")
                    workflows = await self._p.library.workflows(key(ref))
                    await repo.ensure_labels(text.labels(workflows.values()))
                await tell(self._p.github, ref, problems)
            except UserError as refusal:  # an archived repository keeps no other from its labels
                refused.append(f"; refused: {refusal}")
        return f"welcomed by {', '.join(ref.full_name for ref in welcome.repos)}: labels created{''.join(refused)}"


def _grouped(conn: sa.Connection, run: runs.Run) -> list[str]:
    """The run joins its concurrency group; the runs that give way to it."""
    workflow = Workflow.model_validate(run.context["workflow"])

    def say(newest: runs.Run) -> str:
        return strategy_text.gave_way(str(newest.context["workflow"]["name"]), newest.id)

    return groups.enter(conn, run, say, cancels=cancels(workflow))


def _target(event: Event | Ignored) -> str:
    return events.target(event) if not isinstance(event, Ignored) else ""


def _parse(delivery: Delivery) -> Event | Ignored:
    try:
        payload: Any = json.loads(delivery.body)
    except (ValueError, RecursionError):
        return Ignored("the body is not JSON")
    return events.parse(delivery.event, payload)
