"""What starts a run, what does not, and what ends it."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.backends.rehearsal import Append, Hang, Run, Say, Write
from bot.sandbox import process
from tests.house import House, opened
from tests.ready import machine

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
HANGING = (Run("echo begun"), Hang())
TITLE = "**Implement an issue**"


# ---- who may -----------------------------------------------------------------------------------------------------


async def test_a_stranger_gets_one_sentence_and_the_label_is_taken_off(house: House) -> None:
    issue = await house.open_issue()
    await house.label(issue, by="stranger")
    await house.settle()
    (sentence,) = house.said(issue)
    assert sentence.startswith(
        '@stranger, starting "Implement an issue" needs write access to this repository, and you have read access.\n'
    )
    assert issue.label_names == []
    assert await house.runs() == []
    assert house.repo.pulls == []


async def test_triage_is_enough_to_set_a_label_and_not_to_start_a_run(house: House) -> None:
    house.emulator.user("sorter", "triage")
    issue = await house.open_issue()
    await house.label(issue, by="sorter")
    await house.settle()
    (sentence,) = house.said(issue)
    assert "@sorter" in sentence
    assert "you have triage access" in sentence
    assert issue.label_names == []


async def test_somebody_who_is_unknown_here_has_no_access(house: House) -> None:
    house.repo.private = True
    issue = await house.open_issue()
    await house.label(issue, by="passer-by")
    await house.settle()
    (sentence,) = house.said(issue)
    assert "you have no access." in sentence


async def test_a_refusal_sent_twice_is_said_once(house: House) -> None:
    house.emulator.hooks.double("issues.labeled")
    issue = await house.open_issue()
    await house.label(issue, by="stranger")
    await house.settle()
    assert len(house.said(issue)) == 1


async def test_a_label_set_by_a_maintainer_after_a_refusal_starts_the_run(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    await house.label(issue, by="stranger")
    await house.settle()
    await house.label(issue)
    await house.settle()
    refusal, status = house.said(issue)
    assert "you have read access" in refusal
    assert "· done ·" in status


@pytest.mark.parametrize("right", ["maintain", "admin"])
async def test_more_than_write_access_is_enough_too(house: House, right: str) -> None:
    house.rehearse(RIGHT)
    house.emulator.user("chief", right)
    issue = await house.open_issue()
    await house.label(issue, by="chief")
    await house.settle()
    assert "· done ·" in house.status(issue)


# ---- what starts nothing -----------------------------------------------------------------------------------------


async def test_other_labels_and_labels_on_pull_requests_and_closed_issues_start_nothing(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    await house.label(issue, "bug")
    await house.close(issue)
    await house.label(issue)
    await house.push({"new.txt": "new\n"}, branch="topic")
    pull = await house.emulator.open_pull(house.repo, title="Topic", head="topic", base="main", by="maintainer")
    await house.emulator.label(pull, "auto-implement", by="maintainer")
    await house.settle()
    assert await house.runs() == []
    assert house.said(issue) == []


async def test_an_issue_opened_with_the_label_starts_a_run(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.emulator.open_issue(house.repo, "Say hello", labels=["auto-implement"], by="maintainer")
    await house.settle()
    assert "· done ·" in house.status(issue)


# ---- what ends it ------------------------------------------------------------------------------------------------


@pytest.fixture
async def hanging(house: House) -> House:
    house.rehearse(HANGING)
    await house.label(await house.open_issue())
    await house.hears("begun")
    return house


async def test_the_label_taken_off_cancels_the_run(hanging: House) -> None:
    issue = hanging.repo.issues[1]
    await hanging.unlabel(issue, by="maintainer")
    await hanging.settle()
    status = hanging.status(issue)
    assert f"{TITLE} · cancelled · " in status
    assert "Cancelled: @maintainer took the label `auto-implement` off." in status
    assert hanging.repo.branches.keys() == {"main"}


async def test_the_issue_closed_cancels_the_run(hanging: House) -> None:
    issue = hanging.repo.issues[1]
    await hanging.close(issue, by="stranger")
    await hanging.settle()
    assert "Cancelled: @stranger closed the issue." in hanging.status(issue)


async def test_another_label_taken_off_cancels_nothing(hanging: House) -> None:
    issue = hanging.repo.issues[1]
    await hanging.label(issue, "bug")
    await hanging.unlabel(issue, "bug")
    await hanging.emulator.delivered()
    await hanging.close(issue)
    await hanging.settle()
    assert "closed the issue" in hanging.status(issue)
    (run,) = await hanging.runs()
    assert run.cancel == "Cancelled: @maintainer closed the issue."


async def test_labels_that_the_bot_takes_off_cancel_nothing(house: House) -> None:
    house.rehearse(RIGHT)
    house.gate.close()
    issue = await house.open_issue()
    await house.label(issue)
    await house.gate.reached()
    await house.emulator.unlabel(issue, "auto-implement", by=house.emulator.bot)
    await house.emulator.delivered()
    await house.gate.open()
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert "ignored: the bot did this itself" in await house.notes()


async def test_a_cancelled_run_leaves_no_process(house: House) -> None:
    house.rehearse((Run("trap '' TERM HUP; sleep 1000 & setsid sleep 1000 & echo begun; wait"),))
    issue = await house.open_issue()
    await house.label(issue)
    await house.hears("begun")
    (run,) = await house.runs()
    assert process.marked(run.id)
    await house.unlabel(issue)
    await house.settle()
    assert process.marked(run.id) == set()
    assert "· cancelled ·" in house.status(issue)


async def test_tests_that_hang_are_cancelled_too(tmp_path: Path) -> None:
    tools, begun = tmp_path / "tools", asyncio.Event()
    tools.mkdir()
    os.mkfifo(pipe := tools / "begun")
    pipe.chmod(0o666)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    asyncio.get_running_loop().add_reader(reading, begun.set)
    async with opened(tmp_path, walls=replace(await machine(), tools=(tools,))) as house:
        await house.configure(test=f"echo begun > {pipe}; sleep 1000")
        house.rehearse(RIGHT)
        issue = await house.open_issue()
        await house.label(issue)
        await begun.wait()
        asyncio.get_running_loop().remove_reader(reading)
        os.close(reading)
        await house.unlabel(issue)
        await house.settle()
        assert "· cancelled ·" in house.status(issue)
        (run,) = await house.runs()
        assert process.marked(run.id) == set()


async def test_a_cancellation_after_the_push_comes_too_late(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("pull-request:before")
    await house.label(issue)
    await house.reached.wait()
    await house.unlabel(issue)
    await house.emulator.delivered()
    house.go_on()
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert len(house.repo.pulls) == 1


async def test_a_run_that_waits_in_the_queue_is_cancelled_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path, extra={"max_runs": 1}) as house:
        house.rehearse(RIGHT)
        house.gate.close()
        first, second = await house.open_issue("One"), await house.open_issue("Two")
        await house.label(first)
        await house.gate.reached()
        await house.label(second)
        await house.shows(second, "queued, place 1")
        await house.unlabel(second)
        await house.shows(second, f"{TITLE} · cancelled")
        await house.gate.open()
        await house.settle()
        assert "Cancelled: @maintainer took the label `auto-implement` off." in house.status(second)
        assert "· done ·" in house.status(first)
        assert len(house.repo.pulls) == 1


# ---- again -------------------------------------------------------------------------------------------------------


async def test_a_second_label_while_a_run_is_active_starts_no_second_run(hanging: House) -> None:
    issue = hanging.repo.issues[1]
    issue.labels.clear()
    await hanging.label(issue)
    await hanging.emulator.delivered()
    await hanging.unlabel(issue)
    await hanging.settle()
    assert len(await hanging.runs()) == 1
    assert "a run of this is active already" in await hanging.notes()
    hanging.status(issue)


async def test_a_label_set_again_while_the_run_is_being_ended_starts_a_new_run(hanging: House) -> None:
    issue = hanging.repo.issues[1]
    hanging.rehearse(RIGHT)
    await hanging.relabel(issue)
    await hanging.settle()
    cancelled, done = hanging.said(issue)
    assert "· cancelled ·" in cancelled
    assert "· done ·" in done
    assert len(hanging.repo.pulls) == 1


async def test_after_a_failed_run_the_label_starts_anew_on_the_same_pull_request(house: House) -> None:
    house.rehearse(*[(Append("greeting.txt", "no\n"),)] * 3)
    issue = await house.implement()
    pull = house.pull
    assert pull.draft
    house.rehearse(RIGHT)
    await house.relabel(issue)
    await house.settle()
    failed, done = house.said(issue)
    assert "· failed ·" in failed
    assert f"Done: #{pull.number} has the new commits; it is still a draft, mark it ready when you like." in done
    assert house.pull is pull
    assert sorted(house.repo.branches) == ["feature/auto-1-say-hello", "main"]
    assert (await house.git("rev-list", "--count", f"main..{pull.head}")).strip() == "2"
    assert f"Closes #{issue.number}." in (pull.body or "")


async def test_after_a_run_that_made_nothing_the_label_starts_anew(house: House) -> None:
    issue = await house.implement()
    house.rehearse(RIGHT)
    await house.relabel(issue)
    await house.settle()
    nothing, done = house.said(issue)
    assert "· no change ·" in nothing
    assert "· done ·" in done
    assert house.pull.head == "feature/auto-1-say-hello"


async def test_after_a_closed_pull_request_the_label_starts_a_new_branch(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.implement()
    await house.emulator.close_pull(house.pull, by="maintainer")
    await house.relabel(issue)
    await house.settle()
    house.said(issue)
    assert [(pull.head, pull.state) for pull in house.repo.pulls] == [
        ("feature/auto-1-say-hello", "closed"),
        ("feature/auto-1-say-hello-2", "open"),
    ]


async def test_while_the_pull_request_is_open_the_run_goes_on_where_people_have_pushed(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.implement()
    await house.push({"people.txt": "by hand\n"}, branch=house.pull.head)
    house.rehearse((Write("greeting.txt", "hello again\n"), Say("Said it again.")))
    await house.relabel(issue)
    await house.settle()
    house.said(issue)
    assert await house.file(house.pull.head, "people.txt") == "by hand\n"
    assert await house.file(house.pull.head, "greeting.txt") == "hello again\n"
    assert (await house.git("rev-list", "--count", f"main..{house.pull.head}")).strip() == "3"


# ---- many at once ------------------------------------------------------------------------------------------------


async def test_at_most_four_run_at_once_and_the_others_see_their_place_move_up(house: House) -> None:
    house.rehearse(RIGHT)
    house.gate.close()
    issues = [await house.open_issue(f"Wish {n}") for n in range(1, 8)]
    for issue in issues:  # one after another: those of several issues are handled side by side
        await house.label(issue)
        await house.shows(issue, TITLE)
    await house.gate.reached(4)
    for place, issue in enumerate(issues[4:], start=1):
        await house.shows(issue, f"{TITLE} · queued, place {place}")
    await house.unlabel(issues[4])
    await house.shows(issues[5], f"{TITLE} · queued, place 1")
    await house.shows(issues[6], f"{TITLE} · queued, place 2")
    await house.gate.open()
    await house.settle()
    ends = [house.status(issue).splitlines()[0].split(" · ")[1] for issue in issues]
    assert ends == ["done"] * 4 + ["cancelled"] + ["done"] * 2
    assert house.gate.most == 4
