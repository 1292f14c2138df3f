"""The walls around the processes of one place: what they see of this machine, as whom they run, and the ways out."""

import errno
import json
import os
import resource
import secrets
import signal
import site
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from bot.sandbox import handover, kit
from bot.sandbox.launch import Rules

Tier = Literal["strong", "degraded", "none"]
FIRST_UID, UIDS = 1_600_000_000, 1 << 24  # far from every account; one is drawn for each place
INSIDE = kit.INSIDE  # the uid that processes see of themselves
DOORS = Path("/run/tutti")
FORWARD = Path(__file__).with_name("forward.py")
INTERPRETER = getattr(sys, "_base_executable", sys.executable)
BWRAP, SETPRIV, PRLIMIT = "/usr/bin/bwrap", "/usr/bin/setpriv", "/usr/bin/prlimit"
_LINK = "A symbolic link stands where the sandbox has something of its own"
_LAUNCH = Path(__file__).with_name("launch.py")
_FILES, _SHARED = 4096, 8  # open files of a process; how many places a user that is not theirs alone may serve
_FORWARD_INSIDE, _STAGE = DOORS / "forward.py", DOORS / "stage"
_TMP, _ALSO_TMP = Path("/tmp"), Path("/var/tmp")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    *("ssl/certs", "ssl/openssl.cnf", "pki/ca-trust", "pki/tls/certs", "pki/tls/cert.pem", "ca-certificates"),
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "os-release"),
    *("mime.types", "protocols", "services", "terminfo", "fonts", "perl", "crypto-policies"),
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_NAMESPACES = (
    *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", str(INSIDE), "--gid", str(INSIDE)),
    *("--hostname", kit.HOST),
)
_DEV = ("--dev", "/dev", "--size", str(64 << 20), "--perms", "1777", "--tmpfs", "/dev/shm", "--remount-ro", "/dev")


@dataclass(frozen=True)
class Door:
    """A way out of a sandbox: the Unix socket `socket` outside is the loopback's `port` inside.

    `tcp` is the loopback port outside with the same behind it, for tiers without a network of their own (0: none).
    """

    port: int
    socket: Path
    tcp: int = 0


@dataclass(frozen=True)
class Limits:
    """What the processes of one place may use together: memory in bytes, processes, bytes on disk, output."""

    memory: int = 4 << 30
    processes: int = 512
    disk: int = 10 << 30
    output: int = 20 << 20  # bytes in any 5 seconds

    def of_a_process(self, *, shared: bool) -> dict[str, int]:
        """The kernel's own limits, by their names. Processes are counted by user: a `shared` one has others' too."""
        wanted = {
            "RLIMIT_NPROC": self.processes * (_SHARED if shared else 2),  # the watchdog ends what has half
            "RLIMIT_NOFILE": _FILES,
            "RLIMIT_FSIZE": self.disk * 2,
            "RLIMIT_DATA": self.memory * 2,
            "RLIMIT_CORE": 0,
        }
        return {name: _at_most(name, number) for name, number in wanted.items()}


@dataclass(frozen=True)
class Walls:
    """How processes are walled in on this machine. `reason` says why it is not better, with the way out.

    `own_uid`: every place has a uid of its own, which takes a bot that runs as root. `tools` are further folders that
    processes may read. `kit` is the folder of `kit.make`; without it there are no walls to be had. `sealed`:
    namespaces inside are forbidden twice, by their number too.
    """

    tier: Tier
    own_uid: bool = False
    reason: str = ""
    tools: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    kit: Path | None = None
    sealed: bool = True
    bwrap: str = BWRAP

    def jail(self, tmp: Path, *, writable: Iterable[Path] = (), readable: Iterable[Path] = ()) -> "Jail":
        """Walls around one place: `tmp` is its /tmp, `writable` and `readable` (read-only, on top) are seen as well."""
        uid = FIRST_UID + secrets.randbelow(UIDS) if self.own_uid else None
        return Jail(self, uid, tmp, tuple(writable), tuple(readable))


class Mount(NamedTuple):
    """Something of this machine that is seen inside, by the same name."""

    path: Path
    writable: bool

    def words(self, source: Path, at: Path) -> list[str]:
        return ["--bind" if self.writable else "--ro-bind", str(source), str(at)]


@dataclass(frozen=True)
class Jail:
    """One place's. Every path is the same inside as outside, but for `tmp`, which is /tmp.

    `layers` say what in folders of `writable` can only be read, and what in that can be written again, the outer ones
    first. `granted` is the same for Landlock, which takes nothing away: instead of folders that are a layer, these.
    """

    walls: Walls
    uid: int | None
    tmp: Path
    writable: tuple[Path, ...]
    readable: tuple[Path, ...]
    layers: tuple[Mount, ...] = ()
    granted: tuple[Path, ...] = ()

    def url(self, door: Door) -> str:
        """Where a door is, as seen from inside."""
        return f"http://127.0.0.1:{door.port if self.walls.tier == 'strong' else door.tcp}"

    def wrap(self, argv: Sequence[str], *, cwd: Path, doors: Sequence[Door] = ()) -> list[str]:
        """The command line that runs `argv` inside. The environment it is started with is the one inside.

        Raises OSError where a symbolic link stands in the way of something that is to be seen inside, ValueError where
        processes inside could put one there.
        """
        if self.walls.tier != "none":
            self._refuse_loose()
        match self.walls.tier:
            case "strong":
                return self._walled(argv, cwd, doors)
            case "degraded":
                return self._launched(argv, cwd, doors)
            case "none":
                return [*argv]

    def own(self, *places: Path) -> None:
        """Give files and folders, with all in them, to the processes of this place. Raises OSError if too deep."""
        if self.uid is None:
            return
        for place in places:
            handover.give(place, self.uid)

    def end(self) -> None:
        """End every process of this place's own user, wherever it has hidden; nothing where it has none."""
        if self.uid is None:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):  # what stands still cannot multiply
            told = set[int]()
            while fresh := _of_user(self.uid) - told:
                told |= fresh
                for pid in fresh:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)

    def _refuse_loose(self) -> None:
        """What may be written is the bot's own folder by name: no process inside can have put another in its place."""
        folders = (self.tmp, *self.writable)
        for path in folders:
            if any(folder in path.parents for folder in folders):
                raise ValueError(f"{path} lies in a folder that processes inside may change.")
            if path.is_symlink():
                raise OSError(errno.ELOOP, _LINK, str(path))

    # ---- the strong tier ---------------------------------------------------------------------------------------------

    def _walled(self, argv: Sequence[str], cwd: Path, doors: Sequence[Door]) -> list[str]:
        """The filter is opened anew for every process: bubblewrap reads it from where the last one stopped."""
        limits = self.walls.limits.of_a_process(shared=self.uid is None)
        limited = [PRLIMIT, *(f"--{name.removeprefix('RLIMIT_').lower()}={n}:{n}" for name, n in limits.items())]
        walls = [*limited, self.walls.bwrap, *_NAMESPACES, "--seccomp", "9"]
        walls += ["--disable-userns"] if self.walls.sealed else []
        last = ["--remount-ro", "/", "--chdir", str(cwd), "--", *_forwarded(doors), *argv]
        nested = [mount for mount in self._mounts() if self._folder_of(mount.path)]
        for mount in (*nested, *self.layers):
            self._refuse_links(mount.path)
        opened = ["/bin/sh", "-c", 'exec "$@" 9<"$0"', str(self._kit / kit.FILTER)]
        if self.uid is None:
            inside = [word for mount in self._layered(nested) for word in mount.words(mount.path, mount.path)]
            return [*opened, *walls, *self._view(doors), "--proc", "/proc", *_DEV, *inside, *last]
        # The outer one has a PID namespace, too: its end may not signal another user's process, but takes that along.
        return [
            *(*opened, self.walls.bwrap, "--unshare-pid", "--die-with-parent", "--cap-drop", "ALL"),
            *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"),
            *(*self._view(doors), *self._staged(nested)),
            *("--bind", "/proc", "/proc", "--dev", "/dev", "--remount-ro", "/"),
            *("--", SETPRIV, "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"),
            *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--pdeathsig", "KILL"),
            *(*walls, "--bind", "/", "/", "--proc", "/proc", *_DEV, *self._unstaged(nested), *last),
        ]

    def _view(self, doors: Sequence[Door]) -> list[str]:
        """What is seen, but for what lies in a folder that processes inside may have changed."""
        made = [word for path in _SYSTEM for word in _system(path)]
        made += [word for path in _etc() for word in (*_above(path), "--ro-bind-try", str(path), str(path))]
        made += [word for name in kit.ETC for word in ("--ro-bind", str(self._kit / "etc" / name), f"/etc/{name}")]
        made += ["--perms", "0755", "--dir", "/var", "--symlink", f"..{_TMP}", str(_ALSO_TMP)]
        made += ["--bind", str(self.tmp), str(_TMP)]
        for mount in self._mounts():
            if self._folder_of(mount.path) is None:
                made += [*_above(mount.path), *mount.words(mount.path, mount.path)]
        made += ["--perms", "0755", "--dir", str(DOORS)]
        if doors:
            made += ["--ro-bind", str(FORWARD), str(_FORWARD_INSIDE)]
            made += [word for d in doors for word in ("--ro-bind", str(d.socket), f"{DOORS}/{d.port}")]
        return made

    def _mounts(self) -> Iterator[Mount]:
        tools = (*_python(), *(tool for tool in self.walls.tools if tool.exists()), Path(self.walls.bwrap))
        yield from (Mount(path, False) for path in tools if not _in_the_system(path))
        yield from (Mount(path, True) for path in self.writable)
        yield from (Mount(path, False) for path in self.readable)

    def _folder_of(self, path: Path) -> Path | None:
        """The innermost folder around a path in which processes inside may change what they like."""
        around = [folder for folder in (_TMP, _ALSO_TMP, *self.writable) if folder in path.parents]
        return max(around, key=lambda folder: len(folder.parts), default=None)

    def _staged(self, nested: Sequence[Mount]) -> list[str]:
        """Root puts aside what belongs below the place's own /tmp, and no more: it follows no link made inside.

        The rest of what is nested the place's own user finds in its folders, and puts in its place.
        """
        made: list[str] = []
        for mount in nested:
            if self._folder_of(mount.path) in (_TMP, _ALSO_TMP):
                aside = self._aside(mount.path)
                made += [*_above(aside), *mount.words(mount.path, aside)]
        return made

    def _unstaged(self, nested: Sequence[Mount]) -> list[str]:
        layered = self._layered(nested)
        made = [word for mount in layered for word in mount.words(self._aside(mount.path), mount.path)]
        staged = any(self._folder_of(mount.path) in (_TMP, _ALSO_TMP) for mount in nested)
        return [*made, "--tmpfs", str(_STAGE), "--remount-ro", str(_STAGE)] if staged else made

    def _layered(self, nested: Sequence[Mount]) -> list[Mount]:
        """The layers on top of the folders they are in, what can be read in any case on top of the layers."""
        last = [mount for mount in nested if mount.path in self.readable]
        return [*(mount for mount in nested if mount not in last), *self.layers, *last]

    def _aside(self, path: Path) -> Path:
        """Where something nested is before it is put in its place."""
        folder = self._folder_of(path)
        if folder is None:
            return path
        if folder in (_TMP, _ALSO_TMP):
            return _STAGE.joinpath(*path.parts[1:])
        return self._aside(folder) / path.relative_to(folder)

    def _refuse_links(self, path: Path) -> None:
        """A link that was made inside must not lead a mount to elsewhere."""
        below = self._folder_of(path) or path
        step = self.tmp if below in (_TMP, _ALSO_TMP) else below
        for name in path.relative_to(below).parts:
            step /= name
            if step.is_symlink():
                raise OSError(errno.ELOOP, _LINK, str(path))

    @property
    def _kit(self) -> Path:
        if self.walls.kit is None:
            raise ValueError("These walls were not found by the self-test: they have no kit.")
        return self.walls.kit

    # ---- the degraded tier -------------------------------------------------------------------------------------------

    def _launched(self, argv: Sequence[str], cwd: Path, doors: Sequence[Door]) -> list[str]:
        """What is to be read in a folder that may be written can be read already, and may be a link made inside."""
        apart = [path for path in self.readable if not any(path.is_relative_to(own) for own in self.writable)]
        read: list[Path | str] = [*_SYSTEM, *_etc(), *(f"/etc/{name}" for name in kit.ETC), "/proc"]
        layered = {mount.path for mount in self.layers}
        read += [*_python(), *self.walls.tools, *apart, *(own for own in self.writable if own in layered)]
        write = [self.tmp, *(own for own in self.writable if own not in layered), *self.granted]
        rules = Rules(
            uid=self.uid,
            cwd=str(cwd),
            read=[os.path.realpath(path) for path in read],
            write=[*map(str, write)],
            devices=[os.path.realpath(path) for path in _DEVICES],
            ports=[door.tcp for door in doors if door.tcp],
            limits=self.walls.limits.of_a_process(shared=self.uid is None),
            filter=str(self._kit / kit.FILTER_OF_STREAMS),
        )
        return [INTERPRETER, "-I", "-S", str(_LAUNCH), json.dumps(rules), *argv]


def _at_most(name: str, wanted: int) -> int:
    """A limit can only be lowered."""
    hard = resource.getrlimit(getattr(resource, name))[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _forwarded(doors: Sequence[Door]) -> list[str]:
    if not doors:
        return []
    ways = [f"{door.port}={DOORS}/{door.port}" for door in doors]
    return [INTERPRETER, "-I", "-S", str(_FORWARD_INSIDE), *ways, "--"]


@cache
def _python() -> list[Path]:
    """The bot's own Python and packages, which places without tools of their own run their tests with."""
    folders = map(Path, dict.fromkeys((sys.base_prefix, *site.getsitepackages())))
    return [folder for folder in folders if folder.is_dir()]


def _in_the_system(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _SYSTEM)


@cache
def _etc() -> list[Path]:
    etc = Path("/etc")
    return [path for path in (*(etc / name for name in _ETC), *etc.glob("java-*")) if path.exists()]


def _system(path: str) -> list[str]:
    place = Path(path)
    if place.is_symlink():
        return ["--symlink", str(place.readlink()), path]
    return ["--ro-bind", path, path] if place.is_dir() else []


def _above(path: Path) -> list[str]:
    """The folders above a path, which bubblewrap itself would make for its own user alone."""
    above = [*path.parents][-2::-1] if path.is_absolute() else []
    return [word for folder in above for word in ("--perms", "0755", "--dir", str(folder))]


def _of_user(uid: int) -> set[int]:
    """The living processes of a user."""
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_of(entry, uid)}


def _is_of(process: Path, uid: int) -> bool:
    """Whether it is a user's and lives: its first thread may have ended while another goes on."""
    with suppress(OSError):
        status = (process / "status").read_bytes()
        return b"\nUid:\t%d\t" % uid in status and (_runs(status) or any(map(_lives, (process / "task").iterdir())))
    return False


def _lives(task: Path) -> bool:
    with suppress(OSError):
        return _runs((task / "status").read_bytes())
    return False


def _runs(status: bytes) -> bool:
    return b"\nState:\tZ" not in status and b"\nState:\tX" not in status
