"""C1 to C12: what knocks at the door of a running bot, and deliveries that are not what they say."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from bot.app import web_app
from bot.backends.rehearsal import Hang, Run, Say, Write
from bot.errors import UserError
from bot.store import runs
from bot.web import webhook
from bot.web.webhook import Limits
from tests.house import House, opened
from tests.security.stage import TARGET_ID, TARGET_TYPE, body, handled, knocked, minted, rename, sent, street
from tests.street import Street, sign
from tests.test_door import DUPLICATE, INCOMPLETE, LARGE, NOT_JSON, SLOW, STORED, UNSIGNED

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
HANGING = (Run("echo begun"), Hang())
IGNORED = (202, "not for this App")
NOT_FOR_US = {"a delivery that is not for this App was ignored"}


@pytest.fixture
async def way(house: House) -> AsyncIterator[Street]:
    """The way to the door of the running bot."""
    async with street(house) as way:
        yield way


# ---- the request -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [None, "", "nineteen characters"])
async def test_c01_without_a_proper_secret_nothing_is_served(house: House, secret: str | None) -> None:
    given = SecretStr(secret) if secret is not None else None
    settings = house.settings().model_copy(update={"webhook_secret": given})
    bench = replace(house.bot.bench, settings=settings)
    with pytest.raises(UserError, match="TUTTI_WEBHOOK_SECRET"):
        web_app(replace(house.bot, bench=bench))


async def test_c02_what_is_not_signed_gets_one_word_and_no_row(house: House, way: Street) -> None:
    before = await house.notes()
    good = sign(b"{}")
    wrong = [None, "", good[:-1], good.removeprefix("sha256="), sign(b"{}", ""), "sha256=" + "é" * 64]
    said = [await way.knock(X_Hub_Signature_256=signature) for signature in wrong]
    old = await way.knock(X_Hub_Signature_256=None, X_Hub_Signature="sha1=" + "0" * 40)
    assert {*said, old} == {UNSIGNED}
    assert await house.notes() == before
    async with aiohttp.ClientSession() as session, session.get(f"{house.url}/metrics") as answer:
        assert 'tutti_webhooks_total{answer="bad signature"} 7.0' in await answer.text()


async def test_c04_a_delivery_sent_again_starts_nothing_after_a_restart_and_after_a_month_too(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.implement()
    event = sent(house)
    for _ in range(2):
        async with street(house) as way:
            assert await way.knock(body(event.payload), X_GitHub_Delivery=event.guid) == DUPLICATE
        await house.restart()
        await house.bot.inbox.forget(before=2e10)
    await house.settle()
    assert len(await house.runs()) == 1
    house.status(issue)


async def test_c04_a_captured_delivery_under_a_new_guid_starts_no_second_run(house: House) -> None:
    """The signature covers the body alone."""
    house.rehearse(RIGHT)
    issue = await house.implement()
    first = sent(house)
    assert await knocked(house, first) == f"ignored: this was delivered already, as {first.guid}"
    assert len(await house.runs()) == 1
    house.status(issue)


async def test_c04_an_old_push_sent_again_brings_no_old_configuration_back(house: House) -> None:
    await house.configure("draft: true\n")
    await house.settle()
    old = sent(house, "push")
    await house.configure("draft: false\n")
    await house.settle()
    assert await knocked(house, old) == "configuration read"
    copies = await house.bot.bench.db.read(lambda conn: conn.exec_driver_sql("select text from copies").scalars().all())
    assert copies == ["version: 1\nbackend: rehearsal\ntest: sh check.sh\ndraft: false\n"]


async def test_c05_what_is_too_large_is_refused_by_its_head(way: Street) -> None:
    for length in (26 * 1024 * 1024, 10 * 1024**3):
        caller = await way.connect()
        headers = way.headers(b"") | {"Host": "bot", "Content-Length": str(length)}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        caller.send(f"POST /webhooks/github HTTP/1.1\r\n{head}\r\n".encode())
        assert await caller.answer() == LARGE
        await caller.hang_up()


async def test_c05_a_body_without_end_is_cut_before_it_fills_the_memory(house: House, way: Street) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 16)

    _begin_to_measure()
    before = _kilobytes("VmRSS")
    assert await way.post(endless(), way.headers(b"")) == LARGE
    assert _kilobytes("VmHWM") - before < 50 * 1024
    assert await way.knock() == STORED
    await house.settle()


def _begin_to_measure() -> None:
    """The highest mark of the memory in use begins anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _kilobytes(name: str) -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1])


async def test_c06_a_compressed_body_is_refused_unread(way: Street) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(100)), packer.flush()])
    assert await way.knock(bomb, Content_Encoding="gzip") == NOT_JSON
    assert await way.knock(b"{}", Content_Encoding="identity") == NOT_JSON


@pytest.fixture
async def brisk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house whose door has little patience."""
    monkeypatch.setattr(webhook, "Limits", lambda: Limits(read_seconds=0.3))
    async with opened(tmp_path) as house:
        yield house


async def test_c07_those_who_dribble_are_cut_and_nobody_waits_for_them(brisk: House) -> None:
    async with street(brisk) as way, aiohttp.ClientSession() as session:
        heads = [await way.connect() for _ in range(50)]
        bodies = [await way.begin() for _ in range(50)]

        async def dribble() -> None:
            while True:
                for caller in heads + bodies:
                    caller.send(b"x")
                await asyncio.sleep(0.02)

        for caller in heads:
            caller.send(b"POST /webhooks/github HTTP/1.1\r\nX-Slow: ")
        dribbling = asyncio.create_task(dribble())
        async with session.get(f"{brisk.url}/healthz") as answer:
            assert answer.status == 200
        assert await way.knock() == STORED
        assert set(await asyncio.gather(*(caller.answer() for caller in bodies))) == {SLOW}
        await asyncio.gather(*(caller.rest() for caller in heads + bodies))
        dribbling.cancel()
        for caller in heads + bodies:
            await caller.hang_up()


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded"])
async def test_c08_only_json_is_taken(way: Street, kind: str | None) -> None:
    assert await way.knock(Content_Type=kind) == NOT_JSON
    assert await way.knock(Content_Type="application/json; charset=nope") == NOT_JSON


# ---- what a delivery says of itself ----------------------------------------------------------------------------------


async def test_c10_a_body_under_the_name_of_another_event_does_nothing(house: House) -> None:
    house.rehearse(HANGING)
    issue = await house.open_issue()
    await house.label(issue)
    await house.hears("begun")
    more = await house.emulator.create_repo("acme/more", {"a": "a\n"})
    await house.emulator.install(more)
    await house.emulator.delivered()
    labeled, created = sent(house).payload, sent(house, "installation.created").payload
    removed = sent(house, "installation_repositories.added").payload | {
        "action": "removed",
        "repositories_removed": [house.emulator.shape.short_repo(house.repo)],
    }
    spoofed = [
        ("installation", labeled | {"commits": [], "action": "deleted"}),
        ("installation", removed),
        ("installation", labeled),
        ("installation_repositories", created),
        ("installation_repositories", created | {"action": "deleted"}),
        *((name, labeled) for name in ("push", "pull_request", "issue_comment", "check_run", "brand_new_event")),
        ("issues", created),
        ("issues", labeled | {"comment": {"id": 1, "body": "x"}}),
        ("issues", labeled | {"action": "exploded"}),
    ]
    before = len(await house.notes())
    async with street(house) as way:
        for name, payload in spoofed:
            assert await way.knock(body(payload), X_GitHub_Event=name) == STORED
        assert await way.knock(body(labeled), X_GitHub_Event=None) == INCOMPLETE
        assert await way.knock(body(labeled), X_GitHub_Delivery=None) == INCOMPLETE
    await house.unlabel(issue)
    await house.settle()
    notes = (await house.notes())[before:]
    assert [note for note in notes[: len(spoofed)] if not note.startswith("ignored: ")] == []
    assert "cancelled 1 run(s)" in notes[len(spoofed) :]
    house.status(issue)


@pytest.mark.parametrize(
    "whose", [{TARGET_ID: "4712"}, {TARGET_ID: ""}, {TARGET_TYPE: "repository"}, {TARGET_TYPE: "organization"}]
)
async def test_c11_the_hook_of_another_app_or_of_a_repository_is_ignored_and_takes_no_guid(
    house: House, whose: dict[str, str]
) -> None:
    """GitHub gives one event the same GUID at all hooks: what the other one is sent must not hide our own."""
    house.expected_log = NOT_FOR_US
    house.rehearse(RIGHT)
    house.emulator.hooks.lose("issues.labeled")
    issue = await house.implement()
    ours = sent(house)
    before = await house.notes()
    async with street(house) as way:
        about = {"X_GitHub_Delivery": ours.guid, "X_GitHub_Event": ours.event}
        assert await way.knock(body(ours.payload), **about, **whose) == IGNORED
        assert await house.notes() == before
        assert await way.knock(body(ours.payload), **about, **{TARGET_ID: str(house.emulator.app_id)}) == STORED
    await house.settle()
    assert "· done ·" in house.status(issue)


async def test_c11_an_installation_that_is_not_ours_starts_nothing(house: House) -> None:
    issue = await house.open_issue()
    house.emulator.hooks.lose("issues.labeled")
    await house.label(issue)
    await house.settle()
    note = await knocked(house, sent(house), installation={"id": 99})
    assert note == "ignored: The App is not installed on acme/greeter any more."
    assert await house.runs() == []
    assert house.said(issue) == []


async def test_c11_a_repository_outside_of_the_installation_starts_nothing(house: House) -> None:
    other = await house.emulator.create_repo("other/secret", {"a": "a\n"}, private=True)
    issue = await house.open_issue()
    house.emulator.hooks.lose("issues.labeled")
    await house.label(issue)
    await house.settle()
    note = await knocked(house, sent(house), repository=house.emulator.shape.repo(other))
    assert note == "ignored: The App is not installed on other/secret any more."
    assert await house.runs() == []
    assert house.said(issue) == []


async def test_c11_an_id_under_the_name_of_another_starts_nothing(house: House) -> None:
    """Both are ours; the name and the id do not belong together."""
    other = await house.emulator.create_repo("acme/other", {"a": "a\n"})
    await house.emulator.install(other)
    issue = await house.open_issue()
    house.emulator.hooks.lose("issues.labeled")
    await house.label(issue)
    await house.settle()
    mixed = house.emulator.shape.repo(house.repo) | {"id": other.id}
    note = await knocked(house, sent(house), repository=mixed)
    assert note == "ignored: What was called acme/greeter has another name now: acme/other."
    assert await house.runs() == []
    assert house.said(issue) == []


async def test_c11_a_cancellation_from_elsewhere_ends_nothing(house: House) -> None:
    house.rehearse(RIGHT)
    house.gate.close()
    issue = await house.open_issue()
    await house.label(issue)
    await house.gate.reached()
    house.emulator.hooks.lose("issues.unlabeled")
    await house.unlabel(issue)
    await house.emulator.delivered()
    async with street(house) as way:
        elsewhere = body(sent(house, "issues.unlabeled").payload | {"installation": {"id": 99}})
        assert await way.knock(elsewhere, X_GitHub_Event="issues") == STORED
        await handled(house)
    await house.gate.open()
    await house.settle()
    assert "nothing to cancel" in await house.notes()
    assert "· done ·" in house.status(issue)


# ---- what GitHub takes back ------------------------------------------------------------------------------------------

GONE = {"end not shown yet", "status not shown", "token not revoked"}


@pytest.mark.parametrize("how", ["suspended", "uninstalled", "removed"])
async def test_c12_when_the_installation_ends_its_runs_end_and_no_token_is_asked_for(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path, extra={"max_runs": 1}, expected_log=GONE) as house:
        house.rehearse(HANGING)
        running, queued = await house.open_issue("One"), await house.open_issue("Two")
        await house.label(running)
        await house.hears("begun")
        await house.label(queued)
        await house.shows(queued, "queued, place 1")
        github = house.emulator
        installation = github.world.installation_of(house.repo)
        assert installation is not None
        asked = len(github.requests)
        if how == "suspended":
            await github.suspend(installation)
        elif how == "uninstalled":
            await github.uninstall(installation)
        else:
            await github.remove_from_installation(house.repo)
        await house.settle()
        ended = "cancelled: Cancelled: Tutti was removed from this repository."
        assert [await house.end(issue) for issue in (running, queued)] == [ended] * 2
        await house.bot.worker.tend()
        await house.settle()
        assert minted(house, asked) == []
        house.said(running)
        house.said(queued)


async def test_c12_after_a_suspension_the_next_command_starts_a_run_again(house: House) -> None:
    house.rehearse(RIGHT)
    installation = house.emulator.world.installation_of(house.repo)
    assert installation is not None
    await house.emulator.suspend(installation)
    await house.settle()
    await house.emulator.unsuspend(installation)
    assert "· done ·" in house.status(await house.implement())


async def test_c12_a_suspension_told_late_ends_nothing(house: House) -> None:
    house.rehearse(RIGHT)
    installation = house.emulator.world.installation_of(house.repo)
    assert installation is not None
    house.emulator.hooks.lose("installation.suspend")
    await house.emulator.suspend(installation)
    await house.emulator.unsuspend(installation)
    await house.settle()
    late = sent(house, "installation.suspend")
    assert await knocked(house, late) == "ignored: it came late, the App is installed there by now"
    assert "· done ·" in house.status(await house.implement())


async def test_c12_a_command_to_a_suspended_installation_starts_nothing(house: House) -> None:
    issue = await house.open_issue()
    house.emulator.hooks.lose("issues.labeled")
    await house.label(issue)
    await house.settle()
    installation = house.emulator.world.installation_of(house.repo)
    assert installation is not None
    await house.emulator.suspend(installation)
    await house.settle()
    asked = len(house.emulator.requests)
    note = await knocked(house, sent(house))
    assert note == "ignored: The App's installation is suspended, so nothing can be done in acme/greeter."
    assert 201 not in minted(house, asked)
    assert await house.runs() == []


async def test_c12_the_work_for_a_repository_that_moved_to_another_owner_is_not_published(house: House) -> None:
    house.expected_log = GONE
    house.rehearse(RIGHT)
    house.gate.close()
    issue = await house.open_issue()
    await house.label(issue)
    await house.gate.reached()
    installation = house.emulator.world.installation_of(house.repo)
    assert installation is not None
    asked = len(house.emulator.requests)
    del installation.repos[house.repo.id]
    rename(house, house.repo, "stranger/greeter")
    await house.gate.open()
    await house.settle()
    (run,) = await house.bot.bench.db.read(lambda conn: runs.recent(conn, "acme/greeter#1"))
    assert run.state == "failed"
    assert "The App is not installed on acme/greeter any more." in run.reason
    assert 201 not in minted(house, asked)
    assert house.pulls() == []
    house.said(issue)
