"""The kernel's Landlock, for machines without namespaces: which files a process may open, and which ports it may reach.

It takes nothing away that is held open already, and nothing that no right stands for: dates, modes, paths of sockets.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

NEEDED = 6  # the first version that keeps signals and abstract sockets inside: Linux 6.12
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_VERSION = 1
_BENEATH, _PORT = 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_ALL = (1 << 16) - 1
_MAKE_DEVICES = 1 << 6 | 1 << 11
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_BIND, _CONNECT = 1, 2
_ABSTRACT, _SIGNAL = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)


class _Handled(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Port(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def version() -> int:
    """Which Landlock this kernel has; 0 where there is none, or where it is turned off."""
    return max(0, int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def confine(
    read: Iterable[Path | str], write: Iterable[Path | str], devices: Iterable[Path | str], ports: Iterable[int]
) -> None:
    """From now on this process and all it starts open nothing else, and connect by TCP to nothing but `ports`.

    `no_new_privs` must be set. What is not there is passed over. Raises OSError where the kernel refuses, and where a
    path is a symbolic link: who made it, and where it leads by then, nobody knows.
    """
    handled = _Handled(_ALL, _BIND | _CONNECT, _ABSTRACT | _SIGNAL)
    rules = _called(_CREATE, ctypes.byref(handled), ctypes.c_size_t(ctypes.sizeof(handled)), ctypes.c_uint32(0))
    try:
        for allowed, paths in (
            (_READ, read),
            (_ALL & ~_MAKE_DEVICES, write),
            (_READ_FILE | _WRITE_FILE | _IOCTL, devices),
        ):
            for path in paths:
                with suppress(FileNotFoundError):
                    _allow_beneath(rules, path, allowed)
        for port in ports:
            _allow(rules, _PORT, _Port(_CONNECT, port))
        _called(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)


def _allow_beneath(rules: int, path: Path | str, allowed: int) -> None:
    place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        kind = os.fstat(place).st_mode
        if stat.S_ISLNK(kind):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        _allow(rules, _BENEATH, _Beneath(allowed if stat.S_ISDIR(kind) else allowed & _OF_FILES, place))
    finally:
        os.close(place)


def _allow(rules: int, kind: int, rule: ctypes.Structure) -> None:
    _called(_ADD, ctypes.c_int(rules), ctypes.c_int(kind), ctypes.byref(rule), ctypes.c_uint32(0))


def _called(number: int, *arguments: object) -> int:
    answer = int(_libc.syscall(number, *arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "landlock")
    return answer
