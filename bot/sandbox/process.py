"""Processes that are not to be trusted: started in a jail and a group of their own, watched, and ended with all they
started.

Every process carries a mark in its environment, TUTTI_RUN=<run>[/<part>]. What leaves its group (a daemon, a child of
a bot that was killed) is found by that mark in /proc, and by the uid of its place where it has one; without /proc only
the group is ended. TUTTI_HOME, where it is set, tells one installation's processes from another's.
"""

import asyncio
import ctypes
import math
import os
import secrets
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.sandbox.jail import Door, Jail
from bot.sandbox.output import Lines, Rate, Tail
from bot.sandbox.watchdog import LimitExceeded, belongs_to, watch

MARK = "TUTTI_RUN"
HOME_MARK = "TUTTI_HOME"
GRACE = 1.0  # seconds between asking and forcing
_PROC = Path("/proc")
_ROUNDS = 100
_NICE = 5  # what runs in a jail leaves the bot the first turn
_PR_SET_DUMPABLE = 4

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
    jail: Jail | None = None,
    doors: Sequence[Door] = (),
) -> Finished:
    """Run `argv` with exactly `env` until it ends, or `timeout` seconds are over, or `silence` seconds without output.

    Nothing it started outlives this call, however it is left: it carries a mark below `run_id`. `on_line` gets
    each line of output and errors, `heard` is called for every piece of them, a whole line or not; `output_tail` is
    their last `limit` bytes, without the errors if `errors_apart`. With a `jail` it runs in there, with `doors` as its
    ways out, and is held to the limits of the place.
    Raises OSError if it cannot start, LimitExceeded once all is ended where it used too much.
    """
    began, mark = time.monotonic(), f"{run_id}/{secrets.token_hex(4)}"
    rate = Rate(jail.walls.limits.output) if jail else None
    watched = _Watched(Tail(limit), Lines(on_line), Lines(on_line) if errors_apart else None, heard, rate)
    transport, _ = await asyncio.get_running_loop().subprocess_exec(
        lambda: watched,
        *(jail.wrap(argv, cwd=cwd, doors=doors) if jail else argv),
        cwd="/" if jail and jail.walls.tier == "strong" else cwd,  # there the jail itself goes to `cwd`, inside
        env={**env, MARK: mark},
        stdin=PIPE if stdin else DEVNULL,
        stdout=PIPE,
        stderr=PIPE if errors_apart else STDOUT,
        start_new_session=True,
    )
    guard = asyncio.create_task(_guard(transport.get_pid(), watched, jail))
    try:
        watched.feed(transport, stdin)
        ending = await watched.ending(began, timeout, silence)
    finally:
        guard.cancel()
        await finish(asyncio.create_task(_leave(transport, watched, mark, jail)))
    if watched.breach:
        raise LimitExceeded(watched.breach)
    return Finished(transport.get_returncode() or 0, watched.tail.text(), time.monotonic() - began, ending)


def walled(jail: Jail | None) -> bool:
    """Whether a jail has walls at all."""
    return jail is not None and jail.walls.tier != "none"


async def _guard(pid: int, watched: "_Watched", jail: Jail | None) -> None:
    if jail is not None:
        lower(pid)
        watched.stop(await breach(pid, jail))


async def breach(pid: int, jail: Jail, *more: Path) -> str:
    """Until the process `pid`, which leads all others in a jail, uses more than its place may; see `watchdog.watch`.

    `more` are folders outside that fill by what it does.
    """
    folders = (jail.tmp, *jail.writable, *more)
    return await watch(pid, jail.walls.limits, folders, jail.uid if jail.walls.tier == "degraded" else None)


def lower(pid: int) -> None:
    """Let a process that leads a group, and the group, leave others the first turn."""
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PGRP, pid, _NICE)


def hide() -> None:
    """Let no process of the same user read this one's environment and memory, from now on; on Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class _Watched(asyncio.SubprocessProtocol):
    """What one process prints and when it ends. `exited` may come long before `closed`: a daemon keeps pipes open.

    `over` is set when it has exited or used too much; `breach` is the sentence that says of what.
    """

    def __init__(
        self, tail: Tail, output: Lines, errors: Lines | None, told: Callable[[], None], rate: Rate | None
    ) -> None:
        self.tail, self._told, self._rate, self.breach = tail, told, rate, ""
        self.over, self.exited, self.closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._streams = {1: output, 2: errors or output}
        self._heard = time.monotonic()

    def feed(self, transport: asyncio.SubprocessTransport, data: bytes) -> None:
        pipe = transport.get_pipe_transport(0)
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.write(data)
            pipe.close()  # after what is written has gone

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if self.breach:
            return
        self._heard = time.monotonic()
        self._told()
        if self._rate is not None:
            self.stop(self._rate.too_much(data, self._heard))
        if fd == 1:
            self.tail.add(data)
        self._streams[fd].add(data)

    def stop(self, sentence: str) -> None:
        """It used too much, if that is what `sentence` says; nothing it prints from now on is taken."""
        if sentence and not self.breach:
            self.breach = sentence
            self.over.set()

    def process_exited(self) -> None:
        self.exited.set()
        self.over.set()

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
            if await until(self.over, left):
                return "exited"


async def _leave(transport: asyncio.SubprocessTransport, watched: _Watched, mark: str, jail: Jail | None) -> None:
    """End everything, and take what is still in the pipes. What is in a jail ends at once: its walls go with it."""
    pid = transport.get_pid()
    if not watched.exited.is_set() and not walled(jail):
        signal_group(pid, signal.SIGTERM)
        await until(watched.exited, GRACE)
    signal_group(pid, signal.SIGKILL)
    await sweep(mark, jail)
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


async def sweep(run_id: str, jail: Jail | None = None) -> int:
    """Force an end on every process that carries the mark `run_id` or a part of it, and on their children. How many.

    With a `jail`, on every process of its place as well, whatever it carries.
    """
    if jail is not None and jail.walls.tier == "degraded":
        await asyncio.to_thread(jail.end)
    return await _end_all(lambda: marked(run_id, jail.uid if jail is not None else None))


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


def marked(run_id: str, uid: int | None = None) -> set[int]:
    """The ids of the living processes that carry the mark, or are of the user, with their children's.

    Empty where there is no /proc.
    """
    mark = f"{MARK}={run_id}".encode()
    return _found(lambda variable: variable == mark or variable.startswith(mark + b"/"), uid)


def _found(wanted: Callable[[bytes], bool], uid: int | None = None) -> set[int]:
    """The living processes with a variable that is `wanted` in their environment or of a user, and their children."""
    if not _PROC.is_dir():
        return set()
    parents: dict[int, int] = {}
    found: set[int] = set()
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            parents[int(entry.name)] = parent
            if _carries(entry, wanted) or (uid is not None and belongs_to(int(entry.name), uid)):
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
