"""From a label to the agent's start, and a whole run without its agent and tests: what the bot itself takes."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from bench.figure import Figure
from bot import sample
from bot.agents.task import AgentEvent, Outcome, Task, Tell
from bot.app import Bot, Seams, running, web_app
from bot.emulator.server import Emulator
from bot.git import mirror as mirrors
from bot.sandbox.jail import Walls
from bot.settings import Settings
from bot.store import runs
from bot.web.webhook import runner

ROUNDS, WARM_UP = 9, 2
SECRET = "a webhook secret of the bench"
FILES = {**sample.FILES, ".github/tutti.yml": "version: 1\nbackend: probe\ntest: 'true'\n"}


@dataclass
class Probe:
    """An agent that writes one file and notes when it was started."""

    name: str = "probe"
    started: float = 0.0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, task: Task, tell: Tell) -> Outcome:
        self.started = time.perf_counter()
        self.begun.set()
        (task.worktree / "NOTE.md").write_text("noted\n")
        tell(AgentEvent("text", "noted"))
        return Outcome("finished", "Noted.", usd=0.0)


@dataclass
class Clock:
    """What a run's parts took, in seconds: fetches, processes spawned outside them, and every step."""

    fetched: float = 0.0
    spawned: int = 0
    fetching: int = 0
    steps: dict[str, float] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)

    async def checkpoint(self, point: str) -> None:
        key, _, side = point.rpartition(":")
        if side == "before":
            self._begun[key] = time.perf_counter()
        else:
            self.steps[key] = time.perf_counter() - self._begun[key]

    def reset(self) -> None:
        self.fetched, self.spawned = 0.0, 0


async def measure() -> list[Figure]:
    """Medians over runs on the demo's repository, its mirror warm, GitHub played in the same process."""
    clock, probe = Clock(), Probe()
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as folder:
        async with stage(Path(folder), clock, probe) as (emulator, bot):
            bare = await _bare_process()
            rounds = [await one_run(emulator, bot, clock, probe, bare, n) for n in range(WARM_UP + ROUNDS)][WARM_UP:]
    to_agent, overhead, steps = map(list, zip(*rounds, strict=True))
    figures = [
        Figure(
            "label_to_agent_ms",
            _ms(to_agent),
            "ms",
            "",
            f"without fetch and bare processes ({bare * 1000:.1f} ms each)",
        ),
        Figure("run_overhead_ms", _ms(overhead), "ms", "", "a whole run besides agent and tests"),
    ]
    for key in steps[0]:
        figures.append(
            Figure(f"run_step_{key}_ms", _ms([one[key] for one in steps]), "ms", "", "part of run_overhead_ms")
        )
    return figures


def _ms(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000


@asynccontextmanager
async def stage(
    folder: Path, clock: Clock, probe: Probe, walls: Walls | None = None
) -> AsyncIterator[tuple[Emulator, Bot]]:
    """A played GitHub with the demo's repository, and a bot on it; without `walls`, in those of this machine."""
    async with Emulator(folder / "github", secret=SECRET) as emulator:
        emulator.user("maya", "write")
        repo = await emulator.create_repo(sample.NAME, FILES)
        settings = Settings(
            app_id=emulator.app_id,
            private_key=SecretStr(emulator.private_key),
            webhook_secret=SecretStr(SECRET),
            github_url=emulator.url,
            api_url=emulator.api_url,
            data_dir=folder / "data",
            database_url="",
        )
        seams = Seams(backends={"probe": probe}, checkpoint=clock.checkpoint, pace=3600, walls=walls, bare=True)
        with _counted(clock):
            async with running(settings, seams) as bot:
                server = runner(web_app(bot))
                await server.setup()
                await web.TCPSite(server, "127.0.0.1", 0).start()
                emulator.hook_url = f"http://127.0.0.1:{server.addresses[0][1]}/webhooks/github"
                await emulator.install(repo, by="maya")
                yield emulator, bot
                await server.cleanup()


@contextmanager
def _counted(clock: Clock) -> Iterator[None]:
    """Counts processes and times fetches while the block lasts."""
    loop: Any = asyncio.get_running_loop()
    kind: Any = mirrors.Mirror
    spawn, fetch = loop.subprocess_exec, kind._fetch

    async def counted(*args: Any, **named: Any) -> Any:
        clock.spawned += not clock.fetching
        return await spawn(*args, **named)

    async def timed(*args: Any) -> None:
        began = time.perf_counter()
        clock.fetching += 1
        try:
            await fetch(*args)
        finally:
            clock.fetching -= 1
            clock.fetched += time.perf_counter() - began

    loop.subprocess_exec, kind._fetch = counted, timed
    try:
        yield
    finally:
        kind._fetch = fetch


async def one_run(
    emulator: Emulator, bot: Bot, clock: Clock, probe: Probe, bare: float, number: int
) -> tuple[float, float, dict[str, float]]:
    """One run: seconds to the agent's start, of the whole run, and of its steps."""
    repo = emulator.world.find_repo(sample.NAME)
    issue = await emulator.open_issue(repo, f"{sample.TITLE} {number}", sample.BODY, by="noor")
    await emulator.delivered()
    await bot.worker.settled()
    await bot.bench.shop.pool.wait()
    clock.reset()
    probe.begun.clear()
    began = time.perf_counter()
    await emulator.label(issue, "auto-implement", by="maya")
    await probe.begun.wait()
    to_agent = probe.started - began - clock.fetched - clock.spawned * bare
    await emulator.delivered()
    await bot.worker.settled()
    (run,) = await bot.bench.db.read(lambda conn: runs.recent(conn, f"{repo.full_name}#{issue.number}"))
    assert run.state == "done", run.reason
    return to_agent, (run.ended_at or 0.0) - run.created_at, dict(clock.steps)


async def _bare_process() -> float:
    """Seconds that starting and awaiting a process takes which does nothing."""
    took = []
    for _ in range(20):
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec("git", "--version", stdout=asyncio.subprocess.DEVNULL)
        await process.wait()
        took.append(time.perf_counter() - began)
    return statistics.median(took)
