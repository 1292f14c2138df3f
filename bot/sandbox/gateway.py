"""The agents' way to the model: a loopback server that adds the real key, counts the tokens and stops at the limit.

An agent gets a throw-away token in place of the key. Only the Messages API passes, and nothing in a request that
would run at the provider's, reach the network from there, or cost more than the price list says.
"""

import asyncio
import io
import json
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from bot.proxy import outward_session
from bot.sandbox.meter import Reading, Tokens, dearest, price

SPENT = "the budget of this run is spent"
_BIGGEST = 32 << 20  # bytes of a request, as at the provider's
_PASSED_ON = ("content-type", "accept", "user-agent", "anthropic-version", "anthropic-beta")
_HANDED_BACK = ("content-type", "retry-after", "request-id", "x-should-retry")
_OWN_TOOLS = ("custom", "bash_", "text_editor_", "memory_", "tool_search_tool_")
_REFUSED_KEYS = ("mcp_servers", "container", "speed", "service_tier", "inference_geo")
_ERRORS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
_ERRORS |= {413: "request_too_large"}


@dataclass(frozen=True)
class Usage:
    """What a lease has used. `usd` is None as soon as a model answered whose price is not known."""

    calls: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    usd: float | None


@dataclass(eq=False)
class Lease:
    """The right of one run to ask the model: where, with which token, for at most `usd`."""

    run: str
    url: str
    token: str
    usd: float
    _tokens: Tokens = field(default_factory=Tokens)
    _calls: int = 0
    _spent: float = 0.0  # unknown models priced as the dearest
    _unknown: bool = False
    _open: set["asyncio.Task[Any]"] = field(default_factory=set)

    @property
    def usage(self) -> Usage:
        t = self._tokens
        usd = None if self._unknown else self._spent
        return Usage(self._calls, t.input, t.output, t.cache_read, t.cache_write_5m + t.cache_write_1h, usd)

    @property
    def counted(self) -> float:
        """USD that count against the limit: what is known, and unknown models priced as the dearest."""
        return self._spent

    @property
    def spent(self) -> bool:
        """Whether the limit is reached; an answer under way may go beyond it."""
        return self._spent >= self.usd

    def environment(self) -> dict[str, str]:
        """What a client of the model needs in its environment."""
        return environment(self.url, self.token)

    def add(self, reading: Reading) -> None:
        tokens, known = reading.tokens(), price(reading.model)
        self._calls += 1
        self._tokens += tokens
        self._spent += (known or dearest()).of(tokens)
        self._unknown = self._unknown or known is None


def environment(url: str, token: str) -> dict[str, str]:
    """The variables that Anthropic's clients read."""
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": token}


class Gateway:
    """The server. `model_url` is in ANTHROPIC_BASE_URL's form; without `api_key` none is sent (a played model)."""

    def __init__(self, model_url: str, api_key: str | None) -> None:
        self._model_url, self._key = model_url.rstrip("/"), api_key
        self._leases: dict[str, Lease] = {}
        self._parts = AsyncExitStack()
        self._session: aiohttp.ClientSession
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port of the loopback; `url` says where. HTTPS_PROXY and SSL_CERT_FILE are honoured."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=600)
        self._session = outward_session(self._model_url, limit=0, timeout=timeout)
        await self._parts.enter_async_context(self._session)
        app = web.Application(client_max_size=_BIGGEST)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        self._parts.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def close(self) -> None:
        for lease in list(self._leases.values()):
            self.shut(lease)
        await self._parts.aclose()

    def open(self, run_id: str, usd: float) -> Lease:
        """A new lease for a run, with a token of its own."""
        lease = Lease(run_id, self.url, "tutti-" + secrets.token_urlsafe(32), usd)
        self._leases[lease.token] = lease
        return lease

    def shut(self, lease: Lease) -> None:
        """End a lease: its token is worth nothing from now on, and answers under way are cut off."""
        self._leases.pop(lease.token, None)
        for task in lease._open:
            task.cancel()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD" and request.path == "/":
            return web.Response()
        if request.method != "POST" or request.path not in ("/v1/messages", "/v1/messages/count_tokens"):
            return _error(404, "only the Messages API is to be had here")
        lease = self._leases.get(_token(request))
        if lease is None:
            return _error(401, "this token is not valid, or not any more")
        task = asyncio.current_task()
        assert task is not None
        lease._open.add(task)
        try:
            return await self._checked(request, lease)
        finally:
            lease._open.discard(task)

    async def _checked(self, request: web.Request, lease: Lease) -> web.StreamResponse:
        if lease.spent:
            return _error(403, f"{SPENT}: ${lease.usd:.2f}")
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _error(413, f"a request may have {_BIGGEST >> 20} MB")
        body = _decoded(raw)
        if body is None:
            return _error(400, "the body is no JSON object")
        if wrong := _refusal(body):
            return _error(403, wrong)
        try:
            return await self._forward(request, body, lease)
        except (aiohttp.ClientError, TimeoutError) as error:
            return _error(502, f"the model API cannot be reached: {type(error).__name__}")

    async def _forward(self, request: web.Request, body: dict[str, Any], lease: Lease) -> web.StreamResponse:
        raw = json.dumps(body).encode()  # what was checked, not what was sent: a key may stand twice in that
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        headers["accept-encoding"] = "identity"
        if self._key:
            headers["x-api-key"] = self._key
        query = {"beta": "true"} if request.query.get("beta") == "true" else {}
        url = self._model_url + request.path
        async with self._session.post(
            url, data=io.BytesIO(raw), headers=headers, params=query, allow_redirects=False
        ) as answer:
            counted = answer.status == 200 and request.path == "/v1/messages"
            reading = Reading(len(raw) // 4, str(body.get("model", "")))
            try:
                return await _passed(request, answer, reading)
            finally:
                if counted:
                    lease.add(reading)


async def _passed(request: web.Request, answer: aiohttp.ClientResponse, reading: Reading) -> web.StreamResponse:
    """Hand the answer on, piece by piece where it is a stream."""
    headers = {k: v for k, v in answer.headers.items() if k.lower() in _HANDED_BACK or _is_limit(k)}
    if answer.content_type != "text/event-stream":
        whole = await answer.read()
        reading.json(whole)
        return web.Response(status=answer.status, headers=headers, body=whole)
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        reading.stream(chunk)
        await response.write(chunk)
    await response.write_eof()
    return response


def _is_limit(header: str) -> bool:
    return header.lower().startswith("anthropic-ratelimit-")


def _token(request: web.Request) -> str:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return request.headers.get("x-api-key") or (bearer if scheme.lower() == "bearer" else "")


def _decoded(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _refusal(body: dict[str, Any]) -> str:
    """Why a request may not pass, or nothing."""
    for key in _REFUSED_KEYS:
        if key in body:
            return f"`{key}` is not to be had here"
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind is not None and not str(kind).startswith(_OWN_TOOLS):
            return f"the tool `{kind}` runs at the provider's and is not to be had here"
    return ""


def _error(status: int, message: str) -> web.Response:
    error = {"type": _ERRORS.get(status, "api_error"), "message": message}
    return web.json_response({"type": "error", "error": error}, status=status)
