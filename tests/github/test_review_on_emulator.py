"""Check runs, reactions and reviews against a whole played GitHub, each request held against GitHub's description."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bot.emulator.server import Emulator
from bot.emulator.world import Pull, Repo
from bot.github.api import Annotation, Button, Inline, Reaction
from bot.github.client import GitHub
from bot.github.entity import RepoRef
from bot.github.events import CheckEvent, CommentEvent, ThreadEvent, parse
from bot.github.refusal import RefusalError
from bot.settings import Settings
from tests.judge.judge import judge

WRITE = {"contents": "write", "issues": "write", "pull_requests": "write", "checks": "write"}
CART = "".join(f"line {n}\n" for n in range(1, 21))


@dataclass
class Stage:
    """The played GitHub with one pull request, and the App that works on it."""

    emulator: Emulator
    github: GitHub
    repo: Repo
    pull: Pull
    ref: RepoRef


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Emulator(tmp_path) as emulator, aiohttp.ClientSession() as session:
        app = {"app_id": emulator.app_id, "private_key": emulator.private_key, "api_url": emulator.api_url}
        github = GitHub(Settings.model_validate(app), session)
        repo = await emulator.create_repo("acme/shop", files={"cart.py": CART})
        installation = await emulator.install(repo)
        await emulator.push_commit(repo, "feature/x", {"cart.py": CART.replace("line 5\n", "line five\nline 5b\n")})
        pull = await emulator.open_pull(repo, "feature/x", title="Count better")
        yield Stage(emulator, github, repo, pull, RepoRef("acme", "shop", repo.id, installation.id))
        await emulator.delivered()
    assert (emulator.unknown, emulator.errors) == ([], [])
    assert [line for each in emulator.requests for line in judge().request(each)] == []


async def test_a_check_run_begins_and_ends_with_annotations_and_a_button_that_is_heard(stage: Stage) -> None:
    marks = [Annotation("cart.py", n, n, "warning", f"No {n}", "This is wrong.") for n in range(1, 61)]
    again = Button("Review again", "Reads the whole change anew", "again")
    async with stage.github.repository(stage.ref, WRITE) as api:
        sha = (await api.pull(stage.pull.number)).head_sha
        begun = await api.begin_check(sha, "review", "run:1", title="Reading", summary="Reads.")
        assert (begun.status, begun.conclusion) == ("in_progress", "")
        same = await api.begin_check(sha, "review", "run:1", title="Reading", summary="Reads.", look=True)
        assert same == begun
        for look in (False, True):
            done = await api.finish_check(
                begun.id,
                title="60 remarks",
                summary="See there.",
                conclusion="neutral",
                annotations=marks,
                actions=[again],
                look=look,
            )
            assert (done.status, done.conclusion) == ("completed", "neutral")
    run = stage.repo.checks[-1]
    assert [each["start_line"] for each in run.annotations] == list(range(1, 61))
    await stage.emulator.press(run, "again")
    pressed = parse("check_run", stage.emulator.deliveries[-1].payload)
    assert isinstance(pressed, CheckEvent)
    assert (pressed.button, pressed.external_id, pressed.pulls) == ("again", "run:1", (stage.pull.number,))


async def test_a_reaction_is_put_once_and_read_with_those_of_others(stage: Stage) -> None:
    asked = await stage.emulator.comment(stage.pull, "/review")
    async with stage.github.repository(stage.ref, WRITE) as api:
        first = await api.react("issue", asked.id, "eyes")
        assert await api.react("issue", asked.id, "eyes") == first
        stage.emulator.react(asked, "+1", "maintainer")
        ours, theirs = await api.reactions("issue", asked.id)
        assert await api.react_to_issue(stage.pull.number, "rocket") != first
    assert (ours.content, ours.person.id) == ("eyes", stage.emulator.bot.id)
    assert (theirs.content, theirs.person.login) == ("+1", "maintainer")
    assert isinstance(theirs, Reaction)


async def test_a_review_is_posted_found_again_and_answered_in_its_thread(stage: Stage) -> None:
    n = stage.pull.number
    said = [Inline("cart.py", 5, "RIGHT", "One."), Inline("cart.py", 6, "RIGHT", "A range.", start_line=5)]
    async with stage.github.repository(stage.ref, WRITE) as api:
        sha = (await api.pull(n)).head_sha
        posted = await api.post_review(n, commit=sha, event="COMMENT", body="Two.", comments=said, marker="run:1")
        assert await api.find_review(n, "run:1") == posted
        assert await api.find_review(n, "run:2") is None
        first, second = await api.remarks_of(n, posted)
        assert [one.body for one in (first, second)] == ["One.", "A range."]
        answer = await stage.emulator.reply(stage.pull.remarks[0], "It is so.", by="maintainer")
        await api.react("diff", second.id, "-1")
        *_, last = listed = await api.remarks(n)
        assert (last.id, last.in_reply_to, last.author.login) == (answer.id, first.id, "maintainer")
        assert [(one.line, one.reactions) for one in listed[:2]] == [(5, {}), (6, {"-1": 1})]
    told = [parse(each.event, each.payload) for each in stage.emulator.deliveries]
    said_at = [event for event in told if isinstance(event, CommentEvent) and event.comment.where == "diff"]
    assert [(event.action, event.comment.in_reply_to, event.comment.line) for event in said_at] == [
        ("created", None, 5),
        ("created", None, 6),
        ("created", first.id, 5),
    ]


async def test_a_review_with_one_line_outside_of_the_diff_leaves_nothing_behind(stage: Stage) -> None:
    n = stage.pull.number
    said = [Inline("cart.py", 5, "RIGHT", "Good."), Inline("cart.py", 19, "RIGHT", "Far away.")]
    async with stage.github.repository(stage.ref, WRITE) as api:
        sha = (await api.pull(n)).head_sha
        with pytest.raises(RefusalError) as refusal:
            await api.post_review(n, commit=sha, event="COMMENT", body="Two.", comments=said, marker="run:1")
        assert refusal.value.status == 422
        assert await api.find_review(n, "run:1") is None
        assert await api.remarks(n) == []


async def test_threads_are_read_and_resolved_and_one_that_is_not_there_spoils_nothing(stage: Stage) -> None:
    n = stage.pull.number
    said = [Inline("cart.py", 5, "RIGHT", "One."), Inline("cart.py", 6, "RIGHT", "A range.", start_line=5)]
    async with stage.github.repository(stage.ref, WRITE) as api:
        sha = (await api.pull(n)).head_sha
        posted = await api.post_review(n, commit=sha, event="COMMENT", body="Two.", comments=said)
        first, second = await api.remarks_of(n, posted)
        threads = await api.threads(n)
        assert [(each.comment, each.resolved) for each in threads] == [(first.id, False), (second.id, False)]
        assert await api.resolve([threads[0].id, "PRRT_nothing", threads[1].id]) == [threads[0].id, threads[1].id]
        assert all(each.resolved for each in await api.threads(n))
    told = [parse(each.event, each.payload) for each in stage.emulator.deliveries]
    heard = [event for event in told if isinstance(event, ThreadEvent)]
    assert [(event.action, event.comments[0]) for event in heard] == [("resolved", first.id), ("resolved", second.id)]


@pytest.mark.parametrize("right", ["read", "write"])
async def test_to_read_threads_and_to_write_reviews_is_not_enough_to_resolve(stage: Stage, right: str) -> None:
    async with stage.github.repository(stage.ref, WRITE) as api:
        sha = (await api.pull(stage.pull.number)).head_sha
        said = [Inline("cart.py", 5, "RIGHT", "One.")]
        await api.post_review(stage.pull.number, commit=sha, event="COMMENT", body="", comments=said)
    async with stage.github.repository(stage.ref, {"pull_requests": right}) as api:
        (thread,) = await api.threads(stage.pull.number)
        with pytest.raises(RefusalError) as refusal:
            await api.resolve([thread.id])
    assert refusal.value.kind == "permission"


async def test_a_pull_request_that_is_not_there_has_no_threads(stage: Stage) -> None:
    async with stage.github.repository(stage.ref, WRITE) as api:
        with pytest.raises(RefusalError) as refusal:
            await api.threads(999)
    assert refusal.value.status == 404
