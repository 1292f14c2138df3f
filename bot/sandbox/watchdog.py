"""Watches what the processes of one place use together, and says so when it is too much."""

import asyncio
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.jail import Limits

MOST_FILES = 750_000  # files and folders of one place
_PERIOD = 0.25  # seconds between two looks
_DEEPEST = 200  # folders in folders; a path of 4096 bytes may hold ten times as many
_MOST_HANDLES = 30_000  # open files of all processes together: more are not looked at
_MOST_MAPS = 2**23  # bytes of a list of what a process has mapped
_SOCKET = 256 * 1024  # bytes that may wait in one, seen nowhere
_LOOKS, _SCANS = (ThreadPoolExecutor(2, name) for name in ("look", "scan"))  # a long scan holds up no look
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
    watches = [
        asyncio.create_task(_until(_LOOKS, lambda: _look(pid, limits, disk, uid))),
        asyncio.create_task(_until(_SCANS, lambda: disk.too_much() or None)),
    ]
    try:
        done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
        return max(watch.result() for watch in done)
    finally:
        for watch in watches:
            watch.cancel()


async def _until(threads: ThreadPoolExecutor, look: Callable[[], str | None]) -> str:
    pause = _PERIOD
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        said = await asyncio.get_running_loop().run_in_executor(threads, look)
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
    held = _held([process.thread for process in family.values()])
    disk.held = held.disk
    if held.handles > _MOST_HANDLES:
        return f"Resource limit: its processes had more than {_MOST_HANDLES:,} files open at once."
    if _too_much_memory(family, limits.memory - held.memory):
        return f"Resource limit: its processes used more than {megabytes(limits.memory)} of memory together."
    return None


# ---- processes and memory --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Process:
    """`thread` is the id of one that lives: a process whose first one has ended tells nothing of its memory."""

    thread: int
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
                pid, said = int(entry.name), _stat(entry.name)
                thread = _living(pid) if said[0] == b"Z" and int(said[17]) > 1 else pid
                memory = int((said if thread == pid else _stat(str(thread)))[21]) * _PAGE
                yield pid, _Process(thread, int(said[1]), int(said[17]), memory)


def _stat(pid: str) -> list[bytes]:
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def _living(pid: int) -> int:
    """A thread of the process that has not ended; the process itself where there is none."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError, IndexError):
            if _stat(task.name)[0] not in (b"Z", b"X"):
                return int(task.name)
    return pid


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
    return sum(_share(process.thread, process.memory) for process in family.values()) > most


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
    """Bytes in files that have no name: no folder shows them, but whoever has them open, or mapped, keeps them."""

    memory: int = 0
    disk: int = 0
    handles: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)


def _held(pids: Iterable[int]) -> _Held:
    held = _Held()
    for pid in pids:
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                held.handles += 1
                if held.handles > _MOST_HANDLES:
                    return held
                with suppress(OSError):
                    _hold(Path(entry.path), held)
        for place in _mapped(pid):
            with suppress(OSError):  # only root may look at them
                _hold(Path(place), held)
    return held


def _mapped(pid: int) -> Iterator[str]:
    """What a process has mapped of files without a name."""
    with suppress(OSError), Path(f"/proc/{pid}/maps").open("rb") as file:
        listing = file.read(_MOST_MAPS)
        for line in listing.splitlines() if b" (deleted)" in listing else ():
            if line.endswith(b" (deleted)"):
                first, _, last = line.partition(b" ")[0].decode().partition("-")
                yield f"/proc/{pid}/map_files/{int(first, 16):x}-{int(last, 16):x}"


def _hold(place: Path, held: _Held) -> None:
    about = place.stat()
    key = (about.st_dev, about.st_ino)
    if key in held.seen:
        return
    if stat.S_ISSOCK(about.st_mode):
        held.seen.add(key)
        held.memory += _SOCKET
    if about.st_nlink or not stat.S_ISREG(about.st_mode):
        return
    held.seen.add(key)
    if str(place.readlink()).startswith(("/memfd:", "/dev/shm/", "/dev/zero", "/SYSV")):
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
        self.held = 0  # bytes that are in no folder
        self._due = time.monotonic() + 1.0
        self._soonest = 0.0
        self._free = self._room()

    def too_much(self) -> str:
        """The sentence, or nothing."""
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
        if tally.size + self.held > self._most:
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
