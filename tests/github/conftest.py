"""The App, a played GitHub that it talks to, and a clock that passes by sleeping alone."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.github.api import Repository
from bot.github.caller import Clock as RealClock
from bot.github.client import GitHub
from bot.github.entity import RepoRef
from bot.settings import Settings
from tests.github.served import Asked, Clock, Served, Told

SHOP = RepoRef("acme", "shop", 7, 5)
MINT = "POST /app/installations/5/access_tokens"
REVOKE = "DELETE /installation/token"


@pytest.fixture(scope="session")
def pem() -> str:
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        .decode()
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A GitHub that mints tokens `token-1`, `token-2` ... and revokes them."""
    served = Served()
    await served.server.start_server()

    def mint(_asked: Asked) -> Told:
        return Told({"token": f"token-{served.count(MINT)}", "expires_at": "2027-01-15T09:00:00Z"}, 201)

    served.tell(MINT, mint)
    served.tell(REVOKE, Told(status=204))
    yield served
    await served.server.close()


@pytest.fixture
def settings(served: Served, pem: str) -> Settings:
    return Settings.model_validate({"app_id": 11, "private_key": pem, "api_url": served.url})


@pytest.fixture
async def github(settings: Settings, clock: Clock) -> AsyncIterator[GitHub]:
    async with aiohttp.ClientSession() as session:
        yield GitHub(settings, session, RealClock(clock.now, clock.sleep))


@pytest.fixture
async def shop(served: Served, github: GitHub) -> AsyncIterator[Repository]:
    served.tell("GET /app", Told({"id": 11, "slug": "tutti", "name": "Tutti"}))
    served.tell("GET /users/tutti%5Bbot%5D", Told({"id": 99}))
    async with github.repository(SHOP, {"issues": "write"}) as shop:
        yield shop
