"""Trouble that tests may order of the played GitHub."""

import asyncio

import aiohttp
import pytest

from tests.emulator.played import Played

ISSUES = "/repos/acme/shop/issues"


async def test_an_answer_that_fails_twice_and_then_works(played: Played) -> None:
    fault = played.emulator.fault("GET", "/repos/acme/shop", status=502, times=2)
    assert [(await played.ask("GET", "/repos/acme/shop")).status for _ in range(3)] == [502, 502, 200]
    assert (fault.met, played.emulator.faults.unmet) == (2, [])


async def test_a_rate_limit_with_its_headers(played: Played) -> None:
    played.emulator.fault(
        "POST", ".*/comments", status=429, headers={"Retry-After": "7"}, message="secondary rate limit"
    )
    await played.emulator.open_issue(played.repo, "Add refunds")
    refused = await played.ask("POST", f"{ISSUES}/1/comments", played.token(), {"body": "Hello"})
    assert (refused.status, refused.headers["Retry-After"]) == (429, "7")
    assert "secondary rate limit" in refused.body["message"]
    assert played.repo.issues[1].comments == []


async def test_a_dropped_request_did_nothing_and_a_lost_answer_did_all(played: Played) -> None:
    token = played.token()
    played.emulator.fault("POST", ISSUES, drop=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await played.ask("POST", ISSUES, token, {"title": "Never"})
    assert played.repo.issues == {}
    played.emulator.fault("POST", ISSUES, lose=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await played.ask("POST", ISSUES, token, {"title": "Once"})
    assert [each.title for each in played.repo.issues.values()] == ["Once"]


async def test_a_held_request_waits_for_its_event_while_others_go_on(played: Played) -> None:
    gate = asyncio.Event()
    fault = played.emulator.fault("POST", ISSUES, hold=gate)
    waiting = asyncio.create_task(played.ask("POST", ISSUES, played.token(), {"title": "Held"}))
    while not fault.met:
        await played.ask("GET", "/repos/acme/shop")
    assert not waiting.done()
    gate.set()
    assert (await waiting).status == 201


async def test_a_fault_that_never_came_can_be_seen(played: Played) -> None:
    fault = played.emulator.fault("DELETE", "/nothing", status=500)
    assert played.emulator.faults.unmet == [fault]


async def test_git_can_fail_too(played: Played) -> None:
    played.emulator.fault("GET", "/acme/shop.git/info/refs", status=503)
    url = f"{played.emulator.url}/acme/shop.git/info/refs?service=git-upload-pack"
    async with played.session.get(url) as first, played.session.get(url) as second:
        assert (first.status, second.status) == (503, 200)


async def test_everything_asked_is_in_the_log(played: Played) -> None:
    await played.ask("POST", ISSUES, played.token(), {"title": "Add refunds"})
    last = played.emulator.requests[-1]
    assert (last.method, last.path, last.body) == ("POST", ISSUES, {"title": "Add refunds"})
    assert (last.template, last.status, last.answer["number"]) == ("/repos/{owner}/{repo}/issues", 201, 1)
