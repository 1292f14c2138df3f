"""What a model's answer costs: tokens are read from it, and priced as the provider does."""

import json

import pytest

from bot.sandbox.meter import Price, Reading, Tokens, dearest, listed, price, undated


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [
        ("claude-opus-5-5", Tokens(input=1_000_000), 4),
        ("claude-sonnet-4-5-20250929", Tokens(output=1_000_000), 15),
        ("claude-sonnet-4-20250514", Tokens(input=200_001, output=1_000_000), 200_001 * 6 / 1e6 + 22.5),
        ("claude-haiku-4-5", Tokens(cache_read=1_000_000, cache_write_5m=1_000_000, cache_write_1h=1_000_000), 3.35),
        ("claude-haiku-5-5", Tokens(cache_read=100_001), 100_001 * 0.05 / 1e6),
    ],
)
def test_prices_are_the_providers(model: str, tokens: Tokens, usd: float) -> None:
    known = price(model)
    assert known is not None
    assert known.of(tokens) == pytest.approx(usd)


def test_an_unknown_model_is_dearer_than_any_known() -> None:
    assert price("claude-next") is None
    assert dearest() == Price(input=15, output=75, cache_read=1.5, cache_write_5m=18.75, cache_write_1h=30)


def test_a_stream_is_read_wherever_it_is_cut() -> None:
    usage = {"input_tokens": 7, "cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_1h_input_tokens": 2}}
    events = [
        {"type": "message_start", "message": {"model": "claude-opus-5-5", "usage": {**usage, "output_tokens": 1}}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "ä" * 1000}},
        {"type": "message_delta", "usage": {"output_tokens": 12, "input_tokens": None}},
    ]
    stream = "".join(
        f"event: {e['type']}\r\ndata: {json.dumps(e, ensure_ascii=False)}\r\n\r\n" for e in events
    ).encode()
    for size in (1, 3, 64, len(stream)):
        reading = Reading(asked=99, model="other")
        for start in range(0, len(stream), size):
            reading.stream(stream[start : start + size])
        assert reading.model == "claude-opus-5-5"
        assert reading.tokens() == Tokens(input=7, output=12, cache_write_5m=3, cache_write_1h=2)


def test_an_answer_that_never_came_costs_what_was_asked() -> None:
    assert Reading(asked=99, model="x").tokens() == Tokens(cache_write_1h=99)


def test_of_an_answer_in_one_piece_nobody_waited_for_the_longest_is_counted() -> None:
    unread, read = Reading(asked=99, model="x", most=5000), Reading(asked=99, model="x", most=5000)
    read.json(b'{"usage": {"input_tokens": 7, "output_tokens": 8}}')
    assert unread.tokens() == Tokens(cache_write_1h=99, output=5000)
    assert read.tokens() == Tokens(input=7, output=8)


@pytest.mark.parametrize(
    "name", ["claude-opus-5", "claude-opus-5-20260101", "claude-opus-5-latest", "claude-opus-5[1m]"]
)
def test_one_model_has_one_name(name: str) -> None:
    assert undated(name) == "claude-opus-5"
    assert undated(name) in listed()
