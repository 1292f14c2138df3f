"""What agents and tests need on this machine: a worktree and a home of their own, an environment without secrets."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.agents.budget import Budget
from bot.agents.prompt import Asked
from bot.agents.spec import AgentSpec
from bot.agents.task import AgentEvent, Backend
from bot.agents.watch import Bells, Watch
from bot.git.mirror import Mirror
from bot.git.worktree import Pool, Worktree
from bot.policy.secrets import redacted
from bot.sandbox import process, venv
from bot.sandbox.egress import Egress
from bot.sandbox.gateway import Gateway
from bot.sandbox.jail import Jail, Walls
from bot.storable import storable
from bot.store.board import Board
from bot.store.db import Database

_VENV = ".venv"  # in the home of a place


@dataclass(frozen=True)
class Order:
    """What the jobs of a run start from. `usd` and `deadline` are the whole run's; the time it slept does not count.

    `trusted` is the commit whose settings for agents hold (empty: those of `base`); `actor` is who pays, id and login.
    """

    run: str
    repo: str
    actor: tuple[int, str]
    mirror: Mirror
    base: str
    base_tree: str
    trusted: str
    asked: Asked
    setup: tuple[str, ...]
    test: tuple[str, ...]
    backend: str | None
    usd: float
    minutes: float
    deadline: float
    silence: float


@dataclass(frozen=True)
class Place:
    """A worktree nobody had before, a private home beside it, the walls around both, and the environment inside."""

    worktree: Worktree
    home: Path
    jail: Jail
    environment: Mapping[str, str]

    @property
    def path(self) -> Path:
        return self.worktree.path


Told = Callable[[str, str, AgentEvent], None]


@dataclass(frozen=True)
class Workshop:
    """The parts of this machine that jobs work with. `tell` gets run, step and event of every agent.

    `secrets` are the installation's own, which no word of an agent may show; `bare` lets jobs run without walls.
    """

    db: Database
    board: Board
    pool: Pool
    walls: Walls
    gateway: Gateway
    egress: Egress
    budget: Budget
    backends: Mapping[str, Backend]
    agents: Mapping[str, AgentSpec]
    bells: Bells
    homes: Path
    tell: Told
    secrets: frozenset[str] = frozenset()
    bare: bool = False

    @property
    def closed(self) -> bool:
        """Whether nothing may run here: there are no walls, and nobody said that there need be none."""
        return self.walls.tier == "none" and not self.bare

    def clean(self, words: str) -> str:
        """Words of agents and tests as they may be stored and shown."""
        return redacted(storable(words), self.secrets)

    def watch(self, order: Order) -> Watch:
        return Watch(self.bells.of(order.run), order.deadline, order.silence)

    @asynccontextmanager
    async def place(self, order: Order, tree: str) -> AsyncIterator[Place]:
        """A place whose files are those of `tree`; everything in it, processes too, is gone afterwards."""
        home = await asyncio.to_thread(self._home)
        try:
            worktree = await self.pool.take(order.mirror, order.base, tree, order.run)
            try:
                jail = self.jail(worktree, home)
                await asyncio.to_thread(jail.own, worktree.path, worktree.agent_dir, home)
                yield Place(worktree, home, jail, environment(order.run, home, worktree.path, self.walls))
            finally:
                await process.sweep(order.run)
                await self.pool.destroy(worktree)
        finally:
            await asyncio.to_thread(_remove, home)

    def jail(self, worktree: Worktree, home: Path) -> Jail:
        """The walls around a worktree and its home; its `.git` and the repository's objects can only be read."""
        own = (worktree.path, worktree.agent_dir, home)
        return self.walls.jail(
            home / "tmp", writable=own, readable=(worktree.path / ".git", worktree.mirror / "objects")
        )

    def _home(self) -> Path:
        self.homes.mkdir(parents=True, exist_ok=True, mode=0o700)
        home = Path(tempfile.mkdtemp(dir=self.homes.resolve()))
        venv.make(home / _VENV)
        (home / "tmp").mkdir()
        return home

    async def clear(self) -> None:
        """End and remove what a bot that was killed has left: processes of every run, and homes.

        For the start, while nobody else works in this data folder.
        """
        await process.sweep_all(self.homes.resolve())
        await asyncio.to_thread(_remove, self.homes)


def environment(run_id: str, home: Path, worktree: Path, walls: Walls) -> dict[str, str]:
    """All that a process in a place sees: the repository's own tools first, then the place's Python, then the system.

    `home` is a folder in the installation's folder of homes, by which its processes are known from those of others.
    """
    own = [worktree / ".venv/bin", worktree / "node_modules/.bin", home / _VENV / "bin"]
    system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return {
        "PATH": ":".join([*(str(path) for path in own), *system]),
        "HOME": str(home),
        "TMPDIR": "/tmp" if walls.tier == "strong" else str(home / "tmp"),
        "LANG": "C.UTF-8",
        "CI": "true",
        process.MARK: run_id,
        process.HOME_MARK: str(home.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _remove(folder: Path) -> None:
    """Remove a folder, even where what is in it may not be written."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    folder.chmod(0o700)
    for path, names, _ in os.walk(folder):
        for name in names:
            if not (inner := Path(path, name)).is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
