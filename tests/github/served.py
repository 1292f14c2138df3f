"""A server that plays GitHub word by word: it answers as it was told, in order, and keeps what it was asked."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Words = str | int | None | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; `path` is still quoted, `sent` the JSON of its body."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    sent: Any

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Told:
    """An answer. `drop` closes the connection instead, after the request was read."""

    body: Words = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    raw: str | None = None


@dataclass
class Clock:
    """Time that only passes by sleeping."""

    time: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


class Served:
    """`tell` what is answered to `GET /path`: in order, the last one ever after. Anything else is a 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.under_way = 0
        self.gates: dict[str, asyncio.Event] = {}  # by line: no answer before it is set
        self._told: dict[str, list[Told | Callable[[Asked], Told]]] = {}
        app = web.Application(client_max_size=10_000_000)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    def tell(self, line: str, *answers: Told | Callable[[Asked], Told]) -> None:
        self._told[line] = list(answers)

    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]

    def count(self, line: str) -> int:
        return self.lines().count(line)

    def last(self, line: str) -> Asked:
        return next(asked for asked in reversed(self.asked) if asked.line == line)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = Asked(
            method=request.method,
            path=request.raw_path.split("?")[0],
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            sent=json.loads(body) if body else None,
        )
        self.asked.append(asked)
        answers = self._told.get(asked.line, [Told({"message": "Not Found"}, 404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if asked.line in self.gates:
            self.under_way += 1
            await self.gates[asked.line].wait()
            self.under_way -= 1
        told = answer(asked) if callable(answer) else answer
        if told.drop:
            assert request.transport is not None
            request.transport.abort()
        if told.raw is not None or told.status == 204:
            return web.Response(text=told.raw, status=told.status, headers=told.headers)
        return web.json_response(told.body, status=told.status, headers=told.headers)
