"""Narrows a place's walls: its worktree can be read as a whole, and only what is owned there can still be written."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from bot.sandbox import handover
from bot.sandbox.jail import Jail, Mount
from bot.sandbox.owned import Mark, Writable

_BUILT = 100  # folders that git does not know and that can be written all the same
_LONGEST = 100_000  # bytes of all paths: Landlock's come in one argument, which Linux ends at 128 KB
_log = structlog.get_logger()


def narrowed(jail: Jail, worktree: Path, owned: Writable, files: Sequence[str]) -> Jail:
    """The same walls, but that of `worktree`, which is among what they let be written, only `owned` can be.

    `files` are those of git. Makes the folders that must be there: for a moment when no process of the place runs. What
    a symbolic link stands in the way of stays as what is around it, for no mount is to be led elsewhere. Folders that
    git knows nothing of (packages that were installed, builds) can be written as before: tools keep their caches there.
    """
    for folder in owned.folders:
        with suppress(OSError):
            handover.make(worktree, folder, jail.uid)
    if owned.loose:
        _log.warning("place.loose", worktree=worktree.name, folders=len(owned.loose))
    kinds = {mark.path: mark.writable for mark in owned.marks}
    built = [path for path in _built(worktree, files) if not _within(path, kinds)][:_BUILT]
    marks = sorted([*owned.marks, *(Mark(path, writable=True) for path in built)])
    layers = [Mount(worktree / mark.path, mark.writable) for mark in marks if _plain(worktree, mark.path)]
    granted = [worktree / path for path in (*owned.granted, *built) if _plain(worktree, path)]
    top = [] if layers and layers[0].path == worktree else [Mount(worktree, writable=False)]
    return replace(jail, layers=(*top, *_few(layers)), granted=tuple(_outermost(granted)))


def _plain(worktree: Path, path: str) -> bool:
    """Whether a file or folder is there, and no link in the place of it or of what is above it."""
    place, kind = worktree, stat.S_IFDIR
    for name in Path(path).parts:
        place /= name
        try:
            kind = place.lstat().st_mode
        except OSError:
            return False
        if stat.S_ISLNK(kind):
            return False
    return stat.S_ISDIR(kind) or stat.S_ISREG(kind)


def _built(worktree: Path, files: Sequence[str]) -> Iterator[str]:
    """Folders in which git has nothing, in those in which it has something."""
    known = {"", *files}  # a submodule is a file to git
    for path in files:
        while (path := path.rpartition("/")[0]) not in known:
            known.add(path)
    for folder in sorted(known.difference(files)):
        with suppress(OSError), os.scandir(worktree / folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            paths = [f"{folder}/{name}" if folder else name for name in names]
            yield from (path for path in paths if path not in known)


def _within(path: str, kinds: dict[str, bool]) -> bool:
    """Whether a path can be written by the innermost mark around it."""
    while path and path not in kinds:
        path = path.rpartition("/")[0]
    return kinds.get(path, False)


def _few(layers: Sequence[Mount]) -> Iterator[Mount]:
    left = _LONGEST
    for layer in layers:
        left -= len(os.fsencode(layer.path))
        if left > 0:
            yield layer


def _outermost(granted: Sequence[Path]) -> Iterator[Path]:
    """What lies in none of the others: in those processes may put a link in its place."""
    left, found = _LONGEST, set[Path]()
    for path in sorted(granted):
        left -= len(os.fsencode(path)) + 4
        if left > 0 and not found.intersection(path.parents):
            found.add(path)
            yield path
