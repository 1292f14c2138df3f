"""The workflows, agents and configuration in force: ours from `workflows/`, a repository's from its default branch."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from bot.agents.spec import AgentSpec, parse_agent
from bot.document import MAX_BYTES, load
from bot.errors import ConfigError, Stop
from bot.github.api import Repository
from bot.github.entity import RepoRef
from bot.publish import text
from bot.sandbox import reach
from bot.store.db import Database, copies
from bot.workflow import configuration, known, override, reuse
from bot.workflow.bounds import DEFAULT, Bounds, Permitted, held
from bot.workflow.configuration import AgentSettings, Configuration
from bot.workflow.effective import Effective, File, Sources, explained
from bot.workflow.known import Known
from bot.workflow.parsed import Parsed
from bot.workflow.spec import LONGEST_ID, Workflow, parse_workflow, workflow_id

T = TypeVar("T")
log = structlog.get_logger(__name__)
SHIPPED = Path(__file__).parents[2] / "workflows"
OWN = 50  # workflow files of a repository's own
ORGANISATION = ".github"  # the repository whose configuration counts for all of its owner's


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


@dataclass(frozen=True)
class Key:
    """What the copies of a repository's files are kept under, and the installation whose organisation's it follows."""

    repo: str
    installation: int = 0


def key(ref: RepoRef) -> Key:
    """Names change hands, ids do not."""
    return Key(f"id {ref.id}", ref.installation)


class Library:
    """What is in force for a repository; the last good copy of each of its files is kept in the database.

    Repositories are named by their `key`, a clone on this machine by its name. The configuration of the repository
    `.github` of the same installation lies below each other's. `most` is what the operator lets any run use,
    `permitted` what else may be asked for: a file that asks for more is refused. `ask` says which hosts set-up steps
    reach where the operator names none.
    """

    def __init__(
        self,
        db: Database,
        offered: Shipped,
        backends: frozenset[str],
        most: Bounds = DEFAULT,
        permitted: Permitted | None = None,
        ask: Callable[[], Awaitable[frozenset[reach.Place]]] = reach.of_clients,
    ) -> None:
        self._db, self.offered, self._backends, self.most = db, offered, backends, most
        self._permitted, self._ask = permitted or Permitted(), ask
        self._asked: frozenset[reach.Place] | None = None
        self._parsed = Parsed(dict(offered.agents), most)

    async def knows(self, repo: Key | str) -> bool:
        """Whether the repository's configuration was ever read."""
        return configuration.PATH in (await self._files(repo)).own

    async def workflows(self, repo: Key | str) -> dict[str, Workflow]:
        """The workflows that may start in a repository, as its configuration has them.

        A file of its own replaces ours of the same name. One that never was good replaces ours too, by nothing: what
        its writers wanted to forbid must not start.
        """
        files = await self._files(repo)
        named = _there(await self._named(files.own))
        there = {name: held(workflow, self.most) for name, workflow in named.items()}
        return override.started(there, files.settings)

    async def ships(self, repo: Key | str, name: str) -> bool:
        """Whether the workflow of that name is ours in a repository, and not a file of its own."""
        own = (await self._files(repo)).own
        return name not in {workflow_id(path) for path, row in own.items() if _replaces(path, row)}

    async def broken(self, repo: Key | str) -> dict[str, tuple[str, Workflow]]:
        """Ours that cannot start, for a repository's own file of that name never was good: its path, and ours."""
        own, ours = (await self._files(repo)).own, self.offered.workflows
        paths = {workflow_id(path): path for path, row in own.items() if _replaces(path, row)}
        named = await self._named(own)
        return {name: (path, ours[name]) for name, path in paths.items() if name in ours and named[name] is None}

    async def agents(self, repo: Key | str) -> dict[str, AgentSettings]:
        """What is set of each agent in a repository, by the agent's name; `override.of_agent` says what wins."""
        settings = (await self._files(repo)).settings
        return {name: override.of_agent(settings, name) for name in self.offered.agents}

    async def explain(self, repo: Key | str) -> Effective:
        """Every setting that is in force in a repository, and where each comes from."""
        files = await self._files(repo)
        named = _there(await self._named(files.own))
        paths = {workflow_id(path): path for path, row in files.own.items() if _replaces(path, row)}
        sources = Sources(_file(files.own.get(configuration.PATH)), _file(files.organisation), paths)
        return explained(sources, named, self.offered.agents, self.most, self._permitted)

    async def _files(self, repo: Key | str) -> "_Files":
        named = repo if isinstance(repo, Key) else Key(repo)
        return await self._db.read(lambda conn: _files(conn, named))

    async def _named(self, own: Mapping[str, "_Copy"]) -> dict[str, Workflow | None]:
        """Ours and a repository's workflows; None for one that never was good."""
        theirs = {workflow_id(path): await self._own(path, row) for path, row in own.items() if _replaces(path, row)}
        return {**self.offered.workflows, **theirs}

    async def _own(self, path: str, row: "_Copy") -> Workflow | None:
        found = await self._parsed.of(path, row.text) if row.text is not None else None
        return found if isinstance(found, Workflow) else None

    async def adopt(self, repo: Key | str, path: str, commit: str, words: str | ConfigError | None) -> str:
        """Take over a file as it is at `commit` (None: gone). What is wrong with it; then the old copy stays."""
        named = repo if isinstance(repo, Key) else Key(repo)
        problem = str(words) if isinstance(words, ConfigError) else await self._problem(named, path, words)
        if len(workflow_id(path)) <= LONGEST_ID:  # a longer name is no workflow and has no room in the database
            good = None if isinstance(words, ConfigError) else words
            await self._db.write(lambda conn: _store(conn, named.repo, path, commit, good, problem))
        if problem:
            log.warning("repository file not adopted", repo=named.repo, problem=problem)
        return problem

    async def _problem(self, repo: Key, path: str, words: str | None) -> str:
        if words is None:
            return ""
        try:
            if path == configuration.PATH:
                await asyncio.to_thread(known.parse, words, await self._known(repo, words))
            else:
                await self._fit(repo, path, words)
        except ConfigError as error:
            return str(error)
        return ""

    async def _fit(self, repo: Key, path: str, words: str) -> None:
        """Raises ConfigError for a workflow that is wrong, by itself or beside the repository's others."""
        own = (await self._files(repo)).own
        if _full(own, path):
            raise _too_many(path)
        parsed = await self._parsed.of(path, words)
        if isinstance(parsed, ConfigError):
            raise parsed
        there = _there(await self._named(own))
        wrong = await asyncio.to_thread(reuse.problem, parsed, there)
        if wrong is not None:
            raise load(path, words).error(*wrong)

    async def _known(self, repo: Key, words: str) -> Known:
        """What this configuration may name; the hosts only where it speaks of them, for asking takes a while."""
        found = await asyncio.to_thread(configuration.stored, words)
        named, permitted = await self._named((await self._files(repo)).own), self._permitted
        return Known(
            backends=self._backends,
            agents=tuple(self.offered.agents),
            workflows=named,
            models=frozenset(permitted.models) or None,
            hosts=await self._reached() if found is not None and found.setup_hosts else None,
            most=self.most,
            usd_a_day=permitted.usd_a_day,
            runs_a_day=permitted.runs_a_day,
        )

    async def _reached(self) -> frozenset[reach.Place]:
        if self._permitted.setup_hosts:
            return reach.places(self._permitted.setup_hosts)
        if self._asked is None:
            self._asked = await self._ask()
        return self._asked

    async def read_all(self, repo: Repository, ref: str) -> list[str]:
        """Adopt every file that configures a repository, also that those are gone that were there; what is wrong.

        For a repository of which nobody said what changed. The configuration comes last: it names workflows.
        """
        own = (await self._files(key(repo.ref))).own
        there = [item.path for item in await repo.directory(configuration.WORKFLOWS, ref) if item.kind == "file"]
        there = [path for path in there if _is_workflow(path)]
        gone = [path for path in own if _is_workflow(path) and path not in there]
        # First what stands in the way of ours, so that these do not start whatever there is besides.
        there.sort(key=lambda path: (workflow_id(path) not in self.offered.workflows, path not in own))
        problems = await self.read_some(repo, [*gone, *there[:OWN], configuration.PATH], ref)
        left = there[OWN:]
        return [*problems, *([str(_too_many(left[0], len(left) - 1))] if left else [])]

    async def read_some(self, repo: Repository, paths: Sequence[str], commit: str) -> list[str]:
        """Adopt these files as they are at `commit`; what is wrong. One may use another that is read after it."""
        problems = {path: await self.read(repo, path, commit) for path in paths}
        for path in (path for path, problem in list(problems.items()) if problem and len(paths) > 1):
            problems[path] = await self.read(repo, path, commit)
        return [problem for problem in problems.values() if problem]

    async def read(self, repo: Repository, path: str, commit: str) -> str:
        """Adopt one file as it is at `commit`; what is wrong with it."""
        full = _full((await self._files(key(repo.ref))).own, path)
        problem = await self.adopt(key(repo.ref), path, commit, await _found(repo, path, commit, full=full))
        if path == configuration.PATH:
            await self._db.write(lambda conn: _follow(conn, repo.ref, commit))
        return problem

    async def left(self, ref: RepoRef) -> None:
        """The App has left a repository: what it said for all of its organisation's counts no longer."""
        await self._db.write(lambda conn: _unfollow(conn, ref))

    async def settings(self, repo: Key | str) -> Configuration | None:
        """The configuration in force for a repository, by the last good copies; None where there never was one."""
        return (await self._files(repo)).settings

    async def configuration(self, repo: Key | str, commit: str, data: bytes | ConfigError | None) -> Configuration:
        """The configuration in force, `data` being the file as it is now. Raises Stop where none ever was good."""
        problem = await self.adopt(
            repo, configuration.PATH, commit, data if isinstance(data, ConfigError) else _decoded(data)
        )
        files = await self._files(repo)
        if problem and _stored(files.own[configuration.PATH]) is None:  # nor one that was good for an older Tutti
            raise Stop("refused", text.bad_configuration(problem))
        return files.settings or Configuration(version=1)


async def _found(repo: Repository, path: str, commit: str, *, full: bool) -> str | ConfigError | None:
    """A file's text by GitHub's API, which follows links when it is asked for a file, and not when for its folder.

    `full`: there is no room for it beside the others.
    """
    beside = await repo.directory(path.rpartition("/")[0], commit)
    item = next((item for item in beside if item.path == path), None)
    if item is None:
        return None
    if full:
        return _too_many(path)
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


@dataclass(frozen=True)
class _Files:
    """A repository's own files by their path, its organisation's configuration, and what is in force by both of them.

    None: there is none for it.
    """

    own: Mapping[str, _Copy]
    organisation: _Copy | None
    settings: Configuration | None


def _stored(copy: _Copy | None) -> Configuration | None:
    return configuration.stored(copy.text) if copy is not None and copy.text is not None else None


def _file(copy: _Copy | None) -> File | None:
    return File(copy.text or "", copy.problem) if copy is not None and (copy.text or copy.problem) else None


def _there(workflows: Mapping[str, Workflow | None]) -> dict[str, Workflow]:
    return {name: found for name, found in workflows.items() if found is not None}


def _files(conn: sa.Connection, repo: Key) -> _Files:
    followed = _followed(conn, repo.installation) if repo.installation else None
    theirs = _copies(conn, followed) if followed not in (None, repo.repo) else {}
    own, organisation = _copies(conn, repo.repo), theirs.get(configuration.PATH)
    # Here, where only readers wait for it: a file that nobody read yet takes a while.
    return _Files(own, organisation, override.merged(_stored(organisation), _stored(own.get(configuration.PATH))))


def _followed(conn: sa.Connection, installation: int) -> str | None:
    """What the files of the repository are kept under whose configuration counts for a whole installation."""
    row = _copies(conn, f"org {installation}").get(ORGANISATION)
    return row.text if row is not None else None


def _follow(conn: sa.Connection, ref: RepoRef, commit: str) -> None:
    """A repository that was just read is from now on its organisation's, or not any more: its name says it."""
    mine = key(ref).repo
    if ref.name == ORGANISATION:
        _store(conn, f"org {ref.installation}", ORGANISATION, commit, mine, "")
    else:
        _unfollow(conn, ref)


def _unfollow(conn: sa.Connection, ref: RepoRef) -> None:
    if _followed(conn, ref.installation) == key(ref).repo:
        _store(conn, f"org {ref.installation}", ORGANISATION, "", None, "")


def _copies(conn: sa.Connection, repo: str) -> dict[str, _Copy]:
    query = sa.select(copies.c.path, copies.c.text, copies.c.problem).where(copies.c.repo == repo)
    return {row.path: _Copy(row.text, row.problem) for row in conn.execute(query.order_by(copies.c.path))}


def _is_workflow(path: str) -> bool:
    return configuration.is_ours(path) and path != configuration.PATH


def _full(own: Mapping[str, _Copy], path: str) -> bool:
    """Whether a repository has no room for this workflow beside those that are good, and it is none of them."""
    good = {one for one, row in own.items() if _is_workflow(one) and row.text is not None}
    return _is_workflow(path) and path not in good and len(good) >= OWN


def _too_many(path: str, more: int = 0) -> ConfigError:
    these = f"this one and {more} more are" if more else "this one is"
    return ConfigError(path, 1, f"a repository has {OWN} workflow files of its own at most: {these} not read")


def _replaces(path: str, copy: _Copy) -> bool:
    """Whether a file stands in the way of ours of the same name: not once it is deleted."""
    return path != configuration.PATH and (copy.text is not None or copy.problem != "")


def _store(conn: sa.Connection, repo: str, path: str, commit: str, words: str | None, problem: str) -> None:
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(copies)
    new = {"commit": commit, "problem": problem, **({} if problem else {"text": words})}
    statement = insert.values(repo=repo, path=path, **new)
    conn.execute(statement.on_conflict_do_update(index_elements=["repo", "path"], set_=new))
