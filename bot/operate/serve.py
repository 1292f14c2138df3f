"""Serving: the bot behind its HTTP server, or a worker alone, until it is told to stop."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from aiohttp import web
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from bot.app import Bot, Seams, running, web_app
from bot.errors import UserError
from bot.operate.control import control_app
from bot.settings import Settings
from bot.web.webhook import runner

log = structlog.get_logger(__name__)
LOST_SLOT = 70
SOCKET = "control.sock"
FRAMES = 20


def configure_logging(level: int = logging.INFO) -> None:
    """JSON lines on standard error, for our words and those of libraries alike."""
    # Without local variables: tokens and what people wrote in private repositories are among them.
    traces = ExceptionDictTransformer(show_locals=False, max_frames=FRAMES)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.ExceptionRenderer(traces),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared)
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)


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
    if settings.webhook_secret is None:
        raise UserError("TUTTI_WEBHOOK_SECRET is not set: choose one, and give the same to the GitHub App.")
    async with running(settings, seams) as bot, listening(bot, settings.host, settings.port) as port:
        log.info("serving", host=settings.host, port=port, data=str(settings.data_dir))
        log.warning("agents and tests run without a sandbox: install this bot on repositories you trust only")
        await _until_told(bot)


async def work(settings: Settings) -> None:
    """Execute runs until SIGINT or SIGTERM, beside the processes that serve. PostgreSQL only."""
    if settings.database.startswith("sqlite"):
        raise UserError(
            "A SQLite database has one process, and `tutti serve` is its worker already. For more workers set "
            "TUTTI_DATABASE_URL to a PostgreSQL."
        )
    async with running(settings) as bot:
        log.info("working", slot=bot.slot.name)
        await _until_told(bot)


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
