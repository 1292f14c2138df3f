"""What an event means: which runs it starts, which it ends, what else is to be done. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.github.events import Event, Ignored, InstallationEvent, IssueEvent, PushEvent, RepoRef
from bot.publish import text
from bot.workflow.configuration import is_ours
from bot.workflow.spec import Workflow


@dataclass(frozen=True)
class Start:
    """A run of `workflow`, if whoever asked may."""

    workflow: str
    label: str


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


Decision = Start | Cancel | Approve | Leave | Welcome | Reread


def route(event: Event, workflows: Mapping[str, Workflow], own_id: int) -> list[Decision] | Ignored:
    """The decisions for an event, in order; `own_id` is the numeric user id of the bot, whose acts start nothing."""
    decisions: list[Decision] = []
    match event:
        case IssueEvent():
            if event.actor.id == own_id:
                return Ignored("the bot did this itself")
            decisions = _issue(event, workflows)
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
        if ends is not None and ends.issues.matches(event.action, event.label):
            found.append(Cancel(name, _why(event)))
        elif workflow.on.issues.matches(event.action, event.label) and event.issue.state == "open":
            found.append(Start(name, event.label or ""))
    return found


def _why(event: IssueEvent) -> str:
    if event.action == "unlabeled":
        return text.cancelled_by_label(event.actor.login, event.label or "")
    if event.action == "closed":
        return text.cancelled_by_closing(event.actor.login)
    return text.cancelled_by(event.actor.login, event.action)


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
