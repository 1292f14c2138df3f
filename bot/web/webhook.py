"""The door: GitHub's webhook requests, checked and stored as they came, and nothing else."""

import asyncio
import contextlib
import hmac
import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog
from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.errors import UserError
from bot.store.inbox import Inbox

SHORTEST_SECRET = 20
_JSON = frozenset({"application/json", "application/json;charset=utf-8"})
_EVENT = re.compile(r"[a-z0-9_]{1,64}")
_GUID = re.compile(r"[A-Za-z0-9-]{1,64}")
_SIGNATURE_LENGTH = len("sha256=") + 64
_LONG = 1_000_000
_log = structlog.get_logger()


@dataclass(frozen=True)
class Limits:
    """What requests may take. `shared_bytes` is what all bodies being read may hold together beyond the first
    `free_bytes` of each, so that long bodies never keep the short ones out.
    """

    body_bytes: int = 25 * 1024 * 1024
    read_seconds: float = 10.0  # a whole head, and after it a whole body
    unfinished: int = 512
    free_bytes: int = 128 * 1024
    shared_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What the door says: a status and a constant word."""

    status: int
    word: str


STORED = Answer(202, "stored")
DUPLICATE = Answer(200, "duplicate")
NOT_OURS = Answer(202, "not for this App")
INCOMPLETE = Answer(400, "incomplete")
UNSIGNED = Answer(401, "bad signature")
SLOW = Answer(408, "too slow")
LARGE = Answer(413, "too large")
NOT_JSON = Answer(415, "not plain application/json")
BUSY = Answer(503, "busy")
NOT_STORED = Answer(503, "not stored")
ANSWERS = (STORED, DUPLICATE, NOT_OURS, INCOMPLETE, UNSIGNED, SLOW, LARGE, NOT_JSON, BUSY, NOT_STORED)
_BODIES = {answer: f'{{"status":"{answer.word}"}}'.encode() for answer in ANSWERS}


class _RefusedError(Exception):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


@dataclass(slots=True)
class _Body:
    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def whole(self) -> bytes:
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


class Door:
    """`POST /webhooks/github`. `answers` counts what was said, by its word."""

    def __init__(self, secret: str, inbox: Inbox, limits: Limits | None = None, app_id: int | None = None) -> None:
        self._secret = secret.encode()
        if len(self._secret) < SHORTEST_SECRET:
            raise UserError(
                f"TUTTI_WEBHOOK_SECRET has {len(self._secret)} bytes: set one of at least {SHORTEST_SECRET}, "
                "the same here and in the GitHub App."
            )
        self._inbox, self._limits, self._app = inbox, limits or Limits(), str(app_id or "")
        self._unfinished = self._held = 0
        self.answers = Counter({answer.word: 0 for answer in ANSWERS})

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/webhooks/github", self.receive, expect_handler=_expect)]

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one request: 202 and 200 only once the delivery is durable."""
        self._unfinished += 1
        body = _Body()
        try:
            answer = await self._answer(request, body)
        except _RefusedError as refused:
            answer = refused.answer
        finally:
            self._unfinished -= 1
            self._held -= self._shared(body)
        self.answers[answer.word] += 1
        response = web.Response(status=answer.status, body=_BODIES[answer], content_type="application/json")
        if not request.content.is_eof():
            response.force_close()
        return response

    async def _answer(self, request: web.Request, body: _Body) -> Answer:
        headers = request.headers
        signature = headers.get("X-Hub-Signature-256", "")
        self._look_at_head(request, signature)
        await self._read(request.content, body)
        whole = body.whole()
        await self._verify(whole, signature)
        guid, event = headers.get("X-GitHub-Delivery", ""), headers.get("X-GitHub-Event", "")
        if not (whole and _GUID.fullmatch(guid) and _EVENT.fullmatch(event)):
            raise _RefusedError(INCOMPLETE)
        if self._app and not self._is_ours(headers):
            _log.warning("a delivery that is not for this App was ignored", guid=guid, name=event)
            return NOT_OURS
        return await self._store(guid, event, whole)

    def _is_ours(self, headers: Mapping[str, str]) -> bool:
        """Whether the hook is this App's own, as far as GitHub says whose it is.

        Another App's or a repository's hook that has the same secret is answered 202 and forgotten: GitHub gives one
        event the same GUID at every hook, so that storing it would make a duplicate of what this App is sent.
        """
        kind = headers.get("X-GitHub-Hook-Installation-Target-Type", "integration")
        return kind == "integration" and headers.get("X-GitHub-Hook-Installation-Target-ID", self._app) == self._app

    def _look_at_head(self, request: web.Request, signature: str) -> None:
        """Refuse what the head alone gives away, before a byte of the body is looked at."""
        headers = request.headers
        if headers.get("Content-Type", "").replace(" ", "").lower() not in _JSON or "Content-Encoding" in headers:
            raise _RefusedError(NOT_JSON)
        if (request.content_length or 0) > self._limits.body_bytes:
            raise _RefusedError(LARGE)
        if len(signature) != _SIGNATURE_LENGTH:
            raise _RefusedError(UNSIGNED)
        if self._unfinished > self._limits.unfinished:
            raise _RefusedError(BUSY)

    async def _read(self, content: StreamReader, body: _Body) -> None:
        try:
            if content.is_eof():
                return self._take(content.read_nowait(), body)
            async with asyncio.timeout(self._limits.read_seconds):
                while part := await content.readany():
                    self._take(part, body)
        except TimeoutError:
            raise _RefusedError(SLOW) from None
        except (web.RequestPayloadError, ConnectionError):
            raise _RefusedError(INCOMPLETE) from None

    def _take(self, part: bytes, body: _Body) -> None:
        before = self._shared(body)
        body.parts.append(part)
        body.size += len(part)
        self._held += self._shared(body) - before
        if body.size > self._limits.body_bytes:
            raise _RefusedError(LARGE)
        if self._held > self._limits.shared_bytes:
            raise _RefusedError(BUSY)

    def _shared(self, body: _Body) -> int:
        return max(0, body.size - self._limits.free_bytes)

    async def _verify(self, body: bytes, signature: str) -> None:
        if len(body) < _LONG:
            digest = hmac.digest(self._secret, body, "sha256")
        else:
            digest = await asyncio.to_thread(hmac.digest, self._secret, body, "sha256")
        if not hmac.compare_digest(b"sha256=" + digest.hex().encode(), signature.encode(errors="surrogateescape")):
            raise _RefusedError(UNSIGNED)

    async def _store(self, guid: str, event: str, body: bytes) -> Answer:
        try:
            return STORED if await self._inbox.add(guid, event, body) else DUPLICATE
        except sa.exc.SQLAlchemyError as problem:
            _log.error(
                "a delivery could not be stored", guid=guid, problem=type(problem).__name__
            )  # its text holds the body
            return NOT_STORED


async def _expect(request: web.Request) -> None:
    """Let the body come where that is asked for; aiohttp's own stumbles over an `Expect` that is no ASCII."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version == HttpVersion11:
        with contextlib.suppress(ConnectionError):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # it is no part of the answer


def _not_malformed(record: logging.LogRecord) -> bool:
    """Not the traceback that the server writes for each request that is no HTTP: any stranger could fill the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def runner(app: web.Application, limits: Limits | None = None) -> web.AppRunner:
    """A server for `app` that cuts slow heads and idle connections, and never inflates what strangers send."""
    seconds = (limits or Limits()).read_seconds
    log = logging.getLogger(__name__)
    log.addFilter(_not_malformed)
    return web.AppRunner(
        app, keepalive_timeout=seconds, lingering_time=1.0, auto_decompress=False, access_log=None, logger=log
    )
