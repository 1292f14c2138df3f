"""The door beside a bare aiohttp handler that only reads the same body, 64 connections, load from a second process.

`python -m bench.door PORT good|bad|bare REQUESTS` is that second process.
"""

import asyncio
import hmac
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from bench.figure import Figure
from bot.store.db import Database
from bot.store.inbox import Inbox
from bot.web.health import FIGURES, Health
from bot.web.webhook import Door, runner

CONNECTIONS = 64
REQUESTS = 3000
ROUNDS = 9
SECRET = "a secret of the benchmark's own"
BODY = json.dumps({"action": "labeled", "issue": {"title": "A title", "body": "word " * 2590}}).encode()  # 13 kB
NAMES = {"good": "door_ratio_64", "bad": "door_bad_signature_ratio_64"}
STATUS = {"good": b"202", "bad": b"401", "bare": b"200"}


class Client(asyncio.Protocol):
    """One connection: sends, waits for the answer, sends again, until `left` is used up by all of them."""

    left = 0

    def __init__(self, kind: str, done: asyncio.Future[None]) -> None:
        self._expected, self._done = b"HTTP/1.1 " + STATUS[kind], done
        signature = hmac.digest(SECRET.encode(), BODY if kind == "good" else b"other", "sha256").hex()
        self._head = (
            "POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "User-Agent: GitHub-Hookshot/0000000\r\nAccept: */*\r\nX-GitHub-Event: issues\r\nX-GitHub-Hook-ID: 1\r\n"
            "X-GitHub-Hook-Installation-Target-ID: 1\r\nX-GitHub-Hook-Installation-Target-Type: integration\r\n"
            f"X-Hub-Signature: sha1={'0' * 40}\r\nX-Hub-Signature-256: sha256={signature}\r\n"
            f"Content-Length: {len(BODY)}\r\nX-GitHub-Delivery: "
        ).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        if Client.left:
            Client.left -= 1
            self._transport.write(self._head + str(uuid4()).encode() + b"\r\n\r\n" + BODY)
        else:
            self._done.set_result(None)

    def data_received(self, data: bytes) -> None:
        if data.startswith(self._expected):
            self._send()
        else:
            self._done.set_exception(RuntimeError(f"the door said {data[:200]!r}"))


async def load(port: int, kind: str, requests: int) -> float:
    """Requests a second."""
    loop = asyncio.get_running_loop()
    Client.left = requests
    futures = [loop.create_future() for _ in range(CONNECTIONS)]
    start = time.perf_counter()
    for future in futures:
        await loop.create_connection(lambda future=future: Client(kind, future), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*futures)
    return requests / (time.perf_counter() - start)


async def _bare(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


@asynccontextmanager
async def _serve(app: web.Application) -> AsyncIterator[int]:
    served = runner(app)
    await served.setup()
    try:
        await web.TCPSite(served, "127.0.0.1", 0).start()
        yield served.addresses[0][1]
    finally:
        await served.cleanup()


@asynccontextmanager
async def _door(folder: Path) -> AsyncIterator[int]:
    db = Database(f"sqlite:///{folder / 'tutti.db'}")
    await db.migrate()
    door = Door(SECRET, Inbox(db, lambda: None))
    app = web.Application()
    app.add_routes(door.routes() + Health({}, dict.fromkeys((f.name for f in FIGURES), _nothing)).routes())
    try:
        async with _serve(app) as port:
            yield port
    finally:
        await db.close()


async def _nothing() -> dict[str, float]:
    return {}


async def _round(port: int, kind: str) -> float:
    argv = [sys.executable, "-m", "bench.door", str(port), kind, str(REQUESTS)]
    child = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    return float(out)


async def measure() -> list[Figure]:
    rates: dict[str, list[float]] = {kind: [] for kind in STATUS}
    app = web.Application()
    app.add_routes([web.post("/webhooks/github", _bare)])
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as folder:
        async with _serve(app) as bare, _door(Path(folder)) as door:
            for _ in range(ROUNDS):
                for kind, rate in rates.items():
                    rate.append(await _round(bare if kind == "bare" else door, kind))
    bare_rate = statistics.median(rates["bare"])
    to = f"a bare aiohttp handler that only reads the same body ({bare_rate:,.0f} requests a second)"
    return [_figure(name, rates[kind], rates["bare"], to) for kind, name in NAMES.items()]


def _figure(name: str, rates: list[float], bare: list[float], to: str) -> Figure:
    """The median over the rounds: what runs beside this at the time slows both sides of one round alike."""
    ratio = statistics.median(rate / other for rate, other in zip(rates, bare, strict=True))
    return Figure(name, round(ratio, 3), "ratio", to, f"{statistics.median(rates):,.0f} requests a second")


if __name__ == "__main__":
    sys.stdout.write(str(asyncio.run(load(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))))
