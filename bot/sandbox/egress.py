"""The way out of a sandbox for set-up steps alone: an HTTP proxy that knows CONNECT, a few hosts, and nothing else.

It resolves names itself, looks at the addresses, and dials the very address that it looked at. Everything else is
refused with 403 and a sentence. Where the bot itself has to go through a proxy, that one resolves and dials.
"""

import asyncio
import base64
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yarl import URL

from bot.proxy import proxy_for
from bot.sandbox import doors, reach
from bot.sandbox.jail import Door
from bot.sandbox.reach import HTTPS, Address, Place

PORT = 8119  # of the door, inside
_HEAD = 8 << 10  # bytes of a request before the tunnel
_PIECE = 64 << 10
_LINGER = 5.0  # seconds
_TOLD = 10  # refusals
_LINE = re.compile(rb"([!-~]{1,20}) ([!-~]{1,2000}) HTTP/1\.[01]\r\n")
_BROKEN = re.compile(rb"(?<!\r)\n|\r(?!\n)|\0")
_WORDS = {400: "Bad Request", 403: "Forbidden", 408: "Request Timeout", 431: "Request Header Fields Too Large"}
_WORDS |= {502: "Bad Gateway", 503: "Service Unavailable"}

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True)
class Bounds:
    """What one step may use: connections at once, bytes in all, seconds without a byte, seconds for a request."""

    connections: int = 64
    bytes: int = 10 << 30
    idle: float = 120.0
    head: float = 10.0
    dial: float = 30.0


class RefusedError(Exception):
    """The proxy does not do that; status and sentence are for whoever asked."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status, self.sentence = status, sentence
        super().__init__(sentence)


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def environment(url: str) -> dict[str, str]:
    """What makes clients go through the proxy; plain http goes there too, to be refused with a sentence."""
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "npm_config_https_proxy", "npm_config_proxy")
    return {**dict.fromkeys(names, url), "PIP_PROXY": url, "NO_PROXY": "127.0.0.1,localhost"}


@dataclass(eq=False)
class _Step:
    """One step's door, and what it has used. `only`: of the places that may be reached those alone."""

    listening: doors.Listening
    only: frozenset[Place] | None = None
    servers: list[asyncio.Server] = field(default_factory=list)
    tunnels: set["asyncio.Task[None]"] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    moved: int = 0
    over: bool = False


class Egress:
    """The proxy. `hosts` are those that the operator names, `name` or `name:port`; doors are made in `data_dir`.

    Without them `ask` says which there are, once. `resolve` gives a host's addresses, `reachable` says which may be
    dialled (the flag: private ones as well).
    """

    def __init__(
        self,
        data_dir: Path,
        hosts: Iterable[str] = (),
        *,
        resolve: Resolve = resolve,
        reachable: Callable[[Address, bool], bool] = reach.reachable,
        ask: Callable[[], Awaitable[frozenset[Place]]] = reach.of_clients,
        bounds: Bounds | None = None,
    ) -> None:
        self._folder, self._named = data_dir / "doors", reach.places(hosts)
        self._resolve, self._reachable, self._ask, self._bounds = resolve, reachable, ask, bounds or Bounds()
        self._asked: asyncio.Task[frozenset[Place]] | None = None
        self._steps: dict[Door, _Step] = {}

    async def open(self, uid: int | None = None, tcp: bool = False, hosts: Iterable[str] | None = None) -> Door:
        """A door for one step, which the user `uid` can open; `tcp`: it is on loopback as well.

        `hosts` narrow what it reaches, none to nothing; None: it reaches whatever may be reached.
        """
        only = None if hosts is None else reach.places(hosts)
        step = _Step(doors.listen(self._folder, PORT, uid=uid, tcp=tcp), only)
        self._steps[step.listening.door] = step

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(step.tunnels) >= 2 * self._bounds.connections:
                writer.transport.abort()
                return
            task = asyncio.create_task(self._serve(step, reader, writer))
            step.tunnels.add(task)
            task.add_done_callback(step.tunnels.discard)

        for one in step.listening.sockets:
            step.servers.append(await asyncio.start_server(serve, sock=one, limit=_HEAD))
        return step.listening.door

    async def shut(self, door: Door) -> Sequence[str]:
        """Close a door and cut off what goes through it; the sentences of what was refused, which clients hide."""
        step = self._steps.pop(door, None)
        if step is None:
            return ()
        step.over = True
        for server in step.servers:
            server.close()
        step.listening.close()
        for task in step.tunnels:
            task.cancel()
        await asyncio.gather(*step.tunnels, return_exceptions=True)
        return step.refused

    async def close(self) -> None:
        for door in list(self._steps):
            await self.shut(door)
        if self._asked:
            self._asked.cancel()
            await asyncio.gather(self._asked, return_exceptions=True)

    async def _serve(self, step: _Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(step, reader, writer)
        except OSError:
            pass
        finally:
            await _leave(writer, step)

    async def _answer(self, step: _Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Read even where it is too much: who is not heard hears nothing.
            place = await self._asked_for(reader, step.only)
            self._may_begin(step)
            there = await self._connected(place)
        except RefusedError as refusal:
            writer.write(_said(refusal))
            if refusal.sentence not in step.refused and len(step.refused) < _TOLD:
                step.refused.append(refusal.sentence)
            return
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._pass(step, (reader, writer), there)
        finally:
            await _leave(there[1], step)

    def _may_begin(self, step: _Step) -> None:
        if len(step.tunnels) > self._bounds.connections:
            raise RefusedError(503, f"a set-up step may have {self._bounds.connections} connections at once")
        if step.moved >= self._bounds.bytes:
            raise RefusedError(403, f"a set-up step may move {self._bounds.bytes / 1e9:.0f} GB, and it has")

    async def _asked_for(self, reader: asyncio.StreamReader, only: frozenset[Place] | None) -> Place:
        """Where a request wants to go, which is a place it may go to."""
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self._bounds.head)
        except TimeoutError:
            raise RefusedError(408, "the request did not come in time") from None
        except asyncio.LimitOverrunError:
            raise RefusedError(431, f"a request may have {_HEAD >> 10} kB") from None
        except asyncio.IncompleteReadError:
            raise RefusedError(400, "the request is cut off") from None
        line = _LINE.match(head)
        if line is None or _BROKEN.search(head):
            raise RefusedError(400, "this is no request of HTTP/1.1")
        method, target = line[1].decode(), line[2].decode()
        if method != "CONNECT":
            where = _shown(target.partition("://")[2].partition("/")[0] or target)
            raise RefusedError(403, f"`{where}` can be reached by https alone: there is nothing here but CONNECT")
        host, _, port = target.rpartition(":")
        if not port.isdecimal() or (reach.named(host), int(port[:6])) not in await self._allowed():
            raise RefusedError(403, _not_allowed(host or target, port if host else ""))
        place = reach.named(host), int(port)
        if only is not None and place not in only:
            raise RefusedError(403, _not_wanted(*place))
        return place

    async def _allowed(self) -> frozenset[Place]:
        if self._named:
            return self._named
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._ask())
        return await asyncio.shield(self._asked)

    async def _connected(self, place: Place) -> Pipe:
        """A connection to a place. Raises RefusedError."""
        host, port = place
        try:
            async with asyncio.timeout(self._bounds.dial):
                if proxy := proxy_for(URL.build(scheme="https", host=host, port=port)):
                    return await _through(proxy, place)
                return await self._dialled(await self._checked(place), port)
        except OSError as problem:
            raise RefusedError(502, f"`{host}:{port}` cannot be reached: {type(problem).__name__}") from None

    async def _checked(self, place: Place) -> list[str]:
        """The addresses of a host that may be dialled."""
        host, port = place
        found = [ipaddress.ip_address(address) for address in await self._resolve(host, port)]
        good = [str(address) for address in found if self._reachable(address, place in self._named)]
        if not good:
            way = "" if place in self._named else "; TUTTI_SETUP_HOSTS can name hosts of a private network"
            raise RefusedError(403, f"`{host}` has no address that a set-up step may connect to{way}")
        return good

    async def _dialled(self, addresses: Sequence[str], port: int) -> Pipe:
        problem: OSError = OSError("no address")
        for address in addresses:
            try:
                return await asyncio.open_connection(address, port)
            except OSError as error:
                problem = error
        raise problem

    async def _pass(self, step: _Step, here: Pipe, there: Pipe) -> None:
        """Bytes both ways until both sides have ended, or nothing came for too long, or it was too much."""
        try:
            async with asyncio.timeout(self._bounds.idle) as quiet, asyncio.TaskGroup() as both:
                both.create_task(self._pump(step, here[0], there[1], quiet))
                both.create_task(self._pump(step, there[0], here[1], quiet))
        except* OSError:
            pass  # one of both is gone, or says nothing any more

    async def _pump(
        self, step: _Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, quiet: asyncio.Timeout
    ) -> None:
        while data := await reader.read(_PIECE):
            step.moved += len(data)
            if step.moved > self._bounds.bytes:
                raise ConnectionAbortedError
            writer.write(data)
            await writer.drain()
            quiet.reschedule(asyncio.get_running_loop().time() + self._bounds.idle)
        if writer.can_write_eof():
            writer.write_eof()


async def _leave(writer: asyncio.StreamWriter, step: _Step) -> None:
    """Close a connection; what it does not take within a moment is lost, and everything once the step is over."""
    try:
        writer.close()
        async with asyncio.timeout(0 if step.over else _LINGER):
            await writer.wait_closed()
    except OSError:
        pass
    finally:
        writer.transport.abort()


async def _through(proxy: URL, place: Place) -> Pipe:
    """A connection to a place by the bot's own proxy. Raises OSError."""
    secure = ssl.create_default_context() if proxy.scheme == "https" else None
    pipe = await asyncio.open_connection(proxy.host, proxy.port, ssl=secure)
    where = f"{place[0]}:{place[1]}"
    head = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    if proxy.user is not None:
        said = base64.b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
        head.append(f"Proxy-Authorization: Basic {said}")
    try:
        pipe[1].write("\r\n".join([*head, "", ""]).encode())
        answer = await pipe[0].readuntil(b"\r\n\r\n")
        if not re.match(rb"HTTP/1\.[01] 200\b", answer):
            raise ConnectionRefusedError
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pipe[1].close()
        raise ConnectionResetError from None
    except BaseException:
        pipe[1].close()
        raise
    return pipe


def _not_allowed(host: str, port: str) -> str:
    where = _shown(f"{host}:{port}" if port not in ("", str(HTTPS)) else host)
    return f"`{where}` is not among the hosts that a set-up step may reach; the setting TUTTI_SETUP_HOSTS names them"


def _not_wanted(host: str, port: int) -> str:
    where = _shown(host if port == HTTPS else f"{host}:{port}")
    return f"`{where}` is not among the hosts that `setup-hosts` in .github/tutti.yml names"


def _shown(words: str) -> str:
    return words.replace("`", "'")[:100]


def _said(refusal: RefusedError) -> bytes:
    body = refusal.sentence.encode("ascii", "replace") + b"\n"
    first = f"HTTP/1.1 {refusal.status} {_WORDS[refusal.status]}"
    kind = "Content-Type: text/plain; charset=us-ascii"
    head = [first, kind, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(head).encode() + body
