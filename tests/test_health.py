"""What machines ask the bot is answered truthfully, and quickly also when a part of it hangs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from bot.web.health import FIGURES, Check, Health, Source

Client = TestClient[web.Request, web.Application]


def giving(values: Mapping[str, float]) -> Source:
    async def source() -> Mapping[str, float]:
        return values

    return source


async def well() -> bool:
    return True


async def ill() -> bool:
    return False


async def broken() -> bool:
    raise ConnectionError("the database is gone")


async def hanging() -> bool:
    await asyncio.Event().wait()
    return True


NOTHING = {figure.name: giving({}) for figure in FIGURES}


@asynccontextmanager
async def asked(checks: Mapping[str, Check], sources: Mapping[str, Source] = NOTHING) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(Health(checks, sources, patience=0.05).routes())
    async with TestClient(TestServer(app)) as client:
        yield client


async def get(client: Client, path: str) -> tuple[int, Any]:
    async with client.get(path) as answer:
        return answer.status, await answer.json()


async def test_the_bot_is_alive_whatever_fails() -> None:
    async with asked({"database": broken}) as client:
        assert await get(client, "/healthz") == (200, {"status": "ok"})


async def test_the_bot_is_ready_when_all_its_parts_work() -> None:
    async with asked({"database": well, "worker": well}) as client:
        assert await get(client, "/readyz") == (200, {"status": "ok"})


@pytest.mark.parametrize("check", [ill, broken, hanging])
async def test_the_bot_is_not_ready_while_a_part_does_not_work_and_says_which(
    check: Callable[[], Awaitable[bool]],
) -> None:
    async with asked({"database": well, "worker": check}) as client:
        assert await get(client, "/readyz") == (503, {"status": "not ready", "failing": ["worker"]})


async def test_the_figures_are_those_that_are_listed_as_they_are_now() -> None:
    answers: dict[str, float] = {"stored": 3, 'a "quoted"\nword': 1}
    sources = NOTHING | {"tutti_webhooks_total": giving(answers), "tutti_runs": giving({"running": 2})}
    async with asked({}, sources) as client:
        await client.get("/metrics")
        answers["stored"] = 4
        async with client.get("/metrics") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain")
            families = list(text_string_to_metric_families(await answer.text()))
    assert {(f.name, f.type, f.documentation) for f in families} == {
        (figure.name.removesuffix("_total"), figure.kind, figure.meaning) for figure in FIGURES
    }
    samples = {(s.name, *s.labels.items()): s.value for family in families for s in family.samples}
    assert samples == {
        ("tutti_webhooks_total", ("answer", "stored")): 4,
        ("tutti_webhooks_total", ("answer", 'a "quoted"\nword')): 1,
        ("tutti_runs", ("state", "running")): 2,
    }


@pytest.mark.parametrize("wrong", [{}, NOTHING | {"tutti_moon": giving({})}])
def test_a_figure_without_a_source_and_a_source_without_a_figure_are_refused(wrong: Mapping[str, Source]) -> None:
    with pytest.raises(ValueError, match="sources must be exactly those of"):
        Health({}, wrong)
