"""Listening for one sandbox alone: a Unix socket that only its processes can open, on the side of the bot."""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.jail import Door

_LONGEST = 107  # bytes of a socket's address
_WAITING = 128  # connections
_FRESH = 60.0  # seconds in which another process may still be making what looks abandoned


@dataclass(frozen=True)
class Listening:
    """A door and the sockets behind it, which listen and do not block."""

    door: Door
    sockets: tuple[socket.socket, ...]

    def close(self) -> None:
        """Nobody comes in any more, and the door's folder is gone."""
        for one in self.sockets:
            one.close()
        with suppress(OSError):
            self.door.socket.unlink()
            self.door.socket.parent.rmdir()


def listen(folder: Path, port: int, *, uid: int | None = None, tcp: bool = False) -> Listening:
    """Make a door in a folder of its own below `folder`, for the user `uid` (None: ours); `tcp`: on loopback too.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    own = folder / secrets.token_hex(8)
    own.mkdir(mode=0o700)
    made: list[socket.socket] = []
    try:
        made.append(_unix(own, str(port), uid))
        own.chmod(0o711)
        if tcp:
            made.append(socket.create_server(("127.0.0.1", 0), backlog=_WAITING))
        for one in made:
            one.setblocking(False)
        return Listening(Door(port, own / str(port), made[1].getsockname()[1] if tcp else 0), tuple(made))
    except BaseException:
        for one in made:
            one.close()
        shutil.rmtree(own, ignore_errors=True)
        raise


def tidy(folder: Path) -> None:
    """Remove doors below `folder` behind which nobody is: those of a bot that was killed."""
    before = time.time() - _FRESH
    for own in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):
            if own.stat().st_mtime < before and not any(map(_answers, own.iterdir())):
                shutil.rmtree(own)


def _unix(folder: Path, name: str, uid: int | None) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(folder, name) as address:
            listening.bind(address)
        path = folder / name
        path.chmod(0o600)
        if uid is not None:
            os.chown(path, uid, uid)
        listening.listen(_WAITING)
    except BaseException:
        listening.close()
        raise
    return listening


def _answers(path: Path) -> bool:
    """Whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking, _address(path.parent, path.name) as address:
        try:
            asking.connect(address)
        except ConnectionRefusedError:
            return False
    return True


@contextmanager
def _address(folder: Path, name: str) -> Iterator[str]:
    """A socket's path as the system takes it, for as long as the block lasts: by its folder's number if it is long."""
    path = str(folder / name)
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{number}/{name}"
    finally:
        os.close(number)
