"""Git reaches a GitHub Enterprise Server through the company's proxy, and trusts the company's own authority."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulator.server import Emulator
from bot.errors import TryAgain
from bot.git.command import GitError, Transport
from bot.git.mirror import Mirrors
from tests.corporation import Proxy


@pytest.fixture
async def walled(tmp_path: Path, authority: tuple[Path, ssl.SSLContext]) -> AsyncIterator[tuple[Emulator, str]]:
    """A played GitHub behind TLS, and the address at which it is found."""
    async with Emulator(tmp_path / "github") as emulator:
        inner = Proxy()

        async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await inner.tunnel(reader, writer, "127.0.0.1", int(emulator.url.rpartition(":")[2]))

        async with await asyncio.start_server(through, "127.0.0.1", 0, ssl=authority[1]) as server:
            yield emulator, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            await inner.ended()


async def test_it_fetches_through_the_proxy_with_the_private_authority(
    walled: tuple[Emulator, str], authority: tuple[Path, ssl.SSLContext], proxy: Proxy, tmp_path: Path
) -> None:
    emulator, url = walled
    repo = await emulator.create_repo("acme/shop", {"a.txt": "a\n"})
    installed = await emulator.install(repo)
    token = emulator.mint(installed, [repo], {"contents": "read"}).value
    transport = Transport(https_proxy=proxy.url, ca_file=authority[0])
    mirrors = Mirrors(tmp_path / "data", url, transport)
    mirror = await mirrors.get("acme/shop")
    await mirror.fetch(["main"], mirrors.credential(token))
    assert await mirror.read("main", "a.txt") == b"a\n"
    assert set(proxy.connected) == {url.removeprefix("https://")}


async def test_an_authority_that_nobody_named_is_not_trusted(walled: tuple[Emulator, str], tmp_path: Path) -> None:
    emulator, url = walled
    await emulator.create_repo("acme/shop", {"a.txt": "a\n"})
    mirror = await Mirrors(tmp_path / "data", url).get("acme/shop")
    with pytest.raises((GitError, TryAgain), match="certificate"):
        await mirror.fetch(["main"])
