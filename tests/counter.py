"""Both sides of a gateway: leases at its doors, questions as agents ask them, and a provider that answers anything."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.sandbox.gateway import Gateway, Lease

KEY = "sk-ant-the-real-key"
Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Purse:
    """A purse that remembers what was paid. `limit` is the sentence of a limit that is reached."""

    limit: str = ""
    paid: list[float] = field(default_factory=list)

    async def empty(self) -> str:
        return self.limit

    async def pay(self, usd: float) -> None:
        self.paid.append(usd)


@asynccontextmanager
async def gateway(url: str, folder: Path, models: Iterable[str] = ()) -> AsyncIterator[Gateway]:
    """A gateway to a provider, with its doors in a folder."""
    gate = Gateway(url, KEY, folder, models)
    await gate.start()
    try:
        yield gate
    finally:
        await gate.close()


@asynccontextmanager
async def leased(url: str, folder: Path, usd: float = 1, **more: Any) -> AsyncIterator[Lease]:
    """A lease at a gateway of its own."""
    async with gateway(url, folder) as gate:
        yield await gate.open("run", usd, **{"purse": Purse(), **more})


def inside(lease: Lease, token: str | None = None) -> aiohttp.ClientSession:
    """A client at the door of a lease, with its token or another."""
    connector = aiohttp.UnixConnector(str(lease.door.socket), limit=0)
    headers = {"x-api-key": lease.token if token is None else token, "anthropic-version": "2023-06-01"}
    return aiohttp.ClientSession("http://tutti", connector=connector, headers=headers)


async def ask(lease: Lease, body: Json | bytes | None = None, path: str = "/v1/messages?beta=true") -> tuple[int, str]:
    """Ask once; the status and the text of the answer."""
    given: Json = {"data": io.BytesIO(body)} if isinstance(body, bytes) else {"json": body or question()}
    async with inside(lease) as client, client.post(path, **given) as answer:
        return answer.status, await answer.text()


def question(**more: Any) -> Json:
    tool = {"name": "Read", "input_schema": {"type": "object"}}
    messages = [{"role": "user", "content": "hello"}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": messages, "tools": [tool], **more}


@asynccontextmanager
async def upstream(handler: Answer, **site: Any) -> AsyncIterator[str]:
    """A provider's server that answers with `handler`."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, **site).start()
    try:
        yield f"{'https' if site else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def answered(output: int = 1, model: str = "claude-sonnet-4-6") -> web.Response:
    """A whole answer with so many tokens."""
    usage = {"input_tokens": 1, "output_tokens": output}
    return web.json_response({"type": "message", "model": model, "usage": usage})
