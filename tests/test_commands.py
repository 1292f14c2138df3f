"""Commands that control the bot: who may, what they do, how they are answered, and what gets silence."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backends.rehearsal import Say, Write
from bot.emulator.world import Comment, Issue, Pull, Remark
from tests.desk import BASE, ROUNDING, Desk
from tests.house import House, opened
from tests.shelf import only

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
WRONG = (Write("greeting.txt", "good day\n"), Say("Hm."))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, offered=only("auto-implement", "fix", "test", "ask")) as house:
        house.emulator.user("helper", "triage")
        yield house


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path, files=BASE, kind=Desk, offered=only("review", "fix", "auto-implement")) as desk:
        assert isinstance(desk, Desk)
        desk.begin()
        yield desk


def reactions(comment: Comment | Remark) -> list[str]:
    return [content for _, _, content, _ in comment.reactions]


async def says(house: House, about: Issue, words: str, by: str = "maintainer") -> Comment:
    comment = await house.comment(about, words, by=by)
    await house.settle()
    return comment


# ---- starting --------------------------------------------------------------------------------------------------------


async def test_a_command_on_an_issue_implements_it_and_is_answered_by_reactions_alone(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    comment = await says(house, issue, "Yes please.\n\n/implement")
    assert reactions(comment) == ["eyes", "rocket"]
    assert house.pull.head == "feature/auto-1-say-hello"
    assert "· done ·" in house.status(issue)


async def test_how_a_run_ended_is_shown_at_the_command_too(house: House) -> None:
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.open_issue()
    comment = await says(house, issue, "/implement")
    assert reactions(comment) == ["eyes", "confused"]
    house.said(issue)


@pytest.mark.parametrize(("by", "has"), [("stranger", "read"), ("helper", "triage")])
async def test_who_may_not_gets_one_sentence(house: House, by: str, has: str) -> None:
    issue = await house.open_issue()
    comment = await says(house, issue, "/implement", by=by)
    (refusal,) = house.said(issue)
    assert (
        f'@{by}, starting "Implement an issue" needs write access to this repository, and you have {has} access.'
        in refusal
    )
    assert reactions(comment) == ["eyes", "confused"]
    assert await house.runs() == []


async def test_a_stranger_gets_one_answer_in_a_conversation_whatever_they_say(house: House) -> None:
    issue = await house.open_issue()
    for words in ("/implement", "/cancel", "/retry", "/implment", "/describe", "/pause", "/implement"):
        await says(house, issue, words, by="stranger")
    assert len(house.said(issue)) == 1


async def test_several_commands_in_one_comment_run_in_their_order(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    desk.says("fixer", Write("shop/cart.py", BASE["shop/cart.py"]))
    desk.gate.close()
    comment = await desk.comment(pull, "/fix\n/review\n/status")
    await desk.gate.reached(1)
    status = await desk.shows(pull, "**Review a pull request** · queued")
    assert "**Fix review findings** · queued" in status, "the second waits for the first, and the third sees both"
    await desk.gate.open()
    await desk.settle()
    assert [run.workflow for run in await desk.runs()][:3] == ["review", "fix", "review"]
    assert reactions(comment)[:2] == ["eyes", "rocket"]
    desk.said(pull)


# ---- what is no command ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["/etc/passwd", "/usr", "/lgtm", "/retest", "/hold", "and/or", "> /implement", "/tests"]
)
async def test_paths_prose_and_commands_of_other_bots_get_silence(house: House, words: str) -> None:
    issue = await house.open_issue()
    comment = await says(house, issue, words)
    assert (house.said(issue), reactions(comment), await house.runs()) == ([], [], [])


async def test_a_slip_is_answered_once(house: House) -> None:
    issue = await house.open_issue()
    comment = await says(house, issue, "/implment")
    (answer,) = house.said(issue)
    assert answer.startswith("There is no command `/implment`: did you mean `/implement`? `/help` lists them all.")
    assert reactions(comment) == ["confused"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("/cancel please", "`/cancel` takes no words after it."),
        ("/retry implement", "That is said like this: `/retry [from <step>]`."),
        ("/fix", "`/fix` is for pull requests."),
        ("/implement\n/implement", "`/implement` stands here more than once: the first one was taken."),
        ("/refactor", "`/refactor` is not available yet."),
        ("/retry", "There is no run here that ended short of its goal."),
        ("/cancel", "Nothing is at work or waits here."),
        ("/pause", "Nothing is at work or waits here."),
        ("/resume", "Nothing is paused here."),
    ],
)
async def test_what_cannot_be_done_is_refused_in_one_sentence(house: House, words: str, answer: str) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    comment = await says(house, issue, words)
    assert any(said.startswith(answer) for said in house.said(issue))
    assert "confused" in reactions(comment)


async def test_an_edited_comment_commands_nothing(house: House) -> None:
    issue = await house.open_issue()
    comment = await says(house, issue, "Nice.")
    await house.emulator.edit_comment(comment, "/implement", by="maintainer")
    await house.settle()
    assert (house.said(issue), await house.runs()) == ([], [])


async def test_a_bot_commands_only_where_its_id_is_listed(house: House) -> None:
    house.rehearse(RIGHT)
    helper = house.emulator.world.person("helper[bot]", "Bot")
    other = house.emulator.world.person("maintainer[bot]", "Bot")
    await house.configure(f"bots: [{helper.id}]\n")
    await house.settle()
    issue = await house.open_issue()
    await says(house, issue, "/implement", by=other.login)
    assert await house.runs() == []
    await says(house, issue, "/implement", by=helper.login)
    assert "· done ·" in house.status(issue)


async def test_words_to_the_bot_are_taken_for_a_command_and_it_says_for_which(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    await says(house, issue, f"@{house.emulator.slug} please implement this")
    assert "Taken as `/implement" in house.status(issue)


async def test_what_a_repository_switched_off_is_refused_by_name(house: House) -> None:
    await house.configure("workflows: {auto-implement: {enabled: false}}\n")
    await house.settle()
    issue = await house.open_issue()
    await says(house, issue, "/implement")
    (answer,) = house.said(issue)
    assert answer.startswith("`/implement` is switched off by this repository's configuration.")


# ---- control ---------------------------------------------------------------------------------------------------------


async def test_cancel_ends_what_is_at_work(house: House) -> None:
    house.rehearse(RIGHT)
    house.gate.close()
    issue = await house.open_issue(by="stranger")
    await house.label(issue)
    await house.gate.reached(1)
    comment = await says(house, issue, "/cancel", by="stranger")
    assert "· cancelled ·" in house.status(issue), "whoever opened the issue may"
    assert "Cancelled by @stranger." in house.status(issue)
    assert reactions(comment) == ["eyes", "rocket"]
    await house.gate.open()


async def test_pause_stops_before_the_next_step_and_resume_goes_on_there(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("implement.agent.1:done")
    await house.label(issue)
    await house.reached.wait()
    comment = await house.comment(issue, "/pause")
    await house.shows(issue, "Paused by @maintainer")
    house.go_on()
    await house.settle()
    assert "· waiting ·" in house.status(issue)
    assert (house.played, house.pulls(), reactions(comment)) == ([1], [], ["eyes", "rocket"])
    await house.restart()
    await house.settle()
    assert "· waiting ·" in house.status(issue), "a restart changes nothing"
    await says(house, issue, "/resume")
    assert "· done ·" in house.status(issue)
    assert house.played == [1], "the agent's step is not paid for again"
    assert [run.life for run in await house.runs()] == [2]


async def test_a_paused_run_can_be_cancelled(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("implement.agent.1:done")
    await house.label(issue)
    await house.reached.wait()
    await house.comment(issue, "/pause")
    await house.shows(issue, "Paused by @maintainer")
    house.go_on()
    await house.settle()
    await says(house, issue, "/cancel")
    assert "· cancelled ·" in house.status(issue)


async def test_retry_goes_on_where_it_stopped_and_keeps_what_is_finished(house: House) -> None:
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.implement()
    assert "· failed ·" in house.status(issue)
    pull = house.pull
    house.rehearse(WRONG, WRONG, RIGHT)
    comment = await says(house, issue, "/retry")
    assert "· done ·" in house.status(issue)
    assert "Tried again by @maintainer, from `implement.agent.3` on; the steps before it stand." in house.status(issue)
    assert house.played == [1, 2, 3, 3]
    assert reactions(comment) == ["eyes", "rocket"]
    assert house.pulls() == [pull]


async def test_retry_from_a_step_does_that_and_what_follows_anew(house: House) -> None:
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.implement()
    house.rehearse(RIGHT)
    await says(house, issue, "/retry from implement.agnt.1")
    await says(house, issue, "/retry from implement.agent.1")
    status, slip = house.said(issue)
    assert slip.startswith("There is no step `implement.agnt.1`. Did you mean `implement.agent.1`? The steps are ")
    assert "· done ·" in status
    assert house.played == [1, 2, 3, 1]


async def test_a_cancel_that_meets_a_run_which_comes_to_rest_ends_it(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("implement.agent.1:done")
    await house.label(issue)
    await house.reached.wait()
    await house.comment(issue, "/pause")
    await house.shows(issue, "Paused by @maintainer")
    house.crash_at("rest:before")
    house.go_on()
    await house.reached.wait()
    cancel = await house.comment(issue, "/cancel")
    while "rocket" not in reactions(cancel):
        await house.notes()
    house.go_on()
    await house.settle()
    assert "· cancelled ·" in house.status(issue)
    await says(house, issue, "/implement")
    assert "· done ·" in house.said(issue)[-1], "nothing stands in the way of the next"


async def test_what_was_paused_and_cancelled_is_tried_again_without_either(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("implement.agent.1:done")
    await house.label(issue)
    await house.reached.wait()
    await house.comment(issue, "/pause")
    await house.shows(issue, "Paused by @maintainer")
    house.go_on()
    await house.settle()
    await says(house, issue, "/cancel")
    await says(house, issue, "/retry")
    assert "· done ·" in house.status(issue)
    assert house.played == [1]


async def test_retry_from_the_beginning_goes_on_on_its_own_branch(house: House) -> None:
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.implement()
    house.rehearse(RIGHT)
    await says(house, issue, "/retry from prepare")
    assert "· done ·" in house.status(issue)
    assert await house.file(house.pull.head, "greeting.txt") == "hello\n"
    assert sorted(house.repo.branches) == ["feature/auto-1-say-hello", "main"]


async def test_retry_asks_for_the_right_that_the_workflow_needs_now(house: House) -> None:
    house.emulator.user("owner", "admin")
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.implement()
    await house.configure("workflows: {auto-implement: {requires: admin}}\n")
    await house.settle()
    await says(house, issue, "/retry")
    _, refusal = house.said(issue)
    assert refusal.startswith('@maintainer, starting "Implement an issue" needs admin access to this repository')
    await house.configure("workflows: {auto-implement: {enabled: false}}\n")
    await house.settle()
    await says(house, issue, "/retry", by="owner")
    assert house.said(issue)[-1].startswith('"Implement an issue" is not in force here any more')
    assert house.played == [1, 2, 3]


async def test_retry_is_held_to_what_a_day_allows(tmp_path: Path) -> None:
    async with opened(tmp_path, offered=only("auto-implement"), extra={"actor_runs_a_day": 2}) as house:
        house.rehearse(WRONG, WRONG, WRONG)
        issue = await house.implement()
        await says(house, issue, "/retry")
        await says(house, issue, "/retry")
        assert house.said(issue)[-1].startswith("Not started: @maintainer may start 2 runs a day")


async def test_an_answered_question_does_not_stand_in_the_way_of_a_retry(house: House) -> None:
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.implement()
    house.rehearse((Say('{"answer": "The tests want a greeting.", "refs": []}'),), WRONG, RIGHT)
    await says(house, issue, "/ask why did it fail?")
    await says(house, issue, "/retry")
    failed, answer = house.said(issue)
    assert ("· done ·" in failed, "The tests want a greeting." in answer) == (True, True)


async def test_retry_of_a_closed_issue_is_refused(house: House) -> None:
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.implement()
    await house.close(issue)
    await says(house, issue, "/retry")
    assert house.said(issue)[-1].startswith("`/retry` needs an open issue, and this one is closed.")


async def test_what_was_carried_out_is_not_done_again_when_github_fails_to_take_the_reaction(house: House) -> None:
    house.rehearse(WRONG, WRONG, WRONG)
    issue = await house.implement()
    house.rehearse(WRONG, WRONG, RIGHT)
    open_door = asyncio.Event()
    open_door.set()
    house.emulator.fault("POST", r".*/reactions", hold=open_door)  # the eyes
    house.emulator.fault("POST", r".*/reactions", status=502)
    comment = await says(house, issue, "/retry")
    assert reactions(comment) == ["eyes", "rocket"]
    assert len(house.said(issue)) == 1


async def test_cancel_and_implement_in_one_comment_end_the_one_and_begin_the_other(house: House) -> None:
    house.rehearse(RIGHT)
    house.gate.close()
    issue = await house.open_issue()
    await house.label(issue)
    await house.gate.reached(1)
    comment = await house.comment(issue, "/cancel\n/implement")
    await house.shows(issue, "Cancelled by @maintainer.")
    await house.gate.open()
    await house.settle()
    cancelled, done = house.said(issue)
    assert ("· cancelled ·" in cancelled, "· done ·" in done) == (True, True)
    assert "confused" not in reactions(comment)


async def test_a_paused_review_says_so_in_its_check_run(desk: Desk) -> None:
    desk.crash_at("begin:done")
    pull = await desk.propose()
    await desk.reached.wait()
    comment = await desk.comment(pull, "/pause")
    while "rocket" not in reactions(comment):
        await desk.notes()
    desk.go_on()
    await desk.settle()
    (check,) = desk.checks()
    assert (check.status, (check.title or "").startswith("Paused by @maintainer")) == ("in_progress", True)
    await desk.order(pull, "/resume")
    assert (check.status, check.conclusion) == ("completed", "success")
    desk.summary(pull)


async def test_a_failed_review_is_tried_again_on_its_check_run(desk: Desk) -> None:
    for agent in ("security", "performance", "style", "correctness", "tests"):
        desk.says(agent, "no answer at all", "nor here")
    pull = await desk.reviewed()
    (check,) = desk.checks()
    assert check.conclusion == "neutral"
    desk.begin()
    await desk.order(pull, "/retry")
    assert desk.checks() == [check]
    assert check.conclusion == "success"
    desk.said(pull)


# ---- answers ---------------------------------------------------------------------------------------------------------


async def test_status_cost_and_why_tell_what_is_known(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.implement()
    for words in ("/status", "/cost", "/why"):
        await says(house, issue, words, by="helper")
    _, status, cost, why = house.said(issue)
    assert "**Implement an issue** · done ·" in status
    assert "`implement.agent.1`" in status
    assert "| **together** | | $0.00 |" in cost
    assert "This repository today (UTC): $0.00 of $50.00." in cost
    assert 'The newest run, "Implement an issue", ended as **done**.' in why
    assert "- issues: `run " in why


async def test_the_newest_run_is_found_from_its_pull_request_too(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.implement()
    house.status(issue)
    await says(house, house.pull, "/status")
    (status,) = house.said(house.pull)
    assert "**Implement an issue** · done ·" in status


async def test_help_lists_what_can_be_said_here(house: House) -> None:
    issue = await house.open_issue()
    await says(house, issue, "/help", by="stranger")
    (answer,) = house.said(issue)
    assert "| `/implement [what matters ...]` | Write the change that the issue asks for" in answer
    assert (
        "| `/cancel` | End what is at work or waits here; its processes are gone within 5 seconds | write access, and"
        in answer
    )
    assert "Elsewhere: `/fix`." in answer


async def test_config_shows_what_is_in_force_and_where_it_comes_from(house: House) -> None:
    issue = await house.open_issue()
    await says(house, issue, "/config")
    (answer,) = house.said(issue)
    assert "sh check.sh" in answer
    assert ".github/tutti.yml" in answer


async def test_an_answer_to_a_command_at_a_line_stands_in_its_thread(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull: Pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    reply = await desk.emulator.reply(remark, "/status", by="maintainer")
    await desk.settle()
    answer = pull.remarks[-1]
    assert (answer.user, answer.reply_to) == (desk.emulator.bot, remark)
    assert "**Review a pull request** · done" in answer.body
    assert reactions(reply) == ["eyes", "rocket"]
    desk.summary(pull)


# ---- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (
            {"actor_runs_a_day": 1},
            "Not started: @maintainer may start 1 runs a day, and that is used up until midnight UTC.",
        ),
        (
            {"repo_runs_a_day": 1},
            "Not started: this repository may start 1 runs a day, and that is used up until midnight UTC.",
        ),
    ],
)
async def test_more_runs_than_a_day_may_have_are_refused(tmp_path: Path, extra: dict[str, int], sentence: str) -> None:
    async with opened(tmp_path, offered=only("auto-implement"), extra=extra) as house:
        house.rehearse(RIGHT)
        first, second = await house.open_issue(), await house.open_issue("Say it again")
        await says(house, first, "/implement")
        await says(house, second, "/implement")
        house.status(first)
        assert house.status(second).startswith(sentence)
