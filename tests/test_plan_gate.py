"""What waits stays true to what happened meanwhile: other work, a queue, a crash, a limit, settings that changed."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.emulator.world import Issue
from bot.publish.ground import GATE
from bot.publish.text import APPROVED
from bot.store import gates, runs
from bot.store.gates import Gate
from tests.house import House, opened
from tests.shelf import only
from tests.test_plan import PLAN, SHOWN, aged, plays, prompts, said
from tests.test_plan_asked import asked as asked
from tests.test_plan_asked import orders


@pytest.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[House]:
    """Where one run has room; another issue's takes it once a test says so."""
    async with opened(tmp_path, offered=only("auto-implement", "plan"), extra={"max_runs": 1}) as house:
        plays(house)
        yield house


async def gate_of(house: House, run: runs.Run) -> Gate:
    def found(conn: sa.Connection) -> Gate:
        return next(one.gate for one in gates.about(conn, house.repo.id, run.target, 0) if one.run.id == run.id)

    return await house.bot.bench.db.read(found)


async def occupied(house: House) -> Issue:
    """The room is taken by another issue's run, until the house goes on."""
    other = await house.open_issue("Wave")
    house.crash_at("implement.agent.1:before")
    await house.comment(other, "/implement")
    await house.reached.wait()
    return other


# ---- other work began meanwhile --------------------------------------------------------------------------------------


async def test_a_plan_waits_for_nothing_where_the_work_began_while_it_was_made(asked: House) -> None:
    issue = await asked.open_issue()
    asked.crash_at("plan.agent.1:before")
    await asked.comment(issue, "/plan")
    await asked.reached.wait()
    await asked.comment(issue, "/implement")
    await asked.shows(issue, "**Implement an issue**")
    asked.go_on()
    await asked.settle()
    plan, work = asked.said(issue)
    assert "**Plan an issue** · cancelled ·" in plan
    assert "Superseded: a later run took the place of this one.\n\n<details><summary>What waited</summary>" in plan
    assert SHOWN in plan
    assert "· done ·" in work
    await orders(asked, issue, "/approve")
    assert "This plan waits no more: a later run took its place." in asked.said(issue)[2]


async def test_a_second_plan_waits_for_nothing_where_the_first_was_approved_meanwhile(asked: House) -> None:
    issue = await asked.open_issue()
    await orders(asked, issue, "/plan")
    plays(asked, said({**PLAN, "steps": ["Say hello twice"]}))
    asked.crash_at("plan.agent.1:before")
    await asked.comment(issue, "/plan")
    await asked.reached.wait()
    await asked.comment(issue, "/approve")
    await asked.shows(issue, "Read the plan that @maintainer approved")
    asked.go_on()
    await asked.settle()
    first, second, work = asked.said(issue)
    assert "Approved by @maintainer." in first
    assert "**Plan an issue** · cancelled ·" in second
    assert "· done ·" in work
    assert f"BEGIN DATA (plan)\n{SHOWN}\nEND DATA" in "".join(prompts(asked))


# ---- what was approved, and then ended in the queue ------------------------------------------------------------------


async def test_an_approval_whose_run_is_cancelled_in_the_queue_says_so_and_is_tried_again(narrow: House) -> None:
    issue = await narrow.open_issue()
    await orders(narrow, issue, "/plan")
    other = await occupied(narrow)
    await narrow.comment(issue, "/approve")
    await narrow.shows(issue, "queued, place 1")
    await narrow.shows(issue, "It waits for 90 days.\n\nApproved by @maintainer.")
    await narrow.comment(issue, "/cancel")
    await narrow.shows(issue, "**Implement an issue** · cancelled")
    await narrow.comment(issue, "/approve")
    told = await narrow.shows(issue, "approved this already")
    run = next(one for one in await narrow.runs() if one.context.get("approves"))
    assert f"run `{run.id}` was to carry it out and ended as cancelled; `/retry` tries it again." in told
    narrow.go_on()
    await narrow.settle()
    await orders(narrow, issue, "/retry")
    assert "· done ·" in narrow.said(issue)[1]
    narrow.said(other)
    assert len(narrow.pulls()) == 2


async def test_a_plan_that_lost_its_place_to_a_run_in_the_queue_says_so(narrow: House) -> None:
    issue = await narrow.open_issue()
    await orders(narrow, issue, "/plan")
    other = await occupied(narrow)
    await narrow.comment(issue, "/implement")
    await narrow.shows(issue, "Superseded: a later run took the place of this one.")
    await narrow.comment(issue, "/cancel")
    await narrow.shows(issue, "**Implement an issue** · cancelled")
    narrow.go_on()
    await narrow.settle()
    assert "**Plan an issue** · cancelled ·" in narrow.said(issue)[0]
    narrow.said(other)


# ---- the row ---------------------------------------------------------------------------------------------------------


async def test_a_repeat_of_what_ended_keeps_what_somebody_decided_and_another_life_begins_anew(asked: House) -> None:
    """A process died once its run had ended, and another took the approval: its replay asks for nothing again."""
    issue = await asked.open_issue()
    await orders(asked, issue, "/plan")
    await orders(asked, issue, "/approve")
    asked.said(issue)
    plan, db = (await asked.runs())[0], asked.bot.bench.db
    before = await gate_of(asked, plan)
    assert before.ended == "approved"
    anew = replace(before, ended="", ended_at=None, successor=None, created_at=before.created_at + 60)
    assert await db.write(lambda conn: gates.put(conn, anew)) is False
    assert await gate_of(asked, plan) == before
    await db.write(lambda conn: runs.update(conn, plan.id, state="running"))
    assert await db.write(lambda conn: gates.put(conn, anew)) is True
    assert await gate_of(asked, plan) == anew
    await db.write(lambda conn: runs.update(conn, plan.id, state=plan.state))


async def test_how_a_gate_ended_is_known(asked: House) -> None:
    issue = await asked.open_issue()
    await orders(asked, issue, "/plan")
    (plan,), db = await asked.runs(), asked.bot.bench.db
    assert await db.read(lambda conn: gates.ended(conn, plan.id)) == ""
    await orders(asked, issue, "/cancel")
    asked.said(issue)
    assert await db.read(lambda conn: gates.ended(conn, plan.id)) == "withdrawn"
    assert await db.read(lambda conn: gates.ended(conn, "none")) == ""


async def test_what_was_approved_late_is_kept_for_as_long_as_its_run_may_be_tried_again(asked: House) -> None:
    issue = await asked.open_issue()
    await orders(asked, issue, "/plan")
    await aged(asked, 40)
    await orders(asked, issue, "/approve")
    asked.said(issue)
    (plan, work), db = await asked.runs(), asked.bot.bench.db

    async def kept_at(days: float) -> Any:
        return await db.write(lambda conn: (runs.forget(conn, time.time() - days * gates.DAY), _gate_of(conn, plan))[1])

    await db.write(lambda conn: runs.update(conn, work.id, state="failed"))
    assert await kept_at(30) is not None
    await db.write(lambda conn: runs.update(conn, work.id, ended_at=time.time() - 31 * gates.DAY))
    assert await kept_at(30) is None


def _gate_of(conn: sa.Connection, run: runs.Run) -> Any:
    return runs.kept(conn, run.id, GATE)


# ---- a limit, and settings -------------------------------------------------------------------------------------------


async def test_a_plan_waits_on_where_whoever_approves_has_had_what_a_day_allows(tmp_path: Path) -> None:
    extra = {"actor_runs_a_day": 1}
    async with opened(tmp_path, offered=only("auto-implement", "plan"), extra=extra) as house:
        plays(house)
        house.emulator.user("second", "write")
        issue = await house.open_issue()
        await orders(house, issue, "/plan")
        await orders(house, issue, "/approve")
        plan, no = house.said(issue)
        assert no.startswith("Not started: @maintainer may start 1 runs a day, and that is used up until midnight UTC.")
        assert "· needs approval ·" in plan
        assert (await gate_of(house, (await house.runs())[0])).ended == ""
        await orders(house, issue, "/approve", by="second")
        assert "· done ·" in house.said(issue)[2]


async def test_a_plan_waits_on_in_a_repository_that_is_staged_by_now(asked: House) -> None:
    issue = await asked.open_issue()
    await orders(asked, issue, "/plan")
    await asked.configure("staged: true\n")
    await asked.settle()
    await orders(asked, issue, "/approve")
    plan, no = asked.said(issue)
    assert "This repository is staged by now, so nothing is published; this plan waits on" in no
    assert "· needs approval ·" in plan
    assert len(asked.tasks) == 1
    await asked.configure()
    await asked.settle()
    await orders(asked, issue, "/approve")
    assert "· done ·" in asked.said(issue)[2]


async def test_a_run_on_a_plan_is_staged_where_the_repository_is_when_it_begins(narrow: House) -> None:
    issue = await narrow.open_issue()
    await orders(narrow, issue, "/plan")
    other = await occupied(narrow)
    await narrow.comment(issue, "/approve")
    await narrow.shows(issue, "queued, place 1")
    await narrow.configure("staged: true\n")
    narrow.go_on()
    await narrow.settle()
    assert "Staged: " in narrow.said(issue)[1]
    narrow.said(other)
    assert [pull.title for pull in narrow.pulls()] == ["Wave"]


async def test_a_bot_that_may_command_approves_nothing(asked: House) -> None:
    """Abuse: what only people decide about is decided by no bot, whatever the configuration lets it say."""
    helper = asked.emulator.world.person("helper[bot]", "Bot")
    await asked.configure(f"bots: [{helper.id}]\n")
    await asked.settle()
    issue = await asked.open_issue()
    await orders(asked, issue, "/plan")
    await orders(asked, issue, "/approve", by="helper[bot]")
    no = "@helper[bot], only people approve what waits here, and you are a bot."
    assert f"refused: {no}" in (await asked.notes())[-1]
    await asked.label(issue, APPROVED, by="helper[bot]")
    await asked.settle()
    plan, told = asked.said(issue)
    assert told.startswith(no)
    assert "· needs approval ·" in plan
    assert len(asked.tasks) == 1


async def test_a_plan_of_a_workflow_that_cannot_be_played_any_more_is_not_approved(asked: House) -> None:
    """What it uses was changed in the meantime, so that it cannot be used."""
    asked.expected_log |= {"repository file not adopted"}  # which says so, too
    folder, rest = ".github/tutti/workflows", "outputs: {pull-request: {}}\n"
    part = f"name: P\non: {{workflow_call: {{}}}}\njobs: {{a: {{agent: developer}}}}\n{rest}"
    whole = f"name: Whole\non: {{command: whole}}\napproval: plan\njobs: {{u: {{uses: part}}}}\n{rest}"
    await asked.push({f"{folder}/part.yml": part, f"{folder}/whole.yml": whole})
    await asked.settle()
    issue = await asked.open_issue()
    await orders(asked, issue, "/whole")
    assert "**Whole** · needs approval ·" in asked.status(issue)
    await asked.push({f"{folder}/part.yml": part.replace("workflow_call: {}", "command: part")})
    await asked.settle()
    await orders(asked, issue, "/approve")
    no = "Whole cannot be played: the workflow 'part' is no pipeline with 'on.workflow_call'."
    assert no in asked.said(issue)[1].replace("`", "'")
    assert len(asked.tasks) == 1
