"""Webhooks: signed, in order, lost and doubled on demand, delivered again under the same GUID."""

import hashlib
import hmac
import json

from tests.emulator.played import Played

DELIVERIES = "/app/hook/deliveries"


async def test_every_webhook_is_signed_over_its_bytes(played: Played) -> None:
    await played.emulator.delivered()
    heard = played.bot.heard[0]
    secret = played.emulator.webhook_secret.encode()
    assert heard.headers["X-Hub-Signature-256"] == "sha256=" + hmac.new(secret, heard.raw, hashlib.sha256).hexdigest()
    assert heard.headers["Content-Type"] == "application/json"
    assert heard.payload["repositories"][0]["full_name"] == "acme/shop"


async def test_webhooks_arrive_in_the_order_of_the_events(played: Played) -> None:
    for number in range(20):
        await played.emulator.open_issue(played.repo, f"Issue {number}")
    await played.emulator.delivered()
    assert [each.payload["issue"]["number"] for each in played.bot.heard[1:]] == list(range(1, 21))


async def test_a_lost_delivery_is_listed_as_failed_and_comes_again_under_its_guid(played: Played) -> None:
    played.emulator.hooks.lose("issues.labeled")
    issue = await played.emulator.open_issue(played.repo, "Add refunds")
    await played.emulator.label(issue, "auto-implement")
    await played.emulator.delivered()
    assert "issues.labeled" not in played.bot.names
    failed = (await played.ask("GET", f"{DELIVERIES}?status=failure", played.jwt())).body
    assert [(each["event"], each["action"], each["status_code"]) for each in failed] == [("issues", "labeled", 502)]
    assert (await played.ask("POST", f"{DELIVERIES}/{failed[0]['id']}/attempts", played.jwt())).status == 202
    await played.emulator.delivered()
    assert played.bot.heard[-1].headers["X-GitHub-Delivery"] == failed[0]["guid"]
    newest = (await played.ask("GET", DELIVERIES, played.jwt())).body[0]
    assert (newest["redelivery"], newest["status_code"], newest["guid"]) == (True, 202, failed[0]["guid"])


async def test_a_doubled_delivery_comes_twice_with_one_guid(played: Played) -> None:
    played.emulator.hooks.double("issues.*")
    await played.emulator.open_issue(played.repo, "Add refunds")
    await played.emulator.open_issue(played.repo, "Add taxes")
    await played.emulator.delivered()
    guids = [each.headers["X-GitHub-Delivery"] for each in played.bot.heard[1:]]
    assert (len(guids), guids[0] == guids[1], guids[1] == guids[2]) == (3, True, False)


async def test_the_list_of_deliveries_goes_on_behind_a_cursor(played: Played) -> None:
    for number in range(4):
        await played.emulator.open_issue(played.repo, f"Issue {number}")
    await played.emulator.delivered()
    seen: list[str] = []
    path: str | None = f"{DELIVERIES}?per_page=2"
    while path:
        reply = await played.ask("GET", path, played.jwt())
        seen += [each["guid"] for each in reply.body]
        path = reply.headers.get("Link", "").partition(">")[0].lstrip("<") or None
    assert seen == [each.guid for each in reversed(played.emulator.deliveries)]


async def test_a_delivery_is_shown_with_what_was_sent_and_answered(played: Played) -> None:
    played.bot.status = 503
    await played.emulator.open_issue(played.repo, "Add refunds")
    await played.emulator.delivered()
    last = played.emulator.deliveries[-1]
    shown = (await played.ask("GET", f"{DELIVERIES}/{last.id}", played.jwt())).body
    assert (shown["status_code"], shown["status"]) == (503, "Service Unavailable")
    assert shown["request"]["payload"]["issue"]["title"] == "Add refunds"
    assert json.loads(shown["response"]["payload"]) == {"status": "stored"}


async def test_a_bot_that_is_not_there_does_not_stop_the_world(played: Played) -> None:
    await played.bot.close()
    await played.emulator.open_issue(played.repo, "Add refunds")
    await played.emulator.delivered()
    assert played.emulator.deliveries[-1].status == "failed to connect to host"


async def test_nothing_is_told_about_a_repository_that_the_app_is_not_on(played: Played) -> None:
    other = await played.emulator.create_repo("acme/other", {"a": "b"})
    await played.emulator.open_issue(other, "Not for the bot")
    await played.emulator.install(other)
    await played.emulator.open_issue(other, "For the bot")
    await played.emulator.remove_from_installation(other)
    await played.emulator.open_issue(other, "No more for the bot")
    await played.emulator.delivered()
    assert played.bot.names[1:] == [
        "installation_repositories.added",
        "issues.opened",
        "installation_repositories.removed",
    ]
