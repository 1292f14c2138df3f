"""The stage, its played model and its gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulator.model import PlayedModel
from bot.sandbox.gateway import Gateway
from tests.backends.stage import KEY, NAMES, Stage


@pytest.fixture
async def played() -> AsyncIterator[PlayedModel]:
    """A model that accepts only the real key, and is asked nothing that it cannot answer."""
    async with PlayedModel([], key=KEY) as model:
        yield model
        assert model.problems == []


@pytest.fixture
async def gateway(played: PlayedModel) -> AsyncIterator[Gateway]:
    gateway = Gateway(played.url, KEY)
    await gateway.start()
    yield gateway
    await gateway.close()


@pytest.fixture(params=NAMES)
def stage(request: pytest.FixtureRequest, tmp_path: Path, played: PlayedModel, gateway: Gateway) -> Stage:
    return Stage(request.param, tmp_path, played, gateway.open("run", usd=5.0))


@pytest.fixture
def claude(tmp_path: Path, played: PlayedModel, gateway: Gateway) -> Stage:
    return Stage("claude", tmp_path, played, gateway.open("run", usd=5.0))
