"""A graph of 50 jobs beside the same graph under plain asyncio, and what a job costs besides its agent."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.figure import Figure
from bot.agents.prompt import Asked
from bot.agents.spec import AgentSpec
from bot.agents.task import Outcome, Task, Tell
from bot.agents.workshop import Order, Place, Workshop
from bot.app import Bench, Seams, workbench
from bot.git import merging
from bot.git.command import Identity, git
from bot.git.mirror import Mirror
from bot.orchestra.score import Score
from bot.orchestra.stage import Stage
from bot.orchestra.trunk import Trunk
from bot.sandbox.jail import Walls
from bot.settings import Settings
from bot.store import runs
from bot.store.runs import Run
from bot.workflow.engine import Body, Engine, Step
from bot.workflow.job import Job
from bot.workflow.library import Shipped
from bot.workflow.spec import Workflow

LAYERS, WIDE, PERMITS, SECONDS = 10, 5, 8, 0.2
ROUNDS, NODES = 3, 200
PLAIN = "the same graph under plain asyncio"
_ME = Identity("Bench", "bench@example.com")


@dataclass
class Sleeper:
    """An agent that takes its time and writes nothing."""

    name: str = "sleeper"
    seconds: float = SECONDS

    async def run(self, task: Task, tell: Tell) -> Outcome:
        await asyncio.sleep(self.seconds)
        return Outcome("finished", '```json\n{"said": "done"}\n```', usd=0.0)


def graph(layers: int, wide: int) -> dict[str, Job]:
    """Layers of jobs, each of which needs two of the layer before."""
    jobs: dict[str, Job] = {}
    for layer in range(layers):
        for number in range(wide):
            needs = [f"n{layer - 1}_{number}", f"n{layer - 1}_{(number + 1) % wide}"] if layer else []
            said = {"agent": "sleeper", "needs": needs, "outputs": {"said": "string"}}
            jobs[f"n{layer}_{number}"] = Job.model_validate(said)
    return jobs


async def measure() -> list[Figure]:
    """Medians of interleaved rounds on SQLite; worktrees and merges are measured apart."""
    sleeper = Sleeper()
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as folder:
        async with hall(Path(folder), sleeper) as made:
            ratios = []
            for _ in range(ROUNDS):
                plain = await _timed_plain(graph(LAYERS, WIDE))
                ratios.append((await made.play(graph(LAYERS, WIDE)) / plain, plain))
            sleeper.seconds = 0.0
            quick = statistics.median([await made.play(graph(NODES // 10, 10)) for _ in range(ROUNDS)])
            worktree = statistics.median([await made.place() for _ in range(9)])
            merge = statistics.median([await made.merge(number) for number in range(9)])
    ratio, plain = (statistics.median(column) for column in zip(*ratios, strict=True))
    note = f"50 agents of {SECONDS} s, {PERMITS} at once; plain {plain:.2f} s"
    return [
        Figure("graph_50_ratio", ratio, "ratio", PLAIN, note),
        Figure("engine_node_ms", quick / NODES * 1000, "ms", "", f"a job of {NODES} whose agent takes no time"),
        Figure("graph_worktree_ms", worktree * 1000, "ms", "", "a worktree and a home for one job, and their end"),
        Figure("graph_merge_ms", merge * 1000, "ms", "", "one job's work merged with another's, and recorded"),
    ]


async def _timed_plain(jobs: Mapping[str, Job]) -> float:
    room, tasks = asyncio.Semaphore(PERMITS), dict[str, asyncio.Task[None]]()

    async def play(job: Job) -> None:
        for need in job.needs:
            await tasks[need]
        async with room:
            await asyncio.sleep(SECONDS)

    began = time.perf_counter()
    for name, job in jobs.items():
        tasks[name] = asyncio.create_task(play(job))
    await asyncio.gather(*tasks.values())
    return time.perf_counter() - began


@dataclass
class Hall:
    """A workbench with an engine, on which graphs are played as runs of their own."""

    bench: Bench
    mirror: Mirror
    base: str
    engine: Engine
    bodies: dict[str, Body]
    shop: Workshop

    async def play(self, jobs: dict[str, Job]) -> float:
        """Seconds that a run of these jobs takes from its start to the end of its last job."""

        async def body(run_id: str, step: Step) -> None:
            ended = await (await self.stage(run_id, step)).play(jobs)
            assert all(one.well for one in ended.values()), ended

        return await self.run(body)

    async def run(self, body: Body) -> float:
        """Seconds that a run takes which does this."""
        run = Run(f"r{time.time_ns()}", "d", "bench", "o/r", f"o/r#{time.time_ns()}", "running", time.time(), {})
        await self.bench.db.write(lambda conn: runs.create(conn, replace(run, delivery=run.id)))
        self.bodies[run.id] = body
        began = time.perf_counter()
        await self.engine.start(run.id)
        await self.engine.idle()
        return time.perf_counter() - began

    async def body(self, run_id: str, step: Step) -> None:
        await self.bodies[run_id](run_id, step)

    async def stage(self, run_id: str, step: Any, played: Workflow | None = None) -> Stage:
        tree = await self.mirror.tree(self.base)
        trunk = Trunk(self.bench.db, self.mirror, run_id, tree)
        await trunk.load()
        asked = Asked("o/r", 1, "Title", "Body", "somebody")
        order = Order(
            *(run_id, "o/r", (0, "somebody"), self.mirror, self.base, tree, "", asked, (), ("true",), None),
            *(100.0, 60.0, time.time() + 3600, 600.0),
        )
        return Stage(self.shop, order, played or workflow(), step, Score(self.bench.board, run_id), trunk, {})

    async def place(self) -> float:
        """Seconds that a worktree and a home take."""
        order = (await self.stage("place", None)).order
        began = time.perf_counter()
        async with self.bench.shop.place(order, order.base_tree):
            pass
        return time.perf_counter() - began

    async def merge(self, number: int) -> float:
        """Seconds that a merge takes of what two jobs made of different files."""
        stage = await self.stage(f"merge {number}", None)
        one, other = [await self._written(f"{name}{number}.txt") for name in ("one", "other")]
        began = time.perf_counter()
        async with stage.trunk.lock:
            await stage.trunk.append("one.merge", "one", one, one)
        first = time.perf_counter() - began
        began = time.perf_counter()
        async with stage.trunk.lock:
            merged = await merging.merge(self.mirror, stage.order.base_tree, stage.trunk.tree, other)
            await stage.trunk.append("other.merge", "other", other, merged.tree)
        assert first
        return time.perf_counter() - began

    async def _written(self, path: str) -> str:
        """A tree with one more file."""
        blob = (await self.mirror.git("hash-object", "-w", "--stdin", stdin=path.encode())).decode().strip()
        listed = await self.mirror.git("ls-tree", self.base)
        line = f"100644 blob {blob}\t{path}\n".encode()
        return (await self.mirror.git("mktree", stdin=listed + line)).decode().strip()


@asynccontextmanager
async def hall(folder: Path, sleeper: Sleeper) -> AsyncIterator[Hall]:
    """A place to play graphs in; every agent gets the same worktree, which it does not write to."""
    await git("init", "--quiet", "--initial-branch=main", str(folder / "clone"))
    tree = (await git("mktree", git_dir=folder / "clone/.git", stdin=b"")).decode().strip()
    made = await git("commit-tree", tree, git_dir=folder / "clone/.git", stdin=b"Begin", identity=_ME, when=1)
    await git("update-ref", "refs/heads/main", made.decode().strip(), git_dir=folder / "clone/.git")
    settings = Settings(data_dir=folder / "data", database_url="", model_url="http://127.0.0.1:9")
    agents = {"sleeper": AgentSpec.model_validate({"backend": "sleeper", "output": "data", "prompt": "Sleep.\n"})}
    seams = Seams(backends={"sleeper": sleeper}, offered=Shipped({}, agents), walls=Walls("none"), bare=True)
    async with workbench(settings, seams) as bench:
        mirror = await bench.mirrors.local(folder / "clone")
        await mirror.fetch()
        bodies: dict[str, Body] = {}
        late: list[Hall] = []
        engine = Engine(
            settings.database, lambda run, step: late[0].body(run, step), slot="bench", data_dir=settings.data_dir
        )
        ready = Hall(bench, mirror, made.decode().strip(), engine, bodies, bench.shop)
        order = (await ready.stage("first", None)).order
        late.append(ready)
        await engine.launch()
        async with bench.shop.place(order, order.base_tree) as place:
            ready.shop = _Furnished.of(bench.shop, place)
            yield ready
        await engine.close(3)


@dataclass(frozen=True)
class _Furnished(Workshop):
    """A workshop with one place for all."""

    only: Place | None = None

    @classmethod
    def of(cls, shop: Workshop, place: Place) -> "_Furnished":
        return cls(**{name: getattr(shop, name) for name in Workshop.__dataclass_fields__}, only=place)

    @asynccontextmanager
    async def place(self, order: Order, tree: str, *, part: str = "", writable: bool = True) -> AsyncIterator[Place]:
        assert self.only is not None
        yield self.only


def workflow(**more: Any) -> Workflow:
    """One of agents that take their time."""
    said = {
        "name": "Bench",
        "on": {"issues": {"types": ["labeled"], "labels": ["bench"]}},
        "jobs": {"one": {"agent": "sleeper", "outputs": {"said": "string"}}},
        "limits": {"agents": PERMITS},
        "outputs": {"pull-request": {}},
        **more,
    }
    return Workflow.model_validate(said)
