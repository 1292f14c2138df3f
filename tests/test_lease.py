"""What a run may spend at the gateway: counted to the token, whatever it breaks off, and stopped at every limit."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.emulator.model import Fail, PlayedModel, Say, Script
from bot.sandbox.gateway import SPENT
from tests.counter import KEY, Json, Purse, answered, ask, gateway, inside, leased, question, upstream


@pytest.fixture
async def played() -> AsyncIterator[PlayedModel]:
    async with PlayedModel([Script(("hello",), [(Say("Good day to you."),)])], key=KEY) as model:
        yield model


def refusal(answer: str) -> str:
    problem: Json = json.loads(answer)["error"]
    assert problem["type"] == "permission_error"
    return str(problem["message"])


@pytest.mark.parametrize("stream", [False, True])
async def test_counts_tokens_and_dollars_of_json_and_of_streams(
    played: PlayedModel, tmp_path: Path, stream: bool
) -> None:
    purse = Purse()
    async with leased(played.url, tmp_path, purse=purse) as lease:
        await ask(lease, question(stream=stream))
        usage = lease.usage
    assert usage.calls == 1
    assert (usage.input, usage.cache_read) == (4, 0)
    assert usage.cache_write > 10
    assert usage.output > 1
    assert usage.usd == pytest.approx((4 * 3 + usage.cache_write * 3.75 + usage.output * 15) / 1e6)
    assert purse.paid == [usage.usd]


async def test_the_limit_of_the_run_stops_the_next_request_with_403(played: PlayedModel, tmp_path: Path) -> None:
    async with leased(played.url, tmp_path, usd=0.000001) as lease:
        assert (await ask(lease))[0] == 200
        assert (lease.spent, lease.stopped) == (True, "")
        status, answer = await ask(lease)
    assert status == 403
    assert refusal(answer) == lease.stopped == f"{SPENT}: this run had $0.00 left, and that is used up."
    assert len(played.requests) == 1


async def test_any_other_limit_stops_it_with_its_own_sentence(played: PlayedModel, tmp_path: Path) -> None:
    purse = Purse()
    async with leased(played.url, tmp_path, purse=purse) as lease:
        assert (await ask(lease))[0] == 200
        purse.limit = "Over budget: enough for today."
        status, answer = await ask(lease)
    assert status == 403
    assert refusal(answer) == lease.stopped == "Over budget: enough for today."
    assert not lease.spent
    assert len(played.requests) == 1


async def test_an_unknown_model_has_no_known_cost_but_is_limited_as_the_dearest(
    played: PlayedModel, tmp_path: Path
) -> None:
    async with gateway(played.url, tmp_path, models=["a-model-of-tomorrow"]) as gate:
        lease = await gate.open("run", 0.00001, purse=Purse())
        await ask(lease, question(model="a-model-of-tomorrow"))
        assert lease.usage.usd is None
        assert lease.usage.output > 0
        assert lease.counted >= lease.usd
        assert lease.spent


async def test_who_breaks_off_a_stream_pays_for_what_was_sent(tmp_path: Path) -> None:
    gone, purse = asyncio.Event(), Purse()

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

    async with upstream(endless) as url, leased(url, tmp_path, purse=purse) as lease, inside(lease) as client:
        answer = await client.post("/v1/messages", json=question(stream=True))
        while b"text_delta" not in await answer.content.readline():
            pass
        answer.close()
        await gone.wait()
    assert lease.usage.input == 1000
    assert lease.usage.output > 1000
    assert purse.paid == [lease.usage.usd]


async def test_who_does_not_wait_for_an_answer_in_one_piece_pays_for_the_longest(tmp_path: Path) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def thinking(_request: web.Request) -> web.StreamResponse:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        return answered()

    async with upstream(thinking) as url, leased(url, tmp_path) as lease:
        asking = asyncio.create_task(ask(lease, question(max_tokens=20_000)))
        await asked.wait()
        asking.cancel()
        await gone.wait()
    assert lease.usage.output == 20_000
    assert lease.usage.cache_write > 10


async def test_answers_without_use_cost_nothing(tmp_path: Path) -> None:
    purse = Purse()
    async with PlayedModel([Script((), [(Fail(529),)])]) as model, leased(model.url, tmp_path, purse=purse) as lease:
        assert (await ask(lease))[0] == 529
        status, counted = await ask(lease, path="/v1/messages/count_tokens")
        assert (status, json.loads(counted)["input_tokens"] > 10) == (200, True)
        assert lease.usage.calls == 0
        assert lease.usage.usd == 0
    assert purse.paid == []


async def test_calls_at_once_spend_no_more_than_the_limit_and_one_call(tmp_path: Path) -> None:
    under_way, most = 0, 0

    async def dear(_request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(20):
            await asyncio.sleep(0)
        under_way -= 1
        return answered(output=10_000)

    async with upstream(dear) as url, leased(url, tmp_path, usd=0.5) as lease:  # a call is 0.15
        asking = [ask(lease, question(max_tokens=10_000)) for _ in range(20)]
        statuses = [status for status, _ in await asyncio.gather(*asking)]
    assert most == 3
    assert (statuses.count(200), statuses.count(403)) == (4, 16)
    assert lease.counted == pytest.approx(0.6, abs=0.01)


async def test_so_many_calls_at_once_and_the_others_wait(tmp_path: Path) -> None:
    waiting, together = 0, asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        nonlocal waiting
        waiting += 1
        if waiting >= 8:
            together.set()
        await together.wait()
        assert waiting <= 8
        waiting -= 1
        return answered()

    async with upstream(slow) as url, leased(url, tmp_path, usd=50) as lease:
        assert {status for status, _ in await asyncio.gather(*(ask(lease) for _ in range(16)))} == {200}


async def test_big_questions_go_one_by_one(tmp_path: Path) -> None:
    inside_at_once, most = 0, 0

    async def reading(_request: web.Request) -> web.StreamResponse:
        nonlocal inside_at_once, most
        inside_at_once += 1
        most = max(most, inside_at_once)
        await asyncio.sleep(0)
        inside_at_once -= 1
        return answered()

    big = json.dumps(question(system="x" * (5 << 20))).encode()
    async with upstream(reading) as url, leased(url, tmp_path, usd=500) as lease:
        assert {status for status, _ in await asyncio.gather(*(ask(lease, big) for _ in range(3)))} == {200}
    assert most == 1


class Moody(Purse):
    """A purse in a database that is away now and then."""

    away = False

    async def empty(self) -> str:
        if self.away:
            raise ConnectionError("no database")
        return ""

    async def pay(self, usd: float) -> None:
        if self.away:
            raise ConnectionError("no database")
        await super().pay(usd)


async def test_while_nobody_knows_what_was_spent_nothing_is_spent_and_nothing_is_forgotten(tmp_path: Path) -> None:
    purse = Moody()

    async def api(_request: web.Request) -> web.StreamResponse:
        purse.away = True
        return answered(output=1000)

    async with upstream(api) as url, gateway(url, tmp_path) as gate:
        lease = await gate.open("run", 1, purse=purse)
        assert (await ask(lease))[0] == 200
        assert (await ask(lease))[0] == 503
        purse.away = False
        await gate.shut(lease)
    assert purse.paid == [lease.usage.usd]


async def test_what_a_cut_off_call_cost_is_paid_before_the_lease_is_shut(tmp_path: Path) -> None:
    asked, purse = asyncio.Event(), Purse()

    async def thinking(_request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        return answered()

    async with upstream(thinking) as url, gateway(url, tmp_path) as gate:
        lease = await gate.open("run", 1, purse=purse)
        asking = asyncio.create_task(ask(lease))
        await asked.wait()
        await gate.shut(lease)
        assert purse.paid == [lease.usage.usd]
        with suppress(aiohttp.ClientError):
            await asking
