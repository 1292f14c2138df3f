"""A pull request opens, changes, is declined, fixed, merged: what its one review says at each moment."""

from typing import Any

from bot.agents.task import Outcome
from bot.backends.rehearsal import Fail, Run
from tests.desk import DISCOUNT, ROUNDING, Desk, answer, verdicts

NEGATIVE: dict[str, Any] = {
    "path": "shop/cart.py",
    "start_line": 11,
    "end_line": 11,
    "severity": "minor",
    "confidence": 0.8,
    "category": "correctness",
    "title": "A discount above 100 makes the total negative",
    "body": "Nothing bounds `discount`.",
    "evidence": "    def total(self, discount: int = 0) -> int:",
    "suggestion": None,
}
FIXED = DISCOUNT.replace("sum(self.prices) * (1 - discount / 100)", "sum(self.prices) * (100 - discount) // 100")


# ---- one review ------------------------------------------------------------------------------------------------------


async def test_what_agents_find_is_said_once_on_its_line_with_a_summary_and_a_check(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    assert (remark.path, remark.made.span.line) == ("shop/cart.py", 12)
    assert remark.body.startswith("**The total is no whole number any more**\n\n`1 - discount / 100` is a float")
    assert "<sub>major · correctness · finding 1</sub>" in remark.body
    (text,) = desk.texts(pull)
    assert text.startswith("1 finding (1 major).")
    summary = desk.summary(pull)
    assert "### 1 finding open: 1 major" in summary
    assert "1 new · 0 still open · 0 fixed" in summary
    assert f"#discussion_r{remark.id}" in summary
    assert "Reviewed 1 file, all that changed." in summary
    (check,) = desk.checks()
    assert (check.status, check.conclusion, check.title) == ("completed", "neutral", "1 finding open: 1 major")
    assert [(note["path"], note["start_line"], note["annotation_level"]) for note in check.annotations] == [
        ("shop/cart.py", 12, "warning")
    ]
    assert [button["identifier"] for button in check.actions] == ["review", "fix"]


async def test_where_nothing_is_found_there_is_no_review_but_a_summary_that_says_so(desk: Desk) -> None:
    pull = await desk.reviewed()
    assert (desk.remarks(pull), desk.texts(pull)) == ([], [])
    assert "### Nothing to say" in desk.summary(pull)
    (check,) = desk.checks()
    assert (check.conclusion, check.title) == ("success", "Nothing to say")


async def test_the_same_finding_of_two_agents_is_one_with_both_names(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    desk.finds(
        "security",
        {**ROUNDING, "title": "The total becomes a float", "category": "correctness", "start_line": 13, "end_line": 13},
    )
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    assert "correctness and security agree" in remark.body or "security and correctness agree" in remark.body
    assert "means the same as finding 1" in desk.summary(pull)


async def test_what_the_judge_refutes_is_not_said_and_the_reason_is_shown(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    desk.says("judge", verdicts(_1="Prices are floats already."))
    pull = await desk.reviewed()
    assert desk.remarks(pull) == []
    summary = desk.summary(pull)
    assert "Not said: 1 finding" in summary
    assert "Prices are floats already." in summary


async def test_each_agent_reads_in_a_worktree_of_its_own_that_it_cannot_write_to(desk: Desk) -> None:
    tries = "echo mine > shop/cart.py; echo mine > new.txt; rm README.md; mkdir more; cat shop/cart.py"
    desk.says("security", Run(tries), answer())
    pull = await desk.reviewed()
    printed = [event.text for event in desk.heard if event.kind == "output"]
    assert sum("Read-only file system" in line for line in printed) == 4
    assert "    def total(self, discount: int = 0) -> int:" in printed
    places = {task.worktree: task.key for task in desk.tasks}
    assert sorted(places.values()) == ["correctness.1", "performance.1", "security.1", "style.1", "tests.1"]
    desk.summary(pull)


async def test_an_answer_that_is_not_valid_is_asked_for_once_more(desk: Desk) -> None:
    desk.says("correctness", "I looked at it and it is fine.", answer(ROUNDING))
    pull = await desk.reviewed()
    assert len(desk.remarks(pull)) == 1
    again = [task for task in desk.tasks if task.attempt == 2]
    assert len(again) == 1
    assert "there is no JSON object" in again[0].prompt
    assert "I looked at it and it is fine." in again[0].prompt
    desk.summary(pull)


async def test_one_failed_agent_does_not_lose_the_review(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    desk.says("security", Fail(Outcome("error", "", problem="no such model")))
    pull = await desk.reviewed()
    assert len(desk.remarks(pull)) == 1
    summary = desk.summary(pull)
    assert "read in part only" in summary
    assert "The agent `security` failed" in summary
    assert "no such model" in summary
    (check,) = desk.checks()
    assert check.conclusion == "neutral"


async def test_where_no_agent_answers_the_check_is_neutral_and_says_why(desk: Desk) -> None:
    for agent in ("security", "correctness", "performance", "style", "tests"):
        desk.says(agent, Fail(Outcome("error", "", problem="no such model")))
    pull = await desk.reviewed()
    assert desk.said(pull) == []
    (check,) = desk.checks()
    assert (check.status, check.conclusion) == ("completed", "neutral")
    assert "no agent gave an answer" in (check.summary or "")


# ---- pushes ----------------------------------------------------------------------------------------------------------


async def test_nothing_is_said_twice_and_what_is_fixed_is_resolved(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING, NEGATIVE)
    pull = await desk.reviewed()
    assert len(desk.remarks(pull)) == 2
    desk.finds("correctness", {**NEGATIVE, "title": "Discounts over 100 give a negative total"})
    await desk.push({"shop/cart.py": FIXED}, branch="topic")
    await desk.settle()
    first, second = desk.remarks(pull)
    resolved = {one.body.splitlines()[0]: one.resolved_by for one in (first, second)}
    assert resolved["**The total is no whole number any more**"] is desk.emulator.bot
    assert resolved["**A discount above 100 makes the total negative**"] is None
    assert "0 new · 1 still open · 1 fixed" in desk.summary(pull)


async def test_a_push_that_changes_nothing_of_consequence_asks_nobody_and_says_so(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    asked = len(desk.tasks)
    await desk.push({"README.md": "# The shop\n"}, branch="topic")
    await desk.settle()
    assert len(desk.tasks) == asked
    assert len(desk.remarks(pull)) == 1
    assert "0 new · 1 still open · 0 fixed" in desk.summary(pull)
    assert [check.conclusion for check in desk.checks()] == ["neutral", "neutral"]


async def test_a_rebase_is_not_read_again(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    asked = len(desk.tasks)
    await desk.push({"CHANGES.md": "Much.\n"})
    await desk.rebase({"shop/cart.py": DISCOUNT})
    await desk.settle()
    assert len(desk.tasks) == asked
    assert len(desk.remarks(pull)) == 1
    assert "0 new · 1 still open" in desk.summary(pull)


async def test_a_push_during_a_review_takes_its_place(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    desk.gate.close()
    pull = await desk.propose()
    await desk.gate.reached(4)
    await desk.push({"shop/cart.py": FIXED}, branch="topic")
    desk.finds("correctness")
    await desk.emulator.delivered()
    await desk.gate.open()
    await desk.settle()
    assert desk.remarks(pull) == []
    first, second = desk.checks()
    assert (first.conclusion, second.conclusion) == ("cancelled", "success")
    assert "### Nothing to say" in desk.summary(pull)


async def test_what_is_declined_does_not_come_back_until_its_lines_change(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    await desk.emulator.reply(remark, "Won't fix: prices are floats here.", by="maintainer")
    await desk.settle()
    assert "0 new · 0 still open · 0 fixed · 1 declined" in desk.summary(pull)
    assert desk.checks()[0].conclusion == "success"
    await desk.order(pull, "/review")
    assert len(desk.remarks(pull)) == 1
    again = DISCOUNT.replace("(1 - discount / 100)", "((100 - discount) / 100)")
    desk.finds("correctness", {**ROUNDING, "evidence": "        return sum(self.prices) * ((100 - discount) / 100)"})
    await desk.push({"shop/cart.py": again}, branch="topic")
    await desk.settle()
    assert "1 new · 0 still open" in desk.summary(pull)


async def test_links_of_a_finding_lead_to_the_github_that_the_bot_works_on(desk: Desk) -> None:
    inside, outside = f"{desk.emulator.url}/acme/shop/issues/1", "https://elsewhere.example/x"
    desk.finds("correctness", {**ROUNDING, "body": f"[As decided]({inside}), [not here]({outside})."})
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    assert "1 new" in desk.summary(pull)
    assert f"[As decided]({inside})" in remark.body
    assert f"]({outside})" not in remark.body
