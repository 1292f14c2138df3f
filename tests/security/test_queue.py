"""C38, C58, C60: many at once, what a killed bot leaves, and a delivery that breaks whoever handles it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.backends.rehearsal import Append, Hang, Run, Say, Write
from bot.decision import Decision, Own
from bot.github.events import Event, Ignored, IssueEvent
from bot.router import route
from bot.workflow import admission, receiver
from bot.workflow.spec import Workflow
from tests.house import House, opened

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))


async def test_c38_two_runs_in_one_repository_share_no_worktree(house: House) -> None:
    house.rehearse(RIGHT)
    house.gate.close()
    issues = [await house.open_issue(f"Wish {number}") for number in (1, 2)]
    for issue in issues:
        await house.label(issue)
    await house.gate.reached(2)
    assert len({task.worktree for task in house.tasks}) == 2
    assert len({task.home for task in house.tasks}) == 2
    await house.gate.open()
    await house.settle()
    assert all("· done ·" in house.status(issue) for issue in issues)
    assert sorted(pull.head for pull in house.pulls()) == ["feature/auto-1-wish-1", "feature/auto-2-wish-2"]


async def test_c38_what_a_killed_bot_left_is_gone_after_its_next_start(house: House) -> None:
    house.rehearse((Run("echo begun"), Hang()))
    issue = await house.open_issue()
    await house.label(issue)
    await house.hears("begun")
    (task,) = house.tasks
    mirror = await house.bot.bench.mirrors.get("acme/greeter", house.repo.id)
    locks = [mirror.path / "packed-refs.lock", mirror.path / "refs/heads/main.lock", mirror.path / "shallow.lock"]
    await house.down()
    for lock in locks:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_text("")
    stray = house.folder / "data/worktrees/deadbeef0000"
    await asyncio.to_thread(stray.mkdir)
    house.rehearse(RIGHT)
    await house.restart()
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert [place for place in (stray, task.worktree, *locks) if place.exists()] == []
    assert (await mirror.git("worktree", "list", "--porcelain")).count(b"prunable") == 0


async def test_c58_whatever_is_asked_at_once_waits_its_turn_and_ends_honestly(tmp_path: Path) -> None:
    async with opened(tmp_path, extra={"max_runs": 2}) as house:
        house.gate.close()
        issues = [await house.open_issue(f"Wish {number}") for number in range(10)]
        for issue in issues:
            await house.label(issue)
        await house.emulator.delivered()
        await house.gate.reached(2)
        await house.gate.open()
        await house.settle()
        assert house.gate.most == 2
        assert all("· no change ·" in house.status(issue) for issue in issues)
        assert len(await house.runs()) == 10


async def test_c58_beyond_what_may_wait_a_label_is_refused_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_ACTIVE", 2)
    house.rehearse(RIGHT)
    house.gate.close()
    issues = [await house.open_issue(f"Wish {number}") for number in range(3)]
    for issue in issues:
        await house.label(issue)
        await house.emulator.delivered()
        await house.shows(issue, "uns of this repository wait" if issue is issues[-1] else "Implement an issue")
    await house.gate.open()
    await house.settle()
    assert len(await house.runs()) == 2
    (refusal,) = house.said(issues[2])
    assert refusal.startswith("Not started: 2 runs of this repository wait or run already.")
    assert issues[2].label_names == []
    for issue in issues[:2]:
        house.status(issue)


async def test_c58_the_same_label_again_and_again_makes_one_run(house: House) -> None:
    house.rehearse((Append("greeting.txt", "hello\n"),))
    house.gate.close()
    issue = await house.open_issue()
    await house.label(issue)
    await house.gate.reached()
    for _ in range(20):
        issue.labels.clear()
        await house.label(issue)
    await house.emulator.delivered()
    await house.gate.open()
    await house.settle()
    assert len(await house.runs()) == 1
    house.status(issue)


async def test_c60_a_delivery_that_breaks_its_handler_dies_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.expected_log = {"delivery not handled"}
    house.rehearse(RIGHT)
    tried: list[str] = []

    def breaking(event: Event, workflows: Mapping[str, Workflow], known: Own) -> list[Decision] | Ignored:
        if isinstance(event, IssueEvent) and event.issue.title == "Poison":
            tried.append(event.action)
            raise RuntimeError("poison")
        return route(event, workflows, known)

    monkeypatch.setattr(receiver, "route", breaking)
    poison = await house.open_issue("Poison")
    assert "· done ·" in house.status(await house.implement())
    await house.settle()
    assert tried == ["opened"] * 3
    assert (await house.bot.inbox.counts())["dead"] == 1
    assert "RuntimeError: poison" in await house.notes()
    await house.restart()
    await house.settle()
    assert tried == ["opened"] * 3
    assert house.said(poison) == []
