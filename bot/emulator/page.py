"""The emulator's own web pages: what a person would look at on GitHub, made on the server, without scripts."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from bot.emulator.server import Emulator


def wants(request: web.Request) -> bool:
    """Whether this is a browser's request for a page."""
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


async def serve(emulator: "Emulator", request: web.Request) -> web.Response:
    return web.Response(text=f"{emulator.url} {request.path}")
