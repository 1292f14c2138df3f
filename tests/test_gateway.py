"""The gateway gives agents the model and nothing else: not the key, no other model, no way out."""

import asyncio
import json
import os
import socket
import ssl
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.emulator.model import Hang, PlayedModel, Say, Script
from bot.sandbox import doors
from bot.sandbox.gateway import environment
from tests.corporation import Proxy
from tests.counter import KEY, Json, Purse, answered, ask, gateway, inside, leased, question, upstream


@pytest.fixture
async def played() -> AsyncIterator[PlayedModel]:
    async with PlayedModel([Script(("hello",), [(Say("Good day to you."),)])], key=KEY) as model:
        yield model


# ---- what passes -----------------------------------------------------------------------------------------------------


async def test_swaps_the_token_for_the_key_and_passes_on_only_what_the_api_needs(
    played: PlayedModel, tmp_path: Path
) -> None:
    async with leased(played.url, tmp_path) as lease, inside(lease) as client:
        strange = {"Cookie": "a=b", "X-Forwarded-For": "10.0.0.1"}
        async with client.post("/v1/messages?beta=true", json=question(), headers=strange) as answer:
            assert answer.status == 200
            assert (await answer.json())["content"] == [{"type": "text", "text": "Good day to you."}]
    headers = played.requests[0].headers
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert lease.token not in str(headers)
    assert not {"cookie", "x-forwarded-for", "authorization"} & set(headers)


async def test_takes_a_bearer_token_as_well(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path) as lease, inside(lease, token="") as client:
        headers = {"authorization": f"Bearer {lease.token}"}
        async with client.post("/v1/messages", json=question(), headers=headers) as answer:
            assert answer.status == 200


async def test_a_stream_passes_piece_by_piece_while_it_is_made(tmp_path: Path) -> None:
    seen = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'event: ping\ndata: {"type": "ping"}\n\n')
        await seen.wait()
        await response.write(b'event: message_stop\ndata: {"type": "message_stop"}\n\n')
        return response

    async with upstream(slow) as url, leased(url, tmp_path) as lease, inside(lease) as client:
        answer = await client.post("/v1/messages", json=question(stream=True))
        assert await answer.content.readline() == b"event: ping\n"
        seen.set()
        assert b"message_stop" in await answer.read()


async def test_a_key_that_stands_twice_passes_only_as_it_was_checked(played: PlayedModel, tmp_path: Path) -> None:
    body = json.dumps(question())[:-1] + ', "tools": []}'
    twice = '{"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}], ' + body[1:]
    async with leased(played.url, tmp_path) as lease:
        assert (await ask(lease, twice.encode()))[0] == 200
    assert "web_fetch" not in str(played.requests[0].body)


async def test_tools_that_run_in_the_worktree_pass(played: PlayedModel, tmp_path: Path) -> None:
    tools = [{"type": "bash_20250124", "name": "bash"}, {"type": "custom", "name": "x", "input_schema": {}}]
    async with leased(played.url, tmp_path) as lease:
        assert (await ask(lease, question(tools=tools)))[0] == 200


# ---- what does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1/files"),
        ("GET", "/v1/organizations/x/api_keys"),
        ("POST", "/v1/messages/../files"),
        ("POST", "/v1/messages%2f..%2ffiles"),
        ("POST", "//v1/messages"),
        ("GET", "/"),
    ],
)
async def test_nothing_but_the_messages_api_is_there(
    played: PlayedModel, tmp_path: Path, method: str, path: str
) -> None:
    async with leased(played.url, tmp_path) as lease, inside(lease) as client:
        answer = await client.request(method, path)
        assert answer.status == 404
    assert played.requests == []


async def test_says_that_somebody_is_there(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path) as lease, inside(lease, token="") as client, client.head("/") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]},
        {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
        {"mcp_servers": [{"type": "url", "url": "https://example.com", "name": "x"}]},
        {"speed": "fast"},
        {"inference_geo": "us"},
    ],
)
async def test_nothing_that_runs_elsewhere_or_costs_more_than_listed_passes(
    played: PlayedModel, tmp_path: Path, more: Json
) -> None:
    async with leased(played.url, tmp_path) as lease:
        status, answer = await ask(lease, question(**more))
    assert status == 403
    assert "not to be had here" in answer
    assert played.requests == []


async def test_a_model_that_the_operator_does_not_name_is_refused_with_the_way_out(
    played: PlayedModel, tmp_path: Path
) -> None:
    async with gateway(played.url, tmp_path, models=["claude-sonnet-4-6"]) as gate:
        lease = await gate.open("run", 1, purse=Purse())
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            status, answer = await ask(lease, question(model="claude-opus-5-5"), path)
            assert status == 403
            assert "`claude-opus-5-5`" in answer
            assert "TUTTI_MODELS" in answer
        for name in ("claude-sonnet-4-6", "claude-sonnet-4-6-20260101", "claude-sonnet-4-6[1m]"):
            assert (await ask(lease, question(model=name)))[0] == 200
        assert lease.stopped == ""


async def test_a_lease_has_no_model_that_the_installation_has_not(played: PlayedModel, tmp_path: Path) -> None:
    async with gateway(played.url, tmp_path, models=["claude-sonnet-4-6", "claude-haiku-4-5"]) as gate:
        lease = await gate.open("run", 1, purse=Purse(), models=frozenset({"claude-sonnet-4-6", "claude-opus-5-5"}))
        asked = ("claude-sonnet-4-6", "claude-haiku-4-5", "claude-opus-5-5")
        assert [(await ask(lease, question(model=model)))[0] for model in asked] == [200, 403, 403]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"\xff\xfe", b"[" * 100_000])
async def test_a_body_that_is_no_object_is_told_so(played: PlayedModel, tmp_path: Path, body: bytes) -> None:
    async with leased(played.url, tmp_path) as lease:
        assert (await ask(lease, body))[0] == 400
    assert played.requests == []


@pytest.mark.parametrize(
    ("more", "status"),
    [({"model": None}, 400), ({"max_tokens": None}, 400), ({"max_tokens": -1}, 400), ({"max_tokens": 128_001}, 403)],
)
async def test_a_question_without_a_model_or_an_end_is_refused(
    played: PlayedModel, tmp_path: Path, more: Json, status: int
) -> None:
    async with leased(played.url, tmp_path) as lease:
        assert (await ask(lease, question(**more)))[0] == status
    assert played.requests == []


async def test_a_body_has_an_end(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path) as lease:
        assert (await ask(lease, b" " * (32 << 20) + b"{}"))[0] == 413
        assert (await ask(lease, b"[" + b"0," * 2_000_000))[0] == 413
    assert played.requests == []


async def test_a_compressed_body_is_not_even_opened(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path) as lease, inside(lease) as client:
        headers = {"content-encoding": "gzip"}
        async with client.post("/v1/messages", data=b"\x1f\x8b", headers=headers) as answer:
            assert answer.status == 415


async def test_a_run_has_so_many_connections_and_no_more(
    played: PlayedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.sandbox.gateway._CONNECTIONS", 20)
    async with leased(played.url, tmp_path) as lease:
        held = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        for one in held:
            one.connect(str(lease.door.socket))
            await asyncio.sleep(0)
        with pytest.raises(aiohttp.ClientError):
            await ask(lease)
        for one in held:
            one.close()


# ---- doors and tokens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "wrong", KEY, "\u00e4"])
async def test_only_its_own_token_opens_it(played: PlayedModel, tmp_path: Path, token: str) -> None:
    async with leased(played.url, tmp_path) as lease, inside(lease, token) as client:
        answer = await client.post("/v1/messages", json=question())
        assert answer.status == 401
        assert (await answer.json())["error"]["type"] == "authentication_error"
    assert played.requests == []


async def test_the_door_of_one_run_is_nothing_to_another(played: PlayedModel, tmp_path: Path) -> None:
    async with gateway(played.url, tmp_path) as gate:
        one, other = [await gate.open(name, usd=1, purse=Purse()) for name in ("one", "other")]
        async with inside(one, other.token) as client, client.post("/v1/messages", json=question()) as answer:
            assert answer.status == 401
        await ask(one)
        await gate.shut(one)
        assert (await ask(other))[0] == 200
        assert (one.usage.calls, other.usage.calls) == (1, 1)


async def test_a_shut_lease_has_no_door_and_its_requests_end(tmp_path: Path) -> None:
    async with PlayedModel([Script((), [(Hang(),)])]) as model, gateway(model.url, tmp_path) as gate:
        lease = await gate.open("run", usd=1, purse=Purse())
        waiting = asyncio.create_task(ask(lease))
        while not model.requests:
            await asyncio.wait({waiting}, timeout=0.01)
        await gate.shut(lease)
        with pytest.raises(aiohttp.ClientError):
            await waiting
        assert list((tmp_path / "doors").iterdir()) == []


async def test_a_door_is_for_one_user_alone(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path, uid=os.geteuid()) as lease:
        door = lease.door.socket.stat()
        assert stat.S_IMODE(door.st_mode) == 0o600
        assert door.st_uid == os.geteuid()
        assert stat.S_IMODE(lease.door.socket.parent.stat().st_mode) == 0o711
        assert (lease.door.port, lease.door.tcp) == (8118, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_a_door_is_given_to_the_user_of_its_sandbox(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path, uid=1_600_000_123) as lease:
        assert lease.door.socket.stat().st_uid == 1_600_000_123


async def test_only_where_it_is_asked_for_a_door_is_on_loopback_too(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path, tcp=True) as lease, aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{lease.door.tcp}"
        assert environment(url, lease.token) == {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": lease.token}
        for token, status in (("", 401), (lease.token, 200)):
            headers = {"x-api-key": token}
            async with client.post(f"{url}/v1/messages", json=question(), headers=headers) as answer:
                assert answer.status == status


async def test_a_door_in_a_folder_with_a_long_name_opens_as_well(played: PlayedModel, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    async with leased(played.url, folder) as lease:
        (tmp_path / "s").symlink_to(lease.door.socket.parent)
        connector = aiohttp.UnixConnector(str(tmp_path / "s/8118"))
        async with aiohttp.ClientSession("http://tutti", connector=connector) as client, client.head("/") as answer:
            assert answer.status == 200


async def test_doors_of_a_bot_that_was_killed_are_removed_and_no_others(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path) as lease:
        dead = doors.listen(tmp_path / "doors", 8118)
        for one in dead.sockets:
            one.close()
        long_ago = time.time() - 3600
        for folder in (dead.door.socket.parent, lease.door.socket.parent):
            os.utime(folder, (long_ago, long_ago))
        async with gateway(played.url, tmp_path):
            assert list((tmp_path / "doors").iterdir()) == [lease.door.socket.parent]
        assert (await ask(lease))[0] == 200


# ---- the way to the provider -----------------------------------------------------------------------------------------


async def test_an_api_that_is_not_there_is_a_502_in_its_own_shape(tmp_path: Path) -> None:
    async with leased("http://127.0.0.1:1", tmp_path) as lease:
        status, answer = await ask(lease)
        assert lease.usage.calls == 0
    assert status == 502
    assert json.loads(answer)["error"]["type"] == "api_error"


async def test_redirects_are_not_followed_with_the_key(played: PlayedModel, tmp_path: Path) -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(played.url + "/v1/messages")

    async with upstream(elsewhere) as url, leased(url, tmp_path) as lease:
        assert (await ask(lease))[0] == 307
    assert played.requests == []


async def test_https_proxy_and_a_private_authority_work(
    authority: tuple[Path, ssl.SSLContext], proxy: Proxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))

    async def api(_request: web.Request) -> web.Response:
        return answered()

    async with upstream(api, ssl_context=authority[1]) as url, leased(url, tmp_path) as lease:
        assert (await ask(lease))[0] == 200
    assert proxy.connected == [url.removeprefix("https://")]


async def test_an_entry_in_netrc_does_not_come_between_the_agents_and_the_model(
    played: PlayedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with leased(played.url, tmp_path) as lease:
        assert (await ask(lease))[0] == 200
    assert "authorization" not in played.requests[0].headers
