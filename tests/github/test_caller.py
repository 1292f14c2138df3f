"""The client waits when GitHub says so, repeats what is safe to repeat, and shows its token to nobody else."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import jwt
import pytest

from bot.errors import TryAgain
from bot.github.caller import API_VERSION, Caller
from bot.github.caller import Clock as RealClock
from bot.github.client import GitHub
from bot.github.refusal import RefusalError
from bot.github.wire import Wire, nothing
from tests.github.conftest import SHOP
from tests.github.served import Asked, Clock, Served, Told

THING = "/repos/acme/shop/thing"
OK = Told({"ok": True})
PRIMARY = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0"}


@pytest.fixture
async def wire(served: Served, clock: Clock) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, served.url, RealClock(clock.now, clock.sleep))
        yield Wire(caller, "/repos/acme/shop", "acme/shop", "secret")


def as_it_is(data: object) -> object:
    return data


async def test_every_request_names_its_api_version_its_agent_and_its_token(served: Served, wire: Wire) -> None:
    served.tell(f"GET {THING}", OK)
    await wire.get("/thing", nothing)
    headers = served.asked[0].headers
    assert headers["x-github-api-version"] == API_VERSION
    assert headers["user-agent"].startswith("tutti/")
    assert headers["authorization"] == "token secret"
    assert headers["accept"] == "application/vnd.github.v3+json"


@pytest.mark.parametrize("status", [403, 429])
async def test_a_secondary_limit_is_waited_out_for_as_long_as_github_says_even_by_a_post(
    served: Served, wire: Wire, clock: Clock, status: int
) -> None:
    limited = Told({"message": "You have exceeded a secondary rate limit."}, status, {"retry-after": "7"})
    served.tell(f"POST {THING}", limited, limited, OK)
    assert await wire.send("POST", "/thing", as_it_is, x=1) == {"ok": True}
    assert clock.slept == [7, 7]


async def test_a_used_up_primary_limit_is_waited_out_until_its_reset(served: Served, wire: Wire, clock: Clock) -> None:
    reset = {"x-ratelimit-reset": str(int(clock.time) + 12)}
    served.tell(f"GET {THING}", Told({"message": "API rate limit exceeded"}, 403, PRIMARY | reset), OK)
    await wire.get("/thing", nothing)
    assert clock.slept == [12]


async def test_a_limit_announced_by_a_good_answer_is_kept_without_being_refused_first(
    served: Served, wire: Wire, clock: Clock
) -> None:
    served.tell(f"GET {THING}", Told({}, 200, PRIMARY | {"x-ratelimit-reset": str(int(clock.time) + 9)}), OK)
    await wire.get("/thing", nothing)
    await wire.get("/thing", nothing)
    assert clock.slept == [9]
    assert len(served.asked) == 2


async def test_a_wait_beyond_all_patience_is_left_to_the_step(served: Served, wire: Wire, clock: Clock) -> None:
    served.tell(f"GET {THING}", Told({"message": "no"}, 429, {"retry-after": "900"}))
    with pytest.raises(TryAgain) as again:
        await wire.get("/thing", nothing)
    assert again.value.after == 900
    assert clock.slept == []
    with pytest.raises(TryAgain):
        await wire.get("/thing", nothing)
    assert len(served.asked) == 1, "while it is blocked nothing is sent at all"
    clock.time += 901
    served.tell(f"GET {THING}", OK)
    await wire.get("/thing", nothing)


async def test_a_limit_that_never_ends_is_given_back_after_four_tries(served: Served, wire: Wire, clock: Clock) -> None:
    served.tell(f"POST {THING}", Told({"message": "no"}, 429, {"retry-after": "1"}))
    with pytest.raises(TryAgain):
        await wire.send("POST", "/thing", nothing)
    assert len(served.asked) == 4


async def test_one_installations_limit_does_not_hold_back_another(served: Served, github: GitHub, clock: Clock) -> None:
    other = type(SHOP)("beta", "toys", 8, 6)
    token = {"token": "other", "expires_at": "2027-01-15T09:00:00Z"}
    served.tell("POST /app/installations/6/access_tokens", Told(token, 201))
    served.tell("GET /repos/acme/shop/pulls/1", Told({"message": "no"}, 429, {"retry-after": "900"}))
    served.tell("GET /repos/beta/toys/labels", Told([]))
    async with (
        github.repository(SHOP, {"issues": "read"}) as shop,
        github.repository(other, {"issues": "read"}) as toys,
    ):
        with pytest.raises(TryAgain):
            await shop.pull(1)
        assert await toys.ensure_labels({}) == []
    assert clock.slept == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_what_is_safe_to_repeat_is_repeated(served: Served, wire: Wire, method: str) -> None:
    served.tell(f"{method} {THING}", Told({}, 502), Told(drop=True), Told(status=204))
    await wire.send("PATCH" if method == "PATCH" else "DELETE", "/thing", nothing)
    assert len(served.asked) == 3


async def test_reading_is_repeated_four_times_with_growing_pauses(served: Served, wire: Wire, clock: Clock) -> None:
    served.tell(f"GET {THING}", Told({}, 503))
    with pytest.raises(TryAgain, match="GitHub answered 503 about acme/shop"):
        await wire.get("/thing", nothing)
    assert len(served.asked) == 4
    assert len(clock.slept) == 3


@pytest.mark.parametrize("broken", [Told({}, 500), Told(drop=True)])
async def test_a_post_that_may_have_been_executed_is_not_repeated(served: Served, wire: Wire, broken: Told) -> None:
    served.tell(f"POST {THING}", broken, OK)
    with pytest.raises(TryAgain):
        await wire.send("POST", "/thing", nothing, x=1)
    assert len(served.asked) == 1


async def test_a_post_that_was_never_sent_is_tried_again(clock: Clock, unused_tcp_port: int) -> None:
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, f"http://127.0.0.1:{unused_tcp_port}", RealClock(clock.now, clock.sleep))
        with pytest.raises(TryAgain, match="GitHub could not be reached: ClientConnectorError"):
            await Wire(caller, "", "acme/shop", "secret").send("POST", "/thing", nothing)
    assert len(clock.slept) == 3


@pytest.mark.parametrize(
    "answer",
    [
        Told(raw="<html>down for maintenance", headers={"content-type": "text/html"}),
        Told(raw='{"number": 1', headers={"content-type": "application/json"}),
        Told(raw="{}", headers={"content-type": "application/json; charset=klingon"}),
        Told(raw="{}", status=422, headers={"content-type": "application/json"}),
        Told([], 200, {"x-ratelimit-limit": "a", "x-ratelimit-remaining": "b", "x-ratelimit-reset": "c"}),
        Told({}, 599),
        Told("words", 400),
    ],
)
async def test_an_answer_without_sense_is_no_bug_of_ours(served: Served, github: GitHub, answer: Told) -> None:
    served.tell("GET /repos/acme/shop/pulls/1", answer)
    async with github.repository(SHOP, {"issues": "read"}) as shop:
        with pytest.raises((TryAgain, RefusalError)):
            await shop.pull(1)


async def test_a_moved_repository_is_followed_with_the_same_method_and_body(served: Served, wire: Wire) -> None:
    served.tell(f"GET {THING}", Told({}, 301, {"location": f"{served.url}/repositories/7/thing"}))
    served.tell(f"PATCH {THING}", Told({}, 307, {"location": "/repositories/7/thing"}))
    served.tell("GET /repositories/7/thing", OK)
    served.tell("PATCH /repositories/7/thing", OK)
    await wire.get("/thing", nothing)
    await wire.send("PATCH", "/thing", nothing, x=1)
    assert served.last("PATCH /repositories/7/thing").sent == {"x": 1}


async def test_a_redirected_post_never_becomes_a_get(served: Served, wire: Wire) -> None:
    served.tell(f"POST {THING}", Told({}, 301, {"location": f"{served.url}/repositories/7/thing"}))
    served.tell("GET /repositories/7/thing", OK)
    with pytest.raises(RefusalError) as refusal:
        await wire.send("POST", "/thing", nothing, x=1)
    assert refusal.value.kind == "moved"
    assert served.lines() == [f"POST {THING}"]


@pytest.mark.parametrize("how", ["redirect", "next page"])
async def test_the_token_is_never_shown_to_another_host(served: Served, wire: Wire, how: str) -> None:
    evil = Served()
    await evil.server.start_server()
    if how == "redirect":
        served.tell(f"GET {THING}", Told({}, 302, {"location": f"{evil.url}/thing"}))
    else:
        served.tell(f"GET {THING}", Told([], 200, {"link": f'<{evil.url}/thing?page=2>; rel="next"'}))
    with pytest.raises(RefusalError):
        await wire.pages("/thing", as_it_is)
    assert evil.asked == []
    await evil.server.close()


async def test_all_pages_of_a_list_are_read_a_hundred_at_a_time(served: Served, wire: Wire) -> None:
    def page(asked: Asked) -> Told:
        assert asked.query["per_page"] == "100"
        n = int(asked.query.get("page", "1"))
        following = f'<{served.url}{THING}?per_page=100&page={n + 1}>; rel="next", <{served.url}>; rel="last"'
        return Told([n * 10, n * 10 + 1], 200, {"link": following} if n < 3 else {})

    served.tell(f"GET {THING}", page)
    assert await wire.pages("/thing", as_it_is) == [10, 11, 20, 21, 30, 31]


async def test_github_enterprises_base_address_keeps_its_path(served: Served, clock: Clock) -> None:
    served.tell("GET /api/v3/repos/acme/shop/thing", OK)
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, f"{served.url}/api/v3", RealClock(clock.now, clock.sleep))
        assert await Wire(caller, "/repos/acme/shop", "acme/shop", "secret").get("/thing", as_it_is) == {"ok": True}


async def test_the_app_signs_short_lived_back_dated_tokens(served: Served, github: GitHub) -> None:
    served.tell("GET /app/installations", Told([]))
    await github.installations()
    scheme, token = served.asked[0].headers["authorization"].split()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert scheme == "bearer"
    assert claims["iss"] == "11"
    assert claims["iat"] <= time.time() - 55
    assert claims["exp"] - claims["iat"] <= 600


async def test_a_machine_that_slept_signs_anew_instead_of_failing(served: Served, github: GitHub) -> None:
    served.tell("GET /app/installations", Told([]), Told({"message": "'exp' is in the past"}, 401), Told([]))
    await github.installations()
    github._wire._caller._app_jwt_refresh_at -= 120  # signed two minutes ago, by the clock that stood still
    await github.installations()
    assert len(served.asked) == 3


async def test_a_key_that_github_does_not_know_is_said_at_once(served: Served, github: GitHub) -> None:
    served.tell("GET /app/installations", Told({"message": "Integration not found"}, 401))
    with pytest.raises(RefusalError, match="does not accept the App's credentials for the App: Integration not found"):
        await github.installations()
    assert len(served.asked) == 1


async def test_at_most_fifty_requests_of_an_installation_are_under_way_at_once(served: Served, wire: Wire) -> None:
    served.tell(f"GET {THING}", OK)
    gate = served.gates[f"GET {THING}"] = asyncio.Event()
    asking = [asyncio.create_task(wire.get("/thing", nothing)) for _ in range(80)]
    async with aiohttp.ClientSession() as free:
        while served.under_way < 50:
            await (await free.get(f"{served.url}/elsewhere")).read()
        for _ in range(20):
            await (await free.get(f"{served.url}/elsewhere")).read()
    assert served.under_way == 50
    gate.set()
    await asyncio.gather(*asking)
    assert served.count(f"GET {THING}") == 80
