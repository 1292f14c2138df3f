"""What an event means: which runs it starts, which it ends, what else is to be done. Pure."""

from collections.abc import Mapping

from bot.decision import (
    Approve,
    Cancel,
    Decision,
    Hear,
    Leave,
    Own,
    Refuse,
    Reread,
    Start,
    Welcome,
)
from bot.github.events import (
    CheckEvent,
    CommentEvent,
    Event,
    Ignored,
    InstallationEvent,
    IssueEvent,
    PullEvent,
    PushEvent,
    ThreadEvent,
)
from bot.orders import comment
from bot.publish import command_text, text
from bot.workflow.configuration import is_ours
from bot.workflow.spec import Workflow

OWN = "the bot did this itself"


def route(event: Event, workflows: Mapping[str, Workflow], own: Own) -> list[Decision] | Ignored:
    """The decisions for an event, in order. The bot's own acts start nothing.

    But for its pull requests: they are reviewed as everybody's.
    """
    own_id = own.id
    decisions: list[Decision] = []
    match event:
        case IssueEvent() | CommentEvent() | CheckEvent() | ThreadEvent() if event.actor.id == own_id:
            return Ignored(OWN)
        case IssueEvent():
            decisions = _issue(event, workflows, own)
        case PullEvent():
            decisions = _pull(event, workflows, own_id)
        case CommentEvent():
            decisions = comment(event, workflows, own)
        case CheckEvent():
            decisions = _check(event, workflows)
        case ThreadEvent():
            decisions = [Hear()]
        case PushEvent() if event.is_default:
            decisions = _push(event)
        case InstallationEvent():
            decisions = _installation(event)
    return decisions or Ignored(f"no workflow asks for this ({event.kind})")


def _issue(event: IssueEvent, workflows: Mapping[str, Workflow], own: Own) -> list[Decision]:
    if event.issue.is_pull:
        return []
    if event.action == "labeled" and (event.label or "").casefold() == text.APPROVED:
        return [Approve()]
    found: list[Decision] = []
    if event.action == "labeled" and (path := own.broken.get((event.label or "").casefold())):
        found.append(Refuse(command_text.never_good(event.label or "", path)))
    for name, workflow in workflows.items():
        ends = workflow.cancel_on
        if ends is not None and ends.by_issue(event.action, event.label):
            found.append(Cancel(name, _why(event)))
        elif workflow.on.by_issue(event.action, event.label) and event.issue.state == "open":
            found.append(Start(name, event.label or ""))
    return found


def _why(event: IssueEvent) -> str:
    if event.action == "unlabeled":
        return text.cancelled_by_label(event.actor.login, event.label or "")
    if event.action == "closed":
        return text.cancelled_by_closing(event.actor.login)
    return text.cancelled_by(event.actor.login, event.action)


def _pull(event: PullEvent, workflows: Mapping[str, Workflow], own_id: int) -> list[Decision]:
    """A review is asked for by asking the bot for it; a change takes the place of what read the state before."""
    asked, pushed = event.action == "review_requested", event.action == "synchronize"
    if asked and (event.requested is None or event.requested.id != own_id or event.actor.id == own_id):
        return []
    if event.action == "edited" and not event.retargeted:
        return []
    found: list[Decision] = []
    for name, workflow in workflows.items():
        ends = workflow.cancel_on
        if ends is not None and ends.by_pull(event.action):
            found.append(Cancel(name, text.cancelled_by_pull(event.actor.login, merged=event.pull.merged)))
        elif workflow.on.by_pull(event.action) and event.pull.state == "open":
            anew = not asked and event.action != "opened"
            found.append(Start(name, asked=asked, anew=anew, pushed=pushed))
    return [*found, Hear()] if event.action == "closed" else found


def _check(event: CheckEvent, workflows: Mapping[str, Workflow]) -> list[Decision]:
    return [Start(name) for name, flow in workflows.items() if flow.on.by_check(event.action, event.button)]


def _push(event: PushEvent) -> list[Decision]:
    mine = tuple(path for path in event.paths if is_ours(path))
    there = event.after.strip("0") != ""
    return [Reread(event.repo, event.after, mine, event.incomplete)] if there and (mine or event.incomplete) else []


def _installation(event: InstallationEvent) -> list[Decision]:
    if event.action in ("created", "added", "unsuspend") and event.repos:
        return [Welcome(event.repos)]
    if event.action in ("deleted", "suspend"):
        return [Leave(event.repos, event.installation)]
    if event.action == "removed" and event.repos:
        return [Leave(event.repos)]
    return []
