"""The street before the house: requests to the door of a bot that runs, and repositories that change their names."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from bot.emulator.hooks import Delivery
from bot.emulator.world import Repo
from bot.web.webhook import Door
from tests.house import SECRET, House
from tests.street import Street

TARGET_ID, TARGET_TYPE = "X_GitHub_Hook_Installation_Target_ID", "X_GitHub_Hook_Installation_Target_Type"


@asynccontextmanager
async def street(house: House) -> AsyncIterator[Street]:
    """The way to the house's own door."""
    door = Door(SECRET, house.bot.inbox)
    async with aiohttp.ClientSession() as session:
        yield Street(door, house.bot.bench.db, urlsplit(house.url).port or 0, session)


def sent(house: House, name: str = "issues.labeled") -> Delivery:
    """The newest delivery of that name that GitHub sent."""
    return [delivery for delivery in house.emulator.deliveries if delivery.name == name][-1]


def body(payload: Mapping[str, object]) -> bytes:
    """A payload byte for byte as GitHub sends it."""
    return json.dumps(payload, separators=(",", ":")).encode()


async def handled(house: House) -> None:
    """Until every stored delivery is handled, whatever runs still go on."""
    while (await house.bot.inbox.counts())["new"]:
        await asyncio.to_thread(lambda: None)


async def knocked(house: House, delivery: Delivery, **changed: object) -> str:
    """Send a delivery's event again under a new GUID, with other values at the top; the note that it ends with."""
    async with street(house) as way:
        said = await way.knock(
            body({**delivery.payload, **changed}), X_GitHub_Event=delivery.event, X_GitHub_Delivery=str(uuid4())
        )
    assert said == (202, "stored")
    await house.settle()
    return (await house.notes())[-1]


def rename(house: House, repo: Repo, full_name: str) -> None:
    """The repository has another name, of another owner perhaps; its old name is free."""
    world, (login, _, name) = house.emulator.world, full_name.partition("/")
    del world.repos[repo.full_name.lower()]
    repo.owner, repo.name = world.users.get(login.lower()) or world.person(login, "Organization"), name
    world.repos[full_name.lower()] = repo


def minted(house: House, since: int = 0) -> list[int]:
    """What GitHub answered to each wish for a token from the exchange of that number on."""
    return [
        exchange.status
        for exchange in house.emulator.requests[since:]
        if exchange.method == "POST" and exchange.path.endswith("/access_tokens")
    ]
