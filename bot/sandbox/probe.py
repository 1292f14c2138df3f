"""What the self-test tries from inside a sandbox: `python -I -S probe.py`, with `Targets` on its input as JSON.

It prints what it found, as JSON. Each attempt raises OSError where it is stopped, and harms nothing where it is not.
"""

import ctypes
import errno
import json
import os
import pwd
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TypedDict

_libc = ctypes.CDLL(None, use_errno=True)
_NEW_USER, _NEW_PID, _X32 = 0x10000000, 0x20000000, 0x40000000
_TIOCSTI = 0x5412
_MACHINES = {  # the numbers of clone, keyctl, mount, open_by_handle_at, ptrace, unshare
    "x86_64": (56, 250, 165, 304, 101, 272),
    "aarch64": (220, 219, 40, 265, 117, 97),
}
_IO_URING, _FSOPEN, _CLONE3 = 425, 430, 435


class Targets(TypedDict):
    """What the self-test has put outside, and the place that the probe runs in. `canary` stands in all that is secret.

    `holes`: attempts that are not made, because this tier is known not to stop them.
    """

    canary: str
    data: str
    secret: str
    mirror: str
    other_home: str
    port: int
    datagrams: int
    abstract: str
    socket: str
    pid: int
    writable: list[str]
    packages: list[str]
    links: list[str]
    door: int
    strong: bool
    holes: list[str]


class Found(TypedDict):
    """Attempts that got through, and what does not work inside, each with words on it; and what could not be tried."""

    through: dict[str, str]
    broken: dict[str, str]
    untried: list[str]


class Untried(Exception):  # noqa: N818 - nothing went wrong
    """Nobody knows how to try this here."""


def _stopped(why: str) -> None:
    raise PermissionError(why)


def _called(number: int, *arguments: object) -> None:
    if _libc.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _connected(family: int, address: object) -> None:
    with socket.socket(family) as client:
        client.settimeout(1)
        client.connect(address)  # type: ignore[arg-type]


def _in_proc(name: str, targets: Targets) -> None:
    """Look for the canary in a file of every process."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / name).read_bytes()
            except OSError:
                continue
            if targets["canary"].encode() in words and str(os.getpid()) != process.name:
                return
    _stopped("not found")


def secrets_of_the_bot(targets: Targets) -> None:
    """read a file that the bot keeps for itself"""
    Path(targets["secret"]).read_bytes()


def data_folder(targets: Targets) -> None:
    """list the data folder"""
    if Path(targets["secret"]).parent.name not in {place.name for place in Path(targets["data"]).iterdir()}:
        _stopped("it shows nothing but the place's own")


def another_home(targets: Targets) -> None:
    """read what another run has in its home"""
    Path(targets["other_home"]).read_bytes()


def links(targets: Targets) -> None:
    """reach what lies outside by links that an earlier process has left"""
    for link in targets["links"]:
        try:
            if targets["canary"].encode() in Path(link, "secret").read_bytes():
                return
        except OSError:
            continue
    _stopped("they lead nowhere")


def mirror(targets: Targets) -> None:
    """write into a repository's mirror"""
    with Path(targets["mirror"], "config").open("ab"):
        pass


def environments(targets: Targets) -> None:
    """read the environment of a process outside"""
    _in_proc("environ", targets)


def memory(targets: Targets) -> None:
    """open the memory of a process outside"""
    if targets["pid"] == os.getpid():
        _stopped("that is this process")
    with Path(f"/proc/{targets['pid']}/mem").open("rb"):
        _in_proc("environ", targets)  # not one of the few inside, by the same number


def command_lines(targets: Targets) -> None:
    """read the command line of a process outside"""
    _in_proc("cmdline", targets)


def signals(targets: Targets) -> None:
    """send a signal to a process outside (it says itself whether one came)"""
    os.kill(targets["pid"], signal.SIGUSR1)
    _stopped("that is for others to say")


def loopback(targets: Targets) -> None:
    """connect to a port of the machine's loopback"""
    _connected(socket.AF_INET, ("127.0.0.1", targets["port"]))


def datagrams(targets: Targets) -> None:
    """send a datagram to a port of the machine's loopback (who listens there says whether one came)"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(targets["canary"].encode(), ("127.0.0.1", targets["datagrams"]))
    _stopped("that is for others to say")


def abstract_socket(targets: Targets) -> None:
    """connect to an abstract socket outside"""
    _connected(socket.AF_UNIX, f"\0{targets['abstract']}")


def path_socket(targets: Targets) -> None:
    """connect to a socket that lies in a folder"""
    path = Path(targets["socket"])
    folder = os.open(path.parent, os.O_PATH)  # an address is short, and a folder's name may be long
    try:
        _connected(socket.AF_UNIX, f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def virtual_machine_socket(_targets: Targets) -> None:
    """make a socket that leads to the host of a virtual machine"""
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()


def namespaces(_targets: Targets) -> None:
    """make a user namespace"""
    clone, _, _, _, _, unshare = _numbers()
    for number, flags in ((unshare, _NEW_USER), (clone, _NEW_USER | _NEW_PID | signal.SIGCHLD)):
        child = os.fork()  # what succeeds shall stay without effect here
        if child == 0:
            os._exit(
                1 if _libc.syscall(ctypes.c_long(number), ctypes.c_ulong(flags), None, None, None, None) < 0 else 0
            )
        if os.waitpid(child, 0)[1] == 0:
            return
    _stopped("refused")


def mounts(_targets: Targets) -> None:
    """mount a file system"""
    _called(_FSOPEN, b"tmpfs", 0)


def newest_clone(_targets: Targets) -> None:
    """start a process in the way whose flags a filter cannot see"""
    _called(_CLONE3, None, ctypes.c_size_t(0))


def keys(_targets: Targets) -> None:
    """use the kernel's keys"""
    _called(_numbers()[1], 0, ctypes.c_int(-3), 1)


def handles(_targets: Targets) -> None:
    """open a file by its number"""
    try:
        _called(_numbers()[3], -1, ctypes.create_string_buffer(8), 0)
    except OSError as problem:
        if problem.errno != errno.EBADF:
            raise


def io_uring(_targets: Targets) -> None:
    """use io_uring"""
    _called(_IO_URING, 1, ctypes.create_string_buffer(120))


def typing(_targets: Targets) -> None:
    """type words into the terminal"""
    if _libc.ioctl(-1, ctypes.c_ulong(_TIOCSTI), b"x") < 0 and ctypes.get_errno() == errno.EPERM:
        _stopped("refused")


def other_architectures(_targets: Targets) -> None:
    """make a call of the kernel in another architecture's words"""
    if os.uname().machine == "x86_64":
        _called(_X32 | 39)
    _stopped("there is no other")


def tracing(targets: Targets) -> None:
    """trace a process outside"""
    if targets["pid"] > os.getpid():
        _called(_numbers()[4], 0x4206, targets["pid"], None, None)
    _stopped("it is not to be seen")


def privileges(_targets: Targets) -> None:
    """gain rights by starting a program of another user's"""
    status = Path("/proc/self/status").read_text(encoding="utf-8").split()
    if status[status.index("NoNewPrivs:") + 1] == "1" and int(status[status.index("CapEff:") + 1], 16) & ~4 == 0:
        _stopped("there are none, and none can be had")


def system(_targets: Targets) -> None:
    """change the system"""
    _opened(("/usr/bin/env", "/etc/passwd", "/proc/sys/kernel/core_pattern"), os.O_RDWR)


def disks(_targets: Targets) -> None:
    """read a disk or the memory of the machine past all files"""
    _opened(("/dev/mem", "/dev/kmsg", "/proc/kcore", *filter(_is_disk, Path("/dev").iterdir())), os.O_RDONLY)


def _is_disk(path: Path) -> bool:
    return path.is_block_device()


def _opened(paths: Iterable[Path | str], flags: int) -> None:
    """Whether one of them can be opened."""
    for path in paths:
        try:
            os.close(os.open(path, flags | os.O_NONBLOCK))
        except OSError:
            continue
        return
    _stopped("none can be opened")


PROBES: dict[str, Callable[[Targets], None]] = {
    probe.__name__.replace("_", " "): probe
    for probe in (
        *(secrets_of_the_bot, data_folder, another_home, links, mirror, environments, memory, command_lines, signals),
        *(loopback, datagrams, abstract_socket, path_socket, virtual_machine_socket, namespaces, mounts, newest_clone),
        *(tracing, keys, handles, io_uring, typing, other_architectures, privileges, system, disks),
    )
}


def _writes(targets: Targets) -> None:
    for folder in targets["writable"]:
        file = Path(folder, ".probe")
        file.write_text("x", encoding="utf-8")
        file.unlink()


def _packages(targets: Targets) -> None:
    found = PathFinder.find_spec("pytest", targets["packages"])
    if found is None or not found.origin:
        raise OSError(f"pytest is not found in {', '.join(targets['packages'])}")
    Path(found.origin).read_bytes()


def _processes(_targets: Targets) -> None:
    thread = threading.Thread(target=os.getpid)
    thread.start()
    thread.join()
    child = os.fork()
    if child == 0:
        os.execv("/bin/sh", ["sh", "-c", "exit 7"])
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 7:
        raise OSError("a program cannot be started")


def _user(targets: Targets) -> None:
    if targets["strong"] and pwd.getpwuid(os.getuid()).pw_name != "agent":
        raise OSError("the processes' user has no name")


def _network(targets: Targets) -> None:
    if targets["strong"]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            _connected(socket.AF_INET, server.getsockname())


def _door(targets: Targets) -> None:
    with socket.create_connection(("127.0.0.1", targets["door"]), timeout=5) as way:
        if way.recv(2) != b"in":
            raise OSError("nobody is behind it")


def _locks(targets: Targets) -> None:
    if targets["strong"]:
        file = Path("/dev/shm/probe")
        file.write_text("x", encoding="utf-8")
        file.unlink()


WORKS: dict[str, Callable[[Targets], None]] = {
    "writing into the place": _writes,
    "the bot's packages": _packages,
    "threads and processes": _processes,
    "the user": _user,
    "a loopback of its own": _network,
    "a door to the outside": _door,
    "memory that processes share": _locks,
}


def _numbers() -> tuple[int, ...]:
    try:
        return _MACHINES[os.uname().machine]
    except KeyError:
        raise Untried from None


def main() -> None:
    """Try everything."""
    targets: Targets = json.load(sys.stdin)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    found = Found(through={}, broken={}, untried=[])
    for name, probe in PROBES.items():
        if name not in targets["holes"]:
            try:
                probe(targets)
            except (OSError, ValueError):
                continue
            except Untried:
                found["untried"].append(name)
                continue
            found["through"][name] = probe.__doc__ or name
    for name, work in WORKS.items():
        try:
            work(targets)
        except (OSError, RuntimeError, LookupError) as problem:
            found["broken"][name] = str(problem)
    print(json.dumps(found))  # noqa: T201 - this is how it answers


if __name__ == "__main__":
    main()
