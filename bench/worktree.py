"""A worktree of a 20,000-file repository from the pool, beside `git clone --local` of the same repository."""

import asyncio
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TypeVar

from bench.figure import Figure
from bot.git.changes import harvest
from bot.git.command import Identity, git
from bot.git.mirror import Mirror, Mirrors
from bot.git.worktree import Pool
from bot.sandbox.jail import Walls

FILES = 20_000
CHANGED = 500
ROUNDS = 3
CLONE = "git clone --local"
_ME = Identity("Bench", "bench@example.com")
Result = TypeVar("Result")


async def measure() -> list[Figure]:
    """Medians of interleaved rounds; the headline is a commit the pool was not prepared for, 500 files away."""
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as folder:
        origin, old, new = await repository(Path(folder))
        mirror = await Mirrors(Path(folder) / "data", "https://github.com").local(origin)
        await mirror.fetch()
        rounds = [await _round(Path(folder), origin, mirror, old, new) for _ in range(ROUNDS)]
    clone, same, other, cold, took = (statistics.median(column) for column in zip(*rounds, strict=True))
    return [
        Figure("worktree_pool_ratio", other / clone, "ratio", CLONE, f"{CHANGED} files differ; {other * 1000:.0f} ms"),
        Figure("worktree_pool_same_ratio", same / clone, "ratio", CLONE, f"{same * 1000:.0f} ms"),
        Figure("worktree_cold_ratio", cold / clone, "ratio", CLONE, f"empty pool; the clone {clone:.2f} s"),
        Figure("worktree_harvest_ms", took * 1000, "ms", "", "one changed file of 20,000"),
    ]


async def _round(folder: Path, origin: Path, mirror: Mirror, old: str, new: str) -> tuple[float, ...]:
    pool = Pool(folder / "data", size=2)
    pool.refill(mirror, old)
    await pool.wait()
    # The pool is filled long before it is asked; without this its writing would still be going on.
    await asyncio.to_thread(os.sync)
    same, first = await _timed(pool.take(mirror, old))
    other, second = await _timed(pool.take(mirror, new))
    await asyncio.to_thread((second.path / "src/0/0.txt").write_text, "changed\n")
    took, _ = await _timed(harvest(mirror, second, Walls("none")))
    clone, _ = await _timed(git("clone", "--quiet", "--local", str(origin), str(folder / "clone"), protocol="file"))
    cold, third = await _timed(pool.take(mirror, new))
    for worktree in (first, second, third):
        await pool.destroy(worktree)
    await asyncio.to_thread(shutil.rmtree, folder / "clone")
    await pool.wait()
    return clone, same, other, cold, took


async def _timed(work: Awaitable[Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = await work
    return time.perf_counter() - start, result


async def repository(folder: Path) -> tuple[Path, str, str]:
    """A bare repository of 125 MB, and two of its commits that differ in CHANGED files."""
    origin = folder / "origin.git"
    await git("init", "--quiet", "--bare", str(origin))
    await git("fast-import", "--quiet", "--depth=0", git_dir=origin, stdin=b"".join(_stream()), identity=_ME)
    old, new = (await git("rev-parse", "main~1", "main", git_dir=origin)).decode().split()
    return origin, old, new


def _stream() -> Iterator[bytes]:
    chance = random.Random(20_000)
    for number, count in enumerate((FILES, CHANGED)):
        yield b"commit refs/heads/main\ncommitter Bench <bench@example.com> %d +0000\ndata 0\n" % number
        for file in chance.sample(range(FILES), count):
            text = b"".join(b"%016x some words of source\n" % chance.getrandbits(64) for _ in range(145))
            yield b"M 100644 inline src/%d/%d.txt\ndata %d\n%s\n" % (file // 100, file % 100, len(text), text)
