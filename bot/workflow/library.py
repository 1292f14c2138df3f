"""The workflows, agents and configuration in force: ours from `workflows/`, a repository's from its default branch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from bot.agents.spec import AgentSpec, parse_agent
from bot.errors import ConfigError, Stop
from bot.github.api import Repository
from bot.publish import text
from bot.store.db import Database, copies
from bot.workflow import configuration
from bot.workflow.configuration import Configuration
from bot.workflow.spec import Workflow, parse_workflow, workflow_id

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
        path.stem: spec
        for path in sorted((folder / "agents").glob("*.md"))
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


class Library:
    """What is in force for a repository; the last good copy of each of its files is kept in the database."""

    def __init__(self, db: Database, offered: Shipped, backends: frozenset[str]) -> None:
        self._db, self.offered, self._backends = db, offered, backends
        self._own: dict[str, dict[str, Workflow]] = {}

    async def workflows(self, full_name: str) -> dict[str, Workflow]:
        """The workflows that may start in a repository: a file of its own replaces ours of the same name."""
        if full_name not in self._own:
            self._own[full_name] = await self._stored(full_name)
        return {**self.offered.workflows, **self._own[full_name]}

    async def _stored(self, full_name: str) -> dict[str, Workflow]:
        rows = await self._db.read(lambda conn: _copies(conn, full_name))
        found: dict[str, Workflow] = {}
        for path, words in rows.items():
            if path != configuration.PATH and words is not None:
                workflow = _kept([], parse_workflow, path, words, self.offered.agents)
                if workflow:
                    found[workflow_id(path)] = workflow
        return found

    async def adopt(self, full_name: str, path: str, commit: str, words: str | None) -> str:
        """Take over a file as it is at `commit` (None: gone). What is wrong with it; then the old copy stays."""
        problem = self._problem(path, words)
        await self._db.write(lambda conn: _store(conn, full_name, path, commit, words, problem))
        self._own.pop(full_name, None)
        if problem:
            log.warning("repository file not adopted", repo=full_name, problem=problem)
        return problem

    def _problem(self, path: str, words: str | None) -> str:
        if words is None:
            return ""
        try:
            if path == configuration.PATH:
                configuration.parse(words, self._backends)
            else:
                parse_workflow(path, words, dict(self.offered.agents))
        except ConfigError as error:
            return str(error)
        return ""

    async def read_all(self, repo: Repository, full_name: str, ref: str) -> None:
        """Adopt every file that configures a repository, for one whose pushes were not watched so far."""
        there = [item.path for item in await repo.directory(configuration.WORKFLOWS, ref) if item.kind == "file"]
        for path in (configuration.PATH, *filter(configuration.is_ours, there)):
            await self.read(repo, full_name, path, ref)

    async def read(self, repo: Repository, full_name: str, path: str, commit: str) -> str:
        """Adopt one file as it is at `commit`; what is wrong with it."""
        return await self.adopt(full_name, path, commit, _decoded(await repo.content(path, commit)))

    async def configuration(self, full_name: str, commit: str, data: bytes | None) -> Configuration:
        """The configuration in force, `data` being the file as it is now. Raises Stop where none ever was good."""
        words = _decoded(data)
        problem = await self.adopt(full_name, configuration.PATH, commit, words)
        if problem:
            words = (await self._db.read(lambda conn: _copies(conn, full_name))).get(configuration.PATH)
            if words is None:
                raise Stop("refused", text.bad_configuration(problem))
        return configuration.parse(words, self._backends) if words is not None else Configuration(version=1)


def _decoded(data: bytes | None) -> str | None:
    return data.decode("utf-8", "replace") if data is not None else None


def _copies(conn: sa.Connection, full_name: str) -> dict[str, str | None]:
    rows = conn.execute(sa.select(copies.c.path, copies.c.text).where(copies.c.repo == full_name))
    return {row.path: row.text for row in rows}


def _store(conn: sa.Connection, full_name: str, path: str, commit: str, words: str | None, problem: str) -> None:
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(copies)
    new = {"commit": commit, "problem": problem, **({} if problem else {"text": words})}
    statement = insert.values(repo=full_name, path=path, **new)
    conn.execute(statement.on_conflict_do_update(index_elements=["repo", "path"], set_=new))
