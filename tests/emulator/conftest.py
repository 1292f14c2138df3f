"""The stage of the emulator's tests, and what must hold whenever one leaves it."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.emulator.server import Emulator
from tests.emulator.played import Clock, Listener, Played
from tests.judge.judge import judge


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[Played]:
    """On leaving: no route was missing, the emulator met no bug, GitHub's description fits all that it said."""
    clock, bot = Clock(), Listener()
    async with Emulator(tmp_path / "github", clock=clock) as emulator, aiohttp.ClientSession() as session:
        emulator.hook_url = await bot.start()
        played = Played(emulator, session, bot, clock)
        await played.begin()
        yield played
        await emulator.delivered()
    await bot.close()
    assert emulator.unknown == []
    assert emulator.errors == []
    assert [line for each in emulator.requests for line in judge().answer(each)] == []
    assert [line for each in emulator.deliveries for line in judge().webhook(each)] == []
