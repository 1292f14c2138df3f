"""What happens to a pull request while its review waits, runs or is being posted."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tenacity import AsyncRetrying, retry_if_result, wait_fixed

from bot.emulator.bare import RefChange
from bot.emulator.world import Pull
from bot.publish import text
from bot.store import reviews
from tests.desk import DISCOUNT, ROUNDING, Desk
from tests.shelf import only

ELSEWHERE = {"path": "shop/tax.py", "start_line": 1, "end_line": 1, "evidence": "RATE = 0.19"} | {
    "title": "The rate is another one abroad",
    "body": "Nobody asks where the customer lives.",
}


async def until(so: Callable[[], Awaitable[bool]]) -> None:
    await AsyncRetrying(wait=wait_fixed(0.01), retry=retry_if_result(lambda yes: not yes))(so)


async def cancelled(desk: Desk, number: int) -> None:
    """Until the run of that number was told to end."""

    async def so() -> bool:
        return (await desk.runs())[number].cancel is not None

    await until(so)


async def declined(desk: Desk, pull: Pull) -> None:
    """Until a finding of the pull request is declined."""

    async def so() -> bool:
        said = await desk.bot.bench.db.read(lambda conn: reviews.said(conn, (desk.repo.id, pull.number)))
        return any(one.state == "declined" for one in said)

    await until(so)


# ---- while it is posted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["say:done", "ledger:before"])
async def test_what_was_posted_before_a_crash_is_not_said_again_after_a_push(desk: Desk, point: str) -> None:
    desk.finds("correctness", ROUNDING)
    desk.crash_at(point)
    pull = await desk.propose()
    await desk.reached.wait()
    await desk.push({"README.md": "# The shop\n"}, branch="topic")
    await cancelled(desk, 0)
    await desk.restart()
    await desk.settle()
    assert len(desk.remarks(pull)) == 1
    assert "0 new · 1 still open" in desk.summary(pull)


async def test_a_cancellation_after_the_answer_was_lost_loses_no_comment(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    looked = asyncio.Event()
    desk.emulator.fault("POST", "/repos/acme/greeter/pulls/1/reviews", lose=True)
    desk.emulator.fault("GET", "/repos/acme/greeter/pulls/1/reviews", hold=looked, status=502)
    pull = await desk.propose()
    while not desk.remarks(pull):
        desk.emulator.changed.clear()
        await desk.emulator.changed.wait()
    await desk.push({"README.md": "# The shop\n"}, branch="topic")
    await cancelled(desk, 0)
    looked.set()
    await desk.settle()
    assert len(desk.remarks(pull)) == 1
    assert "0 new · 1 still open" in desk.summary(pull)


async def test_what_people_decline_while_a_review_runs_is_told_as_declined(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    desk.crash_at("say:before")
    desk.finds("correctness", {**ROUNDING, **ELSEWHERE})
    await desk.push({"shop/tax.py": "RATE = 0.19\n"}, branch="topic")
    await desk.reached.wait()
    await desk.emulator.reply(remark, "Won't fix.", by="maintainer")
    await declined(desk, pull)
    desk.go_on()
    await desk.settle()
    assert "1 new · 0 still open · 0 fixed · 1 declined" in desk.summary(pull)
    assert len(desk.checks()[-1].annotations) == 1


async def test_changes_are_requested_once_while_the_same_is_open(desk: Desk) -> None:
    await desk.configure("review:\n  event: request-changes\n", test="'true'")
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    await desk.push({"README.md": "# The shop\n"}, branch="topic")
    await desk.settle()
    assert [review.state for review in pull.reviews] == ["CHANGES_REQUESTED"]
    assert "0 new · 1 still open" in desk.summary(pull)


async def test_a_verdict_without_a_finding_has_words(desk: Desk) -> None:
    await desk.configure("review:\n  event: approve\n", test="'true'")
    pull = await desk.reviewed()
    (review,) = pull.reviews
    assert (review.state, review.body.partition("\n")[0]) == ("APPROVED", text.verdict_alone("APPROVE"))
    desk.summary(pull)


# ---- while it waits or runs ------------------------------------------------------------------------------------------


async def test_what_becomes_ready_while_a_push_waits_is_read(desk: Desk) -> None:
    pull = await desk.reviewed(draft=True)
    desk.bot.library.offered = only("review", debounce_seconds=60)
    await desk.push({"shop/cart.py": f"{DISCOUNT}# more\n"}, branch="topic")
    await desk.emulator.delivered()
    await desk.emulator.mark_ready(pull)
    await desk.settle()
    assert len(desk.tasks) == 5
    desk.summary(pull)
    assert desk.checks()[-1].conclusion == "success"
    assert len([run for run in await desk.runs() if run.workflow == "review"]) == 2


async def test_who_asks_while_a_push_waits_does_not_wait_for_it(desk: Desk) -> None:
    pull = await desk.reviewed(draft=True)
    desk.bot.library.offered = only("review", debounce_seconds=60)
    await desk.push({"shop/cart.py": f"{DISCOUNT}# more\n"}, branch="topic")
    await desk.emulator.delivered()
    comment = await desk.order(pull, "/review")
    assert [content for _, _, content, _ in comment.reactions] == ["eyes", "rocket"]
    assert len(desk.tasks) == 5
    desk.summary(pull)


async def test_who_asks_while_a_review_is_at_work_is_told(desk: Desk) -> None:
    desk.gate.close()
    pull = await desk.propose()
    await desk.gate.reached(4)
    comment = await desk.emulator.comment(pull, "/review", by="maintainer")
    await desk.shows(pull, "at work here already")
    await desk.gate.open()
    await desk.settle()
    assert [content for _, _, content, _ in comment.reactions] == ["eyes", "confused"]
    assert len(await desk.runs()) == 1
    refusal = next(body for body in desk.said(pull) if "review-summary" not in body)
    assert refusal.startswith(text.at_work("Review a pull request"))


async def test_what_was_asked_for_is_done_by_the_run_that_reads_the_push(desk: Desk) -> None:
    pull = await desk.reviewed(draft=True)
    desk.gate.close()
    await desk.comment(pull, "/review")
    await desk.gate.reached(4)
    await desk.push({"shop/cart.py": f"{DISCOUNT}# more\n"}, branch="topic")
    await cancelled(desk, 1)
    await desk.gate.open()
    await desk.settle()
    assert [run.state for run in await desk.runs()] == ["skipped", "cancelled", "done"]
    assert "Its work is in" not in (desk.checks()[1].summary or "")
    desk.summary(pull)


async def test_another_base_has_what_it_hid_read(desk: Desk) -> None:
    await desk.push({"shop/cart.py": DISCOUNT}, branch="lure")
    when, lure = desk.emulator.now(), desk.repo.branches["lure"]
    new = await desk.repo.git.commit(
        "topic", {"README.md": "# A shop\n"}, "Words", "maya <maya@example.com>", when, lure
    )
    await desk.emulator.pushed(desk.repo, [RefChange("refs/heads/topic", "0" * 40, new)], by="maintainer")
    pull = await desk.emulator.open_pull(desk.repo, title="Words", head="topic", base="lure")
    await desk.settle()
    assert desk.tasks == []
    desk.finds("correctness", ROUNDING)
    await desk.emulator.edit_pull(pull, base="main")
    await desk.settle()
    assert len(desk.remarks(pull)) == 1
    assert desk.checks()[-1].conclusion == "neutral"
    desk.summary(pull)


async def test_another_title_starts_nothing(desk: Desk) -> None:
    pull = await desk.reviewed()
    await desk.emulator.edit_pull(pull, title="Take a discount, please")
    await desk.settle()
    assert len(await desk.runs()) == 1
    desk.summary(pull)


# ---- before it begins ------------------------------------------------------------------------------------------------


async def test_what_stops_a_review_early_is_told_by_a_neutral_check(desk: Desk) -> None:
    pull = await desk.reviewed()
    desk.emulator.fault("GET", r"/acme/greeter\.git/info/refs", status=403)
    await desk.push({"shop/tax.py": "RATE = 0.19\n"}, branch="topic")
    await desk.settle()
    check = desk.checks()[-1]
    assert (check.head_sha, check.conclusion) == (pull.head_sha, "neutral")
    assert check.summary == (await desk.runs())[-1].reason
    desk.summary(pull)
