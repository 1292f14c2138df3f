"""The walls around the processes of one place: what they see of this machine, as whom they run, and the ways out."""

import os
import secrets
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

Tier = Literal["strong", "degraded", "none"]
FIRST_UID, UIDS = 1_600_000_000, 1 << 24  # far from every account; one is drawn for each place
INSIDE = 1000  # the uid that processes see of themselves
DOORS = Path("/run/tutti")
FORWARD = Path(__file__).with_name("forward.py")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime")
_NAMESPACES = (
    *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", str(INSIDE), "--gid", str(INSIDE)),
)


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


@dataclass(frozen=True)
class Walls:
    """How processes are walled in on this machine. `reason` says why it is not better, with the way out.

    `own_uid`: every place has a uid of its own, which takes a bot that runs as root. `tools` are further folders that
    processes may read.
    """

    tier: Tier
    own_uid: bool = False
    reason: str = ""
    tools: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def jail(self, tmp: Path, *, writable: Iterable[Path] = (), readable: Iterable[Path] = ()) -> "Jail":
        """Walls around one place: `tmp` is its /tmp, `writable` and `readable` (read-only, on top) are seen as well."""
        uid = FIRST_UID + secrets.randbelow(UIDS) if self.own_uid else None
        return Jail(self, uid, tmp, tuple(writable), tuple(readable))


@dataclass(frozen=True)
class Jail:
    """One place's. Every path is the same inside as outside, but for `tmp`, which is /tmp."""

    walls: Walls
    uid: int | None
    tmp: Path
    writable: tuple[Path, ...]
    readable: tuple[Path, ...]

    def url(self, door: Door) -> str:
        """Where a door is, as seen from inside."""
        return f"http://127.0.0.1:{door.port if self.walls.tier == 'strong' else door.tcp}"

    def wrap(self, argv: Sequence[str], *, cwd: Path, doors: Sequence[Door] = ()) -> list[str]:
        """The command line that runs `argv` inside. The environment it is started with is the one inside."""
        if self.walls.tier == "none":
            return [*argv]
        inner = [*self._forwarded(doors), *argv]
        view, walls = self._view(doors), ["/usr/bin/bwrap", *_NAMESPACES, "--disable-userns"]
        last = ["--chdir", str(cwd), "--", *inner]
        if self.uid is None:
            return [*walls, *view, *_PROC, "--remount-ro", "/", *last]
        return [
            *("/usr/bin/bwrap", "--die-with-parent", "--cap-drop", "ALL"),
            *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"),
            *(*view, "--bind", "/proc", "/proc", "--dev", "/dev", "--remount-ro", "/"),
            *("--", "/usr/bin/setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"),
            *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--pdeathsig", "KILL"),
            *(*walls, "--bind", "/", "/", *_PROC, "--remount-ro", "/", *last),
        ]

    def own(self, *places: Path) -> None:
        """Give files and folders, with all in them, to the processes of this place."""
        if self.uid is None:
            return
        for place in places:
            os.chown(place, self.uid, self.uid, follow_symlinks=False)
            for folder, names, files in os.walk(place):
                for name in (*names, *files):
                    os.chown(f"{folder}/{name}", self.uid, self.uid, follow_symlinks=False)

    def _forwarded(self, doors: Sequence[Door]) -> list[str]:
        if not doors:
            return []
        ways = [f"{door.port}={DOORS}/{door.port}" for door in doors]
        return [getattr(sys, "_base_executable", sys.executable), "-I", "-S", str(FORWARD), *ways, "--"]

    def _view(self, doors: Sequence[Door]) -> list[str]:
        made = [word for path in _SYSTEM for word in _system(path)]
        made += [word for path in (*_ETC, *self._tools) for word in ("--ro-bind-try", str(path), str(path))]
        made += ["--perms", "1777", "--bind", str(self.tmp), "/tmp"]
        made += [word for path in self.writable for word in (*_above(path), "--bind", str(path), str(path))]
        made += [word for path in self.readable for word in (*_above(path), "--ro-bind", str(path), str(path))]
        if doors:
            made += ["--ro-bind", str(FORWARD), str(FORWARD), "--perms", "0755", "--dir", str(DOORS)]
            made += [word for d in doors for word in ("--ro-bind", str(d.socket), f"{DOORS}/{d.port}")]
        return made

    @cached_property
    def _tools(self) -> list[str]:
        return [*map(str, self.walls.tools)]


_PROC = ["--proc", "/proc", "--dev", "/dev", "--size", "67108864", "--perms", "1777", "--tmpfs", "/dev/shm"]
_PROC += ["--remount-ro", "/dev"]


def _system(path: str) -> list[str]:
    place = Path(path)
    if place.is_symlink():
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind", path, path] if place.is_dir() else []


def _above(path: Path) -> list[str]:
    """The folders above a path, which bubblewrap itself would make for its own user alone."""
    above = [*path.parents][-2::-1] if path.is_absolute() else []
    return [word for folder in above for word in ("--perms", "0755", "--dir", str(folder))]
