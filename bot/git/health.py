"""The state of every worktree, for whoever asks how the bot is; and the removal of those that are of no use."""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bot.errors import UserError
from bot.git import survey
from bot.git.command import Call, GitError, StoppedError, answer, git
from bot.git.worktree import Pool, Worktree
from bot.sandbox.jail import FIRST_UID, Jail, Walls

_BRANCH = re.compile(r"ref: (refs/heads/[A-Za-z0-9][A-Za-z0-9_/-]*)")


@dataclass(frozen=True)
class Health:
    """One worktree. `ahead`: commits the agent made itself; `behind`: commits its base lacks of the default branch.

    None is what could not be found out. `size` is in bytes on disk, `age` in seconds. Stale is what no run that goes
    on owns: it may be pruned.
    """

    id: str
    path: Path
    repository: str
    run: str
    fresh: bool
    clean: bool | None
    stale: bool
    ahead: int | None
    behind: int | None
    size: int
    age: float


async def inspect(pool: Pool, active: Set[str], walls: Walls) -> list[Health]:
    """Look at every worktree; `active` holds the ids of the runs that go on.

    Git reads what an agent wrote within `walls`, and not at all where there are none.
    """
    fresh = pool.fresh()
    known = [(worktree, True) for worktree in fresh] + [(worktree, False) for worktree in pool.taken()]
    with tempfile.TemporaryDirectory(prefix="tutti-look-") as folder:
        return [await _look(worktree, new, active, _jail(walls, worktree, Path(folder))) for worktree, new in known]


async def prune(pool: Pool, active: Set[str]) -> list[str]:
    """Destroy the worktrees of runs that are over; gives their ids. Fresh ones stay."""
    gone = [worktree for worktree in pool.taken() if worktree.run not in active]
    for worktree in gone:
        await pool.destroy(worktree)
    await pool.wait()
    return [worktree.id for worktree in gone]


def _jail(walls: Walls, worktree: Worktree, folder: Path) -> Jail:
    """The user whose place it is reads its files; nothing of them can be written."""
    tmp = folder / worktree.id
    tmp.mkdir()
    jail = walls.jail(tmp, readable=(worktree.path, worktree.mirror, worktree.agent_dir))
    with suppress(FileNotFoundError):
        owner = worktree.path.stat().st_uid
        jail = replace(jail, uid=owner) if jail.uid is not None and owner >= FIRST_UID else jail
    jail.own(tmp)
    return jail


async def _look(worktree: Worktree, fresh: bool, active: Set[str], jail: Jail) -> Health:
    head = "" if fresh else await asyncio.to_thread(_agents_head, worktree)
    return Health(
        id=worktree.id,
        path=worktree.path,
        repository=worktree.repository,
        run=worktree.run,
        fresh=fresh,
        clean=await _clean(worktree, fresh, jail),
        stale=not fresh and worktree.run not in active,
        ahead=await _ahead(worktree, head, jail) if head else 0,
        behind=await _count({"git_dir": worktree.mirror, "timeout": 20}, worktree.base, "HEAD"),
        size=await asyncio.to_thread(_size, worktree),
        age=time.time() - worktree.made,
    )


async def _clean(worktree: Worktree, fresh: bool, jail: Jail) -> bool | None:
    if not fresh and jail.walls.tier == "none":
        return None
    places: Call = {"git_dir": worktree.git_dir, "work_tree": worktree.path, "timeout": 60, "most": 2**20}
    if not fresh:
        places["jail"] = jail
    try:
        await asyncio.to_thread(survey.check, worktree.path)
        said = await answer("status", "--porcelain", "-z", "--ignore-submodules=all", **places)
    except UserError:
        return False
    except StoppedError as stopped:
        return False if stopped.too_much else None
    return (said.code, said.stdout) == (0, b"")


async def _ahead(worktree: Worktree, head: str, jail: Jail) -> int | None:
    """The agent's objects are read, its configuration is not."""
    if jail.walls.tier == "none":
        return None
    objects = worktree.agent_dir / "objects"
    places: Call = {"git_dir": worktree.mirror, "objects": objects, "jail": jail, "timeout": 20}
    return await _count(places, worktree.base, head)


async def _count(places: Call, base: str, tip: str) -> int | None:
    """Commits of `tip` that `base` has not."""
    try:
        said = await git("rev-list", "--count", f"{base}..{tip}", "--", **places)
    except GitError:
        return None
    return int(said)


def _agents_head(worktree: Worktree) -> str:
    """Where the agent's own HEAD stands, as far as plain files tell; empty where they do not."""
    text = _line(worktree.agent_dir / "HEAD")
    if branch := _BRANCH.fullmatch(text):
        text = _line(worktree.agent_dir / branch[1])
    return text if re.fullmatch(r"[0-9a-f]{40,64}", text) else ""


def _line(path: Path) -> str:
    """The start of a file an agent could write: no link is followed, no pipe waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        try:
            return file.read(200).decode(errors="replace").strip()
        except OSError:
            return ""


def _size(worktree: Worktree) -> int:
    """Bytes on disk of the checkout and both its git folders."""
    total = 0
    for place in (worktree.path, worktree.git_dir, worktree.agent_dir):
        for _, entry in survey.below(place):
            with suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total
