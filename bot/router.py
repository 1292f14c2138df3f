"""What an event means: which runs it starts, which it ends, what else is to be done. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.github.events import (
    CheckEvent,
    CommentEvent,
    Event,
    Ignored,
    InstallationEvent,
    IssueEvent,
    PullEvent,
    PushEvent,
    RepoRef,
    ThreadEvent,
)
from bot.publish import text
from bot.slash import orders
from bot.workflow.configuration import is_ours
from bot.workflow.spec import Workflow


@dataclass(frozen=True)
class Start:
    """A run of `workflow`. `label` is the one that asks for it, `words` are those after a command.

    `asked`: somebody asks for it, who must have the right; else it follows from what happened. `anew`: it takes the
    place of one that is under way, for the pull request has changed; `pushed`: by commits, which seldom come alone.
    """

    workflow: str
    label: str = ""
    words: tuple[str, ...] = ()
    asked: bool = True
    anew: bool = False
    pushed: bool = False


@dataclass(frozen=True)
class Cancel:
    """Every active run of `workflow` for the event's target ends, and `sentence` says why."""

    workflow: str
    sentence: str


@dataclass(frozen=True)
class Approve:
    """What waits for approval on the issue is published, if whoever set the label may write."""


@dataclass(frozen=True)
class Leave:
    """The bot has left these repositories, or all of `installation` where that is not 0: every run in them ends."""

    repos: tuple[RepoRef, ...]
    installation: int = 0


@dataclass(frozen=True)
class Welcome:
    """The bot came to these repositories: its labels are created there."""

    repos: tuple[RepoRef, ...]


@dataclass(frozen=True)
class Reread:
    """The repository's configuration changed on its default branch, at `commit`."""

    repo: RepoRef
    commit: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Hear:
    """Somebody said or did something about a finding: it is kept, and may decline the finding."""


Decision = Start | Cancel | Approve | Leave | Welcome | Reread | Hear


def route(event: Event, workflows: Mapping[str, Workflow], own_id: int) -> list[Decision] | Ignored:
    """The decisions for an event, in order; `own_id` is the numeric user id of the bot, whose acts start nothing.

    But for its pull requests: they are reviewed as everybody's.
    """
    decisions: list[Decision] = []
    match event:
        case IssueEvent() | CommentEvent() | CheckEvent() | ThreadEvent() if event.actor.id == own_id:
            return Ignored("the bot did this itself")
        case IssueEvent():
            decisions = _issue(event, workflows)
        case PullEvent():
            decisions = _pull(event, workflows, own_id)
        case CommentEvent():
            decisions = _comment(event, workflows)
        case CheckEvent():
            decisions = _check(event, workflows)
        case ThreadEvent():
            decisions = [Hear()]
        case PushEvent() if event.is_default:
            decisions = _push(event)
        case InstallationEvent():
            decisions = _installation(event)
    return decisions or Ignored(f"no workflow asks for this ({event.kind})")


def _issue(event: IssueEvent, workflows: Mapping[str, Workflow]) -> list[Decision]:
    if event.issue.is_pull:
        return []
    if event.action == "labeled" and (event.label or "").casefold() == text.APPROVED:
        return [Approve()]
    found: list[Decision] = []
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


def _comment(event: CommentEvent, workflows: Mapping[str, Workflow]) -> list[Decision]:
    """New words of people: commands on a pull request, and answers to what the bot said there."""
    if event.action not in ("created", "submitted") or not event.issue.is_pull or event.actor.is_bot:
        return []
    known = {flow.on.command: name for name, flow in workflows.items() if flow.on.command is not None}
    said = [order for order in orders(event.comment.body) if order.word in known]
    if said:
        starts = {order.word: Start(known[order.word], words=order.arguments) for order in reversed(said)}
        return list(reversed(starts.values())) if event.issue.state == "open" else []
    return [Hear()] if event.comment.in_reply_to is not None else []


def _check(event: CheckEvent, workflows: Mapping[str, Workflow]) -> list[Decision]:
    return [Start(name) for name, flow in workflows.items() if flow.on.by_check(event.action, event.button)]


def _push(event: PushEvent) -> list[Decision]:
    mine = tuple(path for path in event.paths if is_ours(path))
    return [Reread(event.repo, event.after, mine)] if mine and event.after.strip("0") else []


def _installation(event: InstallationEvent) -> list[Decision]:
    if event.action in ("created", "added", "unsuspend") and event.repos:
        return [Welcome(event.repos)]
    if event.action in ("deleted", "suspend"):
        return [Leave(event.repos, event.installation)]
    if event.action == "removed" and event.repos:
        return [Leave(event.repos)]
    return []
