"""Asking a running server for upkeep, through a socket in its data folder that only its user can open."""

from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.app import Bot
from bot.errors import UserError
from bot.git import health
from bot.store import runs
from bot.store.db import Database
from bot.store.inbox import Inbox


def control_app(bot: Bot) -> web.Application:
    """`POST /replay?guid=<guid>` and `POST /prune`; a refusal is 409 with its sentence."""

    async def handle_again(request: web.Request) -> web.Response:
        try:
            await replay(bot.bench.db, bot.inbox, request.query.get("guid", ""))
        except UserError as refusal:
            return web.json_response({"refused": str(refusal)}, status=409)
        return web.json_response({"done": True})

    async def prune(_request: web.Request) -> web.Response:
        active = {run.id for run in await bot.bench.db.read(runs.active)}
        return web.json_response({"pruned": await health.prune(bot.bench.shop.pool, active)})

    app = web.Application()
    app.add_routes([web.post("/replay", handle_again), web.post("/prune", prune)])
    return app


async def replay(db: Database, inbox: Inbox, guid: str) -> None:
    """Make a stored delivery new. Raises UserError where it is not there, or nothing would come of it."""
    made = await db.read(lambda conn: runs.of_delivery(conn, guid))
    if made:
        known = " and ".join(f"run {run.id} ({run.state})" for run in made)
        raise UserError(
            f"The delivery {guid} is not handled again: its {known} exists already; set the label again for a new one."
        )
    await inbox.replay(guid)


async def ask(socket: Path, path: str, **query: str) -> dict[str, Any] | None:
    """The running server's answer, None where no server listens. Raises UserError with its refusal."""
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as session,
            session.post(f"http://tutti{path}", params=query) as response,
        ):
            if response.status not in (200, 409):
                raise UserError(
                    f"The running server answered {response.status}; is it of another version? Its log knows."
                )
            answer: dict[str, Any] = await response.json()
    except (aiohttp.ClientConnectorError, FileNotFoundError):
        return None
    if "refused" in answer:
        raise UserError(answer["refused"])
    return answer
