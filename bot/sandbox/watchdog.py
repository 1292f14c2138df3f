"""Watches what the processes of one place use together, and says so when it is too much."""

import asyncio
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.jail import Limits

MOST_FILES = 750_000  # files and folders of one place
_PERIOD = 0.25  # seconds between two looks
_DEEPEST = 200  # folders in folders; a path of 4096 bytes may hold ten times as many
_MOST_HANDLES = 5_000  # open files looked at in one look
_WATCHABLE = Path("/proc/self/stat").exists()
_PAGE = os.sysconf("SC_PAGE_SIZE")


class LimitExceeded(Exception):  # noqa: N818 - it ends a run, it is no error of the program
    """The processes of a place were ended because they used too much; `sentence` says of what, for people."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


async def watch(pid: int, limits: Limits, folders: Sequence[Path], uid: int | None = None) -> str:
    """Until the process `pid` and those below it use more than `limits`, in a sentence; empty once `pid` is gone.

    `folders` are what they can write. With `uid`, every process of that user counts as well: where there is no PID
    namespace, a daemon is nobody's child any more. Where there is no /proc, this waits for ever.
    """
    if not _WATCHABLE:
        await asyncio.Event().wait()
    disk = _Disk(_outermost(folders), limits.disk)
    pause = _PERIOD
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        said = await asyncio.to_thread(_look, pid, limits, disk, uid)
        if said is not None:
            return said
        pause = min(1.0, max(_PERIOD, 10 * (time.monotonic() - began)))


def megabytes(size: int) -> str:
    """A size for people: `4 GB`, `512 MB`."""
    return f"{size / 2**30:.3g} GB" if size >= 2**30 else f"{size / 2**20:.3g} MB"


def _look(pid: int, limits: Limits, disk: "_Disk", uid: int | None) -> str | None:
    """A sentence about what is too much, nothing where the process is gone, None while all is well."""
    family = _family(pid, uid)
    if pid not in family:
        return ""
    if sum(process.threads for process in family.values()) >= limits.processes:
        return f"Resource limit: it had {limits.processes:,} processes and threads at once."
    held = _held(family)
    if _too_much_memory(family, limits.memory - held.memory):
        return f"Resource limit: its processes used more than {megabytes(limits.memory)} of memory together."
    return disk.too_much(held.disk) or None


# ---- processes and memory --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Process:
    parent: int
    threads: int
    memory: int


def _family(pid: int, uid: int | None) -> dict[int, _Process]:
    """The process, all below it, and all of the user."""
    known = dict(_processes())
    children: dict[int, list[int]] = {}
    for child, process in known.items():
        children.setdefault(process.parent, []).append(child)
    left = [pid, *(other for other in known if uid is not None and belongs_to(other, uid))]
    found: dict[int, _Process] = {}
    while left:
        here = left.pop()
        if here in known and here not in found:
            found[here] = known[here]
            left += children.get(here, ())
    return found


def _processes() -> Iterator[tuple[int, _Process]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                said = _read(f"/proc/{entry.name}/stat").rpartition(b")")[2].split()
                yield int(entry.name), _Process(int(said[1]), int(said[17]), int(said[21]) * _PAGE)


def belongs_to(pid: int, uid: int) -> bool:
    """Whether a process is of this user; its folder in /proc would not tell, where it hides itself."""
    with suppress(OSError):
        about = _read(f"/proc/{pid}/status")
        return b"\nUid:\t%d\t" % uid in about
    return False


def _too_much_memory(family: dict[int, _Process], most: int) -> bool:
    """Counts shared memory once, but only where counting it for each process gives too much: that is the cheap way."""
    if sum(process.memory for process in family.values()) <= most:
        return False
    return sum(_share(pid, process.memory) for pid, process in family.items()) > most


def _share(pid: int, otherwise: int) -> int:
    """What a process holds, its part of what it shares included."""
    with suppress(OSError, ValueError, IndexError):
        return int(_read(f"/proc/{pid}/smaps_rollup").partition(b"\nPss:")[2].split()[0]) * 1024
    return otherwise


def _read(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, 8192)
    finally:
        os.close(handle)


@dataclass
class _Held:
    """Bytes in files that have no name: no folder shows them, but whoever has them open keeps them."""

    memory: int = 0
    disk: int = 0


def _held(pids: Iterable[int]) -> _Held:
    held, seen, left = _Held(), set[tuple[int, int]](), _MOST_HANDLES
    for pid in pids:
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                left -= 1
                if left < 0:
                    return held
                with suppress(OSError):
                    _hold(entry, held, seen)
    return held


def _hold(entry: "os.DirEntry[str]", held: _Held, seen: set[tuple[int, int]]) -> None:
    about = entry.stat()
    if about.st_nlink or not stat.S_ISREG(about.st_mode) or (key := (about.st_dev, about.st_ino)) in seen:
        return
    seen.add(key)
    if str(Path(entry.path).readlink()).startswith(("/memfd:", "/dev/shm/")):
        held.memory += about.st_blocks * 512
    else:
        held.disk += about.st_blocks * 512


# ---- disk ------------------------------------------------------------------------------------------------------------


class _TooDeep(Exception):  # noqa: N818 - a finding
    """Folders in folders without end."""


class _Disk:
    """How much the folders hold. A scan of many files takes time: it is made seldom, unless the disk fills quickly."""

    def __init__(self, folders: Sequence[Path], most: int) -> None:
        self._folders, self._most = folders, most
        self._due = time.monotonic() + 1.0
        self._soonest = 0.0
        self._free = self._room()

    def too_much(self, held: int) -> str:
        """The sentence, or nothing; `held` bytes are in no folder."""
        began = time.monotonic()
        if began < self._due and not (began >= self._soonest and self._filling()):
            return ""
        self._free = self._room()
        try:
            tally = self._measured()
        except _TooDeep:
            return f"Resource limit: it has folders in folders, more than {_DEEPEST} deep."
        took = time.monotonic() - began
        self._due, self._soonest = began + max(1.0, 30 * took), began + 6 * took
        if tally.size + held > self._most:
            return f"Resource limit: its files took more than {megabytes(self._most)} of the disk."
        return f"Resource limit: it had more than {MOST_FILES:,} files." if tally.files > MOST_FILES else ""

    def _measured(self) -> "_Tally":
        tally = _Tally()
        for folder in self._folders:
            _count(str(folder), None, 0, tally)
        return tally

    def _room(self) -> list[tuple[int, int]]:
        found = []
        for folder in self._folders:
            with suppress(OSError):
                about = os.statvfs(folder)
                found.append((about.f_bfree * about.f_frsize, about.f_ffree))
        return found

    def _filling(self) -> bool:
        """Whether much has been written since the last scan, by whomever."""
        return any(
            was[0] - now[0] > self._most // 8 or was[1] - now[1] > MOST_FILES // 8
            for was, now in zip(self._free, self._room(), strict=False)
        )


@dataclass
class _Tally:
    """Bytes on disk and how many files and folders; `seen` are files with several names."""

    size: int = 0
    files: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)

    def add(self, about: os.stat_result) -> None:
        if about.st_nlink > 1 and not stat.S_ISDIR(about.st_mode):
            key = (about.st_dev, about.st_ino)
            if key in self.seen:
                return
            self.seen.add(key)
        self.size += about.st_blocks * 512
        self.files += 1


def _count(name: str, above: int | None, depth: int, tally: _Tally) -> None:
    """Add everything in a folder. No link is followed: those who write there may be at it just now."""
    if depth > _DEEPEST:
        raise _TooDeep
    try:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=above)
    except OSError:
        return
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                if tally.files > MOST_FILES:
                    return
                with suppress(OSError):
                    tally.add(entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        _count(entry.name, handle, depth + 1, tally)
    finally:
        os.close(handle)


def _outermost(folders: Sequence[Path]) -> list[Path]:
    return [folder for folder in folders if not any(other in folder.parents for other in folders)]
