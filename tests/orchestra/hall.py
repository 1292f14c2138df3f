"""The hall: workflows of many agents on a real repository, with agents that play scripts, without GitHub."""

import asyncio
import json
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.agents.spec import AgentSpec
from bot.agents.task import Outcome, Task, Tell
from bot.app import Bench, Seams, patterns, workbench
from bot.backends.rehearsal import Act, Rehearsal, Say
from bot.errors import State
from bot.operate.clone import CloneHost, Wish
from bot.sandbox.jail import Walls
from bot.settings import Settings
from bot.store import merges, runs
from bot.store.runs import Node, Run
from bot.workflow.conduct import Conductor
from bot.workflow.library import Library
from bot.workflow.spec import Workflow, parse_workflow
from tests.actor import Gate
from tests.shelf import shipped

FILES = {"README.md": "# Shop\n", ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: []\n"}
HEAD = """
name: A score
on:
  issues:
    types: [labeled]
    labels: [auto-implement]
outputs:
  pull-request: {}
"""
SIDES = ("before", "made", "done")  # of a step: not begun, done and not recorded, recorded
Script = Mapping[str, Sequence[Act]]


@dataclass(frozen=True)
class Played:
    """How a run ended, the files of its branch (none where there is no branch), its rows and graph, what it merged."""

    run: str
    state: State
    reason: str
    files: Mapping[str, str]
    rows: Mapping[str, Node]
    graph: Sequence[Mapping[str, Any]]
    merged: Sequence[str]

    def states(self, *names: str) -> list[State]:
        return [self.rows[name].state for name in names]


@dataclass
class Cast(Rehearsal):
    """Plays the acts that the script has for a step's key: `key` at the first asking, `key#2` when asked once more.

    `otherwise` plays what the script does not name; `usd` is what each asking costs, by key, 0 where it is not there.
    A step in `late` works no sooner than its event.
    """

    script: dict[str, Sequence[Act]] = field(default_factory=dict)
    usd: dict[str, float] = field(default_factory=dict)
    otherwise: Callable[[Task], Sequence[Act]] = lambda task: ()
    tasks: list[Task] = field(default_factory=list)
    gate: Gate = field(default_factory=Gate)
    late: dict[str, asyncio.Event] = field(default_factory=dict)
    name = "rehearsal"

    async def run(self, task: Task, tell: Tell) -> Outcome:
        self.tasks.append(task)
        await self.gate.through()
        if task.key in self.late:
            await self.late[task.key].wait()
        asked = sum(one.key == task.key and one.run == task.run for one in self.tasks)
        name = task.key if asked == 1 else f"{task.key}#{asked}"
        acts = self.script[name] if name in self.script else self.otherwise(task)
        outcome = await Rehearsal({"": {task.attempt: acts}}).run(task, tell)
        return replace(outcome, usd=self.usd.get(task.key, 0.0))

    @property
    def asked(self) -> list[str]:
        """The steps that were asked, in their order."""
        return [task.key for task in self.tasks]

    def task(self, key: str) -> Task:
        """The first asking of a step."""
        return next(task for task in self.tasks if task.key == key)


class _Host(CloneHost):
    """Reads what is shipped once for all halls: that takes longer than a life."""

    def __init__(self, bench: Bench, clone: Path, wish: Wish) -> None:
        self._bench, self._clone, self._wish = bench, clone, wish
        self._library = Library(bench.db, shipped(), frozenset(bench.shop.backends))


@dataclass
class Hall:
    """A clone, and everything that plays a workflow on it. Its agents have no walls: what they may is judged after.

    `agents` are further agent files, by name. `points` are the checkpoints that were passed.
    """

    bench: Bench
    clone: Path
    cast: Cast
    agents: dict[str, AgentSpec] = field(default_factory=dict)
    points: list[str] = field(default_factory=list)
    awaited: dict[str, asyncio.Event] = field(default_factory=dict)

    def rehearse(self, script: Script) -> None:
        self.cast.script.update(script)

    def anew(self) -> None:
        """As if nobody had played here."""
        self.cast.script.clear()
        self.cast.tasks.clear()
        self.cast.late.clear()
        self.cast.otherwise = lambda task: ()
        self.awaited.clear()
        self.cast.gate = Gate()
        self.bench.board.listeners.clear()
        self.points.clear()

    def delay(self, key: str, point: str) -> None:
        """The agent of a step works only once that checkpoint was passed."""
        self.cast.late[key] = self.awaited[point] = asyncio.Event()

    def workflow(self, text: str) -> Workflow:
        """A workflow file; one without `on` is for an issue and opens a pull request."""
        whole = text if "\non:" in text else HEAD + text
        return parse_workflow("score.yml", whole, {**shipped().agents, **self.agents})

    async def play(
        self, text: str, *dying: str, wish: Wish | None = None, used: Mapping[str, str] | None = None
    ) -> Played:
        """Play it to its end; the process dies at each of these checkpoints in turn, `<key>:<side>`, and another
        goes on with what is recorded and what the database has. `used` are workflow files that it may use, by id."""
        run = _run(self.workflow(text), {name: self.workflow(one) for name, one in (used or {}).items()})
        await self.bench.db.write(lambda conn: runs.create(conn, run))
        recorded: dict[str, Any] = {}
        for point in (*dying, ""):
            await self._life(run, recorded, point, wish or Wish("Build a shop", "Please.", 7))
        return await self._played(run.id)

    async def play_at_once(self, text: str, agents: int, *dying: str) -> Played:
        """The same, with so many agents at work before the first of them has ended: they begin on the same files."""
        self.cast.gate.close()
        playing = asyncio.create_task(self.play(text, *dying))
        await self.cast.gate.reached(agents)
        await self.cast.gate.open()
        return await playing

    async def _life(self, run: Run, recorded: dict[str, Any], dying: str, wish: Wish) -> None:
        dead = asyncio.Event()
        host = _Host(self.bench, self.clone, wish)
        conductor = Conductor(self.bench.shop, host, patterns(), lambda _run: None)
        step = partial(self._step, recorded, set(), partial(self._pass, dying, dead))
        life = asyncio.create_task(conductor.execute(run.id, step))
        waiting = asyncio.create_task(dead.wait())
        await asyncio.wait({life, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert dead.is_set() == bool(dying), f"{dying} was not reached"
        if dying:
            life.cancel()
            await asyncio.wait({life})
        else:
            await life

    async def _step(
        self,
        recorded: dict[str, Any],
        seen: set[str],
        passing: Callable[[str], Awaitable[None]],
        key: str,
        effect: Callable[[], Awaitable[Any]],
    ) -> Any:
        if key in seen:  # as the engine has it
            raise RuntimeError(f"the step {key!r} is there twice in one run")
        seen.add(key)
        if key not in recorded:
            await passing(f"{key}:before")
            made = json.dumps(await effect())
            await passing(f"{key}:made")
            recorded[key] = json.loads(made)
            await passing(f"{key}:done")
        return recorded[key]

    async def _pass(self, dying: str, dead: asyncio.Event, point: str) -> None:
        self.points.append(point)
        if point in self.awaited:
            self.awaited[point].set()
        if point == dying:
            dead.set()
        if dead.is_set():
            await asyncio.Event().wait()

    async def _played(self, run_id: str) -> Played:
        db = self.bench.db
        run = await db.read(lambda conn: runs.get(conn, run_id))
        assert run is not None
        rows = await db.read(lambda conn: runs.tree(conn, run_id))
        merged = await db.read(lambda conn: merges.merges(conn, run_id))
        return Played(
            run=run_id,
            state=run.state,
            reason=run.reason,
            files=self._files(run.facts.get("branch", "")),
            rows={row.key: row for row in rows},
            graph=run.facts.get("graph", ()),
            merged=[key for key, _ in merged],
        )

    def _files(self, branch: str) -> dict[str, str]:
        if not branch:
            return {}
        listed = git(self.clone, "ls-tree", "-r", "--name-only", branch).splitlines()
        return {path: git(self.clone, "show", f"{branch}:{path}") for path in listed if path not in FILES}


def git(clone: Path, *args: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
    return subprocess.run(["git", "-C", clone, *who, *args], check=True, capture_output=True, text=True).stdout


def says(**answer: Any) -> tuple[Act, ...]:
    """An agent that answers with data."""
    return (Say(f"```json\n{json.dumps(answer)}\n```"),)


def _run(workflow: Workflow, used: Mapping[str, Workflow]) -> Run:
    name, now = str(uuid.uuid4()), time.time()
    context: dict[str, Any] = {"workflow": workflow.record()}
    context["used"] = {name: one.record() for name, one in used.items()}
    return Run(name, name, workflow.name, "shop", name, "running", now, context, started_at=now)


@asynccontextmanager
async def opened(folder: Path, files: Mapping[str, str] = FILES, **more: Any) -> AsyncIterator[Hall]:
    """A hall with a clone of these files; `more` are settings of the installation."""
    clone = folder / "shop"
    for path, words in files.items():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(words)
    git(folder, "init", "-q", "-b", "main", "--template=", str(clone))
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "Begin")
    cast = Cast()
    settings = Settings(
        data_dir=folder / "data", model_url="http://127.0.0.1:9", anthropic_api_key=SecretStr("none"), **more
    )
    seams = Seams(backends={"rehearsal": cast}, offered=shipped(), pool_size=1, walls=Walls("none"), bare=True)
    async with workbench(settings, seams) as bench:
        yield Hall(bench, clone, cast)
        await bench.shop.pool.wait()
        assert bench.shop.pool.taken() == []


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    async with opened(tmp_path) as one:
        yield one
