"""The way to the door of one bot: GitHub's requests, and those of everybody else, byte by byte."""

import asyncio
import contextlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count

import aiohttp
import sqlalchemy as sa
from aiohttp import web

from bot.store.db import Database, deliveries
from bot.store.inbox import Inbox
from bot.web.webhook import Door, Limits, runner

SECRET = "a webhook secret of the tests"
JSON = "application/json"
Said = tuple[int, str]


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


class Street:
    """The way to the door of one bot."""

    def __init__(self, door: Door, db: Database, port: int, session: aiohttp.ClientSession) -> None:
        self.door, self.db, self.port, self._session = door, db, port, session
        self.url = f"http://127.0.0.1:{port}"
        self._numbers = count(1)

    def headers(self, body: bytes, **changed: str | None) -> dict[str, str]:
        """GitHub's headers for `body`; changed ones by name with _ for -, None leaves one out."""
        headers: dict[str, str | None] = {
            "Content-Type": JSON,
            "X-GitHub-Event": "issues",
            "X-GitHub-Delivery": f"guid-{next(self._numbers)}",
            "X-Hub-Signature-256": sign(body),
        }
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        return {name: value for name, value in headers.items() if value is not None}

    async def knock(self, body: bytes = b"{}", **changed: str | None) -> Said:
        return await self.post(body, self.headers(body, **changed))

    async def post(self, body: bytes | AsyncIterator[bytes], headers: Mapping[str, str]) -> Said:
        async with self._session.post(
            f"{self.url}/webhooks/github", data=body, headers=headers, skip_auto_headers=["Content-Type"]
        ) as answer:
            return answer.status, (await answer.json())["status"]

    async def stored(self) -> list[tuple[str, str, bytes]]:
        query = sa.select(deliveries.c.guid, deliveries.c.event, deliveries.c.body).order_by(deliveries.c.seq)
        return [(guid, event, body) for guid, event, body in await self.db.read(lambda conn: conn.execute(query).all())]

    async def begin(self, *, length: int = 1000, expect: bool = True) -> "Caller":
        """A request whose head is sent and whose body is not; the door waits for it when this returns."""
        caller = await self.connect()
        headers = self.headers(bytes(length)) | {"Host": "bot", "Content-Length": str(length)}
        headers |= {"Expect": "100-continue"} if expect else {}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        caller.send(f"POST /webhooks/github HTTP/1.1\r\n{head}\r\n".encode())
        if expect:
            assert b"100 Continue" in await caller.reader.readuntil(b"\r\n\r\n")
        return caller

    async def connect(self) -> "Caller":
        return Caller(*await asyncio.open_connection("127.0.0.1", self.port))


class Caller:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def end(self) -> None:
        """Nothing more will be sent; what comes is still read."""
        self._writer.write_eof()

    async def rest(self) -> bytes:
        """All that still comes until the other side closes."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read()
        return b""

    async def answer(self) -> Said:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(re.findall(rb"Content-Length: (\d+)", head)[0])
        return int(head.split()[1]), json.loads(await self.reader.readexactly(length))["status"]

    async def hang_up(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def alive(_request: web.Request) -> web.Response:
    return web.Response()


@asynccontextmanager
async def opened(url: str, limits: Limits | None = None) -> AsyncIterator[Street]:
    db = Database(url)
    await db.migrate()
    door = Door(SECRET, Inbox(db, lambda: None), limits)
    app = web.Application()
    app.add_routes([*door.routes(), web.get("/alive", alive)])
    served = runner(app, limits)
    await served.setup()
    try:
        await web.TCPSite(served, "127.0.0.1", 0, backlog=1024).start()
        async with aiohttp.ClientSession() as session:
            yield Street(door, db, served.addresses[0][1], session)
    finally:
        await served.cleanup()
        await db.close()
