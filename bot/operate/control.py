"""Asking a running server for upkeep, through a socket in its data folder that only its user can open."""

from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.app import Bot
from bot.errors import UserError
from bot.git import health
from bot.store import runs


def control_app(bot: Bot) -> web.Application:
    """`POST /replay/<guid>` and `POST /prune`; a refusal is 409 with its sentence."""

    async def replay(request: web.Request) -> web.Response:
        try:
            await bot.inbox.replay(request.match_info["guid"])
        except UserError as refusal:
            return web.json_response({"refused": str(refusal)}, status=409)
        return web.json_response({"done": True})

    async def prune(_request: web.Request) -> web.Response:
        active = {run.id for run in await bot.bench.db.read(runs.active)}
        return web.json_response({"pruned": await health.prune(bot.bench.shop.pool, active)})

    app = web.Application()
    app.add_routes([web.post("/replay/{guid}", replay), web.post("/prune", prune)])
    return app


async def ask(socket: Path, path: str) -> dict[str, Any] | None:
    """The running server's answer, None where no server listens. Raises UserError with its refusal."""
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as session,
            session.post(f"http://tutti{path}") as response,
        ):
            answer: dict[str, Any] = await response.json()
    except (aiohttp.ClientConnectorError, FileNotFoundError):
        return None
    if "refused" in answer:
        raise UserError(answer["refused"])
    return answer
