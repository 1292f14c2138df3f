"""The memory that a swarm of a thousand tasks takes, and eight worktrees of 20,000 files made side by side."""

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from bench.figure import Figure
from bench.graph import Sleeper, hall, workflow
from bench.worktree import FILES, repository
from bot.git.mirror import Mirrors
from bot.git.worktree import Pool
from bot.patterns.swarm import PATTERN

TASKS, SIDE_BY_SIDE = 1_000, 8


async def measure() -> list[Figure]:
    """The swarm plays in a process of its own, whose peak is told; its agents write nothing and share one worktree."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from bench.swarm import alone; alone()"), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    told = json.loads(said)
    took, failed = await _side_by_side()
    return [
        Figure("swarm_1000_peak_mb", told["peak"], "MB", "", f"{TASKS} tasks in {told['seconds']:.0f} s"),
        Figure("swarm_task_ms", told["seconds"] / TASKS * 1000, "ms", "", "a task whose agent takes no time"),
        Figure("worktrees_8_s", took, "s", "", f"{SIDE_BY_SIDE} at once of {FILES:,} files, {failed} failed"),
    ]


def alone() -> None:
    """Play it and print what it took, as JSON."""
    seconds = asyncio.run(_play())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"peak": peak, "seconds": seconds}))


async def _play() -> float:
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as folder:
        async with hall(Path(folder), Sleeper(seconds=0.0)) as made:
            tasks = {"list": [f"task {number}" for number in range(TASKS)], "max": TASKS}
            played = workflow(pattern="swarm", tasks=tasks)

            async def body(run_id: str, step: object) -> None:
                stage = await made.stage(run_id, step, played)
                product = await PATTERN.play(played, stage)
                assert product.state == "no change", product.reason

            return await made.run(body)


async def _side_by_side() -> tuple[float, int]:
    """Seconds for all of them, and how many could not be made."""
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as folder:
        origin, commit, _ = await repository(Path(folder))
        mirror = await Mirrors(Path(folder) / "data", "https://github.com").local(origin)
        await mirror.fetch()
        pool = Pool(Path(folder) / "data", size=0)
        began = time.perf_counter()
        made = await asyncio.gather(*(pool.take(mirror, commit) for _ in range(SIDE_BY_SIDE)), return_exceptions=True)
        took = time.perf_counter() - began
        for one in made:
            if not isinstance(one, BaseException):
                await pool.destroy(one)
        await pool.wait()
        return took, sum(isinstance(one, BaseException) for one in made)
