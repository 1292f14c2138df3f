"""Tokens are minted at the step for one repository and the least permissions; what can write does not outlive it."""

import asyncio

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.errors import TryAgain, UserError
from bot.github.client import GitHub
from bot.github.refusal import RefusalError
from bot.github.token import private_key
from bot.settings import Settings
from tests.github.conftest import MINT, REVOKE, SHOP
from tests.github.served import Clock, Served, Told

READ = {"contents": "read", "issues": "read"}
WRITE = {"contents": "write"}
SOON = "2027-01-15T09:00:00Z"  # an hour after the played clock's start


async def test_a_token_is_for_exactly_one_repository_and_the_permissions_asked(served: Served, github: GitHub) -> None:
    async with github.repository(SHOP, {"issues": "write", "contents": "read"}) as shop:
        assert shop.token == "token-1"
    assert served.last(MINT).sent == {"repository_ids": [7], "permissions": {"contents": "read", "issues": "write"}}


async def test_a_token_that_can_write_is_revoked_on_leaving_and_never_used_again(
    served: Served, github: GitHub
) -> None:
    for _ in range(2):
        async with github.repository(SHOP, WRITE):
            assert served.lines()[-1] == MINT
        assert served.lines()[-1] == REVOKE
    assert [served.asked[n].headers["authorization"] for n in (1, 3)] == ["token token-1", "token token-2"]


async def test_a_token_that_can_write_is_revoked_when_the_step_fails_or_is_cancelled(
    served: Served, github: GitHub
) -> None:
    inside = asyncio.Event()

    async def step() -> None:
        async with github.repository(SHOP, WRITE):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(step())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert served.count(REVOKE) == 1
    with pytest.raises(RuntimeError):
        async with github.repository(SHOP, WRITE):
            raise RuntimeError("the step fails")
    assert served.count(REVOKE) == 2


async def test_a_revocation_that_fails_does_not_fail_the_step(served: Served, github: GitHub) -> None:
    served.tell(REVOKE, Told({"message": "Bad credentials"}, 401))
    async with github.repository(SHOP, WRITE):
        pass
    assert served.count(REVOKE) == 1


async def test_a_token_that_only_reads_is_shared_and_minted_once_by_many_at_once(
    served: Served, github: GitHub
) -> None:
    async def look() -> str:
        async with github.repository(SHOP, READ) as shop:
            return shop.token

    assert await asyncio.gather(*(look() for _ in range(10))) == ["token-1"] * 10
    assert served.lines() == [MINT]


@pytest.mark.parametrize("expires_at", [SOON, "2027-01-15T23:00:00Z"])
async def test_a_shared_token_is_renewed_before_it_can_end_within_a_step_even_if_the_clocks_differ(
    served: Served, github: GitHub, clock: Clock, expires_at: str
) -> None:
    served.tell(MINT, *(Told({"token": f"token-{n}", "expires_at": expires_at}, 201) for n in (1, 2)))
    async with github.repository(SHOP, READ):
        clock.time += 49 * 60
    async with github.repository(SHOP, READ) as shop:
        assert shop.token == "token-1"
        clock.time += 2 * 60
    async with github.repository(SHOP, READ) as shop:
        assert shop.token == "token-2"


async def test_other_permissions_are_another_token(served: Served, github: GitHub) -> None:
    async with github.repository(SHOP, READ), github.repository(SHOP, {"issues": "read"}) as shop:
        assert shop.token == "token-2"


async def test_a_shared_token_revoked_from_outside_is_dropped_and_the_step_repeated(
    served: Served, github: GitHub
) -> None:
    served.tell("GET /repos/acme/shop/labels", Told({"message": "Bad credentials"}, 401))
    with pytest.raises(RefusalError):
        async with github.repository(SHOP, READ) as shop:
            await shop.ensure_labels({})
    with pytest.raises(TryAgain):
        async with github.repository(SHOP, READ) as shop:
            await shop.ensure_labels({})
    async with github.repository(SHOP, READ) as shop:
        assert shop.token == "token-2"


@pytest.mark.parametrize("broken", [Told({}, 502), Told(drop=True)])
async def test_minting_is_repeated_since_a_token_in_vain_harms_nobody(
    served: Served, github: GitHub, broken: Told
) -> None:
    served.tell(MINT, broken, Told({"token": "late", "expires_at": SOON}, 201))
    async with github.repository(SHOP, READ) as shop:
        assert shop.token == "late"


@pytest.mark.parametrize(
    ("told", "kind", "sentence"),
    [
        (Told({"message": "Not Found"}, 404), "absent", "The App is not installed on acme/shop any more."),
        (
            Told({"message": "This installation has been suspended"}, 403),
            "suspended",
            "The App's installation is suspended, so nothing can be done in acme/shop.",
        ),
        (
            Told({"message": "The permissions requested are not granted to this installation."}, 422),
            "permission",
            "The App was not granted all of contents: read, issues: read on acme/shop; "
            "an owner can accept it in the installation.",
        ),
        (
            Told({"message": "There is at least one repository that does not exist or is not accessible to the parent"
                             " installation."}, 422),
            "absent",
            "The App is not installed on acme/shop any more.",
        ),
    ],
)  # fmt: skip
async def test_a_token_that_is_refused_is_explained(
    served: Served, github: GitHub, told: Told, kind: str, sentence: str
) -> None:
    served.tell(MINT, told)
    with pytest.raises(RefusalError) as refusal:
        async with github.repository(SHOP, READ):
            pass
    assert (refusal.value.kind, str(refusal.value)) == (kind, sentence)


async def test_a_token_does_not_show_in_a_repositorys_text(github: GitHub) -> None:
    async with github.repository(SHOP, READ) as shop:
        assert repr(shop) == "Repository('acme/shop')"


def test_a_key_that_lost_its_line_breaks_on_the_way_is_understood(pem: str) -> None:
    settings = Settings.model_validate({"app_id": 11, "private_key": pem.replace("\n", "\\n")})
    app_id, key = private_key(settings)
    shown = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert (app_id, shown.split()) == (11, pem.split())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "TUTTI_APP_ID and TUTTI_PRIVATE_KEY are needed: both are on the App's settings page."),
        ({"app_id": 11}, "TUTTI_APP_ID and TUTTI_PRIVATE_KEY are needed: both are on the App's settings page."),
        (
            {"app_id": 11, "private_key": "-----BEGIN RSA PRIVATE KEY-----\nnonsense\n"},
            "TUTTI_PRIVATE_KEY is no RSA private key in PEM form without a password.",
        ),
    ],
)
def test_without_a_usable_key_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, object], sentence: str
) -> None:
    for name in ("TUTTI_APP_ID", "TUTTI_PRIVATE_KEY", "TUTTI_APP_ID_FILE", "TUTTI_PRIVATE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError) as error:
        private_key(Settings.model_validate(given))
    assert str(error.value) == sentence
