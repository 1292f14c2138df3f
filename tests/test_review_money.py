"""What the agents of a review may use of its money and time, and what is said where none was left for the judge."""

import json
import time

import pytest

from bot.agents.task import Outcome
from bot.agents.watch import Watch
from bot.agents.workshop import Order, Workshop
from bot.backends.rehearsal import Fail, Run
from bot.publish import panel
from bot.review.shares import Shares
from bot.sandbox.meter import Reading, listed
from bot.store import runs
from tests.desk import ROUNDING, Desk, answer, verdicts
from tests.test_review import NEGATIVE

LARGE = {f"part{n}.py": "".join(f"value_{n} = compute({n})\n" for n in range(100)) for n in range(6)}
ONE_AGENT = (
    "review:\n  reading: {part-tokens: 1000, parts: 4}\n  tiers:\n    - name: one\n      agents: [correctness]\n"
)


def ended(words: str, usd: float) -> Fail:
    """An agent that says this and pays so much by itself."""
    return Fail(Outcome("finished", words, usd=usd))


# ---- money -----------------------------------------------------------------------------------------------------------


def test_what_one_does_not_use_is_for_those_that_begin_later_and_no_sum_passes_the_limit() -> None:
    shares = Shares(9.0, {"large": 2.0, "small": 1.0, "next": 3.0, "last": 3.0})
    large, small = shares.take("large"), shares.take("small")
    assert [large, small] == pytest.approx([2.0, 1.0])
    shares.give_back(large, 0.5)
    assert shares.take("next") == pytest.approx(3.75)
    shares.give_back(small, 1.5)  # one call may go beyond a limit
    assert shares.take("last") == pytest.approx(3.25)


def test_what_was_used_before_a_restart_is_nobodys() -> None:
    shares = Shares(9.0, {"before": 1.0, "one": 1.0, "two": 1.0})
    shares.used("before", 5.0)
    assert [shares.take("one"), shares.take("two")] == pytest.approx([2.0, 2.0])


async def test_the_judge_has_its_part_and_all_that_was_left(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "AT_ONCE", 1)
    await desk.configure(ONE_AGENT, test="'true'")
    desk.says("correctness", ended(answer({**ROUNDING, "evidence": "", "path": "part0.py"}), 0.1))
    pull = await desk.reviewed(LARGE)
    given = {task.key: task.usd for task in desk.tasks}
    shares = [given[f"correctness.{part}"] for part in range(1, 5)]
    assert shares == sorted(shares)
    assert sum(shares[:1]) + 0.1 * 3 + 0.5 <= 5.0
    assert shares[-1] == pytest.approx(4.5 - 0.1 * 3)
    assert given["judge"] == pytest.approx(5.0 - 0.1 * 4)
    desk.summary(pull)


async def test_a_cancelled_second_try_costs_what_the_first_did_too(desk: Desk) -> None:
    desk.says("correctness", ended("I looked at it.", 0.25), Run("echo begun; exec sleep 600"))
    pull = await desk.propose()
    await desk.hears("begun")
    (again,) = [task for task in desk.tasks if task.attempt == 2]
    (lease,) = [one for one in desk.bot.bench.shop.gateway._leases if one.token == again.token]
    model = sorted(listed())[0]
    read = Reading(0, model)
    read.json(json.dumps({"model": model, "usage": {"input_tokens": 1000, "output_tokens": 0}}).encode())
    lease.add(read)
    await desk.emulator.close_issue(pull, by="maintainer")
    await desk.settle()
    (run,) = await desk.runs()
    steps = {one.key: one for one in await desk.bot.bench.db.read(lambda conn: runs.tree(conn, run.id))}
    assert steps["correctness.1"].cost_usd == pytest.approx(0.25 + lease.counted)
    assert lease.counted > 0


# ---- time ------------------------------------------------------------------------------------------------------------


async def test_the_end_of_the_time_is_the_judges(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[float] = []
    watched = Workshop.watch

    def watch(shop: Workshop, order: Order) -> Watch:
        left.append(order.deadline - time.time())
        return watched(shop, order)

    monkeypatch.setattr(Workshop, "watch", watch)
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    *readers, judge = left
    assert len(readers) == 5
    assert max(readers) <= 27 * 60 < 29 * 60 < judge
    desk.summary(pull)


# ---- what nobody judged ----------------------------------------------------------------------------------------------


async def test_without_a_verdict_only_what_is_grave_or_sure_is_said(desk: Desk) -> None:
    sure = {**NEGATIVE, "title": "A name that misleads whoever reads it", "confidence": 0.95, "start_line": 12}
    desk.finds("correctness", ROUNDING, NEGATIVE)
    desk.finds("tests", {**sure, "end_line": 12, "evidence": ROUNDING["evidence"], "category": "tests"})
    desk.says("judge", Fail(Outcome("budget", "")))
    pull = await desk.reviewed()
    said = sorted(remark.body.partition("\n")[0] for remark in desk.remarks(pull))
    assert said == ["**A name that misleads whoever reads it**", "**The total is no whole number any more**"]
    summary = desk.summary(pull)
    assert "nobody checked it" in summary
    assert "A discount above 100 makes the total negative" in summary


async def test_what_the_judge_is_silent_about_is_not_waved_through(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING, NEGATIVE)
    only_one = '```json\n{"verdicts": [{"id": "1", "refuted": false, "reason": ""}]}\n```'
    desk.says("judge", only_one, only_one)
    pull = await desk.reviewed()
    assert len(desk.remarks(pull)) == 1
    assert "nobody checked it" in desk.summary(pull)


async def test_remarks_beyond_those_that_are_judged_are_not_waved_through(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "MOST_JUDGED", 1)
    desk.finds("correctness", ROUNDING, NEGATIVE)
    desk.says("judge", verdicts())
    pull = await desk.reviewed()
    assert len(desk.remarks(pull)) == 1
    assert "nobody checked it" in desk.summary(pull)


async def test_a_change_is_not_approved_while_something_found_in_it_is_unchecked(desk: Desk) -> None:
    await desk.configure("review:\n  event: approve\n", test="'true'")
    desk.finds("correctness", NEGATIVE)
    desk.says("judge", Fail(Outcome("budget", "")))
    pull = await desk.reviewed()
    assert pull.reviews == []
    assert desk.checks()[0].conclusion == "neutral"
    desk.summary(pull)
