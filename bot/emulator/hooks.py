"""The webhooks: what is sent, signed, in which order, and what became of each delivery."""

import asyncio
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from bot.emulator.world import Installation, Json, Repo, World

PATIENCE = 10.0
"""Seconds GitHub waits for an answer."""


@dataclass(eq=False)
class Delivery:
    """One attempt to deliver an event; a second attempt keeps the `guid` and has an `id` of its own."""

    id: int
    guid: str
    event: str
    action: str | None
    payload: Json
    at: float
    redelivery: bool = False
    installation: Installation | None = None
    repo: Repo | None = None
    headers: dict[str, str] = field(default_factory=dict)
    status: str = "pending"
    status_code: int = 0
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    duration: float = 0.0

    @property
    def name(self) -> str:
        """`issues.labeled`, or `push` where there is no action."""
        return f"{self.event}.{self.action}" if self.action else self.event


@dataclass(eq=False)
class Mishap:
    """What shall go wrong with the next `times` deliveries whose name matches."""

    pattern: re.Pattern[str]
    kind: str
    times: int


class Hooks:
    """Sends deliveries to `url`, one after the other in the order of the events."""

    def __init__(self, world: World, url: str | None, secret: str, app_id: int) -> None:
        self.world, self.url, self.secret, self.app_id = world, url, secret, app_id
        self.deliveries: list[Delivery] = []
        self._mishaps: list[Mishap] = []
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._session: aiohttp.ClientSession | None = None
        self._sender: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        self._sender = asyncio.create_task(self._send_all())

    async def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        if self._session is not None:
            await self._session.close()

    def fire(
        self, event: str, action: str | None, payload: Json, installation: Installation | None, repo: Repo | None
    ) -> Delivery:
        """Puts a new delivery in line."""
        delivery = Delivery(
            self.world.id(), str(uuid.uuid4()), event, action, payload, self.world.clock(), False, installation, repo
        )
        return self._line_up(delivery)

    def again(self, old: Delivery) -> Delivery:
        """The same event once more, under the same GUID."""
        return self._line_up(
            Delivery(
                self.world.id(), old.guid, old.event, old.action, old.payload, self.world.clock(), True,
                old.installation, old.repo,
            )
        )  # fmt: skip

    def lose(self, name: str = ".*", times: int = 1) -> None:
        """The next deliveries of that name (`issues.labeled`, a pattern) never arrive; GitHub notes them as failed."""
        self._mishaps.append(Mishap(re.compile(name), "lost", times))

    def double(self, name: str = ".*", times: int = 1) -> None:
        """The next deliveries of that name arrive twice under one GUID."""
        self._mishaps.append(Mishap(re.compile(name), "doubled", times))

    async def delivered(self) -> None:
        """Waits until every delivery in line has its answer."""
        await self._queue.join()

    def signature(self, body: bytes) -> str:
        return "sha256=" + hmac.digest(self.secret.encode(), body, "sha256").hex()

    def _line_up(self, delivery: Delivery) -> Delivery:
        self.deliveries.append(delivery)
        self._queue.put_nowait(delivery)
        return delivery

    async def _send_all(self) -> None:
        while True:
            delivery = await self._queue.get()
            try:
                kind = self._mishap(delivery)
                for _ in range({"lost": 0, "doubled": 2}.get(kind, 1)):
                    await self._send(delivery)
                if kind == "lost":
                    delivery.status, delivery.status_code = "failed to connect to host", 502
            finally:
                self._queue.task_done()

    def _mishap(self, delivery: Delivery) -> str:
        for mishap in self._mishaps:
            if mishap.times and mishap.pattern.fullmatch(delivery.name):
                mishap.times -= 1
                return mishap.kind
        return ""

    async def _send(self, delivery: Delivery) -> None:
        body = json.dumps(delivery.payload, separators=(",", ":")).encode()
        delivery.headers = self._headers(delivery, body)
        began = asyncio.get_running_loop().time()
        try:
            if self.url is None or self._session is None:
                raise OSError("no hook is set")
            async with self._session.post(self.url, data=body, headers=delivery.headers) as answer:
                delivery.answer = (await answer.read())[:65536].decode(errors="replace")
                delivery.status, delivery.status_code = _said(answer.reason), answer.status
                delivery.answer_headers = _plain(answer.headers)
        except TimeoutError:
            delivery.status, delivery.status_code = "timed out", 504
        except (aiohttp.ClientError, OSError):
            delivery.status, delivery.status_code = "failed to connect to host", 502
        delivery.duration = asyncio.get_running_loop().time() - began

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        sha1 = hmac.new(self.secret.encode(), body, hashlib.sha1).hexdigest()
        return {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/0000001",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": str(self.app_id * 10),
            "X-GitHub-Hook-Installation-Target-ID": str(self.app_id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature": f"sha1={sha1}",
            "X-Hub-Signature-256": self.signature(body),
        }


def _said(reason: str | None) -> str:
    return reason or "OK"


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    return {str(name): value for name, value in headers.items()}
