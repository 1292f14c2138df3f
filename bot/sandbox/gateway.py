"""The agents' way to the model: a door for each run, outside of its sandbox, that adds the real key, counts and stops.

An agent gets a throw-away token in place of the key. Behind its door is nothing but the Messages API, for the models
that the operator allows; `messages` says what of a question passes. A limit that is reached is answered with 403,
which clients take as final; `lease` says when.
"""

import asyncio
import io
import secrets
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.proxy import outward_session
from bot.sandbox import doors, messages, process
from bot.sandbox.lease import SPENT as SPENT
from bot.sandbox.lease import Lease as Lease
from bot.sandbox.lease import Purse as Purse
from bot.sandbox.messages import Question, RefusedError
from bot.sandbox.messages import environment as environment
from bot.sandbox.meter import Reading, listed, undated

PORT = 8118  # of the door, inside
_CONNECTIONS = 512  # of one run at once; more are closed
_BIG = 4 << 20  # bytes of a question: of bigger ones a run has one at a time


class Gateway:
    """The doors. `model_url` is in ANTHROPIC_BASE_URL's form; without `api_key` none is sent (a played model).

    `models` are those that agents may ask (none: those of the price list); doors are made in `data_dir`.
    """

    def __init__(self, model_url: str, api_key: str | None, data_dir: Path, models: Iterable[str] = ()) -> None:
        self._model_url, self._key, self._folder = model_url.rstrip("/"), api_key, data_dir / "doors"
        self._models = frozenset(map(undated, models)) or listed()
        self._leases: set[Lease] = set()
        self._parts = AsyncExitStack()
        self._session: aiohttp.ClientSession

    async def start(self) -> None:
        """Be ready to open doors. HTTPS_PROXY and SSL_CERT_FILE are honoured."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=600)
        self._session = outward_session(self._model_url, limit=0, timeout=timeout)
        await self._parts.enter_async_context(self._session)
        await asyncio.to_thread(doors.tidy, self._folder)

    async def close(self) -> None:
        for lease in list(self._leases):
            await self.shut(lease)
        await self._parts.aclose()

    async def open(
        self,
        run: str,
        usd: float,
        *,
        purse: Purse,
        models: frozenset[str] | None = None,
        uid: int | None = None,
        tcp: bool = False,
    ) -> Lease:
        """A new lease for a run, with a door and a token of its own.

        `models` narrows what the installation allows; the door is the user `uid`'s; `tcp`: it is on loopback as well.
        """
        allowed = self._models if models is None else self._models & frozenset(map(undated, models))
        listening = doors.listen(self._folder, PORT, uid=uid, tcp=tcp)
        lease = Lease(run, listening.door, "tutti-" + secrets.token_urlsafe(32), usd, allowed, purse)
        lease.life.callback(listening.close)
        server = web.Server(
            partial(self._handle, lease), handler_cancellation=True, access_log=None, auto_decompress=False
        )
        lease.life.push_async_callback(server.shutdown, 1)
        loop = asyncio.get_running_loop()
        for one in listening.sockets:
            listener = await loop.create_server(_few(server), sock=one)
            lease.life.callback(listener.close)
        self._leases.add(lease)
        return lease

    async def shut(self, lease: Lease) -> None:
        """End a lease: its door is gone, answers under way are cut off, and what they cost is written down."""
        self._leases.discard(lease)
        await process.finish(asyncio.create_task(lease.end()))

    async def _handle(self, lease: Lease, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "HEAD" and request.path == "/":
            return web.Response()
        if request.method != "POST" or request.path not in messages.PATHS:
            return _refused(404, "only the Messages API is to be had here")
        if lease not in self._leases or not _same(messages.token(request.headers), lease.token):
            return _refused(401, "this token is not valid, or not any more")
        task = asyncio.current_task()
        assert task is not None
        lease.tasks.add(task)
        try:
            async with lease.turns, AsyncExitStack() as held:
                return await self._answered(request, lease, held)
        except RefusedError as refusal:
            return _refused(refusal.status, refusal.sentence)
        except (aiohttp.ClientError, TimeoutError) as problem:
            return _refused(502, f"the model API cannot be reached: {type(problem).__name__}")
        finally:
            lease.tasks.discard(task)

    async def _answered(self, request: web.BaseRequest, lease: Lease, held: AsyncExitStack) -> web.StreamResponse:
        await lease.may_go_on()
        question = messages.checked(request.path, await _body(request, lease, held))
        if undated(question.model) not in lease.models:
            raise RefusedError(403, messages.not_allowed(question.model))
        if request.path == messages.ANSWERS:
            await held.enter_async_context(lease.room(question.worst))
            await lease.may_go_on()
        return await self._forward(request, question, lease)

    async def _forward(self, request: web.BaseRequest, question: Question, lease: Lease) -> web.StreamResponse:
        reading = Reading(question.asked, question.model, 0 if question.stream else question.most)
        status = 0
        try:
            async with self._session.post(
                self._model_url + request.path,
                data=io.BytesIO(question.raw),
                headers=messages.sent_on(request.headers, self._key),
                params={"beta": "true"} if request.query.get("beta") == "true" else {},
                allow_redirects=False,
            ) as answer:
                status = answer.status
                return await _passed(request, answer, reading, self._key or "")
        except aiohttp.ClientError as problem:
            if not status and not isinstance(problem, aiohttp.SocketTimeoutError):
                status = 502  # nobody took the question; whoever was only not waited for has
            raise
        finally:
            if request.path == messages.ANSWERS and status in (0, 200):
                lease.add(reading)
                await lease.pay()


async def _body(request: web.BaseRequest, lease: Lease, held: AsyncExitStack) -> bytes:
    """The body of a request; a big one has to wait for the run's others to be answered. Raises RefusedError."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RefusedError(415, "a request is taken as it is, not compressed")
    parts, size = list[bytes](), 0
    async for part in request.content.iter_any():
        if size <= _BIG < size + len(part):
            await held.enter_async_context(lease.big)
        size += len(part)
        if size > messages.BIGGEST:
            raise RefusedError(413, f"a request may have {messages.BIGGEST >> 20} MB")
        parts.append(part)
    return b"".join(parts)


async def _passed(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, reading: Reading, key: str
) -> web.StreamResponse:
    """Hand the answer on, piece by piece where it is a stream; an error may quote the key, which goes no further."""
    headers = {name: _without(value, key) for name, value in messages.handed_back(answer.headers).items()}
    if answer.content_type != "text/event-stream":
        whole = await answer.read()
        reading.json(whole)
        said = _without(whole.decode("latin-1"), key).encode("latin-1")
        return web.Response(status=answer.status, headers=headers, body=said)
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        reading.stream(chunk)
        await response.write(chunk)
    await response.write_eof()
    return response


def _without(words: str, key: str) -> str:
    return words.replace(key, "(the key)") if key else words


def _refused(status: int, sentence: str) -> web.Response:
    return web.json_response(messages.error(status, sentence), status=status)


def _same(shown: str, token: str) -> bool:
    return secrets.compare_digest(shown.encode("utf-8", "surrogateescape"), token.encode())


def _few(server: web.Server) -> Callable[[], asyncio.Protocol]:
    """Connections of a server as long as they are not too many."""
    return lambda: server() if len(server.connections) < _CONNECTIONS else _Closed()


class _Closed(asyncio.Protocol):
    """A connection that there is no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()
