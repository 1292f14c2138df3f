"""What was said of each pull request, and what people did about it: the ledger's rows. Functions of a connection."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.review.finding import Finding
from bot.review.said import Said as Said
from bot.review.said import Standing as Standing
from bot.store.db import feedback, findings, reviews

Place = tuple[int, int]  # a repository's id, a pull request's number


@dataclass(frozen=True)
class Reviewed:
    """What is known of a pull request: the commit that was read last, digests of its hunks, the summary's comment.

    `story` is what the newest review told, but for its findings; `check` is its check run.
    """

    repo: int
    pull: int
    name: str
    installation: int
    head: str = ""
    comment: int | None = None
    read: Sequence[str] = ()
    check: int | None = None
    story: Mapping[str, Any] | None = None
    polled_at: float = 0.0
    closed_at: float | None = None


@dataclass(frozen=True)
class Word:
    """What somebody did about a finding. `source` tells it from every other; `level` is the right they had then."""

    source: str
    pull: int
    number: int
    kind: str
    actor: int
    login: str
    at: float
    level: str = ""
    words: str = field(default="")


def _insert(conn: sa.Connection, table: sa.Table) -> Any:
    return (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(table)


def reviewed(conn: sa.Connection, place: Place) -> Reviewed | None:
    row = conn.execute(sa.select(reviews).where(*_at(reviews, place))).one_or_none()
    return Reviewed(**row._mapping) if row is not None else None


def keep(conn: sa.Connection, known: Reviewed) -> None:
    """Store what is known of a pull request, whole."""
    values = {**asdict(known), "read": list(known.read)}
    statement = _insert(conn, reviews).values(values)
    conn.execute(statement.on_conflict_do_update(index_elements=["repo", "pull"], set_=values))


def learn(conn: sa.Connection, place: Place, **values: Any) -> None:
    conn.execute(sa.update(reviews).where(*_at(reviews, place)).values(**values))


def to_poll(conn: sa.Connection, before: float, limit: int) -> list[Reviewed]:
    """Open pull requests with findings at lines whose reactions were looked at before that time, longest ago first."""
    has = sa.exists().where(
        findings.c.repo == reviews.c.repo, findings.c.pull == reviews.c.pull, findings.c.comment.is_not(None)
    )
    query = sa.select(reviews).where(reviews.c.closed_at.is_(None), reviews.c.polled_at < before, has)
    return [Reviewed(**row._mapping) for row in conn.execute(query.order_by(reviews.c.polled_at).limit(limit))]


def said(conn: sa.Connection, place: Place) -> list[Said]:
    """Every finding of a pull request, by number."""
    query = sa.select(findings).where(*_at(findings, place)).order_by(findings.c.number)
    return [_said(row) for row in conn.execute(query)]


def by_comment(conn: sa.Connection, repo: int, comments: Collection[int]) -> tuple[int, Said] | None:
    """The finding that one of these inline comments says, with its pull request's number."""
    query = sa.select(findings).where(findings.c.repo == repo, findings.c.comment.in_(comments)).limit(1)
    row = conn.execute(query).one_or_none()
    return (row.pull, _said(row)) if row is not None else None


def put(conn: sa.Connection, place: Place, one: Said) -> None:
    """Store a finding, or what has changed of it."""
    values = {"repo": place[0], "pull": place[1], **asdict(one)}
    statement = _insert(conn, findings).values(values)
    conn.execute(statement.on_conflict_do_update(index_elements=["repo", "pull", "number"], set_=values))


def tell(conn: sa.Connection, repo: int, word: Word) -> bool:
    """Keep what somebody did; False where it is kept already."""
    statement = _insert(conn, feedback).values(repo=repo, **asdict(word)).on_conflict_do_nothing()
    return bool(conn.execute(statement).rowcount)


def told(conn: sa.Connection, repo: int, pull: int) -> list[Word]:
    """What people did about the findings of a pull request, oldest first."""
    columns = [feedback.c[name] for name in Word.__dataclass_fields__]
    query = sa.select(*columns).where(feedback.c.repo == repo, feedback.c.pull == pull)
    return [Word(**row._mapping) for row in conn.execute(query.order_by(feedback.c.at, feedback.c.source))]


def _at(table: sa.Table, place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.repo == place[0], table.c.pull == place[1]


def _said(row: sa.Row[Any]) -> Said:
    given = row._mapping
    values = {name: given[name] for name in Said.__dataclass_fields__ if name != "finding"}
    finding = dict(given["finding"])
    return Said(finding=Finding(**{**finding, "agents": tuple(finding.get("agents", ()))}), **values)
