"""Who may ask for a review, what is skipped, what comes from a fork, and what people do about findings."""

from dataclasses import replace

import pytest

from bot.backends.rehearsal import Say
from bot.store import reviews
from bot.store.reviews import Word
from tests.desk import DISCOUNT, ROUNDING, Desk, answer
from tests.shelf import only

# ---- asking ----------------------------------------------------------------------------------------------------------


async def test_a_command_reads_the_whole_pull_request_again(desk: Desk) -> None:
    pull = await desk.reviewed()
    desk.finds("correctness", ROUNDING)
    comment = await desk.order(pull, "/review")
    assert len(desk.remarks(pull)) == 1
    assert [content for _, _, content, _ in comment.reactions] == ["eyes", "rocket"]
    assert "1 new" in desk.summary(pull)


async def test_the_text_of_a_review_commands_too_and_so_do_the_button_and_asking_the_bot(desk: Desk) -> None:
    pull = await desk.reviewed()
    await desk.emulator.review(pull, "/review", by="maintainer")
    await desk.settle()
    await desk.emulator.press(desk.checks()[-1], "review", by="maintainer")
    await desk.settle()
    await desk.emulator.rerequest_check(desk.checks()[-1], by="maintainer")
    await desk.settle()
    await desk.emulator.rerequest_review(pull, by="maintainer")
    await desk.settle()
    assert len([run for run in await desk.runs() if run.workflow == "review"]) == 5
    desk.summary(pull)


async def test_a_stranger_may_not_ask_and_gets_one_sentence(desk: Desk) -> None:
    pull = await desk.reviewed(by="stranger")
    await desk.order(pull, "/review", by="stranger")
    summary, refusal = desk.said(pull)
    assert "### Nothing to say" in summary
    assert refusal.startswith(
        '@stranger, starting "Review a pull request" needs write access to this repository, and you have read access.'
    )
    assert len(await desk.runs()) == 1


async def test_what_is_no_command_gets_silence(desk: Desk) -> None:
    pull = await desk.reviewed()
    for words in ("> /review", "`/review`", "please /review", "- /review", "/reviewer", "/etc/review"):
        await desk.order(pull, words)
        assert len(await desk.runs()) == 1, words
    desk.summary(pull)


async def test_the_bots_own_words_command_nothing(desk: Desk) -> None:
    pull = await desk.reviewed()
    await desk.emulator.comment(pull, "/review", by=desk.emulator.bot)
    await desk.settle()
    assert len(await desk.runs()) == 1
    desk.said(pull)


# ---- skipping --------------------------------------------------------------------------------------------------------


async def test_a_draft_is_read_once_it_is_ready_or_somebody_asks(desk: Desk) -> None:
    pull = await desk.reviewed(draft=True)
    (check,) = desk.checks()
    assert (check.conclusion, desk.tasks) == ("neutral", [])
    assert check.title == "Not reviewed: this is a draft, which is read once it is ready. `/review` has it read now."
    await desk.order(pull, "/review")
    asked = len(desk.tasks)
    assert asked
    await desk.emulator.mark_ready(pull)
    await desk.settle()
    assert len(desk.tasks) == asked  # all of it was read when somebody asked
    desk.summary(pull)


@pytest.mark.parametrize(
    ("skip", "title"),
    [
        ("authors: [maintainer]", "Not reviewed: pull requests of `maintainer` are left out by the configuration."),
        ("titles: [wip]", "Not reviewed: the configuration leaves out titles with `wip`."),
        ("branches: [main]", "Not reviewed: the configuration leaves out the base branch `main`."),
        ("all: true", "Not reviewed: in this repository a review has to be asked for, with `/review`."),
    ],
)
async def test_a_repository_says_what_is_left_out(desk: Desk, skip: str, title: str) -> None:
    await desk.configure(f"review:\n  skip:\n    {skip}\n", test="'true'")
    await desk.reviewed(title="WIP: take a discount")
    (check,) = desk.checks()
    assert (check.conclusion, check.title, desk.tasks) == ("neutral", title, [])


async def test_pull_requests_of_other_bots_are_left_out_and_those_of_our_own_are_not(desk: Desk) -> None:
    desk.emulator.world.person("dependabot[bot]", "Bot")
    await desk.reviewed(by="dependabot[bot]")
    assert (
        desk.checks()[0].title
        == "Not reviewed: `dependabot[bot]` is a bot. Say `/review` to have it read all the same."
    )
    desk.script[""] = {1: (Say(answer()),)}
    await desk.push({"other.py": "x = 1\n"}, branch="other")
    own = await desk.emulator.open_pull(desk.repo, title="Other", head="other", by=desk.emulator.bot)
    await desk.settle()
    assert desk.checks()[1].conclusion == "success"
    desk.summary(own)


async def test_documentation_alone_needs_no_agent_and_the_check_says_so(desk: Desk) -> None:
    pull = await desk.reviewed({"README.md": "# The shop\n"})
    (check,) = desk.checks()
    assert (check.conclusion, desk.tasks) == ("neutral", [])
    summary = desk.summary(pull)
    assert "Reviewed 0 of 1 files; not read: `README.md` (no agent needed)." in summary
    assert "This change touches only `README.md` (tier trivial)." in summary


async def test_what_touches_the_sensitive_is_read_by_all_and_it_is_told_why(desk: Desk) -> None:
    pull = await desk.reviewed({"README.md": "# The shop\n", "auth/login.md": "Hello\n"})
    assert len(desk.tasks) == 5
    assert "This change touches `auth/login.md` (tier sensitive)." in desk.summary(pull)


# ---- forks -----------------------------------------------------------------------------------------------------------


async def test_a_pull_request_from_a_fork_is_reviewed_like_any_other(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    fork = await desk.emulator.fork(desk.repo, "stranger")
    await desk.emulator.push_commit(fork, "topic", {"shop/cart.py": DISCOUNT}, by="stranger")
    pull = await desk.emulator.open_pull(desk.repo, "topic", title="From afar", head_repo=fork, by="stranger")
    await desk.settle()
    assert len(desk.remarks(pull)) == 1
    assert desk.checks()[0].conclusion == "neutral"
    desk.summary(pull)


# ---- feedback --------------------------------------------------------------------------------------------------------


async def told(desk: Desk) -> list[Word]:
    words = await desk.bot.bench.db.read(lambda conn: reviews.told(conn, desk.repo.id, desk.repo.pulls[0].number))
    return [replace(word, at=0.0, source=word.source.partition(":")[0]) for word in words]


async def test_what_people_answer_is_kept_and_a_stranger_declines_nothing(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    await desk.emulator.reply(remark, "Won't fix.", by="stranger")
    await desk.emulator.reply(remark, "Good catch, thanks!", by="maintainer")
    await desk.settle()
    stranger, maintainer = (desk.emulator.user(login).id for login in ("stranger", "maintainer"))
    assert await told(desk) == [
        Word("comment", 1, 1, "declined", stranger, "stranger", 0.0, "read", "Won't fix."),
        Word("comment", 1, 1, "accepted", maintainer, "maintainer", 0.0, "write", "Good catch, thanks!"),
    ]
    assert "1 new · 0 still open" in desk.summary(pull)


async def test_a_resolved_thread_declines_and_one_opened_again_does_not(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    await desk.emulator.resolve_thread(remark, by="maintainer")
    await desk.settle()
    assert "1 declined" in desk.summary(pull)
    assert "resolved by `maintainer`" in desk.summary(pull)
    assert desk.checks()[0].conclusion == "success"
    await desk.emulator.unresolve_thread(remark, by="maintainer")
    await desk.settle()
    assert "1 new · 0 still open · 0 fixed, at" in desk.summary(pull)
    assert [word.kind for word in await told(desk)] == ["resolved", "unresolved"]


async def test_reactions_are_looked_for_and_a_thumb_down_of_a_writer_declines(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    desk.emulator.react(remark, "+1", "stranger")
    desk.emulator.react(remark, "-1", "maintainer")
    await desk.bot.worker.tend()
    await desk.settle()
    assert {(word.kind, word.login) for word in await told(desk)} == {("liked", "stranger"), ("disliked", "maintainer")}
    assert "1 declined" in desk.summary(pull)


async def test_what_is_merged_tells_which_findings_changed_something(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    await desk.emulator.merge_pull(pull, by="maintainer")
    await desk.settle()
    assert [(word.kind, word.number) for word in await told(desk)] == [("unchanged", 1)]
    desk.summary(pull)


# ---- pauses ----------------------------------------------------------------------------------------------------------


async def test_a_storm_of_pushes_is_read_once(desk: Desk) -> None:
    pull = await desk.reviewed()
    asked = len(desk.tasks)
    desk.bot.library.offered = only("review", debounce_seconds=0.2)
    for number in range(5):
        await desk.push({"shop/cart.py": f"{DISCOUNT}# {number}\n"}, branch="topic")
    await desk.settle()
    assert len(desk.tasks) == asked + 5  # five agents, once
    assert len(desk.checks()) == 2
    desk.summary(pull)
