"""The verbs against a whole played GitHub: what is written is there afterwards, and webhooks read back as events."""

import time
from collections.abc import AsyncIterator, Mapping, Set
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot.emulator.server import Emulator
from bot.github.api import Facts
from bot.github.client import GitHub
from bot.github.entity import RepoRef
from bot.github.events import Ignored, IssueEvent, PushEvent, parse
from bot.github.refusal import RefusalError
from bot.settings import Settings

WRITE: Mapping[str, str] = {"contents": "write", "issues": "write", "pull_requests": "write", "checks": "write"}


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    async with Emulator(tmp_path) as emulator:
        yield emulator
        await emulator.delivered()
    assert emulator.unknown == []
    assert emulator.errors == []


@pytest.fixture
async def github(emulator: Emulator) -> AsyncIterator[GitHub]:
    settings = Settings.model_validate(
        {"app_id": emulator.app_id, "private_key": SecretStr(emulator.private_key), "api_url": emulator.api_url}
    )
    async with aiohttp.ClientSession() as session:
        yield GitHub(settings, session)


@pytest.fixture
async def shop(emulator: Emulator, github: GitHub) -> RepoRef:
    repo = await emulator.create_repo("acme/shop", files={"README.md": "# Shop\n", "docs/a.md": "a\n"})
    installation = await emulator.install(repo)
    return RepoRef("acme", "shop", repo.id, installation.id)


async def test_the_app_finds_itself(emulator: Emulator, github: GitHub, shop: RepoRef) -> None:
    app = await github.app()
    assert (app.id, app.slug, app.bot_id) == (emulator.app_id, emulator.slug, emulator.bot.id)


async def test_an_issue_is_labelled_told_about_and_answered_by_a_pull_request(
    emulator: Emulator, github: GitHub, shop: RepoRef
) -> None:
    emulator.user("maintainer", "maintain")
    repo = emulator.world.repos["acme/shop"]
    issue = await emulator.open_issue(repo, "Add carts", "Please.")
    async with github.repository(shop, WRITE) as api:
        assert await api.ensure_labels({"automated-pr": ("0e8a16", "Made by Tutti")}) == ["automated-pr"]
        assert await api.ensure_labels({"Automated-PR": ("0e8a16", "")}) == []
        first = await api.comment(issue.number, "Started.", "run:1")
        assert await api.comment(issue.number, "Started.", "run:1") == first
        assert await api.edit_comment(first, "Done.", "run:1")
        assert [c.body for c in await api.comments(issue.number)] == ["Done.\n\n<!-- tutti run:1 -->"]

        facts = await api.facts()
        assert facts == Facts("main", archived=False, empty=False)
        assert (await api.permission("maintainer")).level == "maintain"
        assert (await api.permission("nobody-at-all")).level == "none"
        assert await api.content("README.md", "main") == b"# Shop\n"
        assert [item.name for item in await api.directory("docs", "main")] == ["a.md"]
        assert not await api.branch_exists("feature/x")

    await emulator.push_commit(repo, "feature/x", {"cart.py": "cart = []\n"})
    async with github.repository(shop, WRITE) as api:
        sha = await api.branch_head("feature/x")
        assert sha is not None
        opened = await api.open_pull(head="feature/x", base="main", title="Add carts", body="Closes #1", draft=True)
        again = await api.open_pull(head="feature/x", base="main", title="Add carts", body="Closes #1")
        assert (opened.number, opened.head_sha, opened.draft, opened.from_fork) == (again.number, sha, True, False)
        edited = await api.edit_pull(opened.number, body="Closes #1\n\nCarts")
        assert (edited.title, edited.body) == ("Add carts", "Closes #1\n\nCarts")
        await api.add_labels(opened.number, ["automated-pr"])
        assert (await api.pull(opened.number)).labels == ("automated-pr",)
        assert await api.request_review(opened.number, ["maintainer"])
        await api.remove_label(opened.number, "automated-pr")
        await api.remove_label(opened.number, "automated-pr")

        done = await api.create_check(sha, "tutti", "run:1", title="Done", summary="ok", conclusion="success")
        same = await api.create_check(sha, "tutti", "run:1", title="Done", summary="ok", conclusion="success")
        assert same.id == done.id
        assert (done.status, done.conclusion) == ("completed", "success")


async def test_what_the_played_github_tells_reads_back_as_events(
    emulator: Emulator, github: GitHub, shop: RepoRef
) -> None:
    repo = emulator.world.repos["acme/shop"]
    issue = await emulator.open_issue(repo, "Add carts", "Please.")
    await emulator.label(issue, "auto-implement")
    await emulator.comment(issue, "Soon, please.")
    await emulator.push_commit(repo, "feature/x", {"cart.py": "cart = []\n"})
    async with github.repository(shop, WRITE) as api:
        await api.open_pull(head="feature/x", base="main", title="Add carts", body="")
    told = [parse(delivery.event, delivery.payload) for delivery in emulator.deliveries]
    assert [type(event).__name__ for event in told if not isinstance(event, Ignored)] == [
        "InstallationEvent",
        "IssueEvent",
        "IssueEvent",
        "CommentEvent",
        "PushEvent",
        "PullEvent",
    ]
    labelled = told[2]
    assert isinstance(labelled, IssueEvent)
    assert (labelled.repo, labelled.label, labelled.actor.login) == (shop, "auto-implement", "maintainer")
    assert isinstance(told[4], PushEvent)
    assert told[4].paths == ("cart.py",)


async def test_a_delivery_that_was_lost_is_sent_again(emulator: Emulator, github: GitHub, shop: RepoRef) -> None:
    start = time.time()
    emulator.world.clock = lambda: start - 60
    got: list[str] = []

    async def door(request: web.Request) -> web.Response:
        got.append(request.headers["X-GitHub-Delivery"])
        return web.json_response({}, status=202)

    app = web.Application()
    app.router.add_post("/", door)
    server = TestServer(app)
    await server.start_server()
    await emulator.delivered()
    emulator.hook_url = str(server.make_url("/"))
    emulator.hooks.lose("issues.opened")
    await emulator.open_issue(emulator.world.repos["acme/shop"], "Add carts", "Please.")
    await emulator.delivered()
    assert got == []

    async def known(guids: Set[str]) -> Set[str]:
        return guids - {emulator.deliveries[-1].guid}

    lost = emulator.deliveries[-1].guid
    assert await github.redeliver_missed(known, datetime.now(UTC) - timedelta(hours=1)) == [lost]
    await emulator.delivered()
    assert got == [lost]
    await server.close()


async def test_refusals_of_the_played_github_are_explained(emulator: Emulator, github: GitHub, shop: RepoRef) -> None:
    async with github.repository(shop, {"issues": "read"}) as api:
        with pytest.raises(RefusalError) as refusal:
            await api.ensure_labels({"x": ("000000", "")})
    assert refusal.value.kind == "permission"
    with pytest.raises(RefusalError) as elsewhere:
        async with github.repository(RepoRef("acme", "other", 10**6, shop.installation), WRITE):
            pass
    assert elsewhere.value.kind == "absent"
