"""The workflows, agents and configuration in force: ours from `workflows/`, a repository's from its default branch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from bot.agents.spec import AgentSpec, parse_agent
from bot.document import MAX_BYTES
from bot.errors import ConfigError, Stop
from bot.github.api import Repository
from bot.github.entity import RepoRef
from bot.publish import text
from bot.store.db import Database, copies
from bot.workflow import configuration
from bot.workflow.bounds import DEFAULT, Bounds, parse_owned
from bot.workflow.configuration import Configuration
from bot.workflow.spec import LONGEST_ID, Workflow, parse_workflow, workflow_id

T = TypeVar("T")
log = structlog.get_logger(__name__)
SHIPPED = Path(__file__).parents[2] / "workflows"


@dataclass(frozen=True)
class Shipped:
    """What this installation offers everybody; files that do not parse are left out and named in `problems`."""

    workflows: Mapping[str, Workflow]
    agents: Mapping[str, AgentSpec]
    problems: tuple[ConfigError, ...] = ()


def shipped(folder: Path = SHIPPED) -> Shipped:
    problems: list[ConfigError] = []
    agents = {
        path.relative_to(folder / "agents").with_suffix("").as_posix(): spec
        for path in sorted((folder / "agents").rglob("*.md"))
        if (spec := _kept(problems, parse_agent, str(path), path.read_text(encoding="utf-8")))
    }
    workflows = {
        path.stem: workflow
        for path in sorted(folder.glob("*.yml"))
        if (workflow := _kept(problems, parse_workflow, str(path), path.read_text(encoding="utf-8"), agents))
    }
    return Shipped(workflows, agents, tuple(problems))


def _kept(problems: list[ConfigError], parse: Any, *args: Any) -> Any:
    try:
        return parse(*args)
    except ConfigError as error:
        problems.append(error)
        log.error("file left out", problem=str(error))
        return None


def key(ref: RepoRef) -> str:
    """What the copies of a repository's files are kept under: names change hands, ids do not."""
    return f"id {ref.id}"


class Library:
    """What is in force for a repository; the last good copy of each of its files is kept in the database.

    Repositories are named by their `key`, a clone on this machine by its name.
    `most` is what the operator lets any run use: a repository's own workflow that asks for more is refused.
    """

    def __init__(self, db: Database, offered: Shipped, backends: frozenset[str], most: Bounds = DEFAULT) -> None:
        self._db, self.offered, self._backends, self.most = db, offered, backends, most

    async def knows(self, repo: str) -> bool:
        """Whether the repository's configuration was ever read."""
        return configuration.PATH in await self._db.read(lambda conn: _copies(conn, repo))

    async def workflows(self, repo: str) -> dict[str, Workflow]:
        """The workflows that may start in a repository: a file of its own replaces ours of the same name.

        One that never was good replaces ours too, by nothing: what its writers wanted to forbid must not start.
        """
        rows = await self._db.read(lambda conn: _copies(conn, repo))
        own = {workflow_id(path): self._own(path, row) for path, row in rows.items() if _replaces(path, row)}
        return {name: found for name, found in {**self.offered.workflows, **own}.items() if found is not None}

    def _own(self, path: str, row: "_Copy") -> Workflow | None:
        if row.text is None:
            return None
        workflow: Workflow | None = _kept([], parse_owned, path, row.text, self.offered.agents, self.most)
        return workflow

    async def adopt(self, repo: str, path: str, commit: str, words: str | ConfigError | None) -> str:
        """Take over a file as it is at `commit` (None: gone). What is wrong with it; then the old copy stays."""
        problem = str(words) if isinstance(words, ConfigError) else self._problem(path, words)
        if len(workflow_id(path)) <= LONGEST_ID:  # a longer name is no workflow and has no room in the database
            good = None if isinstance(words, ConfigError) else words
            await self._db.write(lambda conn: _store(conn, repo, path, commit, good, problem))
        if problem:
            log.warning("repository file not adopted", repo=repo, problem=problem)
        return problem

    def _problem(self, path: str, words: str | None) -> str:
        if words is None:
            return ""
        try:
            if path == configuration.PATH:
                configuration.parse(words, self._backends)
            else:
                parse_owned(path, words, dict(self.offered.agents), self.most)
        except ConfigError as error:
            return str(error)
        return ""

    async def read_all(self, repo: Repository, ref: str) -> None:
        """Adopt every file that configures a repository, for one whose pushes were not watched so far."""
        there = [item.path for item in await repo.directory(configuration.WORKFLOWS, ref) if item.kind == "file"]
        for path in (configuration.PATH, *filter(configuration.is_ours, there)):
            await self.read(repo, path, ref)

    async def read(self, repo: Repository, path: str, commit: str) -> str:
        """Adopt one file as it is at `commit`; what is wrong with it."""
        return await self.adopt(key(repo.ref), path, commit, await _found(repo, path, commit))

    async def settings(self, repo: str) -> Configuration | None:
        """The last good copy of a repository's configuration; None where there never was one."""
        copy = (await self._db.read(lambda conn: _copies(conn, repo))).get(configuration.PATH)
        try:
            return configuration.parse(copy.text, self._backends) if copy and copy.text is not None else None
        except ConfigError:  # it was good for an older Tutti
            return None

    async def configuration(self, repo: str, commit: str, data: bytes | ConfigError | None) -> Configuration:
        """The configuration in force, `data` being the file as it is now. Raises Stop where none ever was good."""
        words = data if isinstance(data, ConfigError) else _decoded(data)
        problem = await self.adopt(repo, configuration.PATH, commit, words)
        if problem:
            words = (await self._db.read(lambda conn: _copies(conn, repo)))[configuration.PATH].text
            if words is None:
                raise Stop("refused", text.bad_configuration(problem))
        assert not isinstance(words, ConfigError)
        return configuration.parse(words, self._backends) if words is not None else Configuration(version=1)


async def _found(repo: Repository, path: str, commit: str) -> str | ConfigError | None:
    """A file's text by GitHub's API, which follows links when it is asked for a file, and not when for its folder."""
    beside = await repo.directory(path.rpartition("/")[0], commit)
    item = next((item for item in beside if item.path == path), None)
    if item is None:
        return None
    if item.kind != "file":
        return configuration.no_file(path)
    if item.size > MAX_BYTES:
        return configuration.too_large(path)
    return _decoded(await repo.content(path, commit))


def _decoded(data: bytes | None) -> str | None:
    return data.decode("utf-8", "replace") if data is not None else None


@dataclass(frozen=True)
class _Copy:
    """The last good text of a file (None: there is none) and what is wrong with its newest."""

    text: str | None
    problem: str


def _copies(conn: sa.Connection, repo: str) -> dict[str, _Copy]:
    query = sa.select(copies.c.path, copies.c.text, copies.c.problem).where(copies.c.repo == repo)
    return {row.path: _Copy(row.text, row.problem) for row in conn.execute(query.order_by(copies.c.path))}


def _replaces(path: str, copy: _Copy) -> bool:
    """Whether a file stands in the way of ours of the same name: not once it is deleted."""
    return path != configuration.PATH and (copy.text is not None or copy.problem != "")


def _store(conn: sa.Connection, repo: str, path: str, commit: str, words: str | None, problem: str) -> None:
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(copies)
    new = {"commit": commit, "problem": problem, **({} if problem else {"text": words})}
    statement = insert.values(repo=repo, path=path, **new)
    conn.execute(statement.on_conflict_do_update(index_elements=["repo", "path"], set_=new))
