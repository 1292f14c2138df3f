"""The set-up's way out: hosts that are named, at addresses that were looked at, and nothing else, whatever is tried."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import egress, reach
from bot.sandbox.egress import Bounds, Egress
from bot.sandbox.jail import Door
from bot.sandbox.reach import Address
from tests.corporation import Proxy


@dataclass
class Internet:
    """One echoing server on loopback, and a DNS that the tests write. The only addresses that exist are there."""

    port: int = 0
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    met: int = 0
    here: frozenset[str] = frozenset({"127.0.0.1"})  # loopback addresses that are taken for public ones

    async def resolve(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.names:
            raise OSError("no such host")
        return self.names[host]

    def reachable(self, address: Address, private: bool) -> bool:
        return str(address) in self.here or reach.reachable(address, private)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met += 1
        while data := await reader.read(65_536):
            writer.write(data.upper())
            await writer.drain()
        writer.close()


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    net = Internet()
    async with await asyncio.start_server(net.serve, "127.0.0.1", 0) as server:
        net.port = server.sockets[0].getsockname()[1]
        net.names = {"packages.example": ["127.0.0.1"], "evil.example": ["127.0.0.1"]}
        yield net


@asynccontextmanager
async def opened(net: Internet, folder: Path, *hosts: str, **more: Any) -> AsyncIterator[tuple[Egress, Door]]:
    """A proxy with a door, for `packages.example` at the server's port unless other hosts are named."""
    named = hosts or (f"packages.example:{net.port}",)
    proxy = Egress(folder, named, **{"resolve": net.resolve, "reachable": net.reachable, **more})
    try:
        yield proxy, await proxy.open()
    finally:
        await proxy.close()


async def said(door: Door, words: bytes) -> bytes:
    """All that comes back for these words."""
    reader, writer = await asyncio.open_unix_connection(door.socket)
    writer.write(words)
    try:
        return await reader.read()
    finally:
        writer.close()


async def tunnel(door: Door, where: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A tunnel that is established."""
    reader, writer = await asyncio.open_unix_connection(door.socket)
    writer.write(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
    return reader, writer


async def refused(door: Door, where: str) -> str:
    """The sentence with which CONNECT is refused."""
    return _sentence(await said(door, f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode()), 403)


def _sentence(answer: bytes, status: int) -> str:
    head, _, body = answer.decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert f"Content-Length: {len(body)}" in head
    assert body.endswith("\n")
    return body.strip()


# ---- what passes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["packages.example", "PACKAGES.Example", "packages.example."])
async def test_a_host_that_is_named_is_reached_whatever_its_case(internet: Internet, tmp_path: Path, name: str) -> None:
    async with opened(internet, tmp_path) as (_, door):
        reader, writer = await tunnel(door, f"{name}:{internet.port}")
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read() == b"HELLO"
        writer.close()
    assert internet.asked == ["packages.example"]


async def test_what_is_said_before_the_answer_is_passed_on(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path) as (_, door):
        reader, writer = await asyncio.open_unix_connection(door.socket)
        writer.write(f"CONNECT packages.example:{internet.port} HTTP/1.1\r\n\r\nhello".encode())
        writer.write_eof()
        assert (await reader.read()).endswith(b"\r\n\r\nHELLO")
        writer.close()


async def test_the_port_is_443_where_none_is_written(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path, "packages.example") as (_, door):
        assert "not among the hosts" in await refused(door, f"packages.example:{internet.port}")
        answer = await said(door, b"CONNECT packages.example:443 HTTP/1.1\r\n\r\n")
        assert b"cannot be reached" in answer  # nobody listens there
    assert internet.asked == ["packages.example"]


async def test_the_address_that_was_looked_at_is_the_one_that_is_dialled(internet: Internet, tmp_path: Path) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    async with opened(internet, tmp_path, resolve=rebinding) as (_, door):
        reader, writer = await tunnel(door, f"packages.example:{internet.port}")
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert "has no address that" in await refused(door, f"packages.example:{internet.port}")
    assert internet.met == 1


async def test_of_many_addresses_only_the_good_ones_are_dialled(internet: Internet, tmp_path: Path) -> None:
    internet.names["packages.example"] = ["169.254.169.254", "::1", "127.0.0.1"]
    async with opened(internet, tmp_path) as (_, door):
        _, writer = await tunnel(door, f"packages.example:{internet.port}")
        writer.close()


async def test_where_the_bot_goes_through_a_proxy_so_does_the_set_up(
    internet: Internet, tmp_path: Path, proxy: Proxy
) -> None:
    async with opened(internet, tmp_path, f"127.0.0.1:{internet.port}") as (_, door):
        reader, writer = await tunnel(door, f"127.0.0.1:{internet.port}")
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        writer.close()
        assert "not among the hosts" in await refused(door, f"evil.example:{internet.port}")
    assert proxy.connected == [f"127.0.0.1:{internet.port}"]
    assert internet.asked == []


async def test_a_proxy_that_refuses_is_said(
    internet: Internet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
        async with opened(internet, tmp_path) as (_, door):
            answer = await said(door, f"CONNECT packages.example:{internet.port} HTTP/1.1\r\n\r\n".encode())
    assert _sentence(answer, 502) == f"`packages.example:{internet.port}` cannot be reached: ConnectionRefusedError"
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in heads[0]


# ---- what does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "packages.example.evil.example",
        "notpackages.example",
        "evil.example@packages.example",
        "169.254.169.254",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "2130706433",
        "0x7f000001",
        "127.1",
    ],
)
async def test_any_other_host_is_refused_by_name(internet: Internet, tmp_path: Path, host: str) -> None:
    async with opened(internet, tmp_path) as (_, door):
        assert await refused(door, f"{host}:{internet.port}") == (
            f"`{host}:{internet.port}` is not among the hosts that a set-up step may reach;"
            " the setting TUTTI_SETUP_HOSTS names them"
        )
    assert (internet.asked, internet.met) == ([], 0)


@pytest.mark.parametrize("port", ["80", "0", "99999999999", "x", "", "-1", "+443"])
async def test_any_other_port_is_refused(internet: Internet, tmp_path: Path, port: str) -> None:
    async with opened(internet, tmp_path) as (_, door):
        assert "TUTTI_SETUP_HOSTS" in await refused(door, f"packages.example:{port}")
    assert internet.asked == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.2", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0", "224.0.0.1", "10.0.0.1", "fd00::1"],
)
async def test_a_name_that_leads_to_this_machine_or_its_network_is_refused(
    internet: Internet, tmp_path: Path, address: str
) -> None:
    internet.here = frozenset()

    async def clients() -> frozenset[reach.Place]:
        return frozenset({("packages.example", internet.port)})

    internet.names["packages.example"] = [address]
    proxy = Egress(tmp_path, resolve=internet.resolve, ask=clients)
    assert await refused(await proxy.open(), f"packages.example:{internet.port}") == (
        "`packages.example` has no address that a set-up step may connect to;"
        " TUTTI_SETUP_HOSTS can name hosts of a private network"
    )
    await proxy.close()


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET http://packages.example/simple/ HTTP/1.1",
        b"GET / HTTP/1.1",
        b"connect packages.example:443 HTTP/1.1",
    ],
)
async def test_nothing_but_connect_is_there(internet: Internet, tmp_path: Path, request_line: bytes) -> None:
    async with opened(internet, tmp_path) as (_, door):
        answer = _sentence(await said(door, request_line + b"\r\nHost: packages.example\r\n\r\n"), 403)
    assert answer.endswith("can be reached by https alone: there is nothing here but CONNECT")
    assert internet.asked == []


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT packages.example:443\r\nX: y HTTP/1.1\r\n\r\n",
        b"CONNECT packages.example:443 HTTP/1.1\nX: y\r\n\r\n",
        b"CONNECT packages.example:443 HTTP/1.1\r\nX: a\rb\r\n\r\n",
        b"CONNECT packages.example:443 HTTP/1.1\r\nX: a\0b\r\n\r\n",
        b"CONNECT packages.example\xc2\xa0:443 HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
    ],
)
async def test_a_request_that_is_none_is_refused(internet: Internet, tmp_path: Path, head: bytes) -> None:
    async with opened(internet, tmp_path) as (_, door):
        assert _sentence(await said(door, head), 400) == "this is no request of HTTP/1.1"
    assert internet.asked == []


async def test_a_request_has_an_end(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path, bounds=Bounds(head=0.05)) as (_, door):
        giant = b"CONNECT packages.example:443 HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"
        assert _sentence(await said(door, giant), 431) == "a request may have 8 kB"
        assert _sentence(await said(door, b"CONNECT packages"), 408) == "the request did not come in time"


# ---- how much --------------------------------------------------------------------------------------------------------


async def test_so_many_connections_at_once(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path, bounds=Bounds(connections=2)) as (_, door):
        held = [await tunnel(door, f"packages.example:{internet.port}") for _ in range(2)]
        answer = await said(door, f"CONNECT packages.example:{internet.port} HTTP/1.1\r\n\r\n".encode())
        assert _sentence(answer, 503) == "a set-up step may have 2 connections at once"
        reader, writer = held[0]
        writer.write_eof()
        assert await reader.read() == b""
        for _, writer in held:
            writer.close()


async def test_a_connection_that_says_nothing_any_more_is_ended(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path, bounds=Bounds(idle=0.05)) as (_, door):
        reader, writer = await tunnel(door, f"packages.example:{internet.port}")
        assert await reader.read() == b""
        writer.close()


async def test_so_many_bytes_and_then_nothing_more(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path, bounds=Bounds(bytes=100)) as (_, door):
        reader, writer = await tunnel(door, f"packages.example:{internet.port}")
        writer.write(b"x" * 101)
        assert await reader.read() == b""
        writer.close()
        assert "may move" in await refused(door, f"packages.example:{internet.port}")


async def test_a_door_that_is_shut_cuts_off_what_goes_through_it(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path) as (proxy, door):
        other = await proxy.open()
        reader, writer = await tunnel(door, f"packages.example:{internet.port}")
        await proxy.shut(door)
        assert await reader.read() == b""
        writer.close()
        assert not door.socket.parent.exists()
        _, writer = await tunnel(other, f"packages.example:{internet.port}")
        writer.close()


async def test_what_was_refused_is_told_at_the_end(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path) as (proxy, door):
        sentences = [await refused(door, f"{host}.example:443") for host in ("one", "two", "one")]
        assert await proxy.shut(door) == sentences[:2]


async def test_a_door_may_be_on_loopback_too(internet: Internet, tmp_path: Path) -> None:
    async with opened(internet, tmp_path) as (proxy, door):
        assert (door.port, door.tcp) == (8119, 0)
        both = await proxy.open(tcp=True)
        reader, writer = await asyncio.open_connection("127.0.0.1", both.tcp)
        writer.write(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")
        assert b"403" in await reader.readline()
        writer.close()


# ---- whose hosts ---------------------------------------------------------------------------------------------------


async def test_a_named_host_may_have_an_address_of_a_private_network(tmp_path: Path, internet: Internet) -> None:
    dialled: list[tuple[str, bool]] = []

    def looking(address: Address, private: bool) -> bool:
        dialled.append((str(address), private))
        return False

    async with opened(internet, tmp_path, reachable=looking) as (_, door):
        answer = await refused(door, f"packages.example:{internet.port}")
    assert answer == "`packages.example` has no address that a set-up step may connect to"
    assert dialled == [("127.0.0.1", True)]


async def test_without_a_named_host_the_clients_are_asked_once(internet: Internet, tmp_path: Path) -> None:
    asked = 0

    async def clients() -> frozenset[reach.Place]:
        nonlocal asked
        asked += 1
        return frozenset({("packages.example", internet.port)})

    proxy = Egress(tmp_path, resolve=internet.resolve, reachable=internet.reachable, ask=clients)
    door = await proxy.open()
    for _ in range(2):
        _, writer = await tunnel(door, f"packages.example:{internet.port}")
        writer.close()
    await proxy.close()
    assert asked == 1


def test_clients_are_told_by_the_variables_that_they_read() -> None:
    told = egress.environment("http://127.0.0.1:8119")
    assert {told[name] for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "npm_config_https_proxy")} == {
        "http://127.0.0.1:8119"
    }


# ---- a real client ---------------------------------------------------------------------------------------------------


async def test_tls_goes_from_end_to_end(
    internet: Internet, tmp_path: Path, authority: tuple[Path, ssl.SSLContext]
) -> None:
    trusted = ssl.create_default_context(cafile=str(authority[0]))

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"hello\n")
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0, ssl=authority[1]) as server:
        port = server.sockets[0].getsockname()[1]
        async with opened(internet, tmp_path, f"packages.example:{port}") as (_, door):
            reader, writer = await tunnel(door, f"packages.example:{port}")
            await writer.start_tls(trusted, server_hostname="127.0.0.1")
            writer.write(b"hi\n")
            assert await reader.readline() == b"hello\n"
            writer.close()
            await writer.wait_closed()
