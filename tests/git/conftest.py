"""The stage every test of the git room stands on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from bot.git.command import Credential
from bot.git.mirror import Mirror, Mirrors
from bot.git.worktree import Pool, Worktree
from tests.git.stage import TOKEN, Server, Upstream


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A git server on loopback."""
    stage = Server(tmp_path / "server")
    async with TestServer(stage.app()) as running:
        stage.url = str(running.make_url("")).rstrip("/")
        yield stage


@pytest.fixture
def shop(server: Server) -> Upstream:
    """A small repository with one commit."""
    upstream = server.upstream()
    upstream.commit({"README.md": "# Shop\n", "src/shop.py": "def price() -> int:\n    return 1\n"})
    return upstream


@pytest.fixture
def credential(server: Server) -> Credential:
    """What opens the server."""
    return Credential(server.url, TOKEN)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The bot's data folder."""
    return tmp_path / "data"


@pytest.fixture
def mirrors(server: Server, data_dir: Path) -> Mirrors:
    """The bot's mirrors."""
    return Mirrors(data_dir, server.url)


@pytest.fixture
async def mirror(mirrors: Mirrors, shop: Upstream, credential: Credential) -> Mirror:
    """The shop's mirror, fetched once."""
    found = await mirrors.get("acme/shop")
    await found.fetch(credential=credential)
    return found


@pytest.fixture
async def pool(data_dir: Path) -> AsyncIterator[Pool]:
    """A pool of worktrees; every test waits for its background work."""
    found = Pool(data_dir)
    yield found
    await found.wait()
    await found.close()


@pytest.fixture
async def worktree(mirror: Mirror, pool: Pool, shop: Upstream) -> Worktree:
    """The shop, given to an agent."""
    return await pool.take(mirror, shop.tip("main") or "", run="run-1")
