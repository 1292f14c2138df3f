"""Gives files to the user of a place, and makes folders there: by descriptors, so that no link is ever followed."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_DEEPEST = 200  # folders in folders that are given away; the watchdog allows no more


def give(place: Path, uid: int) -> None:
    """Give a file or a folder with all in it to a user, by descriptors: whoever writes there is never followed."""
    os.chown(place, uid, uid, follow_symlinks=False)
    waiting = [[str(place)]] if stat.S_ISDIR(place.lstat().st_mode) else []  # in the folder above, and in each below
    handles: list[int] = []
    try:
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                if handles:
                    os.close(handles.pop())
                continue
            if len(handles) > _DEEPEST:
                raise OSError(errno.ENAMETOOLONG, f"There are more than {_DEEPEST} folders in folders", str(place))
            handles.append(_entered(waiting[-1].pop(), handles[-1] if handles else None))
            waiting.append([*_given(handles[-1], uid)])
    finally:
        for handle in handles:
            os.close(handle)


def _entered(name: str, above: int | None) -> int:
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)


def _given(handle: int, uid: int) -> Iterator[str]:
    """Give what lies in an open folder; the folders among it."""
    with os.scandir(handle) as entries:
        for entry in entries:
            os.chown(entry.name, uid, uid, dir_fd=handle, follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                yield entry.name


def make(below: Path, path: str, uid: int | None) -> None:
    """Make a folder in the folder `below`, with those above it, for a user; nothing where it is there.

    Raises OSError where something else or a link stands in its way.
    """
    handle = _entered(str(below), None)
    try:
        for name in path.split("/"):
            fresh = _made(name, handle)
            inner = _entered(name, handle)
            os.close(handle)
            handle = inner
            if fresh and uid is not None:
                os.fchown(handle, uid, uid)
    finally:
        os.close(handle)


def _made(name: str, above: int) -> bool:
    """Whether it was not there."""
    try:
        os.mkdir(name, dir_fd=above)
    except FileExistsError:
        return False
    return True
