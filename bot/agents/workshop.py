"""What agents and tests need on this machine: a worktree and a home of their own, an environment without secrets."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import structlog

from bot.agents.budget import Budget
from bot.agents.custom import Custom
from bot.agents.prompt import Asked
from bot.agents.spec import AgentSpec
from bot.agents.task import AgentEvent, Backend
from bot.agents.watch import Bells, Watch
from bot.git.mirror import Mirror
from bot.git.worktree import Pool, Worktree
from bot.policy.secrets import redacted
from bot.sandbox import narrow, owned, process, venv
from bot.sandbox.egress import Egress
from bot.sandbox.gateway import Gateway
from bot.sandbox.jail import Jail, Walls
from bot.storable import storable
from bot.store.board import Board
from bot.store.db import Database

_VENV = ".venv"  # in the home of a place
_SYSTEM = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Order:
    """What the jobs of a run start from. `usd` and `deadline` are the whole run's; the time it slept does not count.

    Of what is in `own`, "usd" or "minutes", one job has a limit of its own, which is less.
    `trusted` is the commit whose settings for agents hold (empty: those of `base`); `actor` is who pays, id and login.
    `custom` is what the repository wants besides, `env` what a workflow adds to the environment.
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
    custom: Custom = field(default_factory=Custom)
    env: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()

    def whose(self, limit: Literal["usd", "minutes"]) -> str:
        """In words, what has this limit."""
        return "this job" if limit in self.own else "a run"


@dataclass(frozen=True)
class Place:
    """A worktree nobody had before, a private home, the walls around both, and the environment inside.

    The home and its /tmp lie side by side in a folder of the bot's own, where no process inside may change anything.
    """

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

    def engaged(self, order: Order, agent: str) -> tuple[Order, AgentSpec]:
        """An agent as the repository wants it, and the order for it: its own backend comes before the common one."""
        own = order.custom.chosen(agent).backend
        return replace(order, backend=own or order.backend), order.custom.applied(agent, self.agents[agent])

    def clean(self, words: str) -> str:
        """Words of agents and tests as they may be stored and shown."""
        return redacted(storable(words), self.secrets)

    def watch(self, order: Order) -> Watch:
        return Watch(self.bells.of(order.run), order.deadline, order.silence)

    @asynccontextmanager
    async def place(self, order: Order, tree: str, *, part: str = "", writable: bool = True) -> AsyncIterator[Place]:
        """A place whose files are those of `tree`; everything in it, processes too, is gone afterwards.

        A run has several places at once: the processes of this one, which carry the mark of `part`, the key of a step,
        or one of its own, end without those of others. Where it is not `writable` they can read the worktree and change
        nothing there.
        """
        mark = f"{order.run}/{part or secrets.token_hex(4)}"
        home = await asyncio.to_thread(self._home)
        try:
            worktree = await self.pool.take(order.mirror, order.base, tree, order.run)
            try:
                jail = self.jail(worktree, home, writable=writable)
                await asyncio.to_thread(jail.own, worktree.path, worktree.agent_dir, home, jail.tmp)
                known = environment(mark, home, worktree.path, self.walls)
                yield Place(worktree, home, jail, {**order.env, **known})
            finally:
                await process.finish(asyncio.create_task(self._leave(mark, worktree)))
        finally:
            await process.finish(asyncio.create_task(_remove(home.parent)))

    async def _leave(self, mark: str, worktree: Worktree) -> None:
        await process.sweep(mark)
        await self.pool.destroy(worktree)

    def jail(self, worktree: Worktree, home: Path, *, writable: bool = True) -> Jail:
        """The walls around a worktree and its home; its `.git` and the repository's objects can only be read."""
        own, seen = (worktree.agent_dir, home), (worktree.path / ".git", worktree.mirror / "objects")
        if writable:
            return self.walls.jail(_tmp(home), writable=(worktree.path, *own), readable=seen)
        return self.walls.jail(_tmp(home), writable=own, readable=(worktree.path, worktree.mirror / "objects"))

    def narrowed(self, place: Place, globs: Sequence[str], may: Callable[[str], bool], files: Sequence[str]) -> Place:
        """The same place, all of which can be read, and be written in the worktree where `may` says so of a path.

        All that it says so of fits the globs. `files` are git's in the worktree. To be called while nothing runs there;
        looks at the disk. Without walls the place is as it was. ValueError for no glob.
        """
        if self.walls.tier == "none":
            return place
        writable = owned.partition(globs, files, may)
        return replace(place, jail=narrow.narrowed(place.jail, place.path, writable, files))

    def _home(self) -> Path:
        self.homes.mkdir(parents=True, exist_ok=True, mode=0o700)
        home = Path(tempfile.mkdtemp(dir=self.homes.resolve()), "home")
        venv.make(home / _VENV)
        _tmp(home).mkdir()
        return home

    async def clear(self) -> None:
        """End and remove what a bot that was killed has left: processes of every run, and homes.

        For the start, while nobody else works in this data folder.
        """
        await process.sweep_all(self.homes.resolve())
        await _remove(self.homes)


def environment(mark: str, home: Path, worktree: Path, walls: Walls) -> dict[str, str]:
    """All that a process in a place sees: the repository's own tools first, then the place's Python, then the system.

    `home` is `<homes>/<place>/home`; by the installation's `<homes>` its processes are known from those of others.
    """
    own = [worktree / ".venv/bin", worktree / "node_modules/.bin", home / _VENV / "bin"]
    return {
        "PATH": ":".join([*(str(path) for path in own), *_SYSTEM]),
        "HOME": str(home),
        "TMPDIR": "/tmp" if walls.tier == "strong" else str(_tmp(home)),
        "LANG": "C.UTF-8",
        "CI": "true",
        process.MARK: mark,
        process.HOME_MARK: str(home.parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _tmp(home: Path) -> Path:
    """The /tmp of a home's place: beside it, for a folder that processes inside could swap leads a mount anywhere."""
    return home.parent / "tmp"


async def _remove(folder: Path) -> None:
    """Remove a folder with whatever is in it, as deep and as locked as may be; what stays is told, and no more.

    By `rm`, which needs no call for each level.
    """
    for words in (("rm", "-rf"), ("chmod", "-R", "u+rwX"), ("rm", "-rf")):
        argv = [*words, "--", str(folder)]
        done = await process.run(argv, cwd=Path("/"), env={"PATH": ":".join(_SYSTEM)}, run_id="remove")
        if words[0] == "rm" and done.code == 0:
            return
    _log.warning("place.left", folder=str(folder))
