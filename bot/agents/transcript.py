"""What agents said and did, kept line by line on disk for each run, and told to whoever watches."""

import asyncio
import json
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.agents.task import AgentEvent, EventKind

_LONGEST = 16_000  # characters of one entry
_BIGGEST = 16 << 20  # bytes of one run
_WAITING = 1000  # entries a watcher may be behind


@dataclass(frozen=True)
class Entry:
    """One line of a transcript. `at` in seconds since the epoch, `key` names the agent's step in the run."""

    at: float
    key: str
    kind: EventKind
    text: str


class Transcripts:
    """The transcripts of all runs: `<folder>/<run>.jsonl` each. For one event loop, that of the bot."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._watchers: defaultdict[str, set[asyncio.Queue[Entry | None]]] = defaultdict(set)

    def write(self, run: str, key: str, event: AgentEvent) -> None:
        """Keep one event, shortened where it is very long; beyond 16 MB of a run nothing more is kept."""
        entry = Entry(time.time(), key, event.kind, _shortened(event.text))
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _append(self._path(run), json.dumps(asdict(entry)).encode())
        for queue in self._watchers.get(run, ()):
            if queue.qsize() < _WAITING:
                queue.put_nowait(entry)

    def read(self, run: str) -> Iterator[Entry]:
        """What is kept of a run, oldest first; a line that a crash cut short is left out."""
        path = self._path(run)
        if not path.exists():
            return
        with path.open("rb") as file:
            for line in file:
                if (entry := _entry(line)) is not None:
                    yield entry

    async def follow(self, run: str) -> AsyncIterator[Entry]:
        """What is kept of a run, then what comes, until the run is closed. Who falls far behind misses entries."""
        queue: asyncio.Queue[Entry | None] = asyncio.Queue()
        self._watchers[run].add(queue)
        try:
            for entry in list(self.read(run)):
                yield entry
            while (entry_or_end := await queue.get()) is not None:
                yield entry_or_end
        finally:
            self._watchers[run].discard(queue)
            if not self._watchers[run]:
                del self._watchers[run]

    def close(self, run: str) -> None:
        """The run has ended: its watchers are told."""
        for queue in self._watchers.get(run, ()):
            queue.put_nowait(None)

    def forget(self, before: float) -> None:
        """Delete the transcripts last written before that time (seconds since 1970)."""
        for path in self._folder.glob("*.jsonl"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def _path(self, run: str) -> Path:
        if not run or "/" in run or run.startswith("."):
            raise ValueError(f"no name for a file: {run!r}")
        return self._folder / f"{run}.jsonl"


def _append(path: Path, line: bytes) -> None:
    """Add a line; one that a crash cut short is closed first."""
    with path.open("a+b") as file:
        size = file.tell()
        if size >= _BIGGEST:
            return
        torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
        file.write(b"\n" * torn + line + b"\n")


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n[{len(text) - _LONGEST} characters left out]"


def _entry(line: bytes) -> Entry | None:
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError):
        return None
