"""The App knows itself, its installations, and what it missed."""

from datetime import UTC, datetime, timedelta

from bot.github.client import App, GitHub
from bot.github.delivery import ENOUGH
from tests.github.conftest import MINT
from tests.github.served import Clock, Served, Told

ABOUT = {"id": 11, "slug": "tutti-acme", "name": "Tutti", "permissions": {"issues": "write"}, "events": ["issues"]}
BOT = "GET /users/tutti-acme%5Bbot%5D"
HERE = {"id": 5, "account": {"login": "acme"}, "suspended_at": None, "permissions": {"issues": "write"}}
NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
DELIVERIES = "GET /app/hook/deliveries"


def sent(number: int, guid: str, age: timedelta) -> dict[str, object]:
    return {"id": number, "guid": guid, "delivered_at": (NOW - age).isoformat().replace("+00:00", "Z"), "status": "OK"}


async def test_the_app_knows_its_own_account_by_number_and_asks_once(served: Served, github: GitHub) -> None:
    served.tell("GET /app", Told(ABOUT))
    served.tell("GET /app/installations", Told([HERE | {"id": 4, "suspended_at": "2026-01-01T00:00:00Z"}, HERE]))
    served.tell(BOT, Told({"id": 99}))
    for _ in range(2):
        assert await github.app() == App(11, "tutti-acme", "Tutti", 99, {"issues": "write"}, ("issues",))
    assert served.lines() == ["GET /app", "GET /app/installations", MINT, BOT]
    assert served.last(BOT).headers["authorization"] == "token token-1"


async def test_an_app_that_is_installed_nowhere_has_no_account_yet(served: Served, github: GitHub) -> None:
    served.tell("GET /app", Told(ABOUT))
    served.tell("GET /app/installations", Told([]), Told([HERE]))
    served.tell(BOT, Told({"id": 99}))
    assert (await github.app()).bot_id == 0
    assert (await github.app()).bot_id == 99


async def test_what_never_arrived_is_asked_for_again_oldest_first(served: Served, github: GitHub) -> None:
    hour = timedelta(hours=1)
    listed = [
        sent(3, "lost", hour),
        sent(2, "stored", 2 * hour),
        sent(1, "lost-too", 3 * hour),
        sent(4, "old", 9 * hour),
    ]
    served.tell(DELIVERIES, Told(listed))
    for n in (1, 3):
        served.tell(f"POST /app/hook/deliveries/{n}/attempts", Told({}, 202))
    asked_about: set[str] = set()

    async def known(guids: object) -> list[str]:
        assert isinstance(guids, set)
        asked_about.update(guids)
        return ["stored"]

    assert await github.redeliver_missed(known, NOW - 5 * hour) == ["lost-too", "lost"]
    assert asked_about == {"lost", "stored", "lost-too"}


async def test_a_delivery_is_not_asked_for_for_ever_nor_does_one_refusal_stop_the_others(
    served: Served, github: GitHub
) -> None:
    minute = timedelta(minutes=1)
    hopeless = [sent(10 + n, "hopeless", minute * (n + 1)) for n in range(ENOUGH)]
    served.tell(DELIVERIES, Told([*hopeless, sent(30, "late", minute * 20), sent(31, "gone", minute * 30)]))
    served.tell("POST /app/hook/deliveries/31/attempts", Told({"message": "too old"}, 422))
    served.tell("POST /app/hook/deliveries/30/attempts", Told({}, 202))

    async def known(_: object) -> list[str]:
        return []

    assert await github.redeliver_missed(known, NOW - timedelta(hours=1)) == ["late"]
    attempts = [asked.path.split("/")[4] for asked in served.asked if asked.method == "POST"]
    assert attempts == ["31", "30"], "the hopeless one is left alone"


async def test_the_walk_through_deliveries_ends_where_they_are_too_old(served: Served, github: GitHub) -> None:
    following = {"link": f'<{served.url}/app/hook/deliveries?cursor=v1_2>; rel="next"'}
    served.tell(DELIVERIES, Told([sent(2, "old", timedelta(hours=9))], 200, following))

    async def known(_: object) -> list[str]:
        raise AssertionError("there is nothing to ask about")

    assert await github.redeliver_missed(known, NOW - timedelta(hours=1)) == []
    assert served.count(DELIVERIES) == 1


async def test_what_is_still_under_way_is_left_to_the_next_round_which_sees_it(
    served: Served, github: GitHub, clock: Clock
) -> None:
    second = timedelta(seconds=1)
    served.tell(
        DELIVERIES, Told([sent(2, "young", 10 * second), sent(1, "lost", 40 * second), sent(3, "old", 70 * second)])
    )
    for n in (1, 2):
        served.tell(f"POST /app/hook/deliveries/{n}/attempts", Told({}, 202))

    async def known(_: object) -> list[str]:
        return []

    assert await github.redeliver_missed(known, NOW) == ["lost"]
    clock.time += 60
    assert await github.redeliver_missed(known, NOW) == ["lost", "young"]


async def test_a_delivery_that_keeps_failing_is_not_asked_for_round_after_round(
    served: Served, github: GitHub, clock: Clock
) -> None:
    served.tell("POST /app/hook/deliveries/1/attempts", Told({}, 202))

    async def known(_: object) -> list[str]:
        return []

    found = []
    for _ in range(9):
        served.tell(DELIVERIES, Told([sent(1, "hopeless", timedelta(seconds=40))]))
        found += await github.redeliver_missed(known, NOW)
    assert found == ["hopeless"] * (ENOUGH - 1)
