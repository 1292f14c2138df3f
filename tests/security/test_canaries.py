"""No secret shows anywhere: the search of all that the suite did (abuse cases 50 and 51), and that it can find."""

import asyncio
import base64
import hashlib
import json
import logging
import sqlite3
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from aiohttp import ClientSession, ClientTimeout, web

from bot.backends.rehearsal import Say, Write
from bot.emulator.fault import Exchange
from bot.emulator.server import Emulator
from bot.github.caller import Caller
from tests.canary import JWT, Secrets, Witness, forms
from tests.counter import KEY, inside, leased, question, upstream
from tests.house import House
from tests.listening import WITNESS, logged, sent

ROOT = Path(__file__).parents[2]

TOKEN = f"ghs_{hashlib.sha256(b'a token').hexdigest()[:36]}"
SECRET = "a secret that only this file knows"


@pytest.mark.timeout(240)  # with it all that the session shared is put away
def test_nothing_that_the_suite_did_shows_a_secret(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The last test of all: each test's own folder and databases were searched when it was over."""
    WITNESS.look_at_files(tmp_path_factory.getbasetemp())
    assert not WITNESS.hits, "\n".join(dict.fromkeys(WITNESS.hits))


# ---- the search can find ---------------------------------------------------------------------------------------------


@pytest.fixture
def witness() -> Witness:
    """One of our own, who knows a secret."""
    secrets = Secrets()
    secrets.know("a secret", SECRET)
    return Witness(secrets)


def hidden(value: str) -> list[bytes]:
    """A secret in each of its disguises, in the midst of something else."""
    raw = value.encode()
    found = [raw, raw.hex().encode(), raw.hex().upper().encode(), forms(value)["URL"], forms(value)["form"]]
    found += [base64.b64encode(b"x" * shift + raw + b" and so on") for shift in range(3)]
    return found + [base64.urlsafe_b64encode(b"x" * shift + raw + b"?") for shift in range(3)]


@pytest.mark.parametrize("number", range(11))
@pytest.mark.parametrize("value", [SECRET, TOKEN, JWT + "eyJpc3MiOiI0NzExIn0.c2ln", "Ä/+?ß=&>>>a key with signs"])
def test_a_secret_is_found_in_every_form(witness: Witness, value: str, number: int) -> None:
    witness.secrets.know("a key with signs", "Ä/+?ß=&>>>a key with signs")
    witness.saw("a page", "here", b"\0 before " + hidden(value)[number] + b" after\n")
    assert len(witness.hits) >= 1
    assert "in a page here, in tests/security/test_canaries.py::" in witness.hits[0]


def test_harmless_words_are_no_hit(witness: Witness) -> None:
    witness.saw("a page", "here", b"ghs_invented, doc1.txt, Z2hzX, naHNf, 6768735f, a secret that only")
    assert witness.hits == []


def test_a_private_key_is_found_by_any_of_three_lines(witness: Witness, tmp_path: Path) -> None:
    pem = Emulator(tmp_path).private_key
    witness.secrets.know_key(pem)
    lines = pem.splitlines()
    for part in ("\\n".join(lines[1:4]), json.dumps(pem), "\n".join(lines[-4:])):
        witness.hits.clear()
        witness.saw("a page", "here", part)
        assert witness.hits, part


def test_processes_are_seen_with_their_arguments_and_environment() -> None:
    """By the suite's own witness, to whom this is shown as no leak: the secret here is not among those it knows."""
    before = WITNESS.seen.copy()
    subprocess.run([sys.executable, "-c", "pass"], check=True, env={"WORD": "x"})
    seen = WITNESS.seen - before
    assert (seen["the arguments of"], seen["the environment of"]) == (1, 1)


def test_a_secret_in_arguments_or_environment_is_a_hit(witness: Witness) -> None:
    witness.started(["git", "-c", f"http.extraHeader=Authorization: Bearer {TOKEN}"], [])
    witness.started(["git", "fetch"], [f"TOKEN={SECRET}".encode()])
    witness.gives("tutti", "serve")
    witness.started(["tutti", "serve"], [f"TUTTI_WEBHOOK_SECRET={SECRET}".encode()])
    assert [hit.partition(", in ")[0] for hit in witness.hits] == [
        "installation token, plain in the arguments of git",
        "a secret, plain in the environment of git",
    ]
    witness.started(["tutti", SECRET], [])
    assert len(witness.hits) == 3, "the bot's own arguments are anybody's to read"


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that the search of everything does not come to."""
    with tempfile.TemporaryDirectory(prefix="tutti-canaries-") as name:
        yield Path(name)


def test_files_databases_and_gits_objects_are_searched(witness: Witness, elsewhere: Path) -> None:
    (elsewhere / "transcript.jsonl").write_text(json.dumps({"said": f"it is {TOKEN}"}))
    (elsewhere / "objects" / "ab").mkdir(parents=True)
    (elsewhere / "objects" / "ab" / ("c" * 38)).write_bytes(zlib.compress(SECRET.encode() * 3))
    (elsewhere / "key.pem").write_text(SECRET)  # exempt by its name
    with closing(sqlite3.connect(elsewhere / "tutti.db")) as db, db:
        db.execute("create table steps (output text)")
        db.execute("insert into steps values (?)", ("x" * 100_000 + SECRET + "x" * 100_000,))
    witness.look_at_files(elsewhere)
    found = {hit.partition(", in tests")[0].replace(str(elsewhere), "") for hit in witness.hits}
    assert found >= {
        "installation token, plain in the file /transcript.jsonl",
        f"a secret, plain in the file /objects/ab/{'c' * 38}",
        "a secret, plain in the database /tutti.db",
    }
    assert not any("key.pem" in hit for hit in witness.hits)


def test_rows_of_postgresql_are_searched(witness: Witness, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("create table steps (output text, raw bytea)")
        db.execute("insert into steps values (%s, %s)", ("x" * 10_000 + SECRET, TOKEN.encode()))
    witness.look_at_database(postgres_url)
    assert [hit.partition(" in ")[0] for hit in witness.hits] == ["a secret, plain", "installation token, hex"]
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("drop table steps")


def test_a_logged_error_is_searched_with_its_trace(witness: Witness) -> None:
    """As it is printed: what looks like a token is left out there, and what does not would be seen."""
    for words in (SECRET, TOKEN):
        try:
            raise RuntimeError(f"refused with {words}")
        except RuntimeError:
            witness.saw("the log of", "the bot", logged({"event": "it broke", "exc_info": True}))
    assert [hit.partition(" in ")[0] for hit in witness.hits] == ["a secret, plain"]


def test_a_token_may_stand_in_the_header_that_is_its_place_and_nowhere_else(witness: Witness) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    witness.saw("a request", "good", sent(Exchange("GET", "/app", {}, headers, None)))
    assert witness.hits == []
    for wrong in (
        Exchange("GET", "/app", {"access_token": TOKEN}, headers, None),
        Exchange("GET", "/app", {}, {"X-Debug": TOKEN}, None),
        Exchange("POST", "/repos/a/b/issues/1/comments", {}, headers, {"body": f"Broke: {TOKEN}"}),
        Exchange("POST", "/git-receive-pack", {}, headers, TOKEN.encode()),
    ):
        witness.hits.clear()
        witness.saw("a request", "bad", sent(wrong))
        assert witness.hits, wrong


async def test_responses_of_the_bot_are_seen_and_those_of_the_played_github_are_not(house: House) -> None:
    before = WITNESS.seen["a response to"]
    async with ClientSession() as session:
        for path in ("/", "/runs/none", "/healthz", "/webhooks/github"):
            await (await session.get(house.url + path)).read()
        assert WITNESS.seen["a response to"] == before + 4
        await (await session.get(f"{house.emulator.api_url}/app")).read()
        assert WITNESS.seen["a response to"] == before + 4


# ---- a day on which everything fails, with the log at its most talkative ---------------------------------------------

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
ASKED = {
    "mint": ("POST", r"/app/installations/\d+/access_tokens"),
    "read": ("GET", "/repos/acme/greeter"),
    "fetch": ("GET", "/acme/greeter.git/info/refs"),
    "push": ("POST", "/acme/greeter.git/git-receive-pack"),
    "open": ("POST", "/repos/acme/greeter/pulls"),
    "comment": ("POST", "/repos/acme/greeter/issues/1/comments"),
}
EXPECTED = {"delivery not handled", "end not shown yet", "run broke", "status not shown", "token not revoked"}
TROUBLE: list[dict[str, Any]] = [{"drop": True}, {"status": 500}, {"status": 401}]


@pytest.fixture
def unshown(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Everything is logged, and nothing of it shows a secret."""
    caplog.set_level(logging.DEBUG)
    hits, logs = len(WITNESS.hits), WITNESS.seen["the log of"]
    yield
    assert WITNESS.hits[hits:] == []
    assert WITNESS.seen["the log of"] > logs


@pytest.mark.usefixtures("unshown")
@pytest.mark.parametrize("asked", ASKED)
async def test_c50_trouble_at_github_is_logged_and_told_without_a_secret(house: House, asked: str) -> None:
    """Its connection is cut, then it has a fault of its own, then it knows nobody any more."""
    house.expected_log = {*EXPECTED}
    house.rehearse(RIGHT)
    for trouble in TROUBLE:
        house.emulator.fault(*ASKED[asked], **trouble)
    issue = await house.implement()
    house.emulator.faults.ordered.clear()
    await house.bot.worker.tend()
    await house.settle()
    assert house.said(issue)


@pytest.mark.usefixtures("unshown")
@pytest.mark.parametrize("asked", ["read", "open"])
async def test_c50_a_github_that_keeps_silent_is_told_without_a_secret(
    house: House, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.expected_log = {*EXPECTED}
    house.rehearse(RIGHT)
    held = asyncio.Event()
    monkeypatch.setattr("bot.github.caller._TIMEOUT", ClientTimeout(total=0.05))
    house.emulator.fault(*ASKED[asked], times=100, hold=held)
    issue = await house.implement()
    monkeypatch.undo()
    held.set()
    house.emulator.faults.ordered.clear()
    await house.bot.worker.tend()
    await house.settle()
    assert "TimeoutError" in house.status(issue)


@pytest.mark.usefixtures("unshown")
@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 529])
@pytest.mark.parametrize("where", ["body", "header"])
async def test_c50_a_provider_that_quotes_the_key_tells_it_to_no_agent(tmp_path: Path, status: int, where: str) -> None:
    async def quoting(request: web.Request) -> web.Response:
        structlog.get_logger().info("asked")
        given = request.headers["x-api-key"]
        said = {"body": {"error": {"message": f"invalid x-api-key: {given}"}}, "header": {}}[where]
        headers = {"request-id": f"req of {given}", "www-authenticate": given} if where == "header" else {}
        return web.json_response(said, status=status, headers=headers)

    WITNESS.secrets.know("key for the model", KEY)
    async with upstream(quoting) as url, leased(url, tmp_path) as lease, inside(lease) as client:
        answer = await client.post("/v1/messages", json=question())
        assert answer.status == status
        assert KEY not in str(answer.headers) + await answer.text()


@pytest.mark.usefixtures("unshown")
async def test_c51_a_fault_with_a_token_in_its_words_shows_people_an_id_and_nothing_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.expected_log = {"run broke"}
    house.rehearse(RIGHT)
    tokens, post = list[str](), Caller.post

    async def clumsy(self: Caller, url: str, *, oauth_token: str = "", **more: Any) -> Any:
        if not url.endswith("/pulls"):
            return await post(self, url, oauth_token=oauth_token or None, **more)
        tokens.append(oauth_token)
        raise RuntimeError(f"cannot send {{'authorization': 'token {oauth_token}'}} to {url}")

    monkeypatch.setattr(Caller, "post", clumsy)
    issue = await house.open_issue()
    await house.label(issue)
    await house.settle()
    monkeypatch.undo()
    await house.bot.worker.tend()
    await house.settle()
    (run,) = await house.runs()
    assert any(token.startswith("ghs_") for token in tokens)
    assert f"something broke inside Tutti; its log has the details under run `{run.id}`." in house.status(issue)
    async with ClientSession() as session:
        page = await (await session.get(f"{house.url}/runs/{run.id}")).text()
    assert run.id in page
    assert "RuntimeError" not in page + house.status(issue)


CHANCE = hashlib.sha512(b"a word").hexdigest()  # what is plainly made up is not taken for a secret
SHAPES = {
    "installation token": f"ghs_{CHANCE[:36]}",
    "person's token": f"ghu_{CHANCE[:36]}",
    "fine-grained token": f"github_pat_{CHANCE[:22]}_{CHANCE[22:81]}",
    "JWT": f"{JWT}eyJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMDYwMCwiaXNzIjoiNDcxMSJ9.{CHANCE}",
    "model key": f"sk-ant-api03-{CHANCE[:90]}-xAA",
}
CLUMSY = """
import logging, sys
import aiohttp, gidgethub, structlog
from multidict import CIMultiDict
from yarl import URL
from bot.operate.log import configure_logging
configure_logging(logging.DEBUG)
secret, key = sys.stdin.read().split("\\0")
asked = aiohttp.RequestInfo(URL(f"https://x:{secret}@api.example/?t={secret}"), "GET", CIMultiDict(a=secret), None)
asked = aiohttp.RequestInfo(asked.url, "GET", asked.headers, asked.url)
for fault in (
    aiohttp.ClientResponseError(asked, (), status=401, message=f"no {secret}", headers=asked.headers),
    gidgethub.BadRequest(401, f"Bad credentials: {secret}"),
    ValueError({"authorization": f"bearer {secret}"}),
    ValueError(key),
):
    try:
        raise fault
    except Exception:
        structlog.get_logger("ours").exception("it broke", why=str(fault), exactly=fault)
        logging.getLogger("theirs").debug("it broke: %r", fault, exc_info=True)
"""


@pytest.mark.parametrize("shape", SHAPES)
def test_c51_the_log_shows_no_secret_whatever_an_error_carries(shape: str, tmp_path: Path) -> None:
    secret = SHAPES[shape]
    pem = Emulator(tmp_path).private_key
    told = subprocess.run(
        [sys.executable, "-c", CLUMSY], input=f"{secret}\0{pem}", cwd=ROOT, capture_output=True, text=True, check=True
    ).stderr
    assert told.count("it broke") == 8
    assert [json.loads(line)["level"] for line in told.splitlines()] == ["error", "debug"] * 4
    assert secret not in told
    assert [line for line in pem.splitlines()[1:-1] if line in told] == []
