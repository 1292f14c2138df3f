"""What GitHub tells by webhook, as frozen values with only what we use. Pure and total: no payload makes it raise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from bot.github.entity import (
    Comment,
    Issue,
    Person,
    Pull,
    RepoRef,
    Where,
    read_comment,
    read_issue,
    read_number,
    read_person,
    read_pull,
    read_repo,
)
from bot.github.shape import MissingError, at, items, number, text, word

__all__ = [
    "CheckEvent",
    "Comment",
    "CommentEvent",
    "Event",
    "Ignored",
    "InstallationEvent",
    "Issue",
    "IssueEvent",
    "Person",
    "Pull",
    "PullEvent",
    "PushEvent",
    "RepoRef",
    "ThreadEvent",
    "dump",
    "load",
    "parse",
    "target",
]


@dataclass(frozen=True)
class Ignored:
    """Nothing to do, because of `reason`: half a sentence for the log and the inbox."""

    reason: str


@dataclass(frozen=True)
class IssueEvent:
    """`issues`: opened, edited, closed, reopened, labeled, unlabeled ... `label` is the one put on or taken off."""

    action: str
    repo: RepoRef
    actor: Person
    issue: Issue
    label: str | None = None
    kind: Literal["issue"] = "issue"


@dataclass(frozen=True)
class PullEvent:
    """`pull_request`: opened, synchronize, closed (see `pull.merged`), labeled, ready_for_review ...

    `requested`: whom a review is asked of (`review_requested`) or no more; None where it is a team. `retargeted`: the
    edit gave it another base branch.
    """

    action: str
    repo: RepoRef
    actor: Person
    pull: Pull
    label: str | None = None
    kind: Literal["pull"] = "pull"
    requested: Person | None = None
    retargeted: bool = False


@dataclass(frozen=True)
class CommentEvent:
    """A comment below an issue or pull request, at a line of a diff, or a review's text (`comment.where`)."""

    action: str
    repo: RepoRef
    actor: Person
    issue: Issue
    comment: Comment
    kind: Literal["comment"] = "comment"


@dataclass(frozen=True)
class ThreadEvent:
    """`pull_request_review_thread`: resolved, unresolved; `comments` are the ids of its remarks, oldest first."""

    action: str
    repo: RepoRef
    actor: Person
    pull: Issue
    comments: tuple[int, ...] = ()
    kind: Literal["thread"] = "thread"


@dataclass(frozen=True)
class PushEvent:
    """A branch or tag moved from `before` to `after` (forty zeros: it was not, it is no more); `paths` are sorted.

    `incomplete`: other paths may have changed, for the branch went back, or its commits are not all listed.
    """

    repo: RepoRef
    actor: Person
    ref: str
    before: str
    after: str
    paths: tuple[str, ...]
    is_default: bool
    kind: Literal["push"] = "push"
    incomplete: bool = False


@dataclass(frozen=True)
class InstallationEvent:
    """created, deleted, suspend, unsuspend, new_permissions_accepted; and added, removed for `repos` alone."""

    action: str
    installation: int
    actor: Person
    repos: tuple[RepoRef, ...]
    kind: Literal["installation"] = "installation"


@dataclass(frozen=True)
class CheckEvent:
    """`check_run`: rerequested, requested_action (`button` is the one pressed), created, completed.

    `pulls` are the numbers of the pull requests into this repository that GitHub names: often none, as for a fork's.
    """

    action: str
    repo: RepoRef
    actor: Person
    check: int
    name: str
    external_id: str
    head_sha: str
    app: int
    conclusion: str
    button: str
    kind: Literal["check"] = "check"
    pulls: tuple[int, ...] = ()


Event = IssueEvent | PullEvent | CommentEvent | ThreadEvent | PushEvent | InstallationEvent | CheckEvent

_LISTED = 2048  # commits that GitHub lists in the delivery of a push, at most

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def dump(event: Event) -> dict[str, Any]:
    """The event as plain JSON values, for a run's context."""
    found: dict[str, Any] = _ADAPTER.dump_python(event, mode="json")
    return found


def load(data: object) -> Event:
    """The event that `dump` wrote; raises pydantic's ValidationError for anything else."""
    return _ADAPTER.validate_python(data)


def target(event: Event) -> str:
    """What has to be done in order: `owner/repo#n`, `owner/repo` or `installation/ID`."""
    match event:
        case IssueEvent() | CommentEvent():
            return f"{event.repo.full_name}#{event.issue.number}"
        case PullEvent() | ThreadEvent():
            return f"{event.repo.full_name}#{event.pull.number}"
        case InstallationEvent():
            return f"installation/{event.installation}"
        case _:
            return event.repo.full_name


def parse(event: str, payload: object) -> Event | Ignored:
    """The event of a delivery (`X-GitHub-Event` and the JSON of its body), or why there is nothing to do."""
    name = text({"name": event}, "name", limit=60)
    read = _READERS.get(event)
    if read is None:
        return Ignored(f"nothing listens to {name} events")
    # No signature covers the name of the event: a body that is known must not pass under another one.
    if strange := [mark for mark, allowed in _MARKS.items() if event not in allowed and at(payload, mark) is not None]:
        return Ignored(f"a body with {strange[0]} is no {name} delivery")
    try:
        return read(payload)
    except MissingError as missing:
        return Ignored(f"the {name} delivery has no usable {missing}")


def _common(payload: object) -> tuple[str, RepoRef, Person]:
    return word(payload, "action"), _repo(payload), read_person(at(payload, "sender"))


def _repo(payload: object) -> RepoRef:
    return read_repo(at(payload, "repository"), number(payload, "installation", "id"))


def _label(payload: object) -> str | None:
    return text(payload, "label", "name", limit=200) or None


def _issue(payload: object) -> Event:
    return IssueEvent(*_common(payload), read_issue(at(payload, "issue")), _label(payload))


def _pull(payload: object) -> Event:
    asked = at(payload, "requested_reviewer")
    return PullEvent(
        *_common(payload),
        read_pull(at(payload, "pull_request")),
        _label(payload),
        requested=None if asked is None else read_person(asked),
        retargeted=at(payload, "changes", "base") is not None,
    )


def _issue_comment(payload: object) -> Event:
    return CommentEvent(
        *_common(payload), read_issue(at(payload, "issue")), read_comment(at(payload, "comment"), "issue")
    )


def _remark(field: str, where: Where) -> Callable[[object], Event]:
    def read(payload: object) -> Event:
        pull = read_issue(at(payload, "pull_request"), is_pull=True)
        return CommentEvent(*_common(payload), pull, read_comment(at(payload, field), where))

    return read


def _thread(payload: object) -> Event:
    pull = read_issue(at(payload, "pull_request"), is_pull=True)
    said = tuple(id for remark in items(payload, "thread", "comments") if (id := read_number(remark, "id")))
    return ThreadEvent(*_common(payload), pull, said)


def _push(payload: object) -> Event:
    ref, default = word(payload, "ref"), text(payload, "repository", "default_branch", limit=300)
    commits = items(payload, "commits")
    changed = {
        text({"path": path}, "path", limit=5000)
        for commit in commits
        for field in ("added", "modified", "removed")
        for path in items(commit, field)
    }
    return PushEvent(
        repo=_repo(payload),
        actor=read_person(at(payload, "sender")),
        ref=ref,
        before=word(payload, "before"),
        after=word(payload, "after"),
        paths=tuple(sorted(changed - {""})),
        is_default=bool(default) and ref == f"refs/heads/{default}",
        incomplete=at(payload, "forced") is True or not 0 < len(commits) < _LISTED,
    )


def _installation(payload: object) -> Event:
    return _of_installation(payload, "repositories")


def _selection(payload: object) -> Event:
    action = word(payload, "action")
    if action not in ("added", "removed"):
        raise MissingError("action")
    return _of_installation(payload, f"repositories_{action}")


def _of_installation(payload: object, listed: str) -> Event:
    installation = number(payload, "installation", "id")
    repos = tuple(read_repo(repo, installation) for repo in items(payload, listed))
    return InstallationEvent(word(payload, "action"), installation, read_person(at(payload, "sender")), repos)


def _check(payload: object) -> Event:
    action, repo, actor = _common(payload)
    run = at(payload, "check_run")
    return CheckEvent(
        action=action,
        repo=repo,
        actor=actor,
        check=number(run, "id"),
        name=text(run, "name", limit=300),
        external_id=text(run, "external_id", limit=300),
        head_sha=word(run, "head_sha"),
        app=number(run, "app", "id") if at(run, "app") is not None else 0,
        conclusion=text(run, "conclusion", limit=40),
        button=text(payload, "requested_action", "identifier", limit=100),
        pulls=tuple(
            n
            for pull in items(run, "pull_requests")
            if at(pull, "base", "repo", "id") == repo.id and (n := read_number(pull, "number"))
        ),
    )


_READERS: dict[str, Callable[[object], Event]] = {
    "issues": _issue,
    "pull_request": _pull,
    "issue_comment": _issue_comment,
    "pull_request_review_comment": _remark("comment", "diff"),
    "pull_request_review": _remark("review", "review"),
    "pull_request_review_thread": _thread,
    "push": _push,
    "installation": _installation,
    "installation_repositories": _selection,
    "check_run": _check,
}
# What only these events have at the top of their bodies.
_MARKS: dict[str, tuple[str, ...]] = {
    "comment": ("issue_comment", "pull_request_review_comment"),
    "commits": ("push",),
    "check_run": ("check_run",),
    "pull_request": (
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "pull_request_review_thread",
    ),
    "repositories_added": ("installation_repositories",),
    "review": ("pull_request_review",),
    "thread": ("pull_request_review_thread",),
}
