"""Processes that are not to be trusted: started in a group of their own, watched, and ended with all they started.

Every process carries a mark in its environment, TUTTI_RUN=<run>[/<part>]. What leaves its group (a daemon, a child of
a bot that was killed) is found by that mark in /proc; without /proc only the group is ended. TUTTI_HOME, where it is
set, tells one installation's processes from another's.
"""

import asyncio
import math
import os
import secrets
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.sandbox.output import Lines, Tail

MARK = "TUTTI_RUN"
HOME_MARK = "TUTTI_HOME"
GRACE = 1.0  # seconds between asking and forcing
_PROC = Path("/proc")
_ROUNDS = 100

Ending = Literal["exited", "timed_out", "silent"]


@dataclass(frozen=True)
class Finished:
    """How a process ended: `code` is negative for a signal, `seconds` is wall time."""

    code: int
    output_tail: str
    seconds: float
    ending: Ending


async def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    run_id: str,
    timeout: float | None = None,  # noqa: ASYNC109 - it ends a process and is answered, it is no cancellation
    silence: float | None = None,
    stdin: bytes = b"",
    on_line: Callable[[str], None] = lambda line: None,
    heard: Callable[[], None] = lambda: None,
    errors_apart: bool = False,
    limit: int = 64 * 1024,
) -> Finished:
    """Run `argv` with exactly `env` until it ends, or `timeout` seconds are over, or `silence` seconds without output.

    Nothing it started outlives this call, however it is left: it carries a mark below `run_id`. `on_line` gets
    each line of output and errors, `heard` is called for every piece of them, a whole line or not; `output_tail` is
    their last `limit` bytes, without the errors if `errors_apart`.
    Raises OSError if it cannot start.
    """
    began, mark = time.monotonic(), f"{run_id}/{secrets.token_hex(4)}"
    watched = _Watched(Tail(limit), Lines(on_line), Lines(on_line) if errors_apart else None, heard)
    transport, _ = await asyncio.get_running_loop().subprocess_exec(
        lambda: watched,
        *argv,
        cwd=cwd,
        env={**env, MARK: mark},
        stdin=PIPE if stdin else DEVNULL,
        stdout=PIPE,
        stderr=PIPE if errors_apart else STDOUT,
        start_new_session=True,
    )
    try:
        watched.feed(transport, stdin)
        ending = await watched.ending(began, timeout, silence)
    finally:
        await finish(asyncio.create_task(_leave(transport, watched, mark)))
    return Finished(transport.get_returncode() or 0, watched.tail.text(), time.monotonic() - began, ending)


class _Watched(asyncio.SubprocessProtocol):
    """What one process prints and when it ends. `exited` may come long before `closed`: a daemon keeps pipes open."""

    def __init__(self, tail: Tail, output: Lines, errors: Lines | None, told: Callable[[], None]) -> None:
        self.tail, self._told = tail, told
        self.exited, self.closed = asyncio.Event(), asyncio.Event()
        self._streams = {1: output, 2: errors or output}
        self._heard = time.monotonic()

    def feed(self, transport: asyncio.SubprocessTransport, data: bytes) -> None:
        pipe = transport.get_pipe_transport(0)
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.write(data)
            pipe.close()  # after what is written has gone

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._heard = time.monotonic()
        self._told()
        if fd == 1:
            self.tail.add(data)
        self._streams[fd].add(data)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, error: Exception | None) -> None:
        for lines in set(self._streams.values()):
            lines.end()
        self.closed.set()

    async def ending(self, began: float, limit: float | None, silence: float | None) -> Ending:
        deadline = began + limit if limit is not None else math.inf
        while True:
            quiet = self._heard + silence if silence is not None else math.inf
            left = min(deadline, quiet) - time.monotonic()
            if left <= 0:
                return "timed_out" if deadline <= quiet else "silent"
            if await until(self.exited, left):
                return "exited"


async def _leave(transport: asyncio.SubprocessTransport, watched: _Watched, mark: str) -> None:
    """End everything, and take what is still in the pipes."""
    pid = transport.get_pid()
    if not watched.exited.is_set():
        signal_group(pid, signal.SIGTERM)
        await until(watched.exited, GRACE)
    signal_group(pid, signal.SIGKILL)
    await sweep(mark)
    await until(watched.exited, GRACE)
    await until(watched.closed, GRACE)
    transport.close()


async def until(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event for so many seconds at most; whether it came."""
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(event.wait(), seconds if seconds < math.inf else None)
    return event.is_set()


async def finish(task: "asyncio.Task[None]") -> None:
    """Wait for `task`, which is bounded in time, through any cancellation; that is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as caught:
            cancelled = caught
    if cancelled is not None:
        raise cancelled
    task.result()


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the group that `pid` led or leads; nobody there is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def sweep(run_id: str) -> int:
    """Force an end on every process that carries the mark `run_id` or a part of it, and on their children. How many."""
    return await _end_all(lambda: marked(run_id))


async def sweep_all(home: Path) -> int:
    """The same for every process whose TUTTI_HOME is `home`, of whatever run: what an earlier bot left running."""
    return await _end_all(lambda: _found(f"{HOME_MARK}={home}".encode().__eq__))


async def _end_all(find: Callable[[], set[int]]) -> int:
    ended: set[int] = set()
    for _ in range(_ROUNDS):
        found = await asyncio.to_thread(find)
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        ended |= found
        await asyncio.sleep(0.01)
    return len(ended)


def marked(run_id: str) -> set[int]:
    """The ids of the living processes that carry the mark, with their children's; empty where there is no /proc."""
    mark = f"{MARK}={run_id}".encode()
    return _found(lambda variable: variable == mark or variable.startswith(mark + b"/"))


def _found(wanted: Callable[[bytes], bool]) -> set[int]:
    """The living processes with a variable that is `wanted` in their environment, and their children."""
    if not _PROC.is_dir():
        return set()
    parents: dict[int, int] = {}
    found: set[int] = set()
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            parents[int(entry.name)] = parent
            if _carries(entry, wanted):
                found.add(int(entry.name))
    return _with_children(found, parents) - {os.getpid()}


def _carries(process: Path, wanted: Callable[[bytes], bool]) -> bool:
    with suppress(OSError):
        return any(map(wanted, (process / "environ").read_bytes().split(b"\0")))
    return False


def _parent(process: Path) -> int | None:
    """The id of a process' parent; None for one that is gone or only waits to be collected."""
    with suppress(OSError):
        fields = (process / "stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[1])
    return None


def _with_children(found: Iterable[int], parents: Mapping[int, int]) -> set[int]:
    whole = set(found)
    while more := {pid for pid, parent in parents.items() if parent in whole} - whole:
        whole |= more
    return whole
