"""The state of every worktree, for whoever asks how the bot is; and the removal of those that are of no use."""

import asyncio
import os
import re
import time
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from bot.git.command import GitError, answer, git
from bot.git.worktree import Pool, Worktree

_BRANCH = re.compile(r"ref: (refs/heads/[A-Za-z0-9][A-Za-z0-9_/-]*)")


@dataclass(frozen=True)
class Health:
    """One worktree. `ahead`: commits the agent made itself; `behind`: commits its base lacks of the default branch.

    None is a number that could not be found out. `size` is in bytes on disk, `age` in seconds. Stale is what no run
    that goes on owns: it may be pruned.
    """

    id: str
    path: Path
    repository: str
    run: str
    fresh: bool
    clean: bool
    stale: bool
    ahead: int | None
    behind: int | None
    size: int
    age: float


async def inspect(pool: Pool, active: Set[str]) -> list[Health]:
    """Look at every worktree; `active` holds the ids of the runs that go on."""
    fresh = pool.fresh()
    known = [*fresh, *pool.taken()]
    return [await _look(worktree, worktree in fresh, active) for worktree in known]


async def prune(pool: Pool, active: Set[str]) -> list[str]:
    """Destroy the worktrees of runs that are over; gives their ids. Fresh ones stay."""
    gone = [worktree for worktree in pool.taken() if worktree.run not in active]
    for worktree in gone:
        await pool.destroy(worktree)
    await pool.wait()
    return [worktree.id for worktree in gone]


async def _look(worktree: Worktree, fresh: bool, active: Set[str]) -> Health:
    head = await asyncio.to_thread(_agents_head, worktree)
    return Health(
        id=worktree.id,
        path=worktree.path,
        repository=worktree.repository,
        run=worktree.run,
        fresh=fresh,
        clean=await _clean(worktree),
        stale=not fresh and worktree.run not in active,
        ahead=await _count(worktree, worktree.base, head) if head else 0,
        behind=await _count(worktree, worktree.base, "HEAD"),
        size=await asyncio.to_thread(_size, worktree),
        age=time.time() - worktree.made,
    )


async def _clean(worktree: Worktree) -> bool:
    said = await answer(
        *("status", "--porcelain", "-z", "--ignore-submodules=all"),
        git_dir=worktree.git_dir,
        work_tree=worktree.path,
    )
    return (said.code, said.stdout) == (0, b"")


async def _count(worktree: Worktree, base: str, tip: str) -> int | None:
    """Commits of `tip` that `base` has not; the agent's objects are read, its configuration is not."""
    objects = worktree.agent_dir / "objects"
    try:
        walk = ("rev-list", "--count", f"{base}..{tip}", "--")
        said = await git(*walk, git_dir=worktree.mirror, objects=objects, timeout=20)
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
        for root, _, files in os.walk(place):
            for name in files:
                try:
                    total += os.lstat(Path(root) / name).st_blocks * 512
                except OSError:
                    continue
    return total
