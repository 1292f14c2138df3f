"""Serving: the bot behind its HTTP server, or a worker alone, until it is told to stop."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from aiohttp import web

from bot.app import Bot, Seams, running, web_app
from bot.errors import UserError
from bot.operate.control import control_app
from bot.sandbox import process
from bot.sandbox.jail import Walls
from bot.settings import Settings
from bot.web.webhook import runner

log = structlog.get_logger(__name__)
LOST_SLOT = 70
SOCKET = "control.sock"


@asynccontextmanager
async def listening(bot: Bot, host: str, port: int) -> AsyncIterator[int]:
    """The bot's HTTP server, and its control socket in the data folder; gives the port it listens on."""
    server = runner(web_app(bot))
    await server.setup()
    control = web.AppRunner(control_app(bot), access_log=None)
    await control.setup()
    try:
        site = web.TCPSite(server, host, port)
        await site.start()
        await _open_control(control, bot.bench.settings.data_dir / SOCKET)
        yield int(server.addresses[0][1])
    finally:
        await server.cleanup()
        await control.cleanup()


async def _open_control(control: web.AppRunner, path: Path) -> None:
    await asyncio.to_thread(path.unlink, missing_ok=True)  # a killed server's; this process has the folder's lock
    mask = os.umask(0o177)
    try:
        await web.UnixSite(control, str(path)).start()
    finally:
        os.umask(mask)


async def serve(settings: Settings, seams: Seams | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    process.hide()
    settings.signing_secret()  # before anything is begun
    async with running(settings, seams) as bot, listening(bot, settings.host, settings.port) as port:
        log.info("serving", host=settings.host, port=port, data=str(settings.data_dir))
        _say_tier(bot.bench.shop.walls)
        await _until_told(bot)


async def work(settings: Settings) -> None:
    """Execute runs until SIGINT or SIGTERM, beside the processes that serve. PostgreSQL only."""
    if settings.database.startswith("sqlite"):
        raise UserError(
            "A SQLite database has one process, and `tutti serve` is its worker already. For more workers set "
            "TUTTI_DATABASE_URL to a PostgreSQL."
        )
    process.hide()
    async with running(settings) as bot:
        log.info("working", slot=bot.slot.name)
        _say_tier(bot.bench.shop.walls)
        await _until_told(bot)


def _say_tier(walls: Walls) -> None:
    """Whoever starts the bot must know how strong its walls are."""
    if walls.tier == "strong":
        log.info("sandbox", tier=walls.tier, own_uid=walls.own_uid)
    else:
        log.warning("sandbox", tier=walls.tier, reason=walls.reason)


async def _until_told(bot: Bot) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    guard = asyncio.create_task(_leave_when_replaced(bot))
    await told.wait()
    guard.cancel()
    log.info("stopping")


async def _leave_when_replaced(bot: Bot) -> None:
    """A worker whose slot is gone must not go on: another takes its runs."""
    while await bot.slot.alive():  # noqa: ASYNC110 - only asking tells
        await asyncio.sleep(2)
    log.error("the database gave this worker's place to another: leaving at once")
    os._exit(LOST_SLOT)
