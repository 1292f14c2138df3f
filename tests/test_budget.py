"""What a day may cost: every limit has its sentence, midnight is UTC's, and all workers count together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.agents.budget import Budget
from bot.emulator.model import PlayedModel, Say, Script
from bot.settings import DayLimits, Settings
from bot.store.db import Database
from tests.counter import KEY, ask, gateway

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
NONE = DayLimits(None, None, None)


class Clock:
    """Time that goes on when it is told to."""

    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tutti.db'}"
    return str(request.getfixturevalue("postgres_url"))


@asynccontextmanager
async def budget(url: str, limits: DayLimits, clock: Clock | None = None) -> AsyncIterator[Budget]:
    db = Database(url)
    await db.migrate()
    try:
        yield Budget(db, limits, clock or Clock())
    finally:
        await db.close()


async def test_every_limit_has_a_sentence_of_its_own(url: str) -> None:
    async with budget(url, DayLimits(repo=50, actor=25, all=100)) as house:
        one = house.purse("run-1", "acme/greeter", 7, "octocat")
        assert await one.empty() == ""
        await one.pay(24.99)
        assert await one.empty() == ""
        await one.pay(0.01)
        assert await one.empty() == (
            "Over budget: runs of octocat may use $25.00 a day, and that is used up until midnight UTC."
        )
        await house.purse("run-2", "Acme/Greeter", 8, "hubot").pay(25)
        assert await house.purse("run-3", "acme/greeter", 9, "other").empty() == (
            "Over budget: acme/greeter may use $50.00 a day, and that is used up until midnight UTC."
        )
        await house.purse("run-4", "acme/other", 8, "hubot").pay(50)
        assert await house.purse("run-5", "acme/new", 10, "new").empty() == (
            "Over budget: all repositories together may use $100.00 a day, and that is used up until midnight UTC."
        )


async def test_a_limit_that_is_none_is_none_and_nobody_on_github_has_none(url: str) -> None:
    async with budget(url, NONE) as free, budget(url, DayLimits(None, 1, None)) as house:
        await free.purse("run", "acme/greeter", 0, "").pay(1000)
        assert await free.purse("run", "acme/greeter", 0, "").empty() == ""
        assert await house.purse("run", "acme/greeter", 0, "").empty() == ""


async def test_at_midnight_of_utc_a_new_day_begins(url: str) -> None:
    clock = Clock()
    async with budget(url, DayLimits(1, None, None), clock) as house:
        purse = house.purse("run", "acme/greeter", 7, "octocat")
        await purse.pay(1)
        clock.now = NOON + 12 * 3600 - 1
        assert await purse.empty() != ""
        clock.now += 1
        assert await purse.empty() == ""
        await purse.pay(0.5)
        assert await purse.empty() == ""


async def test_workers_on_one_database_count_together_and_lose_nothing(url: str) -> None:
    async with budget(url, DayLimits(10, None, None)) as one, budget(url, DayLimits(10, None, None)) as other:
        purses = [house.purse("run", "acme/greeter", 7, "octocat") for house in (one, other)]
        await asyncio.gather(*(purse.pay(0.5) for purse in purses for _ in range(9)))
        assert [await purse.empty() for purse in purses] == ["", ""]
        await asyncio.gather(*(purse.pay(0.5) for purse in purses))
        assert all([await purse.empty() for purse in purses])


async def test_a_run_is_stopped_at_the_gateway_by_what_others_spent(tmp_path: Path) -> None:
    script = Script(("hello",), [(Say("Good day to you."),)])
    async with (
        budget(f"sqlite:///{tmp_path / 'tutti.db'}", DayLimits(None, None, 5)) as house,
        PlayedModel([script], key=KEY) as model,
        gateway(model.url, tmp_path) as gate,
    ):
        lease = await gate.open("run", 1, purse=house.purse("run", "acme/greeter", 7, "octocat"))
        assert (await ask(lease))[0] == 200
        await house.purse("other", "acme/other", 8, "hubot").pay(5)
        assert (await ask(lease))[0] == 403
        assert lease.stopped.startswith("Over budget: all repositories together may use $5.00 a day")


# ---- settings --------------------------------------------------------------------------------------------------------


def test_the_limits_are_there_without_a_word_and_none_takes_them_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().day_limits == DayLimits(50, 25, 100)
    monkeypatch.setenv("TUTTI_REPO_USD_A_DAY", "none")
    monkeypatch.setenv("TUTTI_ACTOR_USD_A_DAY", "7.5")
    assert Settings().day_limits == DayLimits(None, 7.5, 100)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TUTTI_USD_A_DAY", "0", "greater than 0"),
        ("TUTTI_USD_A_DAY", "-1", "greater than 0"),
        ("TUTTI_USD_A_DAY", "nan", "greater than 0"),
        ("TUTTI_USD_A_DAY", "", "valid number"),
        ("TUTTI_MODELS", "claude-opus-5 claude-opus-4", "is no model's name"),
        ("TUTTI_SETUP_HOSTS", "https://mirror.example.com/", "is no host"),
        ("TUTTI_SETUP_HOSTS", "mirror.example.com:0", "is no host"),
        ("TUTTI_SETUP_HOSTS", "*.example.com", "is no host"),
        ("TUTTI_SETUP_HOSTS", "[::1]", "is no host"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_so(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=said):
        Settings()


def test_lists_have_commas_between_their_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_MODELS", " claude-opus-5, my/model:1 ,")
    monkeypatch.setenv("TUTTI_SETUP_HOSTS", "Mirror.Example.com,other:8443")
    assert Settings().models == ("claude-opus-5", "my/model:1")
    assert Settings().setup_hosts == ("mirror.example.com", "other:8443")
