"""What machines ask the bot: is it alive, is it ready, and its figures."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Check = Callable[[], Awaitable[bool]]
Source = Callable[[], Awaitable[Mapping[str, float]]]


@dataclass(frozen=True)
class Figure:
    """One metric: its name at /metrics, what it says, and the label that its source's keys are values of."""

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    label: str


FIGURES = (
    Figure("tutti_webhooks_total", "counter", "Webhook requests by what the door answered", "answer"),
    Figure("tutti_deliveries", "gauge", "Stored deliveries by status", "status"),
    Figure("tutti_runs", "gauge", "Runs by state", "state"),
)


class _Once(Collector):
    """The figures of one moment."""

    def __init__(self, values: Mapping[Figure, Mapping[str, float]]) -> None:
        self._values = values

    def collect(self) -> Iterator[Metric]:
        for figure, values in self._values.items():
            kind = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
            family = kind(figure.name, figure.meaning, labels=[figure.label])
            for value, number in values.items():
                family.add_metric([value], number)
            yield family


class Health:
    """`checks` say by name whether a part works; `sources` give each of FIGURES' values by its name."""

    def __init__(self, checks: Mapping[str, Check], sources: Mapping[str, Source], patience: float = 2.0) -> None:
        """`patience`: seconds a check may take. ValueError when FIGURES and `sources` do not name the same."""
        if set(sources) != {figure.name for figure in FIGURES}:
            raise ValueError(f"sources must be exactly those of {[figure.name for figure in FIGURES]}")
        self._checks, self._sources, self._patience = checks, sources, patience

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.figures),
        ]

    async def alive(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(self, _request: web.Request) -> web.Response:
        """200, or 503 with the names of the parts that do not work."""
        works = await asyncio.gather(*(self._try(check) for check in self._checks.values()), return_exceptions=True)
        failing = [name for name, result in zip(self._checks, works, strict=True) if result is not True]
        if failing:
            return web.json_response({"status": "not ready", "failing": failing}, status=503)
        return web.json_response({"status": "ok"})

    async def _try(self, check: Check) -> bool:
        async with asyncio.timeout(self._patience):
            return await check()

    async def figures(self, _request: web.Request) -> web.Response:
        values = {figure: await self._sources[figure.name]() for figure in FIGURES}
        registry = CollectorRegistry()
        registry.register(_Once(values))
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
