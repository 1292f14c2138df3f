"""Commands that end, pause, resume and retry runs: each is carried out once, and what it says is true."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backends.rehearsal import Say
from tests.desk import Desk
from tests.house import House, opened
from tests.shelf import only
from tests.spoken import RIGHT, WRONG, pausing, reactions, says


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, offered=only("auto-implement", "fix", "test", "ask")) as house:
        house.emulator.user("helper", "triage")
        yield house


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
    issue, comment = await pausing(house)
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
    issue, _ = await pausing(house)
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
    issue, _ = await pausing(house)
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
    issue, _ = await pausing(house)
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
    assert (check.status, (check.title or "").startswith("Paused by maintainer")) == ("in_progress", True)
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
