"""What the played GitHub knows, as plain data in memory: people, repositories, issues, installations."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from bot.emulator.bare import Bare
from bot.emulator.patch import Spot
from bot.emulator.problem import NotFound

Json = dict[str, Any]
LEVELS = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(eq=False)
class User:
    """A person, an organization or a bot; `type` in GitHub's words (User, Organization, Bot)."""

    login: str
    id: int
    type: str = "User"

    @property
    def email(self) -> str:
        return f"{self.id}+{self.login}@users.noreply.github.com"


Reaction = tuple[int, User, str, float]
"""Its id, who gave it, what it is (`+1`), and when."""


@dataclass(eq=False)
class Label:
    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(eq=False)
class Comment:
    id: int
    issue: "Issue"
    user: User
    body: str
    created: float
    updated: float
    minimized: str | None = None
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False)
class Issue:
    """An issue; a pull request is one too (`Pull`). Times are seconds since the epoch."""

    id: int
    number: int
    repo: "Repo"
    title: str
    body: str | None
    user: User
    created: float
    updated: float
    state: str = "open"
    state_reason: str | None = None
    closed: float | None = None
    closed_by: User | None = None
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def label_names(self) -> list[str]:
        return [label.name for label in self.labels]


@dataclass(frozen=True)
class Size:
    """How big a pull request is, and whether it merges cleanly; `of` are the two commits it was measured between."""

    of: tuple[str, str]
    commits: int
    additions: int
    deletions: int
    files: int
    mergeable: bool


@dataclass(eq=False)
class Pull(Issue):
    """A pull request of branch `head` onto branch `base`; `head` is one of the fork `head_repo` where there is that."""

    head: str = ""
    base: str = ""
    head_sha: str = ""
    draft: bool = False
    merged_at: float | None = None
    merged_by: User | None = None
    merge_sha: str | None = None
    reviewers: list[User] = field(default_factory=list)
    size: Size | None = None
    last_base_sha: str = ""
    head_repo: "Repo | None" = None
    reviews: list["Review"] = field(default_factory=list)
    remarks: list["Remark"] = field(default_factory=list)

    @property
    def source(self) -> "Repo":
        """The repository that the head branch is in."""
        return self.head_repo or self.repo

    @property
    def threads(self) -> list["Remark"]:
        """The first remark of every thread, deleted or not, oldest first."""
        return list(dict.fromkeys(each.first for each in self.remarks))

    @property
    def base_sha(self) -> str:
        """The base branch's tip while the pull request is open, then the one it was closed at."""
        return self.last_base_sha if self.state == "closed" else self.repo.git.refs.get(f"refs/heads/{self.base}", "")


@dataclass(eq=False)
class Review:
    """What somebody said at once about commit `sha`; `state` is COMMENTED, APPROVED or CHANGES_REQUESTED.

    A single remark and a reply have a review too, one without words.
    """

    id: int
    pull: Pull
    user: User
    state: str
    body: str
    sha: str
    submitted: float
    minimized: str | None = None

    @property
    def remarks(self) -> list["Remark"]:
        return [each for each in self.pull.remarks if each.review is self]


@dataclass(eq=False)
class Remark:
    """An inline comment on lines of the diff; without `reply_to` it begins a thread, which `resolved_by` may close.

    Made at `made` between the commits `base` (the merge base) and `sha`; it stands at `spot` of commit `shown`, and
    nowhere (None) once its lines have changed: then it is outdated. A reply stands where its thread does.
    """

    id: int
    review: Review
    body: str
    path: str
    made: Spot
    base: str
    sha: str
    created: float
    updated: float
    reply_to: "Remark | None" = None
    spot: Spot | None = None
    shown: str = ""
    resolved_by: User | None = None
    minimized: str | None = None
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def pull(self) -> Pull:
        return self.review.pull

    @property
    def user(self) -> User:
        return self.review.user

    @property
    def first(self) -> "Remark":
        """The one that began the thread."""
        return self.reply_to or self

    @property
    def thread(self) -> list["Remark"]:
        """What there is of its thread, oldest first."""
        return [each for each in self.pull.remarks if each.first is self.first]

    @property
    def outdated(self) -> bool:
        return self.first.spot is None

    @property
    def line(self) -> int | None:
        """The (last) line it stands on now; None when outdated."""
        return self.first.spot.span.line if self.first.spot else None

    @property
    def start_line(self) -> int | None:
        return self.first.spot.span.start if self.first.spot else None

    @property
    def resolved(self) -> bool:
        return self.first.resolved_by is not None


@dataclass(eq=False)
class CheckRun:
    id: int
    suite: int
    repo: "Repo"
    name: str
    head_sha: str
    status: str
    started: float | None
    conclusion: str | None = None
    completed: float | None = None
    external_id: str = ""
    details_url: str = ""
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Json] = field(default_factory=list)
    actions: list[Json] = field(default_factory=list)


@dataclass(eq=False)
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created: float


@dataclass(frozen=True)
class Ruleset:
    """Rules (`creation`, `update`, `pull_request` …) over the branches that match the pattern."""

    id: int
    pattern: str
    rules: tuple[str, ...]


@dataclass(eq=False)
class Repo:
    """A repository with its real bare git repository in `git`."""

    id: int
    owner: User
    name: str
    git: Bare
    created: float
    private: bool = False
    archived: bool = False
    drafts: bool = True
    description: str | None = None
    default_branch: str = "main"
    pushed: float | None = None
    parent: "Repo | None" = None
    deleted: bool = False
    issues: dict[int, Issue] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)
    permissions: dict[str, str] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    rulesets: list[Ruleset] = field(default_factory=list)
    checks: list[CheckRun] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def pulls(self) -> list[Pull]:
        return [issue for issue in self.issues.values() if isinstance(issue, Pull)]

    @property
    def branches(self) -> dict[str, str]:
        """Branch name to commit sha."""
        return {ref[11:]: sha for ref, sha in self.git.refs.items() if ref.startswith("refs/heads/")}

    def rules_for(self, branch: str) -> list[tuple[Ruleset, str]]:
        """Every rule over this branch, with the ruleset it comes from."""
        return [(each, rule) for each in self.rulesets if fnmatchcase(branch, each.pattern) for rule in each.rules]


@dataclass(eq=False)
class Installation:
    """The App on one account, with the repositories it was given."""

    id: int
    account: User
    created: float
    permissions: dict[str, str]
    repos: dict[int, Repo] = field(default_factory=dict)
    suspended: float | None = None


@dataclass(eq=False)
class Token:
    """A bearer token: an installation's (with its repositories and permissions) or a person's."""

    value: str
    user: User
    expires: float
    installation: Installation | None = None
    repos: frozenset[int] = frozenset()
    permissions: dict[str, str] = field(default_factory=dict)


class World:
    """Everything there is, with the one source of ids and of the time."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._ids: Iterator[int] = itertools.count(1001)
        self.users: dict[str, User] = {}
        self.repos: dict[str, Repo] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.permissions: dict[str, str] = {}

    def id(self) -> int:
        return next(self._ids)

    def person(self, login: str, kind: str = "User") -> User:
        """The user of that login, made when nobody has it yet."""
        return self.users.setdefault(login.lower(), User(login, self.id(), kind))

    def find_user(self, login: str) -> User:
        try:
            return self.users[login.lower()]
        except KeyError:
            raise NotFound from None

    def find_repo(self, full_name: str) -> Repo:
        try:
            return self.repos[full_name.lower()]
        except KeyError:
            raise NotFound from None

    def level(self, repo: Repo, user: User) -> str:
        """What the user may do there: none, read, triage, write, maintain or admin."""
        if user is repo.owner:
            return "admin"
        everybody = "none" if repo.private else "read"
        given = repo.permissions.get(user.login.lower()) or self.permissions.get(user.login.lower(), everybody)
        return max(given, everybody, key=LEVELS.index)

    def installation_of(self, repo: Repo) -> Installation | None:
        """The installation that this repository was given to, suspended or not."""
        return next((each for each in self.installations.values() if repo.id in each.repos), None)


def stamp(seconds: float) -> str:
    """GitHub's way to write a time: `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
