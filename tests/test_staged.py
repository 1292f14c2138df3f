"""`staged: true`: a run shows what it would do, and GitHub gets nothing but its words."""

import pytest

from bot.agents.task import Outcome
from bot.backends.rehearsal import Fail, Run, Say, Write
from bot.publish.text import APPROVED
from tests.desk import ROUNDING, Desk
from tests.house import House
from tests.test_fix import MEND, SAID, status
from tests.test_review import FIXED, NEGATIVE

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
COMMENT = {
    "POST /repos/{owner}/{repo}/issues/{number}/comments",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment}",
}
UNLABEL = "DELETE /repos/{owner}/{repo}/issues/{number}/labels/{name}"


def written(house: House, since: int) -> set[str]:
    """What was asked to be changed on GitHub since then; tokens and fetching change nothing."""
    asked = [one for one in house.emulator.requests[since:] if one.method != "GET" and _changes(one.path)]
    return {f"{one.method} {one.template or one.path}" for one in asked}


def _changes(path: str) -> bool:
    return not path.endswith(("/access_tokens", "/installation/token", "/git-upload-pack"))


async def stage(house: House, more: str = "") -> int:
    """Nothing is to be written from now on; how many requests there were."""
    await house.configure(f"staged: true\n{more}", test="'true'" if isinstance(house, Desk) else "sh check.sh")
    await house.settle()
    return len(house.emulator.requests)


# ---- issues ----------------------------------------------------------------------------------------------------------


async def test_a_staged_run_says_what_it_would_do_and_does_none_of_it(house: House) -> None:
    since = await stage(house)
    house.rehearse(RIGHT)
    issue = await house.implement()
    told = house.told(issue)
    begin, _, patch = house.reason(issue).partition("What was made so far, as a patch:")
    assert begin == (
        """Staged: nothing but this comment is written. This would be done:

- push 1 commit to the branch `feature/auto-1-say-hello`: `feat: say hello`
- open a pull request with the title `Say hello`, which closes #1 when it is merged
- set the labels `automated-pr`, `needs-review`
- ask `maintainer` to review it
- write a check run on the newest commit

"""
    )
    assert "· done ·" in told
    assert "+hello" in patch
    assert written(house, since) == {*COMMENT, UNLABEL}
    assert (house.pulls(), sorted(house.repo.branches), issue.labels) == ([], ["main"], [])


async def test_once_it_is_switched_off_the_next_run_publishes(house: House) -> None:
    await stage(house)
    house.rehearse(RIGHT)
    issue = await house.implement()
    await house.configure()
    await house.label(issue)
    await house.settle()
    assert "Done: #2 is open" in house.said(issue)[1]
    assert house.pull.head == "feature/auto-1-say-hello"


async def test_work_that_fails_the_tests_would_be_a_draft(house: House) -> None:
    since = await stage(house)
    wrong = (Write("greeting.txt", "helo\n"),)
    house.rehearse(wrong, wrong, wrong)
    told = house.status(await house.implement())
    assert "· failed ·" in told
    assert "- open a draft of a pull request with the title `Say hello`\n" in told
    assert "Failed: the tests still fail after 3 tries." in told
    assert written(house, since) == {*COMMENT, UNLABEL}


async def test_what_the_policies_would_refuse_is_said(house: House) -> None:
    since = await stage(house)
    house.rehearse([*RIGHT, Run("mkdir -p .github/workflows; echo 'on: push' > .github/workflows/ci.yml")])
    told = house.status(await house.implement())
    assert "· done ·" in told
    assert "The change would be refused:\n\n- It adds `.github/workflows/ci.yml`, which runs in GitHub Actions" in told
    assert "This would be done" not in told
    assert written(house, since) == {*COMMENT, UNLABEL}


async def test_what_would_need_approval_is_said_and_no_approval_publishes_it(house: House) -> None:
    since = await stage(house)
    house.rehearse([*RIGHT, Write("CODEOWNERS", "* @somebody\n")])
    issue = await house.implement()
    assert "· done ·" in house.status(issue)
    assert "Once a person has approved it, this would be done:" in house.status(issue)
    assert "What a person would have to approve:\n\n- It adds `CODEOWNERS`" in house.status(issue)
    await house.label(issue, APPROVED)
    await house.settle()
    assert "There is nothing here that waits for approval" in house.said(issue)[1]
    assert written(house, since) == {*COMMENT, UNLABEL}
    assert house.pulls() == []


@pytest.mark.parametrize("point", ["implement.agent.1:before", "policy:before", "finish:before"])
async def test_what_a_run_began_with_holds_after_a_crash(house: House, point: str) -> None:
    """Somebody switches it off while the bot is down: this run has promised to write nothing."""
    since = await stage(house)
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at(point)
    await house.label(issue)
    await house.reached.wait()
    await house.configure()
    await house.restart()
    await house.settle()
    assert "Staged: nothing but this comment is written." in house.status(issue)
    assert not [one for one in written(house, since) if "/pulls" in one or "/check-runs" in one or "receive" in one]
    assert house.pulls() == []


# ---- reviews and fixes -----------------------------------------------------------------------------------------------


async def test_a_staged_review_writes_its_summary_and_nothing_else(desk: Desk) -> None:
    since = await stage(desk, "review:\n  event: request-changes\n  fail-on: major\n")
    desk.finds("correctness", ROUNDING, NEGATIVE)
    pull = await desk.reviewed()
    summary = desk.summary(pull)
    assert summary.startswith(
        """### Staged: 2 findings open: 1 major, 1 minor

Staged: nothing but this comment is written. A review would be posted as `REQUEST_CHANGES`, \
and the check run would end as `failure`.

#### At lines

**The total is no whole number any more** (`shop/cart.py:12`)
"""
    )
    assert "**A discount above 100 makes the total negative** (`shop/cart.py:11`)" in summary
    assert written(desk, since) <= COMMENT
    assert (desk.remarks(pull), desk.texts(pull), desk.checks()) == ([], [], [])


async def test_once_it_is_switched_off_the_next_review_says_what_was_only_shown(desk: Desk) -> None:
    await stage(desk)
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    assert "### Staged: 1 finding open" in desk.summary(pull)
    await desk.configure(test="'true'")
    await desk.push({"README.md": "# A shop\n"}, branch="topic")
    await desk.settle()
    assert [one.line for one in desk.remarks(pull)] == [12]
    assert "### 1 finding open: 1 major" in desk.summary(pull)
    assert "1 new · 0 still open · 0 fixed" in desk.summary(pull)
    assert [check.conclusion for check in desk.checks()] == ["neutral"]


async def test_what_was_said_before_is_neither_resolved_nor_said_to_be_fixed(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    since = await stage(desk)
    desk.finds("correctness")
    await desk.push({"shop/cart.py": FIXED}, branch="topic")
    await desk.settle()
    assert "1 thread would be resolved or opened again" in desk.summary(pull)
    assert written(desk, since) <= COMMENT
    await desk.configure(test="'true'")
    await desk.order(pull, "/review")
    assert "0 new · 0 still open · 1 fixed" in desk.summary(pull)
    assert desk.remarks(pull)[0].resolved_by is desk.emulator.bot


async def test_a_review_that_is_skipped_or_fails_writes_nothing(desk: Desk) -> None:
    since = await stage(desk)
    await desk.propose(draft=True)
    await desk.settle()
    for agent in ("security", "performance", "style", "correctness", "tests"):
        desk.says(agent, Fail(Outcome("error", "", problem="no model")))
    await desk.reviewed(branch="other")
    assert [run.state for run in await desk.runs()] == ["skipped", "failed"]
    assert written(desk, since) == set()


async def test_a_staged_fix_shows_its_commits_and_pushes_none(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    since = await stage(desk)
    desk.script |= {"A review of pull request": {1: (MEND, SAID)}}
    before = dict(desk.repo.branches)
    await desk.order(pull, "/fix")
    told = status(desk, pull)
    assert "· done ·" in told
    assert "- push 1 commit to the branch `topic`: `fix(cart): count in whole cents`\n- write a check run" in told
    assert "+        return sum(self.prices) * (100 - discount) // 100" in told
    assert desk.repo.branches == before
    assert not [one for one in written(desk, since) if "/pulls/{" in one or "/check-runs" in one or "receive" in one]


async def test_a_staged_fix_says_what_people_decide_about(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    await stage(desk)
    desk.script |= {"A review of pull request": {1: (MEND, Write("CODEOWNERS", "* @me\n"), SAID)}}
    await desk.order(pull, "/fix")
    assert "The change would be refused:\n\n- It adds `CODEOWNERS`, which says whose word" in status(desk, pull)
