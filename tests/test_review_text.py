"""What a review's texts hold, however much there is to tell, and whatever GitHub it stands on."""

from dataclasses import replace

import pytest

from bot.github.writing import BODY_LIMIT
from bot.publish import review_text
from bot.publish.review_text import Agent, Coverage, Silent, Story
from bot.review.finding import Finding
from bot.review.ledger import State
from bot.review.reading import NO_ROOM
from bot.review.said import Said

LONG = "<b> & @you a|b " * 40  # each character of which takes more room once it does nothing
FOUND = Finding("shop/" + "cart/" * 40 + "a.py", 1, 2, "major", 0.9, "correctness", LONG, LONG, agents=("security",))


def said(number: int, state: State = "open") -> Said:
    return Said(number, "0" * 16, state, FOUND, True, "0" * 40, 0.0, why=LONG, comment=number)


def story(each: int) -> Story:
    return Story(
        "0" * 40,
        "https://github.com/acme/shop/pull/1",
        [said(number, state) for number in range(each) for state in ("open", "fixed")],
        silent=[Silent(FOUND, LONG)] * each,
        agents=[Agent(f"agent-{number}", 0, LONG) for number in range(each)],
        coverage=Coverage(1, each + 1, [(FOUND.path, NO_ROOM)] * each),
        notes=[LONG] * each,
        why="touches what is delicate",
        page="https://tutti.example/runs/1",
    )


@pytest.mark.parametrize(("each", "cut"), [(1, [0, 0, 0]), (40, [1, 2, 1]), (400, [2, 2, 1])])
def test_a_summary_ends_with_its_foot_and_counts_what_found_no_room(each: int, cut: list[int]) -> None:
    told = review_text.summary(story(each))
    assert len(told) < BODY_LIMIT - 200
    assert told.count("<details>") == told.count("</details>") == 3
    assert told.splitlines()[-1].startswith("<sub>`/review` reads it again")
    assert f"Not said: {review_text.count(each, 'finding')}" in told
    assert [told.count(words) for words in ("\nAnd ", " more, on the run's page", " more, from before")] == cut


def test_of_what_is_over_the_newest_stands() -> None:
    few = replace(FOUND, path="a.py", title="Wrong")
    told = review_text.summary(Story("0", "", [replace(said(n, "fixed"), finding=few, why="") for n in range(50)]))
    assert "- and 10 more, from before\n- 10: Wrong (`a.py:1-2`): fixed\n- 11:" in told
    assert "- 49: Wrong" in told


def test_links_of_a_finding_lead_to_the_github_it_stands_on_and_nowhere_else() -> None:
    ours, others = "https://git.acme.example/acme/shop/issues", "https://github.com/acme/shop"
    one = replace(FOUND, path="a.py", title=f"See {ours}", body=f"[As here]({ours}), [not here]({others})")
    for told in (
        review_text.remark(1, one, None, "git.acme.example"),
        review_text.in_body(1, one, host="git.acme.example"),
    ):
        assert told.startswith(f"**See {ours}**")
        assert f"[As here]({ours})" in told
        assert f"]({others})" not in told


def test_a_title_says_no_more_than_was_read() -> None:
    part = Story("0", "", coverage=Coverage(1, 2, [("a.py", NO_ROOM)]))
    assert review_text.headline(Story("0", "")) == "Nothing to say"
    assert review_text.headline(part) == "Nothing found in what was read"
    assert review_text.headline(replace(part, silent=[Silent(FOUND, "refuted")])) == "Nothing to say of what was read"
    assert review_text.headline(replace(part, known=[said(1)])) == "1 finding open: 1 major, read in part only"
