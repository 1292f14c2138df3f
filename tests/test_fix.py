"""`/fix`: what a review found is mended on the pull request's own branch, when somebody asks for it and not before."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from bot.backends.rehearsal import Say, Write
from bot.emulator.world import Pull
from tests.desk import BASE, DISCOUNT, ROUNDING, Desk
from tests.house import opened
from tests.shelf import only
from tests.test_review import FIXED, NEGATIVE

MEND = Write("shop/cart.py", FIXED)
WISH = '{"commits": [{"message": "fix(cart): count in whole cents", "paths": ["shop/cart.py"]}]}'
SAID = Say(f"Whole cents again.\n\n```json\n{WISH}\n```")


async def found(desk: Desk, **more: object) -> Pull:
    """A pull request with two open findings."""
    desk.finds("correctness", ROUNDING, NEGATIVE)
    pull = await desk.reviewed(**more)  # type: ignore[arg-type]
    desk.finds("correctness")
    return pull


def status(desk: Desk, pull: Pull) -> str:
    """The status comment of the fix."""
    (only_one,) = [body for body in desk.said(pull) if "Fix review findings" in body]
    return only_one


async def test_what_is_open_is_mended_on_the_same_branch_and_its_threads_are_resolved(desk: Desk) -> None:
    pull = await found(desk)
    desk.script |= {"A review of pull request": {1: (MEND, SAID)}}
    await desk.order(pull, "/fix")
    assert "· done ·" in status(desk, pull)
    assert "Done: #1 has the new commits." in status(desk, pull)
    assert (
        await desk.git("log", "-1", "--format=%an|%s", "topic")
    ).strip() == "tutti[bot]|fix(cart): count in whole cents"
    assert await desk.file("topic", "shop/cart.py") == FIXED
    prompt = next(task.prompt for task in desk.tasks if "fix.agent" in task.key)
    assert "Finding 1, major, at shop/cart.py:12: The total is no whole number any more" in prompt
    assert "Finding 2, minor" in prompt
    assert pull.title == "Take a discount"
    assert "fixed" in desk.summary(pull)
    assert desk.remarks(pull)[0].resolved_by is desk.emulator.bot
    assert len([run for run in await desk.runs() if run.workflow == "fix"]) == 1  # nobody asked for more


async def test_some_findings_by_number_by_answer_and_by_the_button(desk: Desk) -> None:
    pull = await found(desk)
    desk.script |= {"A review of pull request": {1: (Say("Nothing to do."),)}}
    await desk.order(pull, "/fix 2")
    await desk.emulator.reply(desk.remarks(pull)[0], "/fix", by="maintainer")
    await desk.settle()
    await desk.emulator.press(desk.checks()[-1], "fix", by="maintainer")
    await desk.settle()
    prompts = [task.prompt for task in desk.tasks if "fix.agent" in task.key]
    asked = [[number for number in "12" if f"Finding {number}," in prompt] for prompt in prompts]
    assert asked == [["2"], ["1"], ["1", "2"]]
    desk.said(pull)


async def test_what_is_not_open_cannot_be_fixed_and_it_is_said_what_is(desk: Desk) -> None:
    pull = await found(desk)
    await desk.order(pull, "/fix 7")
    assert "There is no open finding `7`; open are 1, 2." in status(desk, pull)
    assert not [task for task in desk.tasks if "fix.agent" in task.key]


async def test_where_nothing_is_open_there_is_nothing_to_fix(desk: Desk) -> None:
    pull = await desk.reviewed()
    await desk.order(pull, "/fix")
    assert "Nothing to fix: no finding is open on this pull request." in status(desk, pull)
    desk.summary(pull)


async def test_a_stranger_has_nothing_fixed(desk: Desk) -> None:
    pull = await found(desk)
    await desk.order(pull, "/fix", by="stranger")
    assert desk.said(pull)[-1].startswith('@stranger, starting "Fix review findings" needs write access')
    assert [run.workflow for run in await desk.runs()] == ["review"]


async def test_a_fork_gets_the_patch_and_no_push(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    fork = await desk.emulator.fork(desk.repo, "stranger")
    await desk.emulator.push_commit(fork, "topic", {"shop/cart.py": DISCOUNT}, by="stranger")
    pull = await desk.emulator.open_pull(desk.repo, "topic", title="From afar", head_repo=fork, by="stranger")
    await desk.settle()
    before = dict(fork.branches)
    desk.script |= {"A review of pull request": {1: (MEND, SAID)}}
    await desk.order(pull, "/fix")
    words = status(desk, pull)
    assert "this pull request comes from a fork, where Tutti pushes nothing" in words
    assert "+        return sum(self.prices) * (100 - discount) // 100" in words
    assert fork.branches == before
    assert sorted(desk.repo.branches) == ["main"]
    desk.summary(pull)


@pytest.fixture
async def tested(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose repository has a test that only whole cents pass."""
    check = "version: 1\nbackend: rehearsal\ntest: grep -q '// 100' shop/cart.py\n"
    files: Mapping[str, str] = {**BASE, ".github/tutti.yml": check}
    async with opened(tmp_path, files=files, kind=Desk, offered=only("review", "fix")) as house:
        assert isinstance(house, Desk)
        house.begin()
        yield house


async def test_work_that_fails_the_tests_is_offered_and_not_pushed(tested: Desk) -> None:
    pull = await found(tested)
    before = tested.repo.branches["topic"]
    wrong = Write("shop/cart.py", DISCOUNT + "# mended\n")
    tested.script |= {"A review of pull request": {1: (wrong,), 2: (Say("Hm."),), 3: (Say("Hm."),)}}
    await tested.order(pull, "/fix")
    words = status(tested, pull)
    assert "· failed ·" in words
    assert "Failed: the tests still fail after 3 tries." in words
    assert "+# mended" in words
    assert tested.repo.branches["topic"] == before
    tested.summary(pull)


async def test_the_default_branch_is_never_pushed_to(desk: Desk) -> None:
    await desk.emulator.move_branch(desk.repo, "release", desk.repo.branches["main"])
    await desk.push({"shop/cart.py": DISCOUNT})
    desk.finds("correctness", ROUNDING)
    pull = await desk.emulator.open_pull(desk.repo, "main", "release", title="Release", by="maintainer")
    await desk.settle()
    await desk.order(pull, "/fix")
    assert "Refused: this pull request comes from `main`, the default branch" in status(desk, pull)
    desk.summary(pull)


async def test_its_own_pull_request_is_reviewed_once_per_push_and_fixed_only_when_asked(desk: Desk) -> None:
    desk.script["Implement what this issue"] = {1: (Write("shop/cart.py", DISCOUNT), Say("A discount."))}
    desk.finds("correctness", ROUNDING)
    issue = await desk.open_issue("Take a discount")
    await desk.label(issue)
    await desk.settle()
    (pull,) = desk.pulls()
    assert pull.user is desk.emulator.bot
    assert len(desk.remarks(pull)) == 1
    assert [run.workflow for run in await desk.runs()] == ["auto-implement", "review"]
    desk.summary(pull)
    desk.status(issue)
