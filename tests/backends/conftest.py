"""The stage, its played model and its gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulator.model import PlayedModel
from bot.sandbox.gateway import Gateway
from tests import counter
from tests.backends.stage import NAMES, Stage, built
from tests.counter import KEY


@pytest.fixture
async def played() -> AsyncIterator[PlayedModel]:
    """A model that accepts only the real key, and is asked nothing that it cannot answer."""
    async with PlayedModel([], key=KEY) as model:
        yield model
        assert model.problems == []


@pytest.fixture
async def gateway(played: PlayedModel, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with counter.gateway(played.url, tmp_path / "data") as gateway:
        yield gateway


@pytest.fixture(params=NAMES)
async def stage(request: pytest.FixtureRequest, tmp_path: Path, played: PlayedModel, gateway: Gateway) -> Stage:
    return await built(request.param, tmp_path, played, gateway)


@pytest.fixture
async def claude(tmp_path: Path, played: PlayedModel, gateway: Gateway) -> Stage:
    return await built("claude", tmp_path, played, gateway)
