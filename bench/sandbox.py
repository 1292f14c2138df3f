"""What the sandbox costs: of one process, and of a whole run, each beside the same without it, in turns."""

import statistics
import tempfile
import time
from pathlib import Path

from bench.figure import Figure
from bench.run import Clock, Probe, one_run, stage
from bot.agents.task import AgentEvent, Outcome, Task, Tell
from bot.errors import UserError
from bot.sandbox import process, selftest
from bot.sandbox.jail import Jail, Walls

PROCESSES, RUNS, WARM_UP = 40, 9, 2
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}


class Writer(Probe):
    """An agent that is a process, as real ones are, with the ways out that they have; it writes one file."""

    async def run(self, task: Task, tell: Tell) -> Outcome:
        self.started = time.perf_counter()
        self.begun.set()
        await process.run(
            ["/bin/sh", "-c", "echo noted >NOTE.md"],
            cwd=task.worktree,
            env=ENVIRONMENT,
            run_id=task.run,
            jail=task.jail,
            doors=task.doors,
        )
        tell(AgentEvent("text", "noted"))
        return Outcome("finished", "Noted.", usd=0.0)


async def measure() -> list[Figure]:
    """Medians of differences: what else this machine does slows both sides of one round alike."""
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as name:
        folder = Path(name)
        strong = await selftest.find(folder / "tried")
        if strong.tier != "strong":
            raise UserError(strong.reason)
        bare = Walls("none")
        one, alone = await _of_a_process(folder, strong, bare)
        run, without = await _of_a_run(folder, strong, bare)
    own = "a user for each place" if strong.own_uid else "one user"
    return [
        Figure("sandbox_process_ms", one, "ms", "", f"more than a bare process ({alone:.1f} ms); {own}"),
        Figure("sandbox_run_ms", run, "ms", "", f"more than the same run without the sandbox ({without:.0f} ms)"),
    ]


async def _of_a_process(folder: Path, strong: Walls, bare: Walls) -> tuple[float, float]:
    """Milliseconds that the sandbox adds to a process which does nothing, and what that takes without it."""
    jails = [_jail(folder / "place", walls) for walls in (strong, bare)]
    rounds = [[await _process(jail) for jail in jails] for _ in range(WARM_UP + PROCESSES)][WARM_UP:]
    return _apart(rounds)


def _jail(place: Path, walls: Walls) -> Jail:
    for made in (place / "tree", place / "tmp"):
        made.mkdir(parents=True, exist_ok=True)
    jail = walls.jail(place / "tmp", writable=[place / "tree"])
    jail.own(place / "tree", place / "tmp")
    return jail


async def _process(jail: Jail) -> float:
    began = time.perf_counter()
    done = await process.run(["/bin/true"], cwd=jail.writable[0], env=ENVIRONMENT, run_id="bench", jail=jail)
    if done.code:
        raise RuntimeError(done.output_tail)
    return time.perf_counter() - began


async def _of_a_run(folder: Path, strong: Walls, bare: Walls) -> tuple[float, float]:
    """The same of a whole run: its agent, its test and the reading of its work are processes in the sandbox."""
    clock, writer = Clock(), Writer()
    async with (
        stage(folder / "strong", clock, writer, strong) as walled,
        stage(folder / "bare", clock, writer, bare) as open_,
    ):
        rounds = [
            [(await one_run(*side, clock, writer, 0.0, number))[1] for side in (walled, open_)]
            for number in range(WARM_UP + RUNS)
        ][WARM_UP:]
    return _apart(rounds)


def _apart(rounds: list[list[float]]) -> tuple[float, float]:
    """The median difference, and the median of the second side, in milliseconds."""
    apart = statistics.median(first - second for first, second in rounds)
    return apart * 1000, statistics.median(second for _, second in rounds) * 1000
