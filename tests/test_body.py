"""A pull request's body stands whole whatever goes into it, and keeps what people wrote."""

from dataclasses import replace

import pytest

from bot.github.harmless import bounded
from bot.github.writing import BODY_LIMIT
from bot.publish import body as bodies
from bot.publish import text
from bot.publish.body import Story, body, newest, with_newest

TESTED = bodies.Tested("make test", True, 1, 1.0, "line\n" * 5_000)
STORY = Story(7, "Say hello", "stranger", "maintainer", "Done.", TESTED, ["tests/t.py"], complete=True)
HUGE = ["x" * 99_999, "<a" * 99_999, "```\n" + "x" * 99_999, "@t " * 40_000, "<!--" + "y" * 99_999, "`" * 99_999]


@pytest.mark.parametrize("template", ["", *HUGE, "## What\n" * 9_000])
@pytest.mark.parametrize("summary", HUGE)
def test_what_it_closes_and_the_checklist_stand_however_much_there_is(summary: str, template: str) -> None:
    files = ["p" * 4_000] * 9
    made = body(replace(STORY, summary=summary, template=template, test_files=files, reason=summary))
    assert len(made) <= BODY_LIMIT
    assert "\n\nCloses #7.\n\n" in made[:5_100]
    assert "\n## Checklist\n\n- [x] The repository's tests pass" in made
    assert made.endswith("- [ ] A person has read the change")


def test_words_of_others_act_on_nothing() -> None:
    words = "@team fixes #1 <b>"
    made = body(replace(STORY, issue_title=words, summary=words, reason=words, complete=False))
    assert made.count("@\u200bteam fixes `#1` &lt;b>") == 3
    assert "\n\nPart of #7.\n\n" in made


def test_a_file_whose_name_is_markup_is_a_name() -> None:
    assert "changed: ``a`@team`b``\n" in body(replace(STORY, test_files=["a`@team`b"]))


@pytest.mark.parametrize("heading", ["## Latest changes", "## Contest", "## Requirements to attest"])
def test_a_heading_asks_for_tests_by_a_whole_word(heading: str) -> None:
    made = body(replace(STORY, template=f"{heading}\n\n## How to test\n"))
    assert "## How to test\n\n`make test` passed" in made


def test_a_heading_in_a_comment_asks_for_nothing() -> None:
    made = body(replace(STORY, template="<!--\n## Description\n-->\n"))
    assert "-->\n\n## What was asked" in made


def test_a_limit_holds_after_disarming_too() -> None:
    assert len(bounded("<a" * 10_000, 1_000)) <= 1_000


@pytest.mark.parametrize(
    ("reason", "title"),
    [
        ("53 of 60 done, 7 failed:\n- `a`: no", "53 of 60 done, 7 failed."),
        ("Failed.\n\nMore:", "Failed."),
        ("Failed: @acme/owners fixes #1:", "Failed: acme/owners fixes `#1`."),
    ],
)
def test_the_title_of_a_check_is_a_sentence_by_itself(reason: str, title: str) -> None:
    assert text.sentence_title(reason) == title


def test_what_people_wrote_stays_and_only_our_newest_section_changes() -> None:
    theirs = "My own words.\n\n- [x] I read it"
    first = with_newest(theirs, newest(replace(STORY, summary="One.", complete=False)))
    second = with_newest(f"{first}\n\nMore of mine.", newest(replace(STORY, summary="Two.")))
    assert first.startswith(theirs + "\n\n<!-- tutti newest:begin -->\nPart of #7.\n\n## What was done\n\nOne.")
    assert second.startswith(theirs + "\n\n<!-- tutti newest:begin -->\nCloses #7.\n\n## What was done\n\nTwo.")
    assert second.endswith("<!-- tutti newest:end -->\n\nMore of mine.")
    assert "One." not in second
    assert with_newest(second, newest(replace(STORY, summary="Two."))) == second


def test_once_it_is_complete_it_does_not_begin_with_why_it_was_not() -> None:
    begun = body(replace(STORY, reason="1 of 2 done, 1 failed.", complete=False))
    assert begun.startswith(
        "<!-- tutti state:begin -->\n\n1 of 2 done, 1 failed.\n\nPart of #7.\n\n<!-- tutti state:end"
    )
    mended = with_newest(f"Mind the cents.\n\n{begun}", newest(STORY))
    assert mended.startswith("Mind the cents.\n\n")
    assert "1 failed" not in mended
    assert "Part of #7" not in mended
    assert "\nCloses #7.\n" in mended


def test_a_change_that_falls_short_later_does_not_close_its_issue_any_more() -> None:
    first = body(replace(STORY, template="## Issue\n\n## Checklist\n"))
    assert first.count("Closes #7") >= 1
    assert "Closes #7" not in with_newest(first, newest(replace(STORY, complete=False, reason="1 of 2 done.")))


def test_a_body_that_is_full_stays_as_it_is() -> None:
    full = "x" * (BODY_LIMIT - 100)
    assert with_newest(full, newest(STORY)) == full
    nearly = "x" * (BODY_LIMIT - 3_000)
    assert len(with_newest(nearly, newest(STORY))) <= BODY_LIMIT
