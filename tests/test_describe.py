"""`/describe`: what a pull request does stands in a section of its text, and what people wrote around it stays."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.agents import response
from bot.backends.rehearsal import Say
from bot.emulator.world import Pull
from bot.publish.description import digest_of, is_current, section_of, with_section, without_section
from tests.desk import BASE, Desk
from tests.house import opened
from tests.shelf import only

SUMMARY = "The total takes a discount in per cent."
MADE = {
    "title": "Take a discount off the total",
    "summary": SUMMARY,
    "walkthrough": [
        {"path": "shop/cart.py", "what": "`total()` takes a discount | in per cent."},
        {"path": "shop/nowhere.py", "what": "Nobody changed this."},
    ],
}


def says(**more: Any) -> Say:
    return Say(f"```json\n{json.dumps({**MADE, **more})}\n```")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path, files=BASE, kind=Desk, offered=only("describe")) as house:
        assert isinstance(house, Desk)
        house.rehearse([says()])
        yield house


async def described(desk: Desk, words: str = "/describe", **more: Any) -> Pull:
    pull = await desk.propose(**more)
    await desk.order(pull, words)
    return pull


# ---- the section -----------------------------------------------------------------------------------------------------


async def test_a_section_stands_below_what_people_wrote_and_a_title_is_only_suggested(desk: Desk) -> None:
    pull = await described(desk, body="Shops want discounts.\r\n\r\n- [x] tested\r\n")
    body = pull.body or ""
    assert body.startswith("Shops want discounts.\r\n\r\n- [x] tested\r\n\n\n<!-- tutti description:begin ")
    assert body.endswith("<!-- tutti description:end -->")
    assert section_of(body) == (
        f"{SUMMARY}\n\n| file | what changes |\n|---|---|\n"
        "| `shop/cart.py` | `total()` takes a discount \\| in per cent. |\n\n"
        f"Described by Tutti at `{pull.head_sha[:7]}`."
    )
    assert pull.title == "Take a discount"
    assert "A title that would fit: `Take a discount off the total`" in desk.said(pull)[-1]
    assert (await desk.end(pull)).startswith("done: Done: the description stands in the pull request's text")
    (task,) = desk.tasks
    assert "Shops want discounts." in task.prompt
    assert "sum(self.prices) * (1 - discount / 100)" in task.prompt


async def test_said_again_only_our_section_is_replaced(desk: Desk) -> None:
    pull = await described(desk, body="Before.")
    await desk.emulator.edit_pull(pull, body=f"Before, edited.\n\n{(pull.body or '')[9:]}\n\nAfter.", by="maintainer")
    desk.rehearse([says(summary="It does more now.")])
    await desk.push({"shop/more.py": "x = 1\n"}, branch="topic")
    await desk.order(pull, "/describe")
    body = pull.body or ""
    assert body.startswith("Before, edited.\n\n<!-- tutti")
    assert body.endswith("<!-- tutti description:end -->\n\nAfter.")
    assert "It does more now." in body
    assert SUMMARY not in body
    assert SUMMARY not in desk.tasks[-1].prompt  # what it wrote itself is no source
    assert "Before, edited.\n\nAfter." in desk.tasks[-1].prompt
    assert "Hidden text" not in desk.said(pull)[-1]  # our own marks are none


async def test_nothing_is_paid_for_where_neither_head_nor_text_changed(desk: Desk) -> None:
    pull = await described(desk, body="Before.")
    before = pull.body
    await desk.order(pull, "/describe")
    assert (await desk.end(pull)) == (
        f"no change: No change: the section in the pull request's text describes `{pull.head_sha[:7]}` already."
    )
    assert (len(desk.tasks), pull.body) == (1, before)
    await desk.order(pull, "/describe in two words")  # words ask for something else
    assert len(desk.tasks) == 2
    await desk.emulator.edit_pull(pull, body=f"More. {pull.body}", by="maintainer")
    await desk.settle()
    await desk.order(pull, "/describe")
    assert len(desk.tasks) == 3
    desk.said(pull)


async def test_what_was_written_while_the_agent_read_is_not_lost(desk: Desk) -> None:
    pull = await desk.propose(body="Before.")
    desk.gate.close()
    await desk.comment(pull, "/describe")
    await desk.gate.reached()
    await desk.emulator.edit_pull(pull, body="Before.\n\nOne more thing.", by="maintainer")
    await desk.gate.open()
    await desk.settle()
    assert (pull.body or "").startswith("Before.\n\nOne more thing.\n\n<!-- tutti description:begin")
    await desk.order(pull, "/describe")  # it was made from an older text
    assert len(desk.tasks) == 2
    desk.said(pull)


async def test_a_section_of_an_agent_mentions_nobody_closes_nothing_and_ends_no_section(desk: Desk) -> None:
    desk.rehearse(
        [says(summary="@everyone: closes #1\n\n```\n<!-- tutti description:end -->\n```\n![x](https://a.example/x)")]
    )
    pull = await described(desk, body="Before.")
    body = pull.body or ""
    assert "@everyone" not in body
    assert "closes #1" not in body
    assert "![" not in body
    desk.rehearse([says()])
    await desk.order(pull, "/describe anew")
    assert (pull.body or "").count("description:end") == 1
    desk.said(pull)


async def test_a_staged_repository_shows_the_section_and_writes_nothing(desk: Desk) -> None:
    await desk.configure("staged: true\n")
    pull = await described(desk, body="Before.")
    assert pull.body == "Before."
    shown = desk.said(pull)[-1]
    assert "Staged: nothing but this comment is written." in shown
    assert SUMMARY in shown


async def test_a_contributor_may_not_and_an_issue_has_nothing_to_describe(desk: Desk) -> None:
    pull = await desk.propose(body="Before.")
    await desk.order(pull, "/describe", by="stranger")
    issue = await desk.open_issue()
    await desk.comment(issue, "/describe")
    await desk.settle()
    assert (desk.tasks, pull.body) == ([], "Before.")
    assert "needs write access" in desk.said(pull)[-1]
    desk.said(issue)


async def test_a_text_without_room_is_left_alone(desk: Desk) -> None:
    pull = await described(desk, body="x" * 65_500)
    assert pull.body == "x" * 65_500
    assert await desk.end(pull) == (
        "refused: Refused: the pull request's text is so long that GitHub takes no section below it."
    )
    desk.said(pull)


STEPS = ("prepare", "describe.agent.1", "publish", "finish")
POINTS = [f"{step}:{side}" for step in STEPS for side in ("before", "done")]


async def test_a_crash_at_each_checkpoint_changes_nothing_and_is_paid_once(desk: Desk) -> None:
    pull = await desk.propose(body="Before.")
    desk.crash_at(POINTS[0])
    await desk.comment(pull, "/describe")
    await desk.dies_at(POINTS)
    await desk.settle()
    assert (pull.body or "").count("description:begin") == 1
    assert (pull.body or "").startswith("Before.\n\n<!-- tutti")
    assert (await desk.end(pull)).startswith("done: Done: the description stands")
    assert len(desk.played) == 1
    assert len(desk.said(pull)) == 1


async def test_a_write_that_github_refuses_once_is_tried_again(desk: Desk) -> None:
    pull = await desk.propose(body="Before.")
    desk.emulator.fault("PATCH", r".*/pulls/\d+", status=502)
    await desk.order(pull, "/describe")
    assert SUMMARY in (pull.body or "")
    desk.said(pull)


# ---- the text, without any GitHub ------------------------------------------------------------------------------------

BEGIN, END = "<!-- tutti description:begin abc 123 -->", "<!-- tutti description:end -->"
WRITTEN = st.lists(st.sampled_from(["words\r\n", BEGIN, END, "\n", "<!-- tutti newest:begin -->"]), max_size=8)


@given(parts=WRITTEN)
@settings(max_examples=100, deadline=None)
def test_whatever_people_left_of_the_marks_nothing_they_wrote_is_lost(parts: list[str]) -> None:
    body = "".join(parts)
    once = with_section(body, "one", "a1", "d1") or ""
    twice = with_section(once, "two", "a2", "d2") or ""
    assert section_of(twice) == "two"
    assert twice == once.replace("a1 d1 -->\none", "a2 d2 -->\ntwo")
    assert without_section(once).split() == without_section(twice).split()


def test_a_section_is_current_until_head_title_text_or_itself_changes() -> None:
    body = with_section("Before.\n", "ours", "a1", digest_of("Title", "Before.\n", "ours")) or ""
    assert is_current("Title", body, "a1")
    assert is_current("Title", body.replace("\n", "\r\n"), "a1")  # as GitHub's own editor leaves it
    for title, text, head in (
        ("Title", body, "a2"),
        ("Other", body, "a1"),
        ("Title", body.replace("Before", "After"), "a1"),
        ("Title", body.replace("ours", "theirs"), "a1"),
        ("Title", "Before.", "a1"),
    ):
        assert not is_current(title, text, head)


def test_a_description_without_a_summary_is_asked_for_again() -> None:
    plain: Mapping[str, Any] = {"title": "T", "summary": " ", "walkthrough": []}
    said, wrong = response.read("description", json.dumps(plain), str)
    assert (said, len(wrong)) == ([], 1)
    assert response.salvaged("description", "Just words.", str)[0] == []
