"""Upkeep from the command line: replay a delivery, look at worktrees, print a patch. Through the server or its lock."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from rich.table import Table

from bot.app import walls_of
from bot.errors import UserError
from bot.git import health
from bot.git.health import Health
from bot.git.worktree import Pool
from bot.operate import control
from bot.operate.control import ask
from bot.operate.serve import SOCKET
from bot.publish.text import duration
from bot.settings import Settings
from bot.store import runs
from bot.store.db import Database
from bot.store.inbox import Inbox
from bot.workflow.slot import FileSlot

_CLEAN = {True: ", clean", False: ", dirty", None: ""}


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The database of this installation, for as long as the block lasts."""
    db = Database(settings.database)
    try:
        await db.migrate()
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def _alone(settings: Settings) -> AsyncIterator[Database]:
    """The database while no server uses it. Raises UserError where one does."""
    lock = FileSlot(settings.data_dir) if settings.database.startswith("sqlite") else None
    try:
        async with database(settings) as db:
            yield db
    finally:
        if lock is not None:
            await lock.release()


async def replay(settings: Settings, guid: str) -> str:
    """Have a stored delivery handled again; a sentence about what happens now."""
    if await ask(settings.data_dir / SOCKET, "/replay", guid=guid) is not None:
        return f"The running server handles {guid} again."
    async with _alone(settings) as db:
        await control.replay(db, Inbox(db, lambda: None), guid)
    return f"No server is running here: {guid} is handled again when one starts."


async def worktrees(settings: Settings) -> list[Health]:
    """The state of every worktree of this data folder."""
    async with database(settings) as db:
        active = {run.id for run in await db.read(runs.active)}
    return await health.inspect(Pool(settings.data_dir), active, await walls_of(settings))


def table(found: Sequence[Health]) -> Table:
    """The worktrees as a table for the terminal."""
    shown = Table("worktree", "repository", "run", "state", "ahead", "behind", "disk", "age", box=None, pad_edge=False)
    for one in found:
        words = "fresh" if one.fresh else ("stale" if one.stale else "in use") + _CLEAN[one.clean]
        numbers = ["?" if number is None else str(number) for number in (one.ahead, one.behind)]
        size, age = f"{one.size / 1024**2:.1f} MB", duration(one.age)
        shown.add_row(one.id, one.repository, one.run or "-", words, *numbers, size, age)
    return shown


async def prune(settings: Settings) -> list[str]:
    """Destroy worktrees of runs that are over; the ids of those that are gone."""
    answer = await ask(settings.data_dir / SOCKET, "/prune")
    if answer is not None:
        return [str(name) for name in answer["pruned"]]
    async with _alone(settings) as db:
        active = {run.id for run in await db.read(runs.active)}
        pool = Pool(settings.data_dir)
        try:
            return await health.prune(pool, active)
        finally:
            await pool.close()


async def patch(settings: Settings, run_id: str) -> bytes:
    """The patch a run could not publish. Raises UserError where none is kept."""
    async with database(settings) as db:
        kept = await db.read(lambda conn: runs.kept(conn, run_id, "patch"))
    if kept is None:
        raise UserError(f"No patch is kept of a run {run_id}: its work was published, or it made none.")
    return kept[1]
