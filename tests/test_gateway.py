"""The gateway gives agents the model and nothing else: not the key, not more than the limit, no way out."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.emulator.model import Fail, Hang, PlayedModel, Say, Script
from bot.sandbox.gateway import SPENT, Gateway, Lease
from tests.corporation import Proxy

KEY = "sk-ant-the-real-key"
Json = dict[str, Any]


@asynccontextmanager
async def gateway(url: str, key: str | None = KEY) -> AsyncIterator[Gateway]:
    gateway = Gateway(url, key)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.close()


@asynccontextmanager
async def upstream(handler: Callable[[web.Request], Awaitable[web.StreamResponse]], **site: Any) -> AsyncIterator[str]:
    """A provider's server that answers with `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, **site).start()
    try:
        yield f"{'https' if site else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def played() -> AsyncIterator[PlayedModel]:
    async with PlayedModel([Script(("hello",), [(Say("Good day to you."),)])], key=KEY) as model:
        yield model


def question(**more: Any) -> Json:
    tool = {"name": "Read", "input_schema": {"type": "object"}}
    messages = [{"role": "user", "content": "hello"}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": messages, "tools": [tool], **more}


def _headers(lease: Lease) -> dict[str, str]:
    return {
        "x-api-key": lease.token,
        "anthropic-version": "2023-06-01",
        "Cookie": "a=b",
        "X-Forwarded-For": "10.0.0.1",
    }


async def ask(client: aiohttp.ClientSession, lease: Lease, body: Json | None = None) -> tuple[int, str]:
    url = lease.url + "/v1/messages?beta=true"
    async with client.post(url, json=body or question(), headers=_headers(lease)) as answer:
        return answer.status, await answer.text()


async def test_swaps_the_token_for_the_key_and_passes_on_only_what_the_api_needs(
    client: aiohttp.ClientSession, played: PlayedModel
) -> None:
    async with gateway(played.url) as gate:
        lease = gate.open("run", usd=1)
        status, answer = await ask(client, lease)
    assert status == 200
    assert json.loads(answer)["content"] == [{"type": "text", "text": "Good day to you."}]
    headers = played.requests[0].headers
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert lease.token not in str(headers)
    assert not {"cookie", "x-forwarded-for", "authorization"} & set(headers)


async def test_takes_a_bearer_token_as_well(client: aiohttp.ClientSession, played: PlayedModel) -> None:
    async with gateway(played.url) as gate:
        lease = gate.open("run", usd=1)
        url, headers = lease.url + "/v1/messages", {"authorization": f"Bearer {lease.token}"}
        async with client.post(url, json=question(), headers=headers) as answer:
            assert answer.status == 200


async def test_a_stream_passes_piece_by_piece_while_it_is_made(client: aiohttp.ClientSession) -> None:
    seen = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'event: ping\ndata: {"type": "ping"}\n\n')
        await seen.wait()
        await response.write(b'event: message_stop\ndata: {"type": "message_stop"}\n\n')
        return response

    async with upstream(slow) as url, gateway(url) as gate:
        lease = gate.open("run", usd=1)
        headers = {"x-api-key": lease.token}
        async with client.post(lease.url + "/v1/messages", json=question(stream=True), headers=headers) as answer:
            assert await answer.content.readline() == b"event: ping\n"
            seen.set()
            assert b"message_stop" in await answer.read()


@pytest.mark.parametrize("stream", [False, True])
async def test_counts_tokens_and_dollars_of_json_and_of_streams(
    client: aiohttp.ClientSession, played: PlayedModel, stream: bool
) -> None:
    async with gateway(played.url) as gate:
        lease = gate.open("run", usd=1)
        await ask(client, lease, question(stream=stream))
        usage = lease.usage
    assert usage.calls == 1
    assert (usage.input, usage.cache_read) == (4, 0)
    assert usage.cache_write > 10
    assert usage.output > 1
    assert usage.usd == pytest.approx((4 * 3 + usage.cache_write * 3.75 + usage.output * 15) / 1e6)


async def test_the_limit_stops_the_next_request_with_403(client: aiohttp.ClientSession, played: PlayedModel) -> None:
    async with gateway(played.url) as gate:
        lease = gate.open("run", usd=0.000001)
        assert (await ask(client, lease))[0] == 200
        status, answer = await ask(client, lease)
    assert status == 403
    assert json.loads(answer)["error"] == {"type": "permission_error", "message": f"{SPENT}: $0.00"}
    assert len(played.requests) == 1


async def test_an_unknown_model_has_no_known_cost_but_is_limited_as_the_dearest(
    client: aiohttp.ClientSession, played: PlayedModel
) -> None:
    async with gateway(played.url) as gate:
        lease = gate.open("run", usd=0.00001)
        await ask(client, lease, question(model="a-model-of-tomorrow"))
        assert lease.usage.usd is None
        assert lease.usage.output > 0
        assert lease.counted >= lease.usd
        assert lease.spent


async def test_who_breaks_off_a_stream_pays_for_what_was_sent(client: aiohttp.ClientSession) -> None:
    gone = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        usage = {"input_tokens": 1000, "output_tokens": 1}
        message = {"model": "claude-sonnet-4-6", "usage": usage}
        await response.write(f"data: {json.dumps({'type': 'message_start', 'message': message})}\n\n".encode())
        delta = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x" * 4000}}
        await response.write(f"data: {json.dumps(delta)}\n\n".encode())
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        return response

    async with upstream(endless) as url, gateway(url) as gate:
        lease = gate.open("run", usd=1)
        headers = {"x-api-key": lease.token}
        answer = await client.post(lease.url + "/v1/messages", json=question(stream=True), headers=headers)
        while b"text_delta" not in await answer.content.readline():
            pass
        answer.close()
        await gone.wait()
        await gate.close()
    assert lease.usage.input == 1000
    assert lease.usage.output > 1000


async def test_answers_without_use_cost_nothing(client: aiohttp.ClientSession) -> None:
    async with PlayedModel([Script((), [(Fail(529),)])]) as model, gateway(model.url) as gate:
        lease = gate.open("run", usd=1)
        assert (await ask(client, lease))[0] == 529
        url, headers = lease.url + "/v1/messages/count_tokens", {"x-api-key": lease.token}
        async with client.post(url, json=question(), headers=headers) as counted:
            assert (await counted.json())["input_tokens"] > 10
        assert lease.usage.calls == 0
        assert lease.usage.usd == 0


async def test_a_shut_lease_is_worth_nothing_and_its_requests_end(client: aiohttp.ClientSession) -> None:
    async with PlayedModel([Script((), [(Hang(),)])]) as model, gateway(model.url) as gate:
        lease = gate.open("run", usd=1)
        waiting = asyncio.create_task(ask(client, lease))
        while not model.requests:
            await asyncio.wait({waiting}, timeout=0.01)
        gate.shut(lease)
        with pytest.raises(aiohttp.ClientError):
            await waiting
        assert (await ask(client, lease))[0] == 401


async def test_leases_are_apart(client: aiohttp.ClientSession, played: PlayedModel) -> None:
    async with gateway(played.url) as gate:
        one, other = gate.open("one", usd=1), gate.open("other", usd=1)
        await ask(client, one)
        gate.shut(one)
        assert (await ask(client, other))[0] == 200
        assert (one.usage.calls, other.usage.calls) == (1, 1)


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
    client: aiohttp.ClientSession, played: PlayedModel, method: str, path: str
) -> None:
    async with gateway(played.url) as gate:
        lease = gate.open("run", usd=1)
        async with client.request(method, lease.url + path, headers={"x-api-key": lease.token}) as answer:
            assert answer.status == 404
    assert played.requests == []


async def test_says_that_somebody_is_there(client: aiohttp.ClientSession, played: PlayedModel) -> None:
    async with gateway(played.url) as gate, client.head(gate.url + "/") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("token", ["", "wrong", KEY])
async def test_only_its_own_tokens_open_it(client: aiohttp.ClientSession, played: PlayedModel, token: str) -> None:
    async with gateway(played.url) as gate:
        headers = {"x-api-key": token}
        async with client.post(gate.url + "/v1/messages", json=question(), headers=headers) as answer:
            assert answer.status == 401
            assert (await answer.json())["error"]["type"] == "authentication_error"
    assert played.requests == []


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
    client: aiohttp.ClientSession, played: PlayedModel, more: Json
) -> None:
    async with gateway(played.url) as gate:
        status, answer = await ask(client, gate.open("run", usd=1), question(**more))
    assert status == 403
    assert "not to be had here" in answer
    assert played.requests == []


async def test_a_key_that_stands_twice_passes_only_as_it_was_checked(
    client: aiohttp.ClientSession, played: PlayedModel
) -> None:
    body = json.dumps(question())[:-1] + ', "tools": []}'
    twice = '{"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}], ' + body[1:]
    async with gateway(played.url) as gate:
        lease = gate.open("run", usd=1)
        async with client.post(lease.url + "/v1/messages", data=twice, headers=_headers(lease)) as answer:
            assert answer.status == 200
    assert "web_fetch" not in str(played.requests[0].body)


async def test_tools_that_run_in_the_worktree_pass(client: aiohttp.ClientSession, played: PlayedModel) -> None:
    tools = [{"type": "bash_20250124", "name": "bash"}, {"type": "custom", "name": "x", "input_schema": {}}]
    async with gateway(played.url) as gate:
        assert (await ask(client, gate.open("run", usd=1), question(tools=tools)))[0] == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"\xff\xfe", b"[" * 100_000])
async def test_a_body_that_is_no_object_is_told_so(
    client: aiohttp.ClientSession, played: PlayedModel, body: bytes
) -> None:
    async with gateway(played.url) as gate:
        lease = gate.open("run", usd=1)
        url, headers = lease.url + "/v1/messages", {"x-api-key": lease.token}
        async with client.post(url, data=body, headers=headers) as answer:
            assert answer.status == 400


async def test_an_api_that_is_not_there_is_a_502_in_its_own_shape(client: aiohttp.ClientSession) -> None:
    async with gateway("http://127.0.0.1:1") as gate:
        status, answer = await ask(client, gate.open("run", usd=1))
    assert status == 502
    assert json.loads(answer)["error"]["type"] == "api_error"


async def test_redirects_are_not_followed_with_the_key(client: aiohttp.ClientSession, played: PlayedModel) -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(played.url + "/v1/messages")

    async with upstream(elsewhere) as url, gateway(url) as gate:
        assert (await ask(client, gate.open("run", usd=1)))[0] == 307
    assert played.requests == []


async def test_https_proxy_and_a_private_authority_work(
    client: aiohttp.ClientSession,
    authority: tuple[Path, ssl.SSLContext],
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))

    async def api(request: web.Request) -> web.Response:
        usage = {"input_tokens": 1, "output_tokens": 1}
        return web.json_response({"type": "message", "model": "claude-sonnet-4-6", "usage": usage})

    async with upstream(api, ssl_context=authority[1]) as url:
        secure = url.replace("http:", "https:")
        async with gateway(secure) as gate:
            assert (await ask(client, gate.open("run", usd=1)))[0] == 200
    assert proxy.connected == [secure.removeprefix("https://")]


async def test_an_entry_in_netrc_does_not_come_between_the_agents_and_the_model(
    client: aiohttp.ClientSession, played: PlayedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with gateway(played.url) as gate:
        assert (await ask(client, gate.open("run", usd=1)))[0] == 200
    assert "authorization" not in played.requests[0].headers
