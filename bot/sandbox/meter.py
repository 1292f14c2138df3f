"""What the model API's answers cost: tokens read from JSON and event streams, priced from prices.yml. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml

_DATE = re.compile(r"(-\d{8}|-latest|@\d{8}|\[1m\])+$")
_COUNTED = ("input", "cache_write_5m", "cache_write_1h", "cache_read", "output")


@dataclass(frozen=True)
class Tokens:
    """Tokens of one request or of many, by what they are priced as."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> Self:
        """From the API's `usage` object, whatever of it is there."""
        split = usage.get("cache_creation")
        hour = _whole(split.get("ephemeral_1h_input_tokens")) if isinstance(split, Mapping) else 0
        return cls(
            input=_whole(usage.get("input_tokens")),
            output=_whole(usage.get("output_tokens")),
            cache_read=_whole(usage.get("cache_read_input_tokens")),
            cache_write_5m=max(_whole(usage.get("cache_creation_input_tokens")) - hour, 0),
            cache_write_1h=hour,
        )

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(**{name: getattr(self, name) + getattr(other, name) for name in _COUNTED})


@dataclass(frozen=True)
class Price:
    """USD per million tokens; above `long_above` tokens of prompt `long` holds instead."""

    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    long_above: int | None = None
    long: "Price | None" = None

    def of(self, tokens: Tokens) -> float:
        if self.long is not None and self.long_above is not None and tokens.prompt > self.long_above:
            return self.long.of(tokens)
        return float(sum(getattr(self, name) * getattr(tokens, name) for name in _COUNTED)) / 1e6


def undated(model: str) -> str:
    """A model's name without its date or its window: one name for what is one model."""
    return _DATE.sub("", model)


def price(model: str) -> Price | None:
    """A model's price by its name, dated or not; None for a model that the list does not know."""
    return _prices().get(undated(model))


def listed() -> frozenset[str]:
    """The undated names of the models in the list."""
    return frozenset(_prices())


def dearest() -> Price:
    """What no known model exceeds in anything."""
    known = [p for listed in _prices().values() for p in (listed, listed.long) if p is not None]
    return Price(**{name: max(getattr(p, name) for p in known) for name in _COUNTED})


@cache
def _prices() -> dict[str, Price]:
    rows = yaml.safe_load(Path(__file__).with_name("prices.yml").read_text(encoding="utf-8"))
    return {model: _price(row) for row in rows for model in row["models"]}


def _price(row: Mapping[str, Any]) -> Price:
    long = row.get("long")
    return Price(
        input=row["input"],
        output=row["output"],
        cache_read=row["read"],
        cache_write_5m=row["write_5m"],
        cache_write_1h=row["write_1h"],
        long_above=long["above"] if long else None,
        long=_price(long) if long else None,
    )


class Reading:
    """One answer of the API while it passes: which model answers, how many tokens so far.

    `asked` and `most` are the tokens that the question and the answer may have at most. A stream that breaks off has
    no final count: what was seen of it is counted at four bytes a token. Of an answer in one piece that is not waited
    for nothing is seen at all: it counts as the longest. A question of which nobody says what it used counts as
    written to the cache for an hour, which is the dearest.
    """

    def __init__(self, asked: int, model: str, most: int = 0) -> None:
        self.model = model
        self._asked, self._most = asked, most
        self._usage, self._seen, self._complete = dict[str, Any](), 0, False
        self._rest = b""

    def json(self, body: bytes) -> None:
        """Take a whole answer that is no stream."""
        self._take({"type": "message_start", "message": _object(body)})
        self._complete = True

    def stream(self, chunk: bytes) -> None:
        """Take a piece of an event stream."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._take(_object(line[5:]))

    def tokens(self) -> Tokens:
        """What this answer has used by now."""
        unsaid = Tokens(cache_write_1h=self._asked, output=0 if self._complete else self._most)
        tokens = Tokens.of(self._usage) if self._usage else unsaid
        return tokens if self._complete else tokens + Tokens(output=max(self._seen - tokens.output, 0))

    def _take(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "message_start" if isinstance(message := event.get("message"), dict):
                self.model = str(message.get("model") or self.model)
                self._update(message.get("usage"))
            case "content_block_delta":
                self._seen += len(json.dumps(event.get("delta"), ensure_ascii=False)) // 4
            case "message_delta":
                self._update(event.get("usage"))
                self._complete = True

    def _update(self, usage: object) -> None:
        if isinstance(usage, dict):
            self._usage.update({name: value for name, value in usage.items() if value is not None})


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
