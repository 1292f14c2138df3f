"""The HTTP side: takes requests apart, finds who answers them, and keeps a log of what was asked."""

import asyncio
import hashlib
import json
import re
import traceback
from collections.abc import Mapping
from typing import Self

from aiohttp import web

from bot.emulator import githttp, graph, page
from bot.emulator import rest_app as rest_app
from bot.emulator import rest_check as rest_check
from bot.emulator import rest_pull as rest_pull
from bot.emulator import rest_repo as rest_repo
from bot.emulator import rest_review as rest_review
from bot.emulator.caller import NOBODY, Caller, identify, permit
from bot.emulator.checking import CheckVerbs
from bot.emulator.fault import Exchange, Fault
from bot.emulator.problem import Problem
from bot.emulator.rest_issue import needs_issue_right
from bot.emulator.route import ROUTES as ROUTES
from bot.emulator.route import Answer, Call, Route, find_route

GIT = re.compile(r"/(?P<full_name>[^/]+/[^/]+?)(?:\.git)?/(?P<rest>info/refs|git-upload-pack|git-receive-pack)")
API = "/api/v3"
GRAPH = "/api/graphql"
VERSIONS = ("2022-11-28", "2026-03-10")
MOST = 1 << 30
HOURLY = 5000


class Emulator(CheckVerbs):
    """A GitHub with one App on it, at `url` once started; use it as an async context manager.

    `requests` is everything asked, `unknown` what no route answers (501), `errors` the emulator's own tracebacks.
    """

    _runner: web.AppRunner | None = None
    _hour = 0
    _used = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        app = web.Application(client_max_size=MOST)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.shape.move_to(f"http://{host}:{self._runner.addresses[0][1]}")
        self.hooks.start()
        return self

    async def close(self) -> None:
        await self.hooks.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def fault(
        self,
        method: str,
        path: str,
        *,
        times: int = 1,
        status: int | None = None,
        message: str = "played fault",
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        hold: asyncio.Event | None = None,
        drop: bool = False,
        lose: bool = False,
    ) -> Fault:
        """Orders trouble for the next requests whose method and path (without /api/v3) match these patterns whole."""
        asked = (re.compile(method), re.compile(path))
        return self.faults.add(Fault(*asked, times, status, message, headers or {}, delay, hold, drop, lose))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        api = path.startswith(f"{API}/")
        path = path.removeprefix(API) if api else path
        fault = self.faults.take(request.method, path)
        if fault is not None:
            await fault.wait()
            if fault.drop:
                return _cut(request)
            if fault.status is not None:
                problem = Problem(fault.status, fault.message, headers=fault.headers)
                return await self._refuse(request, path, problem)
        response = await self._dispatch(request, path, api=api)
        return _cut(request) if fault is not None and fault.lose else response

    async def _dispatch(self, request: web.Request, path: str, *, api: bool) -> web.StreamResponse:
        if not api and (match := GIT.fullmatch(path)):
            exchange = await self._note(request, path, read=False)
            response = await githttp.serve(self, request, match["full_name"], match["rest"])
            exchange.status = response.status
            return response
        if path == GRAPH and request.method == "POST":
            exchange = await self._note(request, path)
            return self._respond(request, exchange, await self._ask(request, exchange), resource="graphql")
        found = find_route(request.method, path)
        if found is None and not api and page.wants(request):
            return await page.serve(self, request)
        exchange = await self._note(request, path)
        if found is None:
            self.unknown.append(f"{request.method} {path}")
            return self._respond(
                request, exchange, Answer(Problem(501, f"no route for {request.method} {path}").body, 501)
            )
        exchange.template = found[0].template
        return self._respond(request, exchange, await self._call(request, exchange, *found))

    async def _note(self, request: web.Request, path: str, *, read: bool = True) -> Exchange:
        raw = await request.read() if read else b""
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        headers = {str(name): value for name, value in request.headers.items()}
        exchange = Exchange(request.method, path, dict(request.query), headers, body)
        self.requests.append(exchange)
        return exchange

    async def _refuse(self, request: web.Request, path: str, problem: Problem) -> web.Response:
        exchange = await self._note(request, path, read=not GIT.fullmatch(path))
        return self._respond(request, exchange, Answer(problem.body, problem.status, problem.headers))

    async def _call(self, request: web.Request, exchange: Exchange, route: Route, path: dict[str, str]) -> Answer:
        try:
            caller = self._admit(request, exchange, app=route.app)
            url = str(request.url.with_query(None))
            call = Call(self, caller, url, path, exchange.query, exchange.headers, exchange.body)
            if "{owner}" in route.template and not route.app:
                permit(self, caller, call.repo, route.needs, write=request.method != "GET")
                needs_issue_right(call) if "issues:write" in route.needs or "issues:read" in route.needs else None
            return await route.handler(call)
        except Problem as problem:
            return Answer(problem.body, problem.status, problem.headers)
        except Exception:  # noqa: BLE001 - a bug of the emulator must show as one, in the test that met it
            self.errors.append(traceback.format_exc())
            return Answer({"message": "Server Error", "errors": [self.errors[-1]]}, 500)

    async def _ask(self, request: web.Request, exchange: Exchange) -> Answer:
        """GraphQL: whatever is wrong with what is asked, the status is 200."""
        try:
            caller = self._admit(request, exchange, app=False)
            if caller.token is None:
                raise Problem(401, "This endpoint requires you to be authenticated.")
            return Answer(await graph.answer(self, caller, exchange.body))
        except Problem as problem:
            return Answer(problem.body, problem.status, problem.headers)

    def _admit(self, request: web.Request, exchange: Exchange, *, app: bool) -> Caller:
        """Raises Problem for what GitHub refuses whatever is asked."""
        if not request.headers.get("User-Agent"):
            raise Problem(403, "Request forbidden by administrative rules. Please send a User-Agent header.")
        version = request.headers.get("X-GitHub-Api-Version")
        if version is not None and version not in VERSIONS:
            raise Problem(400, f'"{version}" is not a valid value for the X-GitHub-Api-Version header.')
        if isinstance(exchange.body, bytes):
            raise Problem(400, "Problems parsing JSON")
        caller = identify(self, request.headers.get("Authorization"))
        if app and not caller.app:
            raise Problem(401, "A JSON web token could not be decoded")
        if caller.app and not app:
            raise Problem(401, "Bad credentials")
        return caller or NOBODY

    def _use(self) -> int:
        """How many requests this hour has seen."""
        hour = int(self.now()) // 3600
        self._hour, self._used = hour, self._used + 1 if hour == self._hour else 1
        return self._used

    def _respond(
        self, request: web.Request, exchange: Exchange, answer: Answer, resource: str = "core"
    ) -> web.Response:
        exchange.status, exchange.answer = answer.status, answer.body
        used = self._use()
        headers = {
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-RateLimit-Limit": str(HOURLY),
            "X-RateLimit-Remaining": str(max(HOURLY - used, 1)),
            "X-RateLimit-Reset": str((self._hour + 1) * 3600),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Resource": resource,
            **answer.headers,
        }
        if answer.status == 204:
            return web.Response(status=204, headers=headers)
        raw = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
        if request.method == "GET" and answer.status == 200:
            headers["ETag"] = f'W/"{hashlib.sha256(raw).hexdigest()}"'
            if request.headers.get("If-None-Match") == headers["ETag"]:
                exchange.status = 304
                return web.Response(status=304, headers=headers)
        return web.Response(status=answer.status, body=raw, headers=headers)


def _cut(request: web.Request) -> web.Response:
    """Ends the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)
