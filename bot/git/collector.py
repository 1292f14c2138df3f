"""Takes what an agent made out of its worktree: a tree and a pack of objects, nothing of the agent's git.

Git that reads an agent's files runs in a jail of its own, which sees them, the mirror's objects and a throw-away
repository: should they ever get the better of it, they have got nothing.
"""

import asyncio
import fnmatch
import os
import stat
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import UserError
from bot.git import survey
from bot.git.command import Answer, GitError, StoppedError, answer
from bot.git.leftover import leftovers
from bot.git.mirror import Mirror
from bot.git.worktree import Worktree, copy_index
from bot.sandbox.jail import Jail, Walls

MOST_FILES = 5_000
MOST_BYTES = 50 * 2**20
_PATIENCE = 120.0  # seconds for one call of git
_MOST_SAID = 32 * 2**20  # bytes of an answer of git: paths, by the hundred thousand
# Three in one, for each call is a jail of its own: enter the paths of standard input, write the tree, tell what is new.
_ENTER = (
    "!git update-index --add --remove --replace -z --stdin && tree=$(git write-tree) && echo $tree"
    " && git diff-tree -r -t -z --raw --no-renames --ignore-submodules=none"
)
_TOO_MANY = f"The work has too many changed files to list them; Tutti takes {MOST_FILES:,} at most."
_TOO_SLOW = f"Git could not read what the agent made within {_PATIENCE:g} seconds."
_EFFECTIVE = os.access in os.supports_effective_ids


@dataclass(frozen=True)
class Harvest:
    """The tree of an agent's work and a thin pack of what the mirror lacks of it; `left_out` was not taken along."""

    tree: str
    pack: bytes = field(repr=False)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """What git sees in the worktree: paths as they are on disk."""

    tracked: dict[str, str]
    deleted: list[str]
    written: list[str]


async def harvest(mirror: Mirror, worktree: Worktree, walls: Walls, uid: int | None = None) -> Harvest:
    """Everything that differs from the worktree's content, but for ignored files and leftovers of tools.

    Every process of the agent must have ended; `uid` is the user of its place, to whom the files belong. Raises
    UserError where the work cannot be a commit: a repository in the repository, a file that is none, an unreadable one,
    too many or too much.
    """
    with tempfile.TemporaryDirectory(prefix="tutti-harvest-") as folder:
        place = _Place(Path(folder), mirror, worktree, walls, uid)
        await asyncio.to_thread(survey.check, worktree.path)
        await asyncio.to_thread(place.prepare)
        found = await place.look()
        chosen, replaced, left_out = await asyncio.to_thread(_choose, worktree.path, found, uid)
        if not (chosen or found.deleted or replaced):
            return Harvest(worktree.tree, b"", left_out)
        tree, new = await place.enter(found.deleted, replaced, chosen)
        pack = await place.pack(tree, new) if tree != worktree.tree else b""
    if len(pack) > MOST_BYTES:
        raise UserError(_too_much(len(pack)))
    return Harvest(tree, pack, left_out)


class _Place:
    """A throw-away repository that borrows the mirror's objects and starts from the index the bot itself made.

    That index knows size and times of every file as they were checked out, so only what changed is read again.
    """

    def __init__(self, folder: Path, mirror: Mirror, worktree: Worktree, walls: Walls, uid: int | None) -> None:
        self.folder, self.git_dir, self.mirror, self.worktree = folder, folder / "git", mirror, worktree
        seen = (worktree.path, mirror.path / "objects")
        self._jail = Jail(walls, uid, folder / "tmp", (self.git_dir,), seen)

    def prepare(self) -> None:
        self.folder.chmod(0o711)
        (self.folder / "tmp").mkdir()
        for part in ("objects/info", "refs"):
            (self.git_dir / part).mkdir(parents=True)
        (self.git_dir / "HEAD").write_text(f"{self.worktree.base}\n")
        (self.git_dir / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n")
        (self.git_dir / "objects/info/alternates").write_text(f"{self.mirror.path / 'objects'}\n")
        copy_index(self.worktree, self.git_dir / "index")
        self._jail.own(self.git_dir, self.folder / "tmp")

    async def answer(self, *args: str, stdin: bytes = b"", most: int = 0) -> Answer:
        try:
            said = await answer(
                *args,
                git_dir=self.git_dir,
                work_tree=self.worktree.path,
                jail=self._jail,
                stdin=stdin,
                timeout=_PATIENCE,
                most=most or _MOST_SAID,
            )
        except StoppedError as stopped:
            raise UserError(_TOO_MANY if stopped.too_much else _TOO_SLOW) from stopped
        if said.code:
            raise _explained(args, said)
        return said

    async def git(self, *args: str, stdin: bytes = b"", most: int = 0) -> bytes:
        return (await self.answer(*args, stdin=stdin, most=most)).stdout

    async def look(self) -> _Found:
        """What is new, changed and gone, by git's own reading of `.gitignore`."""
        staged = await self.mirror.git("ls-files", "--stage", "-z", git_dir=self.worktree.git_dir)
        tracked = {line.partition("\t")[2]: line[:6] for line in _paths(staged)}
        said = await self.answer("ls-files", "-t", "--others", "--modified", "--deleted", "--exclude-standard", "-z")
        if "could not open directory" in said.stderr:
            raise UserError(_unreadable(said.stderr.partition("'")[2].partition("'")[0].rstrip("/")))
        lines = _paths(said.stdout)
        gone = {line[2:] for line in lines if line.startswith("R ")}
        written = [p for p in (line[2:] for line in lines) if p not in gone and tracked.get(p) != "160000"]
        return _Found(tracked, sorted(gone), written)

    async def enter(self, deleted: list[str], replaced: set[str], written: list[str]) -> tuple[str, list[bytes]]:
        """Enter exactly these paths: the tree, and what is new in it as lines for `pack-objects`.

        Git walks no folder here, so no repository in one is ever opened.
        """
        if replaced:
            gone = _lines(sorted(replaced))
            await self.git("update-index", "--force-remove", "-z", "--stdin", stdin=gone)
        alias = f"alias.enter={_ENTER} {self.worktree.tree} $tree"
        said = await self.git("-c", alias, "enter", stdin=_lines([p for p in deleted if p not in replaced] + written))
        tree, _, listing = said.partition(b"\n")
        words = listing.split(b"\0")[:-1]
        new = {about.split()[3]: path for about, path in zip(words[::2], words[1::2], strict=True)}
        return tree.decode(), [oid + b" " + path.replace(b"\n", b" ") for oid, path in new.items() if oid.strip(b"0")]

    async def pack(self, tree: str, new: list[bytes]) -> bytes:
        """The new files and folders of a tree, as differences to the old ones of the same name."""
        given = [b"-" + self.worktree.tree.encode(), *new, tree.encode(), b""]
        words = ("pack-objects", "--stdout", "--delta-base-offset", "-q")
        return await self.git(*words, stdin=b"\n".join(given), most=2 * MOST_BYTES)


def _choose(root: Path, found: _Found, uid: int | None) -> tuple[list[str], set[str], tuple[str, ...]]:
    """The paths to take, those that became folders, and by folder what is left out; no content is read yet."""
    new = [path for path in found.written if path not in found.tracked]
    folders = {folder for path in found.tracked for folder in _folders(path)}

    def exists(path: str) -> bool:
        parent, _, name = path.rpartition("/")
        if "*" not in name:
            return os.path.lexists(root / path)
        return any(fnmatch.fnmatch(entry.name, name) for entry in os.scandir(root / parent))

    dropped = leftovers(new, folders, exists)
    old = [path for path in (*found.written, *found.deleted) if path in found.tracked]
    replaced = {path for path in old if _replaced(root, path)}
    taken = [path for path in found.written if path not in dropped and path not in replaced]
    _check(root, taken, uid, {path for path, mode in found.tracked.items() if mode == "160000"})
    return taken, replaced, tuple(sorted(set(dropped.values())))


def _replaced(root: Path, path: str) -> bool:
    """Whether a tracked path is a folder now, or lies behind a symbolic link: the file itself is gone."""
    place = root / path
    if os.path.isdir(place) and not os.path.islink(place):  # noqa: PTH112, PTH114 - pathlib raises where it may not look
        return True
    return any(os.path.islink(root / folder) for folder in _folders(path))  # noqa: PTH114


def _check(root: Path, paths: list[str], uid: int | None, submodules: set[str]) -> None:
    """Raises UserError with the first reason why these paths cannot be taken."""
    if len(paths) > MOST_FILES:
        raise UserError(f"The work has {len(paths):,} changed files; Tutti takes {MOST_FILES:,} at most.")
    for path in sorted(submodules):
        place = root / path
        if place.is_dir() and not place.is_symlink() and not os.path.lexists(place / ".git") and any(place.iterdir()):
            raise UserError(
                f"`{path}` is a submodule: its files live in another repository, which Tutti does not change."
            )
    total = 0
    for path in paths:
        total += _size(root, path, uid)
        if total > MOST_BYTES:
            raise UserError(_too_much(total))


def _size(root: Path, path: str, uid: int | None) -> int:
    if path.endswith("/"):
        raise UserError(
            f"The agent left a git repository of its own in `{path[:-1]}`; a commit cannot hold a repository."
        )
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in path):
        raise UserError(f"The name of the file {path!a} holds characters that Tutti does not publish.")
    try:
        about = (root / path).lstat()
    except OSError:
        raise UserError(_unreadable(path)) from None
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISLNK(about.st_mode)):
        raise UserError(f"`{path}` is no longer a file that git can hold.")
    if stat.S_ISREG(about.st_mode) and not _readable(root / path, about, uid):
        raise UserError(_unreadable(path))
    return about.st_size


def _readable(place: Path, about: os.stat_result, uid: int | None) -> bool:
    """Whether git can read a file: as the user of the place, where there is one."""
    if uid is None:
        return os.access(place, os.R_OK, effective_ids=_EFFECTIVE)
    return bool(about.st_mode & (stat.S_IRUSR if about.st_uid == uid else stat.S_IROTH))


def _explained(args: tuple[str, ...], said: Answer) -> Exception:
    """A refusal of git in words for people where it is about a file, the error as it is elsewhere."""
    if args[0] == "update-index" or "enter" in args:
        last = said.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return UserError(f"Git cannot take what the agent made: {last[0].removeprefix('fatal: ')[:300]}")
    return GitError(args, said.code, said.stderr)


def _unreadable(path: str) -> str:
    return f"`{path}` cannot be read: the agent took the permissions away."


def _too_much(size: int) -> str:
    return f"The work is {size / 2**20:,.0f} MB large; Tutti takes {MOST_BYTES // 2**20} MB at most."


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def _paths(listing: bytes) -> list[str]:
    return [os.fsdecode(line) for line in listing.split(b"\0") if line]


def _lines(paths: list[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
