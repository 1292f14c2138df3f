"""The stage, its played model and its gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulator.model import PlayedModel
from bot.sandbox.gateway import Gateway, Lease
from tests.backends.stage import KEY, NAMES, Stage
from tests.counter import Purse


@pytest.fixture
async def played() -> AsyncIterator[PlayedModel]:
    """A model that accepts only the real key, and is asked nothing that it cannot answer."""
    async with PlayedModel([], key=KEY) as model:
        yield model
        assert model.problems == []


@pytest.fixture
async def gateway(played: PlayedModel, tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(played.url, KEY, tmp_path)
    await gateway.start()
    yield gateway
    await gateway.close()


@pytest.fixture
async def lease(gateway: Gateway) -> Lease:
    return await gateway.open("run", usd=5.0, purse=Purse(), tcp=True)


@pytest.fixture(params=NAMES)
def stage(request: pytest.FixtureRequest, tmp_path: Path, played: PlayedModel, lease: Lease) -> Stage:
    return Stage(request.param, tmp_path, played, lease)


@pytest.fixture
def claude(tmp_path: Path, played: PlayedModel, lease: Lease) -> Stage:
    return Stage("claude", tmp_path, played, lease)
