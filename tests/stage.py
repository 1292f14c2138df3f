"""One worker on a stage of its own, which the engine's tests crash and start again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.workflow.engine import Body, Engine, Json, Step

STEPS = ("fetch", "agent", "publish")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tutti.db'}"
    return str(request.getfixturevalue("postgres_url"))


class Stage:
    """One worker that can be crashed at a checkpoint and started again."""

    def __init__(self, url: str, data_dir: Path, body: Body) -> None:
        self.url, self.data_dir, self.body = url, data_dir, body
        self.reached = asyncio.Event()
        self.engine: Engine

    async def up(self, freeze_at: str = "", slot: str = "slot-0") -> Engine:
        async def checkpoint(point: str) -> None:
            if point == freeze_at:
                self.reached.set()
                await asyncio.Event().wait()

        self.engine = Engine(self.url, self.body, slot=slot, data_dir=self.data_dir, checkpoint=checkpoint)
        await self.engine.launch()
        return self.engine

    async def crash_in(self, run_id: str, freeze_at: str) -> None:
        """Start the run, and end the process' part in it at that checkpoint."""
        await self.up(freeze_at)
        await self.engine.start(run_id)
        await self.reached.wait()
        await self.engine.close(grace=0)

    async def again(self) -> Engine:
        """Start the worker anew and let it do what was left."""
        await self.up()
        await self.engine.idle()
        return self.engine


Build = Callable[[Body], Stage]


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Build]:
    built: list[Stage] = []

    def build(body: Body) -> Stage:
        built.append(Stage(database_url, tmp_path, body))
        return built[-1]

    yield build
    for each in built:
        await each.engine.close(grace=0)


def doing(what: Json, log: list[str], key: str) -> Callable[[], Awaitable[Json]]:
    async def effect() -> Json:
        log.append(key)
        return what

    return effect


def three_steps(log: list[str], results: list[Json]) -> Body:
    async def body(run_id: str, step: Step) -> None:
        got = [await step(key, doing({"of": key}, log, key)) for key in STEPS]
        results.append({run_id: got})

    return body
