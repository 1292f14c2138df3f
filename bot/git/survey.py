"""A first look at what an agent left, before git reads any of it: no link is followed and no file is opened."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bot.errors import UserError

DEEPEST = 200  # parts of a path
LONGEST = 2_000  # bytes of a path; the kernel takes 4,096, the way to the worktree included
_MOST_RULES = 2**20  # bytes of a file that git reads as a whole
_RULES = (".gitignore", ".gitattributes")  # what git opens wherever it comes by: a pipe would hold it up for ever


def check(root: Path) -> None:
    """Raises UserError with the first reason why git cannot go through this folder."""
    start = len(os.fsencode(root)) + 1
    for depth, entry in below(root, skip=".git"):
        path = entry.path[len(str(root)) + 1 :]
        if depth > DEEPEST:
            raise UserError(f"The agent left folders in folders, more than {DEEPEST} deep; Tutti takes none so deep.")
        if len(os.fsencode(entry.path)) - start > LONGEST:
            raise UserError(f"The agent left a path of more than {LONGEST:,} bytes; Tutti takes none so long.")
        if entry.name in _RULES:
            _check_rules(entry, path)


def below(root: Path, skip: str = "") -> Iterator[tuple[int, "os.DirEntry[str]"]]:
    """Everything in a folder and its folders, with how many parts its path has; not into those named `skip`.

    What cannot be read is passed over, and so is what is more than DEEPEST down. Holds one handle for each level.
    """
    with suppress(OSError):
        levels = [os.scandir(root)]
        try:
            while levels:
                entry = _next(levels[-1])
                if entry is None:
                    levels.pop().close()
                    continue
                yield len(levels), entry
                if len(levels) <= DEEPEST and entry.name != skip:
                    with suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            levels.append(os.scandir(entry.path))
        finally:
            for level in levels:
                level.close()


def _next(level: "Iterator[os.DirEntry[str]]") -> "os.DirEntry[str] | None":
    try:
        return next(level, None)
    except OSError:
        return None


def _check_rules(entry: "os.DirEntry[str]", path: str) -> None:
    with suppress(OSError):
        about = entry.stat(follow_symlinks=False)
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISLNK(about.st_mode) or stat.S_ISDIR(about.st_mode)):
            raise UserError(f"{path!a} is no file that git can read its rules from.")
        if stat.S_ISREG(about.st_mode) and about.st_size > _MOST_RULES:
            raise UserError(f"{path!a} is larger than 1 MB: too large for git to read its rules from.")
