"""What a repository and an installation may set for reviews, and what large changes, refusals and limits do to them."""

from typing import Any

import pytest

from bot.agents.spec import parse_agent
from bot.agents.task import Outcome
from bot.backends.rehearsal import Fail
from bot.store import reviews, runs
from bot.workflow.library import Shipped
from tests.desk import DISCOUNT, ROUNDING, Desk
from tests.test_review import FIXED, NEGATIVE

# ---- who reads -------------------------------------------------------------------------------------------------------


async def test_a_file_is_all_it_takes_to_add_an_agent(desk: Desk) -> None:
    words = "---\ndescription: Looks at the seasons.\n---\nLook at the seasons of {{ repo.name }}.\n{{ diff }}\n"
    offered = desk.bot.library.offered
    agents = {**offered.agents, "review/seasons": parse_agent("seasons.md", words)}
    desk.offered = Shipped(offered.workflows, agents)
    await desk.restart()
    desk.script = {"Look at the seasons": desk.script["Review whether a pull request"], **desk.script}
    desk._actor._scripts = desk.script
    pull = await desk.reviewed()
    assert sorted(task.key for task in desk.tasks)[-2:] == ["style.1", "tests.1"]
    assert "seasons.1" in [task.key for task in desk.tasks]
    assert "- `seasons`: 0 findings" in desk.summary(pull)


async def test_agents_get_the_guidelines_of_the_default_branch_the_instructions_and_the_language(desk: Desk) -> None:
    await desk.push({"CONTRIBUTING.md": "Whole cents only.\n"})
    rules = "review:\n  language: German\n  instructions:\n    - paths: [shop/**]\n      text: Mind the cents.\n"
    await desk.configure(rules + "    - paths: [web/**]\n      text: Mind the colours.\n", test="'true'")
    pull = await desk.reviewed({"shop/cart.py": DISCOUNT, "CONTRIBUTING.md": "Anything goes.\n"})
    prompt = desk.tasks[0].prompt
    assert "Whole cents only." in prompt.partition("The change, with")[0]
    assert "Anything goes." not in prompt.partition("The change, with")[0]
    assert "- For shop/**: Mind the cents." in prompt
    assert "Mind the colours." not in prompt
    assert "Write titles and texts in German." in prompt
    desk.summary(pull)


# ---- large changes ---------------------------------------------------------------------------------------------------


async def test_what_finds_no_room_is_named_and_the_check_is_neutral(desk: Desk) -> None:
    await desk.configure("review:\n  reading: {part-tokens: 1000, parts: 2}\n", test="'true'")
    lines = "".join(f"value_{n} = compute({n})\n" for n in range(100))
    pull = await desk.reviewed({f"part{n}.py": lines for n in range(6)} | {"poetry.lock": "x\n", "logo.png": "\0"})
    summary = desk.summary(pull)
    assert "### Nothing found in what was read" in summary
    assert "Reviewed 2 of 8 files; not read: " in summary
    assert "(no room)" in summary
    assert "`poetry.lock` (generated)" in summary
    assert "`logo.png` (binary)" in summary
    assert desk.checks()[0].conclusion == "neutral"
    assert sorted({task.key for task in desk.tasks}) == sorted(
        f"{agent}.{part}" for agent in ("correctness", "performance", "security", "style", "tests") for part in (1, 2)
    )


# ---- what GitHub refuses, and what is used up ------------------------------------------------------------------------


async def test_a_review_whose_lines_github_refuses_loses_nothing(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING, NEGATIVE)
    desk.emulator.fault("POST", r"/repos/acme/greeter/pulls/1/reviews", status=422, message="Unprocessable Entity")
    desk.expected_log |= {"review refused"}
    pull = await desk.reviewed()
    assert desk.remarks(pull) == []
    (text,) = desk.texts(pull)
    assert "**The total is no whole number any more** (`shop/cart.py:12`)" in text
    assert "**A discount above 100 makes the total negative** (`shop/cart.py:11`)" in text
    assert "GitHub did not take the comments at their lines" in text
    assert "2 new · 0 still open" in desk.summary(pull)


async def test_money_that_is_used_up_leaves_a_neutral_check_that_says_so(desk: Desk) -> None:
    for agent in ("security", "correctness", "performance", "style", "tests"):
        desk.says(agent, Fail(Outcome("budget", "")))
    pull = await desk.reviewed()
    (check,) = desk.checks()
    assert check.conclusion == "neutral"
    assert "its share of the run's money, $0.90 of $5.00, is used up" in (check.summary or "")
    assert desk.said(pull) == []


# ---- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "found", "state"),
    [
        ("comment", [ROUNDING], "COMMENTED"),
        ("request-changes", [ROUNDING], "CHANGES_REQUESTED"),
        ("request-changes", [NEGATIVE], "COMMENTED"),
        ("approve", [], "APPROVED"),
        ("approve", [ROUNDING], "CHANGES_REQUESTED"),
    ],
)
async def test_a_review_only_comments_unless_it_is_configured(
    desk: Desk, event: str, found: list[dict[str, Any]], state: str
) -> None:
    await desk.configure(f"review:\n  event: {event}\n  fail-on: major\n", test="'true'")
    desk.finds("correctness", *found)
    pull = await desk.reviewed()
    assert [review.state for review in pull.reviews] == [state]
    red = any(one["severity"] == "major" for one in found)
    assert desk.checks()[0].conclusion == ("failure" if red else "neutral" if found else "success")
    desk.summary(pull)


async def test_it_never_judges_a_pull_request_of_its_own(desk: Desk) -> None:
    await desk.configure("review:\n  event: approve\n", test="'true'")
    pull = await desk.reviewed(by=desk.emulator.bot)
    assert pull.reviews == []
    desk.summary(pull)


# ---- suggestions and feedback ----------------------------------------------------------------------------------------

MENDED = "        return sum(self.prices) * (100 - discount) // 100"


async def test_a_suggestion_replaces_exactly_its_line_and_one_that_is_applied_is_noted(desk: Desk) -> None:
    desk.finds("correctness", {**ROUNDING, "suggestion": MENDED.strip()})  # whose indentation the agent lost
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    assert f"```suggestion\n{MENDED}\n```" in remark.body
    desk.finds("correctness")
    await desk.push({"shop/cart.py": FIXED}, branch="topic")
    await desk.settle()
    words = await desk.bot.bench.db.read(lambda conn: reviews.told(conn, desk.repo.id, pull.number))
    assert [(word.kind, word.number) for word in words] == [("applied", 1)]
    desk.summary(pull)


async def test_a_merge_before_the_last_push_was_read_still_tells_what_changed(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING, NEGATIVE)
    pull = await desk.reviewed()
    desk.gate.close()
    await desk.push({"shop/cart.py": FIXED}, branch="topic")
    await desk.gate.reached(4)
    await desk.emulator.merge_pull(pull, by="maintainer")  # which ends the review: nobody opens the gate
    await desk.settle()
    words = await desk.bot.bench.db.read(lambda conn: reviews.told(conn, desk.repo.id, pull.number))
    assert [(word.kind, word.number) for word in words] == [("changed", 1), ("unchanged", 2)]
    desk.summary(pull)


async def test_what_is_not_said_stands_on_the_runs_page(desk: Desk) -> None:
    desk.finds("correctness", {**ROUNDING, "path": "shop/nothing.py"})
    pull = await desk.reviewed()
    (run,) = await desk.runs()
    steps = await desk.bot.bench.db.read(lambda conn: runs.tree(conn, run.id))
    assert (
        steps[-1].plan == "The total is no whole number any more (shop/nothing.py:12): names a file that is not there"
    )
    desk.summary(pull)
