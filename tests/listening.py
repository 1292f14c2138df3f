"""Shows the suite's witness everything: processes, logs, responses of the bot, requests it sent to GitHub and a model.

Called once, before any test is collected. What is wrapped here is the tests' own ground (the played GitHub and model,
structlog's capture) and the interpreter; of the bot nothing is replaced.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from structlog.processors import ExceptionRenderer
from structlog.testing import LogCapture
from structlog.tracebacks import ExceptionDictTransformer

from bot.emulator.fault import Exchange
from bot.emulator.model import PlayedModel
from bot.emulator.server import Emulator
from bot.operate.log import without_secrets
from tests.canary import Secrets, Witness

WITNESS = Witness(Secrets())
_TRACES = ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=20))  # as in bot/operate/log.py
_OURS = ("bot.web", "bot.sandbox", "bot.app")


def listen(witness: Witness = WITNESS) -> None:
    _to_processes(witness)
    _to_logs(witness)
    _to_github(witness)
    _to_the_model(witness)
    _to_responses(witness)


def _to_processes(witness: Witness) -> None:
    def heard(event: str, args: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            _program, argv, _folder, environment = args
            given = os.environb if environment is None else environment
            pairs = [os.fsencode(key) + b"=" + os.fsencode(value) for key, value in given.items()]
            witness.started([os.fsdecode(word) for word in ([argv] if isinstance(argv, str | bytes) else argv)], pairs)

    sys.addaudithook(heard)


def _to_logs(witness: Witness) -> None:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            witness.saw("the log of", record.name, self.format(record))

    logging.getLogger().addHandler(Handler(logging.NOTSET))
    kind: Any = LogCapture
    captured = kind.__call__

    def capture(self: LogCapture, logger: Any, method: str, event: Any) -> Any:
        witness.saw("the log of", "the bot", logged(event))
        return captured(self, logger, method, event)

    kind.__call__ = capture


def logged(event: Mapping[str, Any]) -> str:
    """An event as the bot's log prints it, its trace too."""
    return json.dumps(without_secrets(dict(_TRACES(None, "", dict(event)))))


def _to_github(witness: Witness) -> None:
    kind: Any = Emulator
    start, close = kind.start, kind.close

    async def started(self: Emulator, *args: Any, **named: Any) -> Any:
        witness.secrets.know("webhook secret", self.webhook_secret)
        witness.secrets.know_key(self.private_key)
        return await start(self, *args, **named)

    async def closed(self: Emulator) -> None:
        await close(self)
        for exchange in self.requests:
            witness.saw("a request to GitHub", f"{exchange.method} {exchange.path[:80]}", sent(exchange))

    kind.start, kind.close = started, closed


def sent(exchange: Exchange) -> str:
    """What was asked of GitHub, but for the header in which a token has its place."""
    headers = {name: value for name, value in exchange.headers.items() if name.lower() != "authorization"}
    body = exchange.body.decode(errors="replace") if isinstance(exchange.body, bytes) else exchange.body
    return json.dumps([exchange.path, exchange.query, headers, body], ensure_ascii=False)


def _to_the_model(witness: Witness) -> None:
    kind: Any = PlayedModel
    start, close = kind.start, kind.close

    async def started(self: PlayedModel, port: int = 0) -> None:
        if self.key is not None:
            witness.secrets.know("key for the model", self.key)
        await start(self, port)

    async def closed(self: PlayedModel) -> None:
        await close(self)
        for request in self.requests:
            headers = {name: value for name, value in request.headers.items() if name != "x-api-key"}
            told = json.dumps([request.path, headers, request.body], ensure_ascii=False)
            witness.saw("a request to the model", request.path, told)

    kind.start, kind.close = started, closed


def _to_responses(witness: Witness) -> None:
    whole: Any = web.Response
    piecewise: Any = web.StreamResponse
    prepare, write = whole.prepare, piecewise.write

    async def prepared(self: web.Response, request: web.BaseRequest) -> Any:
        if is_ours(request):
            body = self.body if isinstance(self.body, bytes) else b""
            witness.saw("a response to", request.path[:80], str(dict(self.headers)).encode() + body)
        return await prepare(self, request)

    async def written(self: web.StreamResponse, data: Any) -> None:
        if self._req is not None and is_ours(self._req):
            witness.saw("a response to", self._req.path[:80], bytes(data))
        await write(self, data)

    whole.prepare, piecewise.write = prepared, written


def is_ours(request: web.BaseRequest) -> bool:
    """Whether a server of the bot answers this, and not the played GitHub or model."""
    if not isinstance(request, web.Request) or request._match_info is None:
        return True  # gibberish, which is answered before it belongs to anyone
    handlers: list[Callable[..., Any]] = [route.handler for route in request.app.router.routes()]
    return any(str(getattr(handler, "__module__", "")).startswith(_OURS) for handler in handlers)
