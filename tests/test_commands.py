"""Commands that control the bot: who may, what they do, how they are answered, and what gets silence."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backends.rehearsal import Write
from bot.emulator.world import Pull
from tests.desk import BASE, ROUNDING, Desk
from tests.house import House, opened
from tests.shelf import only
from tests.spoken import RIGHT, WRONG, reactions, says


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, offered=only("auto-implement", "fix", "test", "ask")) as house:
        house.emulator.user("helper", "triage")
        yield house


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


async def test_paths_prose_and_commands_of_other_bots_get_silence(house: House) -> None:
    issue = await house.open_issue()
    for words in ("/etc/passwd", "/usr", "/lgtm", "/retest", "/hold", "and/or", "> /implement", "/tests"):
        comment = await says(house, issue, words)
        assert (house.said(issue), reactions(comment), await house.runs()) == ([], [], [])


async def test_a_slip_is_answered_once(house: House) -> None:
    issue = await house.open_issue()
    comment = await says(house, issue, "/implment")
    (answer,) = house.said(issue)
    assert answer.startswith("There is no command `/implment`: did you mean `/implement`? `/help` lists them all.")
    assert reactions(comment) == ["confused"]


REFUSED = {
    "/cancel please": "`/cancel` takes no words after it.",
    "/retry implement": "That is said like this: `/retry [from <step>]`.",
    "/fix": "`/fix` is for pull requests.",
    "/implement\n/implement": "`/implement` stands here more than once: the first one was taken.",
    "/refactor": "`/refactor` is not available yet.",
    "/retry": "There is no run here that ended short of its goal.",
    "/cancel": "Nothing is at work or waits here.",
    "/pause": "Nothing is at work or waits here.",
    "/resume": "Nothing is paused here.",
}


async def test_what_cannot_be_done_is_refused_in_one_sentence(house: House) -> None:
    house.rehearse(RIGHT)
    for words, answer in REFUSED.items():
        issue = await house.open_issue()
        comment = await says(house, issue, words)
        assert any(said.startswith(answer) for said in house.said(issue)), words
        assert "confused" in reactions(comment), words


async def test_each_refused_command_of_a_comment_gets_its_sentence(house: House) -> None:
    issue = await house.open_issue()
    await says(house, issue, "/retry foo\n/config bar")
    first, second = house.said(issue)
    assert first.startswith("That is said like this: `/retry [from <step>]`.")
    assert second.startswith("`/config` takes no words after it.")


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
    told = await says(house, issue, "/cost", by=helper.login)
    assert "· done ·" in house.status(issue), "and it is answered by reactions alone"
    assert reactions(told) == ["eyes", "rocket"]


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
