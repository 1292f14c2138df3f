"""Whatever knocks: GitHub's deliveries are stored as they came, everything else is refused in one short word."""

import asyncio
import contextlib
import hmac
import json
import logging
import random
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.store.db import Database
from bot.store.inbox import Inbox
from bot.web.webhook import ANSWERS, Door, Limits
from tests.github.example import examples
from tests.street import JSON, SECRET, Street, opened, sign

QUICK = replace(Limits(), read_seconds=0.2)
STORED, DUPLICATE = (202, "stored"), (200, "duplicate")
INCOMPLETE, UNSIGNED, SLOW = (400, "incomplete"), (401, "bad signature"), (408, "too slow")
LARGE, NOT_JSON, BUSY = (413, "too large"), (415, "not plain application/json"), (503, "busy")
NOT_STORED = (503, "not stored")


@pytest.fixture
def file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tutti.db'}"


@pytest.fixture
async def street(file: str) -> AsyncIterator[Street]:
    async with opened(file) as street:
        yield street


# ---- GitHub's own ----------------------------------------------------------------------------------------------------


async def test_a_delivery_is_stored_as_it_came(street: Street) -> None:
    body = '{"action": "labeled",  "title": "Ünïcödé \U0001f600"}'.encode()
    assert await street.knock(body, X_GitHub_Delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958") == STORED
    assert await street.stored() == [("72d3162e-cc78-11e3-81ab-4c9367dc0958", "issues", body)]


async def test_what_makes_no_sense_is_stored_all_the_same(street: Street) -> None:
    assert await street.knock(b"[" * 200_000, X_GitHub_Event="a_new_event") == STORED
    assert await street.knock(b"\xff\xfe not json \0", X_GitHub_Event="installation") == STORED


@pytest.mark.parametrize("type_", [JSON, "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"])
async def test_json_is_json_however_it_is_spelt(street: Street, type_: str) -> None:
    assert await street.knock(Content_Type=type_) == STORED


async def test_a_repeated_delivery_is_stored_once_and_said_so_after_a_restart_too(file: str) -> None:
    async with opened(file) as street:
        assert await street.knock(X_GitHub_Delivery="g1") == STORED
        assert await street.knock(X_GitHub_Delivery="g1") == DUPLICATE
    async with opened(file) as street:
        assert await street.knock(b'{"other": 1}', X_GitHub_Delivery="g1") == DUPLICATE
        assert await street.stored() == [("g1", "issues", b"{}")]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_of_many_at_once_with_one_guid_one_is_stored(
    database: str, file: str, request: pytest.FixtureRequest
) -> None:
    url = str(request.getfixturevalue("postgres_url")) if database == "postgresql" else file
    async with opened(url) as street:
        said = await asyncio.gather(*(street.knock(X_GitHub_Delivery=f"g{n % 3}") for n in range(60)))
        assert sorted(said) == [DUPLICATE] * 57 + [STORED] * 3
        assert sorted(await street.stored()) == [(f"g{n}", "issues", b"{}") for n in range(3)]


async def test_the_largest_body_that_github_sends_is_stored(street: Street) -> None:
    body = b'"' + b"x" * (Limits().body_bytes - 2) + b'"'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1_000_000):
            yield body[start : start + 1_000_000]

    assert await street.post(pieces(), street.headers(body)) == STORED
    assert [len(body) for _, _, body in await street.stored()] == [25 * 1024 * 1024]


async def test_a_body_in_many_pieces_is_stored_whole(street: Street) -> None:
    caller = await street.begin(length=1000)
    for _ in range(10):
        caller.send(bytes(100))
        await asyncio.sleep(0)
    assert await caller.answer() == STORED
    assert [body for _, _, body in await street.stored()] == [bytes(1000)]
    await caller.hang_up()


# ---- not GitHub's ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        sign(b"{}", "another secret, also long"),
        sign(b"{}", ""),
        sign(b"{} "),
        sign(b"{}")[:-1],
        sign(b"{}") + "0",
        sign(b"{}").removeprefix("sha256="),
        sign(b"{}").upper(),
        "sha1=" + hmac.digest(SECRET.encode(), b"{}", "sha1").hex(),
        "sha256=" + "é" * 64,
        "sha256=" + "z" * 64,
    ],
)
async def test_what_is_not_signed_with_the_secret_is_refused(street: Street, signature: str | None) -> None:
    assert await street.knock(X_Hub_Signature_256=signature) == UNSIGNED
    assert await street.stored() == []
    assert street.door.answers["bad signature"] == 1


async def test_the_old_sha1_signature_alone_does_not_open(street: Street) -> None:
    old = "sha1=" + hmac.digest(SECRET.encode(), b"{}", "sha1").hex()
    assert await street.knock(X_Hub_Signature=old, X_Hub_Signature_256=None) == UNSIGNED


async def test_a_body_changed_on_the_way_is_refused(street: Street) -> None:
    assert await street.post(b'{"a": 2}', street.headers(b'{"a": 1}')) == UNSIGNED


@pytest.mark.parametrize(
    "type_",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=nope", "json", "*/*"],
)
async def test_only_json_is_taken(street: Street, type_: str | None) -> None:
    assert await street.knock(Content_Type=type_) == NOT_JSON


@pytest.mark.parametrize(
    "changed",
    [
        {"X_GitHub_Event": None},
        {"X_GitHub_Delivery": None},
        {"X_GitHub_Event": "Issues'; drop table"},
        {"X_GitHub_Event": "x" * 65},
        {"X_GitHub_Delivery": "x" * 65},
        {"X_GitHub_Delivery": "../../g1"},
        {"X_GitHub_Delivery": "gü1"},
    ],
)
async def test_a_delivery_without_a_proper_name_is_refused(street: Street, changed: dict[str, str | None]) -> None:
    assert await street.knock(b"{}", **changed) == INCOMPLETE
    assert await street.stored() == []


async def test_an_empty_delivery_is_refused(street: Street) -> None:
    assert await street.knock(b"") == INCOMPLETE


async def test_nothing_can_be_fetched_at_the_door(street: Street) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{street.url}/webhooks/github") as answer:
        assert answer.status == 405


# ---- too much --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [26 * 1024 * 1024, 10 * 1024**3])
async def test_a_body_too_large_is_refused_before_it_is_read(street: Street, length: int) -> None:
    caller = await street.connect()
    headers = street.headers(b"") | {"Host": "bot", "Content-Length": str(length)}
    caller.send(b"POST /webhooks/github HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items()).encode())
    caller.send(b"\r\n")
    assert await caller.answer() == LARGE
    await caller.hang_up()


async def test_a_body_without_end_is_cut(file: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100)

    async with opened(file, replace(Limits(), body_bytes=10_000)) as street:
        assert await street.post(endless(), street.headers(b"")) == LARGE


async def test_nothing_that_strangers_send_is_inflated(street: Street) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(200)), packer.flush()])
    tracemalloc.start()
    try:
        assert await street.knock(bomb, Content_Encoding="gzip") == NOT_JSON
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000_000


async def test_slow_ones_are_cut_and_keep_nobody_waiting(file: str) -> None:
    async with opened(file, replace(Limits(), read_seconds=1.0)) as street:
        bodies = [await street.begin() for _ in range(100)]
        heads = [await street.connect() for _ in range(100)]
        for caller in bodies:
            caller.send(b"x")
        for caller in heads:
            caller.send(b"POST /webhooks/github HTTP/1.1\r\nX-Slo")
        async with aiohttp.ClientSession() as session, session.get(f"{street.url}/alive") as answer:
            assert answer.status == 200
        assert await street.knock() == STORED
        assert set(await asyncio.gather(*(caller.answer() for caller in bodies))) == {SLOW}
        assert set(await asyncio.gather(*(caller.rest() for caller in bodies + heads))) == {b""}
        assert street.door.answers["too slow"] == 100
        for caller in bodies + heads:
            await caller.hang_up()


async def test_when_too_many_are_unfinished_the_next_is_sent_away_until_one_ends(file: str) -> None:
    async with opened(file, replace(Limits(), unfinished=2)) as street:
        first, second = await street.begin(), await street.begin()
        assert await street.knock() == BUSY
        first.send(bytes(1000))
        assert await first.answer() == STORED
        assert await street.knock() == STORED
        await first.hang_up()
        await second.hang_up()


async def test_long_bodies_share_what_memory_there_is_and_short_ones_do_not_suffer(file: str) -> None:
    async with opened(file, replace(Limits(), free_bytes=1_000, shared_bytes=10_000)) as street:
        long = await street.begin(length=10_500)
        long.send(bytes(10_000))
        for _ in range(20):  # each takes less than is free to all
            assert await street.knock(bytes(900)) == STORED
        assert await street.knock(bytes(30_000)) == BUSY
        long.send(bytes(500))
        assert await long.answer() == STORED
        assert await street.knock(bytes(10_500)) == STORED
        await long.hang_up()


async def test_who_hangs_up_in_the_middle_leaves_nothing_behind(file: str) -> None:
    async with opened(file, replace(Limits(), unfinished=1)) as street:
        caller = await street.begin()
        await caller.hang_up()
        while (said := await street.knock()) == BUSY:
            pass
        assert said == STORED
        assert len(await street.stored()) == 1


# ---- trouble within --------------------------------------------------------------------------------------------------


async def test_what_cannot_be_stored_is_not_said_to_be(street: Street) -> None:
    await street.db.write(lambda conn: conn.execute(sa.text("drop table deliveries")))
    with structlog.testing.capture_logs() as logs:
        assert await street.knock(b'{"private": "words"}', X_GitHub_Delivery="g1") == NOT_STORED
    assert [(line["log_level"], line["guid"], line["problem"]) for line in logs] == [
        ("error", "g1", "OperationalError")
    ]
    assert "private" not in str(logs)


@pytest.mark.parametrize("secret", ["", "nineteen characters"])
def test_without_a_proper_secret_there_is_no_door(secret: str, file: str) -> None:
    said = f"TUTTI_WEBHOOK_SECRET has {len(secret)} bytes: set one of at least 20, the same here and in the GitHub App."
    with pytest.raises(UserError) as refused:
        Door(secret, Inbox(Database(file), lambda: None))
    assert str(refused.value) == said


def test_every_answer_is_counted_from_the_start(file: str) -> None:
    door = Door(SECRET, Inbox(Database(file), lambda: None))
    assert dict(door.answers) == dict.fromkeys((answer.word for answer in ANSWERS), 0)


# ---- damage ----------------------------------------------------------------------------------------------------------


def damaged(body: bytes, chance: random.Random) -> bytes:
    """`body`, hurt in one of the ways in which things get hurt."""
    start, end = sorted(chance.choices(range(len(body) + 1), k=2))
    hurt = chance.choice(
        [
            body[:start],
            body[:start] + body[end:],
            body[:start] + chance.randbytes(20) + body[start:],
            body.replace(b"{", b"[").replace(b"}", b"]"),
            body.replace(b'":', b'":{"deeper":' * 50),
            body.replace(b'"', b"'"),
            body.replace(b"1", b"1e999"),
            b"[" + body + b"]",
            body.decode().encode("utf-16"),
            body + b"\0",
        ]
    )
    return hurt or b"\0"


async def test_every_example_of_github_is_stored_however_it_is_damaged_and_refused_if_damaged_later(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(7)
    events = [event for event, _ in examples()]
    bodies = [json.dumps(payload).encode() for _, payload in examples()]
    hurt = [damaged(body, chance) for body in bodies]
    whole = await asyncio.gather(*(street.knock(b, X_GitHub_Event=e) for e, b in zip(events, bodies, strict=True)))
    assert set(whole) == {STORED}
    assert set(
        await asyncio.gather(*(street.knock(b, X_GitHub_Event=e) for e, b in zip(events, hurt, strict=True)))
    ) == {STORED}
    late = [(new, old) for new, old in zip(hurt, bodies, strict=True) if new != old]
    assert set(await asyncio.gather(*(street.post(new, street.headers(old)) for new, old in late))) == {UNSIGNED}
    assert sorted(body for _, _, body in await street.stored()) == sorted(bodies + hurt)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


GIBBERISH = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda line, name, value, body: b"%s\r\nHost: bot\r\n%s: %s\r\n\r\n%s" % (line, name, value, body),
        st.sampled_from([b"POST /webhooks/github HTTP/1.1", b"POST /webhooks/github HTTP/1.0", b"PUT /\xff HTTP/9.9"]),
        st.sampled_from(
            [b"Content-Length", b"Transfer-Encoding", b"Content-Type", b"X-Hub-Signature-256", b"Expect", b"Upgrade"]
        ),
        st.one_of(
            st.binary(max_size=40), st.sampled_from([b"chunked", b"-1", b"9" * 40, b"100-continue", JSON.encode()])
        ),
        st.binary(max_size=60),
    ),
)


def test_gibberish_gets_a_refusal_and_no_traceback(file: str, caplog: pytest.LogCaptureFixture) -> None:
    with asyncio.Runner() as loop:
        way = opened(file, QUICK)
        street = loop.run(way.__aenter__())

        async def shout(data: bytes) -> bytes:
            caller = await street.connect()
            caller.send(data)
            with contextlib.suppress(ConnectionError):
                caller.end()
            heard = await caller.rest()
            await caller.hang_up()
            return heard

        @settings(max_examples=200, deadline=None)
        @given(GIBBERISH)
        def refused(data: bytes) -> None:
            heard = loop.run(shout(data))
            assert not heard or heard.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 1"))

        try:
            refused()
            assert loop.run(street.stored()) == []
        finally:
            loop.run(way.__aexit__(None, None, None))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
