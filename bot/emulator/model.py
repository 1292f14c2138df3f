"""A model API that is played: Anthropic's Messages API on loopback, answering from scripts.

It keeps no state of conversations (but for failures that pass): the step of a script is the number of the assistant's
turns in the request, so retries, resumed and parallel conversations need nothing. Format: https://docs.claude.com/en/api/messages
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.emulator.act import Act, Answer, Bash, Edit, Fail, Hang, Plan, Read, Say, Script, Turn, Write, calls

__all__ = [
    "Act",
    "Answer",
    "Bash",
    "Edit",
    "Fail",
    "Hang",
    "Plan",
    "PlayedModel",
    "Read",
    "Request",
    "Say",
    "Script",
    "Write",
]

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_WORDS = re.compile(r"\S*\s*")
Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What a client asked: lower-case header names, the decoded body."""

    path: str
    headers: dict[str, str]
    body: Json


@dataclass
class PlayedModel:
    """The server; `url` is in ANTHROPIC_BASE_URL's form once started. `pace` is the pause before each word, in seconds.

    The first script whose texts all stand in the first user message is played. `key`, where given, is the only
    API key accepted. `requests` has every request, `problems` what no script or tool could answer.
    """

    scripts: Sequence[Script]
    key: str | None = None
    pace: float = 0.0
    requests: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    url: str = ""
    _failed: Counter[tuple[int, int]] = field(default_factory=Counter)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _parts: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/", self._hello)  # HEAD too: clients ask it whether anybody is there
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        self._parts.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def another(self) -> None:
        """Return when the next request has come."""
        self._news.clear()
        await self._news.wait()

    async def close(self) -> None:
        await self._parts.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def _hello(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _models(self, request: web.Request) -> web.Response:
        if self.key is not None and request.headers.get("x-api-key") != self.key:
            return _error(401, "invalid x-api-key")
        return web.json_response({"data": [], "has_more": False, "first_id": None, "last_id": None})

    async def _record(self, request: web.Request) -> Json:
        body: Json = await request.json()
        self._news.set()
        self.requests.append(Request(request.path, {k.lower(): v for k, v in request.headers.items()}, body))
        return body

    async def _count(self, request: web.Request) -> web.Response:
        return web.json_response({"input_tokens": _tokens(await self._record(request))})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await self._record(request)
        if self.key is not None and request.headers.get("x-api-key") != self.key:
            return _error(401, "invalid x-api-key")
        turn = self._turn(body)
        for act in turn:
            if isinstance(act, Fail) and self._fails(act, body):
                return _error(act.status, act.message)
            if isinstance(act, Hang):
                await asyncio.Event().wait()
        try:
            message = _message(body, calls(turn, body))
        except LookupError as missing:
            self.problems.append(str(missing))
            return _error(400, str(missing))
        return await self._stream(request, message) if body.get("stream") else web.json_response(message)

    def _fails(self, act: Fail, body: Json) -> bool:
        failure = (id(act), len(body["messages"]))
        self._failed[failure] += 1
        return self._failed[failure] <= act.times

    def _turn(self, body: Json) -> Turn:
        """The acts that answer this request; helper calls, which offer no tools, get a word."""
        if not body.get("tools"):
            return (Say("Played."),)
        asked = _text(next((m["content"] for m in body["messages"] if m["role"] == "user"), ""))
        script = next((s for s in self.scripts if all(text in asked for text in s.when)), None)
        if script is None:
            self.problems.append("no script fits: " + asked[-200:])
            return (Fail(400, "no script fits this conversation"),)
        step = sum(m["role"] == "assistant" for m in body["messages"])
        return script.turns[step] if step < len(script.turns) else (Say("Done."),)

    async def _stream(self, request: web.Request, message: Json) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-cache"})
        await response.prepare(request)
        async for event in self._events(message):
            await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        return response

    async def _events(self, message: Json) -> AsyncIterator[Json]:
        usage = {**message["usage"], "output_tokens": 1}
        yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}}
        for index, block in enumerate(message["content"]):
            text = block.get("text")
            empty = {**block, "text": ""} if text is not None else {**block, "input": {}}
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            for delta in _deltas(block):
                if self.pace:
                    await asyncio.sleep(self.pace)
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        yield {
            "type": "message_delta",
            "delta": ending,
            "usage": {"output_tokens": message["usage"]["output_tokens"]},
        }
        yield {"type": "message_stop"}


def _deltas(block: Json) -> list[Json]:
    if "text" in block:
        return [{"type": "text_delta", "text": word} for word in _WORDS.findall(block["text"]) if word]
    text = json.dumps(block["input"])
    return [{"type": "input_json_delta", "partial_json": text[i : i + 200]} for i in range(0, len(text), 200)]


def _message(body: Json, content: list[Json]) -> Json:
    tools = any(block["type"] == "tool_use" for block in content)
    return {
        "id": f"msg_played_{len(body['messages'])}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if tools else "end_turn",
        "stop_sequence": None,
        "usage": _usage(body, content),
    }


def _usage(body: Json, content: list[Json]) -> Json:
    """Token counts as prompt caching gives them: what an earlier request had is read, the rest is written."""
    old = body["messages"][:-2]
    read = _tokens({**body, "messages": old}) if old else 0
    return {
        "input_tokens": 4,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": max(_tokens(body) - read, 0),
        "output_tokens": max(_tokens(content), 1),
    }


def _tokens(thing: Any) -> int:
    return len(json.dumps(thing)) // 4


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content if isinstance(block, dict))


def _error(status: int, message: str) -> web.Response:
    error = {"type": _ERRORS.get(status, "api_error"), "message": message}
    return web.json_response({"type": "error", "error": error}, status=status)
