"""The things of GitHub that events and answers speak of, each with the function that reads it from JSON."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.github.shape import MissingError, at, flag, items, moment, number, text, word

Where = Literal["issue", "diff", "review"]

_FULL_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9_-]{0,99}))/(?!\.{1,2}\Z)([A-Za-z0-9._-]{1,100})")


@dataclass(frozen=True)
class RepoRef:
    """A repository as one installation sees it; `id` stays when the name changes."""

    owner: str
    name: str
    id: int
    installation: int

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class Person:
    """Somebody who acts on GitHub. `is_bot` describes, it grants nothing. A deleted account is `ghost` with id 0."""

    login: str
    id: int
    is_bot: bool


GHOST = Person("ghost", 0, False)


@dataclass(frozen=True)
class Issue:
    """An issue, or the conversation of a pull request (`is_pull`). `updated_at`: UTC, by GitHub's clock."""

    number: int
    title: str
    body: str
    author: Person
    labels: tuple[str, ...]
    state: Literal["open", "closed"]
    is_pull: bool
    url: str
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Pull:
    """A pull request; `head` and `base` are branch names, `from_fork`: the head lies in another repository.

    `head_repo` is that repository's full name and `head_repo_id` its id, empty and 0 when it is gone.
    """

    number: int
    title: str
    body: str
    author: Person
    labels: tuple[str, ...]
    state: Literal["open", "closed"]
    url: str
    draft: bool
    merged: bool
    head: str
    head_sha: str
    base: str
    base_sha: str
    from_fork: bool
    head_repo: str = ""
    head_repo_id: int = 0
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Comment:
    """A remark: below the issue, at a line of the diff, or the text of a review. Times are UTC.

    Only a remark at a diff has a `path`, a `line` (None when it is outdated), the `review` it belongs to, and the id of
    the first remark of its thread, `in_reply_to` (None: it is the first). `commit` is what a diff or review is about.
    """

    id: int
    body: str
    author: Person
    created_at: datetime
    updated_at: datetime
    where: Where
    url: str
    in_reply_to: int | None = None
    path: str = ""
    line: int | None = None
    commit: str = ""
    review: int | None = None


def split_name(full_name: str) -> tuple[str, str]:
    """Owner and name; MissingError for anything that is not exactly a repository's name."""
    if match := _FULL_NAME.fullmatch(full_name):
        return match[1], match[2]
    raise MissingError("repository.full_name")


def read_repo(data: object, installation: int) -> RepoRef:
    owner, name = split_name(text(data, "full_name", limit=300))
    return RepoRef(owner, name, number(data, "id"), installation)


def read_person(data: object) -> Person:
    return Person(word(data, "login"), number(data, "id"), at(data, "type") == "Bot")


def read_author(data: object) -> Person:
    """Whoever wrote something: GitHub says null where the account is gone."""
    return GHOST if at(data, "user") is None else read_person(at(data, "user"))


def read_number(data: object, *keys: str) -> int | None:
    """A number as `number` takes it, None where there is no such thing."""
    try:
        return number(data, *keys)
    except MissingError:
        return None


def read_moment(data: object, *keys: str) -> datetime | None:
    """A point in time, None where there is no text; MissingError for a text that is none."""
    return moment(data, *keys) if isinstance(at(data, *keys), str) else None


def read_labels(data: object) -> tuple[str, ...]:
    return tuple(name for label in items(data, "labels") if (name := text(label, "name", limit=200)))


def _state(data: object) -> Literal["open", "closed"]:
    return "closed" if at(data, "state") == "closed" else "open"


def read_issue(data: object, *, is_pull: bool | None = None) -> Issue:
    return Issue(
        number=number(data, "number"),
        title=text(data, "title", limit=1000),
        body=text(data, "body"),
        author=read_author(data),
        labels=read_labels(data),
        state=_state(data),
        is_pull=at(data, "pull_request") is not None if is_pull is None else is_pull,
        url=text(data, "html_url", limit=1000),
        updated_at=read_moment(data, "updated_at"),
    )


def read_pull(data: object) -> Pull:
    base_repo = at(data, "base", "repo", "id")
    return Pull(
        number=number(data, "number"),
        title=text(data, "title", limit=1000),
        body=text(data, "body"),
        author=read_author(data),
        labels=read_labels(data),
        state=_state(data),
        url=text(data, "html_url", limit=1000),
        draft=flag(data, "draft"),
        merged=flag(data, "merged") or isinstance(at(data, "merged_at"), str),
        head=word(data, "head", "ref"),
        head_sha=word(data, "head", "sha"),
        base=word(data, "base", "ref"),
        base_sha=word(data, "base", "sha"),
        from_fork=base_repo is None or at(data, "head", "repo", "id") != base_repo,
        head_repo=_full_name(at(data, "head", "repo")),
        head_repo_id=read_number(data, "head", "repo", "id") or 0,
        updated_at=read_moment(data, "updated_at"),
    )


def _full_name(repo: object) -> str:
    try:
        return "/".join(split_name(text(repo, "full_name", limit=300)))
    except MissingError:
        return ""


def read_comment(data: object, where: Where) -> Comment:
    written = "submitted_at" if where == "review" else "created_at"
    created = moment(data, written)
    return Comment(
        id=number(data, "id"),
        body=text(data, "body"),
        author=read_author(data),
        created_at=created,
        updated_at=read_moment(data, "updated_at") or created,
        where=where,
        url=text(data, "html_url", limit=1000),
        in_reply_to=read_number(data, "in_reply_to_id"),
        path=text(data, "path", limit=5000),
        line=read_number(data, "line"),
        commit=text(data, "commit_id", limit=100),
        review=read_number(data, "pull_request_review_id"),
    )
