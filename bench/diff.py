"""Reading a change of 3,000 files and 200,000 lines for a review, beside `git diff` of the same commits alone."""

import asyncio
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figure import Figure
from bot.git.command import Identity, git, stream
from bot.git.mirror import Mirror, Mirrors
from bot.git.patches import patches
from bot.review import reading
from bot.review.patch import FilePatch
from bot.review.rules import tiers_of
from bot.review.tier import pick
from bot.workflow.library import shipped

FILES, ROUNDS = 3_000, 7
LINES = 120  # of a file, of which two thirds change
PLAIN = "git diff"
AGENTS = ("correctness", "performance", "security", "style", "tests")
RULES = shipped().workflows["review"].review
_ME = Identity("Bench", "bench@example.com")


async def measure() -> list[Figure]:
    """Medians of interleaved rounds, and the memory that reading takes in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as folder:
        origin, old, new = await _repository(Path(folder))
        mirror = await Mirrors(Path(folder) / "data", "https://github.com").local(origin)
        await mirror.fetch()
        rounds = [(await _timed(mirror, old, new), await _plain(mirror, old, new)) for _ in range(ROUNDS)]
        lines, ours = rounds[0][0][1], [took for (took, _), _ in rounds]
        plain = [took for _, took in rounds]
        grown = await asyncio.to_thread(_memory, Path(folder), origin, old, new)
    ratio = statistics.median(one / other for one, other in zip(ours, plain, strict=True))
    note = f"{FILES} files, {lines:,} changed lines; {statistics.median(ours) * 1000:.0f} ms"
    return [
        Figure("diff_200k_ratio", round(ratio, 3), "ratio", PLAIN, note),
        Figure("diff_200k_peak_mb", round(grown), "MB", "", "that reading it adds to a process"),
    ]


async def _timed(mirror: Mirror, old: str, new: str) -> tuple[float, int]:
    """How long it took, and how many lines changed."""
    began = time.perf_counter()
    found = await read(mirror, old, new)
    return time.perf_counter() - began, sum(patch.added + patch.deleted for patch in found)


async def read(mirror: Mirror, old: str, new: str) -> Sequence[FilePatch]:
    """All that a review does with a change before it asks an agent."""
    found = [patch async for patch in patches(mirror, old, new)]
    plan = reading.sort(found, RULES.reading.ignore)
    fresh = reading.fresh(plan.files, ())
    choice = pick(tiers_of(RULES), fresh, AGENTS)
    packing = reading.pack(fresh, RULES.reading.part_tokens, RULES.reading.parts, lambda path: None)
    covered = reading.coverage(packing, plan)
    digests = reading.digests(packing, plan, ())
    if covered.total != FILES or not choice.agents or len(digests) < covered.read:
        raise RuntimeError(f"{covered.total} files were read")
    return found


async def _plain(mirror: Mirror, old: str, new: str) -> float:
    """`git diff` alone, its output read and thrown away."""
    began = time.perf_counter()
    async for _ in stream("diff", "-M", "-l1000", old, new, git_dir=mirror.path):
        pass
    return time.perf_counter() - began


def _memory(folder: Path, origin: Path, old: str, new: str) -> float:
    """Megabytes by which the peak of a process grows that reads the change once."""
    words = [sys.executable, "-m", "bench.diff", str(folder / "data"), str(origin), old, new]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


async def _grown(data: str, origin: str, old: str, new: str) -> float:
    mirror = await Mirrors(Path(data), "https://github.com").local(Path(origin))
    before = _peak()
    await read(mirror, old, new)
    return (_peak() - before) / 1024


def _peak() -> int:
    """The most memory this process had, in KB: not its parent's, as `getrusage` may say."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0])


async def _repository(folder: Path) -> tuple[Path, str, str]:
    origin = folder / "origin.git"
    await git("init", "--quiet", "--bare", str(origin))
    await git("fast-import", "--quiet", "--depth=0", git_dir=origin, stdin=b"".join(_commits()), identity=_ME)
    old, new = (await git("rev-parse", "main~1", "main", git_dir=origin)).decode().split()
    return origin, old, new


def _commits() -> Iterator[bytes]:
    chance = random.Random(3_000)
    files = [[_line(chance) for _ in range(LINES)] for _ in range(FILES)]
    for number in range(2):
        yield b"commit refs/heads/main\ncommitter Bench <bench@example.com> %d +0000\ndata 0\n" % number
        for file, lines in enumerate(files):
            if number:  # three stretches of each file
                for start in (5, 45, 90):
                    lines[start : start + 12] = [_line(chance) for _ in range(12)]
            text = b"".join(lines)
            yield b"M 100644 inline src/%d/m%d.py\ndata %d\n%s\n" % (file // 100, file, len(text), text)


def _line(chance: random.Random) -> bytes:
    return b"    total_%04x = count(%08x)  # %08x\n" % (chance.getrandbits(16), *(chance.getrandbits(32),) * 2)


if __name__ == "__main__":
    sys.stdout.write(str(asyncio.run(_grown(*sys.argv[1:]))))
