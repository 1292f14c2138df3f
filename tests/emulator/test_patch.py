"""Patches: which numbers their lines have, where a remark may stand, and where lines go when others come and leave."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.emulator.patch import Span, Unresolved, chosen, diff_lines, excerpt, find_spot, moved_line

PATCH = "@@ -1,4 +1,4 @@ def f\n one\n-two\n+zwei\n three\n four\n@@ -20,2 +20,3 @@\n twenty\n+more\n last"


def test_the_lines_of_a_diff_carry_the_numbers_of_both_sides() -> None:
    lines = list(diff_lines("@@ -1,2 +1,2 @@ def f\n same\n-old\n+new\n\\ No newline at end of file"))
    assert [(each.kind, each.old, each.new) for each in lines] == [
        ("hunk", None, None),
        ("same", 1, 1),
        ("del", 2, None),
        ("add", None, 2),
        ("hunk", None, None),
    ]


def test_a_spot_knows_its_hunk_and_how_far_down_the_patch_it_is() -> None:
    spot = find_spot(PATCH, Span(21, start=20))
    assert (spot.position, spot.hunk) == (8, "@@ -20,2 +20,3 @@\n twenty\n+more")
    assert [line.text for line in chosen(spot)] == [" twenty", "+more"]
    assert [line.text for line in chosen(find_spot(PATCH, Span(2)))] == ["+zwei"]
    assert [line.text for line in chosen(find_spot(PATCH, Span(2, "LEFT")))] == ["-two"]
    assert [line.text for line in excerpt(find_spot(PATCH, Span(3)), around=1)] == ["+zwei", " three"]


def test_a_range_may_begin_with_what_went_away_and_end_with_what_came() -> None:
    spot = find_spot(PATCH, Span(2, "RIGHT", 2, "LEFT"))
    assert [line.text for line in excerpt(spot, around=0)] == ["-two", "+zwei"]


@pytest.mark.parametrize(
    ("span", "field"),
    [
        (Span(5), "line"),
        (Span(5, "LEFT"), "line"),
        (Span(20, start=4), "start_line"),
        (Span(21, start=19), "start_line"),
        (Span(20, start=21), "start_line"),
        (Span(21, start=21), "start_line"),
        (Span(2, "LEFT", 2, "RIGHT"), "start_line"),
    ],
)
def test_what_is_not_in_one_hunk_is_no_spot(span: Span, field: str) -> None:
    with pytest.raises(Unresolved) as refused:
        find_spot(PATCH, span)
    assert refused.value.field == field
    with pytest.raises(Unresolved):
        find_spot(None, span)


LINES = st.lists(st.sampled_from("abcde"), max_size=12)


@given(LINES, LINES)
def test_a_line_that_stays_is_found_where_it_went(old: list[str], new: list[str]) -> None:
    """Against a patch made by somebody else: each line is either kept, and then it is the same, or gone."""
    patch = "\n".join(each.rstrip("\n") for each in difflib.unified_diff(old, new, n=0))
    kept = {
        block.a + each + 1: block.b + each + 1
        for block in difflib.SequenceMatcher(None, old, new).get_matching_blocks()
        for each in range(block.size)
    }
    assert {line: moved_line(patch, line) for line in range(1, len(old) + 1)} == {
        line: kept.get(line) for line in range(1, len(old) + 1)
    }
