"""Which walls this machine gives, found at the start by trying to get through them: what is not shown is not believed.

Canaries are put where secrets are in earnest (files, an environment, ports, sockets), a place is made as for a run,
and `probe.py` looks for them from inside. The best tier that stops everything it promises to stop is taken.
"""

import asyncio
import errno
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bot.sandbox import doors, jail, kit, landlock, probe, process, venv
from bot.sandbox.jail import INTERPRETER, Door, Jail, Limits, Walls
from bot.sandbox.watchdog import LimitExceeded

PROBES = {name: (attempt.__doc__ or "").strip() for name, attempt in probe.PROBES.items()}  # name: what it tries
HOLES = {  # what `degraded` is known not to stop; the first two are probes
    "path socket": "connect to any Unix socket in a folder that others may write to",
    "command lines": "read the command lines of other processes",
    "any host": "reach every address at a port that a door has",
    "pointer": "replace the worktree's `.git` file",
    "marks": "see names, sizes and dates of files elsewhere, and change modes of what its user owns",
}
_PROBE = Path(__file__).with_name("probe.py")
_SECONDS = 20.0  # for one trial
_HELPER = 'trap "echo hit" USR1; trap "echo done" USR2; echo ready $$; while :; do sleep 30 & wait $!; done'
_SWAP = 'for at; do mv -f "$at" "$HOME/was"; ln -sfn "$0" "$at"; done 2>/dev/null; true'
_PORT = 8118
_CONTAINER = "docker run --security-opt seccomp=deploy/seccomp.json --security-opt systempaths=unconfined"
_DEGRADED_WAY = "or set TUTTI_SANDBOX=degraded, which is weaker (docs/security.md says how much)"


@dataclass(frozen=True)
class Canaries:
    """What was put outside for one trial, and who hears of attempts that an attempt itself cannot see succeed."""

    folder: Path
    word: str
    pid: int
    heard: asyncio.Event
    done: asyncio.Event
    port: int
    datagrams: socket.socket
    abstract: str
    path: Path


async def find(
    data_dir: Path,
    *,
    wanted: Literal["strong", "degraded"] = "strong",
    tools: Sequence[Path] = (),
    limits: Limits | None = None,
    bwrap: Path | None = None,
) -> Walls:
    """The walls of this machine. `degraded` are taken only if they are `wanted`; without any the tier is `none`.

    Never raises for what the machine lacks: `reason` says what it is, and the way out.
    """
    walls = Walls("none", tools=tuple(tools), limits=limits or Limits(), bwrap=str(bwrap or _program("bwrap")))
    if sys.platform != "linux":
        return replace(walls, reason="The sandbox needs Linux.")
    try:
        made = await asyncio.to_thread(_kit, data_dir)
        async with planted(made) as canaries:
            return await _best(replace(walls, kit=made), canaries, made.parent, wanted)
    except OSError as problem:
        return replace(walls, reason=f"The self-test of the sandbox failed: {problem}")
    except (RuntimeError, ImportError) as problem:
        return replace(walls, reason=f"libseccomp is missing ({problem}): apt install libseccomp2")


def _kit(data_dir: Path) -> Path:
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return kit.make(data_dir.resolve() / "sandbox")


async def _best(walls: Walls, canaries: Canaries, data_dir: Path, wanted: str) -> Walls:
    reasons = []
    if lacking := _lacking(walls):
        reasons.append(lacking)
    else:
        for flavour in _flavours(walls):
            wrong = await tried(flavour, canaries, data_dir)
            if not wrong:
                return replace(flavour, reason=_why_shared(flavour, reasons))
            reasons.append(wrong)
        reasons = [f"{reasons[-1]} {_way_out()}"]
    if wanted != "degraded":
        return replace(walls, reason=f"{reasons[0]} {_DEGRADED_WAY[0].upper()}{_DEGRADED_WAY[1:]}.")
    weaker = replace(walls, tier="degraded", own_uid=os.geteuid() == 0)
    if landlock.version() < landlock.NEEDED:
        wrong = (
            f"Landlock {landlock.NEEDED} is needed (Linux 6.12), and this kernel has {landlock.version() or 'none'}."
        )
    elif not (wrong := await tried(weaker, canaries, data_dir)):
        return replace(weaker, reason=f"{reasons[0]} Until then processes inside can: {'; '.join(HOLES.values())}.")
    return replace(walls, reason=f"{reasons[0]} The weaker tier cannot be had either: {wrong}")


def _flavours(walls: Walls) -> Iterator[Walls]:
    """Strong walls, the best ones first."""
    for own_uid in (True, False) if os.geteuid() == 0 else (False,):
        for sealed in (True, False):
            yield replace(walls, tier="strong", own_uid=own_uid, sealed=sealed)


def _lacking(walls: Walls) -> str:
    if not Path(walls.bwrap).is_file():
        return f"bubblewrap is not installed ({walls.bwrap} is not there): apt install bubblewrap."
    programs = [jail.PRLIMIT, *([jail.SETPRIV] if os.geteuid() == 0 else [])]
    gone = [program for program in programs if not Path(program).is_file()]
    return f"{' and '.join(gone)} must be there: apt install util-linux." if gone else ""


def _why_shared(walls: Walls, reasons: Sequence[str]) -> str:
    if walls.own_uid:
        return ""
    if os.geteuid() != 0:
        return "Places share the bot's user: only root can give each a user of its own."
    return f"Places share the bot's user: {reasons[0]}"


# ---- one trial -------------------------------------------------------------------------------------------------------


async def tried(walls: Walls, canaries: Canaries, data_dir: Path, holes: Iterable[str] | None = None) -> str:
    """Why these walls do not do, or nothing. `holes` are attempts that are not made; without them those of the tier."""
    if holes is None:
        holes = HOLES if walls.tier == "degraded" else ()
    with _place(walls, canaries.folder) as (place, packages):
        worktree, home = place.writable
        links = [*map(str, (home / "tmp", place.tmp, worktree / ".git", worktree, home))]
        targets = probe.Targets(
            canary=canaries.word,
            data=str(data_dir),
            secret=str(canaries.folder / "secret"),
            mirror=str(canaries.folder / "mirror.git"),
            other_home=str(canaries.folder / "other/home/notes"),
            port=canaries.port,
            datagrams=canaries.datagrams.getsockname()[1],
            abstract=canaries.abstract,
            socket=str(canaries.path),
            pid=canaries.pid,
            writable=[*map(str, place.writable), "/tmp" if walls.tier == "strong" else str(place.tmp)],
            packages=packages,
            links=[*links, *(["/tmp"] if walls.tier == "strong" else [])],
            door=0,
            strong=walls.tier == "strong",
            holes=[*holes],
        )
        await _run(place, ["/bin/sh", "-c", _SWAP, str(canaries.folder), *links])
        try:
            return await _second(place, targets, canaries)
        except LimitExceeded as breach:
            return breach.sentence
        except OSError as problem:
            if problem.errno != errno.ELOOP:
                raise
            return "The sandbox does not hold. Inside one can still replace the folders of the place."


async def _second(place: Jail, targets: probe.Targets, canaries: Canaries) -> str:
    """What the probe says that runs after another process has left links wherever it could, beside a door."""
    async with _door(place, canaries.folder) as door:
        targets["door"] = int(place.url(door).rpartition(":")[2])
        probing = [INTERPRETER, "-I", "-S", str(_PROBE)]
        said = _found(await _run(place, probing, json.dumps(targets).encode(), door), place.walls)
    return said or await _heard(canaries)


@asynccontextmanager
async def _door(place: Jail, folder: Path) -> AsyncIterator[Door]:
    """A door behind which somebody says "in"."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"in")
        writer.close()

    listening = doors.listen(folder / "doors", _PORT, uid=place.uid, tcp=place.walls.tier != "strong")
    servers = [await asyncio.start_server(answer, sock=one) for one in listening.sockets]
    try:
        yield listening.door
    finally:
        for server in servers:
            server.close()
        listening.close()


async def _run(place: Jail, argv: Sequence[str], said: bytes = b"", *ways: Door) -> process.Finished:
    worktree, home = place.writable
    return await process.run(
        argv,
        cwd=worktree,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
        run_id="selftest",
        timeout=_SECONDS,
        stdin=said,
        jail=place,
        doors=ways,
    )


def _found(done: process.Finished, walls: Walls) -> str:
    try:
        found: probe.Found = json.loads(done.output_tail)
    except ValueError:
        return _words(done, walls)
    if found["broken"]:
        return "Inside the sandbox this does not work: " + _listed(found["broken"])
    if found["through"]:
        return "The sandbox does not hold. Inside one can still " + "; ".join(found["through"].values()) + "."
    if found["untried"]:
        return f"Nobody knows how to try on {os.uname().machine} what stops: {', '.join(found['untried'])}."
    return ""


async def _heard(canaries: Canaries) -> str:
    """What only the one outside can tell: whether a signal or a datagram came."""
    canaries.done.clear()
    os.kill(canaries.pid, signal.SIGUSR2)
    await asyncio.wait_for(canaries.done.wait(), _SECONDS)
    if canaries.heard.is_set():
        return f"The sandbox does not hold. Inside one can still {PROBES['signals']}."
    with suppress(BlockingIOError):
        canaries.datagrams.recv(100)
        return f"The sandbox does not hold. Inside one can still {PROBES['datagrams']}."
    return ""


def _words(done: process.Finished, walls: Walls) -> str:
    said = " ".join(done.output_tail.split())[-300:] or f"it ended with {done.code}"
    if done.ending != "exited":
        said = f"no answer in {_SECONDS:g} seconds"
    if INTERPRETER in said:
        return f"The bot's own Python cannot be started inside ({said}): install Python where every user may read it."
    name = "bubblewrap" if walls.tier == "strong" else "Landlock"
    return f"{name} cannot make a sandbox here ({said})."


def _listed(wrong: dict[str, str]) -> str:
    return "; ".join(f"{name} ({words})" for name, words in wrong.items()) + "."


# ---- what is put there -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def planted(below: Path) -> AsyncIterator[Canaries]:
    """Canaries of every kind, alive until the trials are over."""
    word = f"canary-{secrets.token_hex(16)}"
    ready, done, heard, pids = asyncio.Event(), asyncio.Event(), asyncio.Event(), list[int]()

    def take(line: str) -> None:
        match line.split():
            case ["ready", pid]:
                pids.append(int(pid))
                ready.set()
            case ["hit"]:
                heard.set()
            case ["done"]:
                done.set()

    with tempfile.TemporaryDirectory(dir=below, prefix="trial-") as name, _listening(name, word) as ways:
        folder = Path(name)
        _write_canaries(folder, word)
        helper = asyncio.create_task(
            process.run(
                ["/bin/sh", "-c", _HELPER, word],
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "CANARY": word},
                run_id="selftest",
                on_line=take,
            )
        )
        try:
            await asyncio.wait_for(ready.wait(), _SECONDS)
            tcp, udp, path = ways
            yield Canaries(folder, word, pids[0], heard, done, tcp.getsockname()[1], udp, word, path)
        finally:
            helper.cancel()
            with suppress(asyncio.CancelledError):
                await helper


def _write_canaries(folder: Path, word: str) -> None:
    folder.chmod(0o755)  # the walls shall stop whoever comes, not the modes
    for file in ("secret", "mirror.git/config", "other/home/notes"):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(word, encoding="utf-8")


@contextmanager
def _listening(folder: str, word: str) -> Iterator[tuple[socket.socket, socket.socket, Path]]:
    """A port, one for datagrams, an abstract socket, and one in a folder, each of which takes whoever comes."""
    path = Path(folder, "socket")
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as in_folder,
    ):
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        abstract.bind(f"\0{word}")
        abstract.listen()
        at = os.open(folder, os.O_PATH)
        try:
            in_folder.bind(f"/proc/self/fd/{at}/{path.name}")  # an address is short, and a folder's name may be long
        finally:
            os.close(at)
        in_folder.listen()
        yield tcp, udp, path


@contextmanager
def _place(walls: Walls, folder: Path) -> Iterator[tuple[Jail, list[str]]]:
    """A place as a run has one: a worktree, a home with its Python, a /tmp; and where it looks for packages."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="place-") as name:
        worktree, home, tmp = Path(name, "worktree"), Path(name, "home"), Path(name, "tmp")
        for made in (worktree, home, tmp):
            made.mkdir()
        (worktree / ".git").write_text("gitdir: nowhere\n", encoding="utf-8")
        programs = venv.make(home / ".venv")
        [paths] = programs.parent.glob("lib/python*/site-packages/bot.pth")
        place = walls.jail(tmp, writable=(worktree, home), readable=(worktree / ".git", _PROBE))
        place.own(worktree, home, tmp)
        yield place, paths.read_text(encoding="utf-8").split("\n")[:-1]


def _program(name: str) -> str:
    return shutil.which(name) or f"/usr/bin/{name}"


# ---- the way out -----------------------------------------------------------------------------------------------------


def _way_out() -> str:
    """What an operator can do where the kernel does not let bubblewrap work."""
    if _sysctl("kernel/unprivileged_userns_clone") == "0":
        return "Allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1."
    if _sysctl("user/max_user_namespaces") == "0":
        return "Allow user namespaces: sysctl -w user.max_user_namespaces=10000."
    if _sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "Allow user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give bwrap a profile."
        )
    if any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")):
        return f"In a container: {_CONTAINER}, as in docs/install.md."
    return "docs/security.md says what the sandbox needs."


def _sysctl(name: str) -> str:
    with suppress(OSError):
        return Path("/proc/sys", name).read_text(encoding="utf-8").strip()
    return ""
