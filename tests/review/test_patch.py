"""What a change shows of a file is what git shows: its lines, their numbers, and where a comment may stand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.review.finding import Side
from bot.review.patch import NEAR, FilePatch, Hunk, Line, parse
from tests.review.change import edits, lines_of, patch

HEAD = b"diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n"


def read(hunks: bytes) -> FilePatch:
    return parse(HEAD + hunks, "x", "x", "M")


# ---- held against the two files --------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(edits())
def test_every_line_is_said_with_its_numbers_and_its_text(files: tuple[str, str]) -> None:
    old, new = (lines_of(text) for text in files)
    shown = [line for hunk in patch("x", *files).hunks for line in hunk.lines()]
    for line in shown:
        assert line.old is None or old[line.old - 1] == line.text
        assert line.new is None or new[line.new - 1] == line.text
        assert line.sign == ("+" if line.old is None else "-" if line.new is None else " ")
    kept_old, kept_new = ({getattr(line, side) for line in shown} for side in ("old", "new"))
    rest = [[line for number, line in enumerate(old, 1) if number not in kept_old]]
    rest += [[line for number, line in enumerate(new, 1) if number not in kept_new]]
    assert rest[0] == rest[1]  # what is not shown did not change


@settings(max_examples=60, deadline=None)
@given(edits(), st.integers(-2, 30), st.integers(-2, 30))
def test_a_range_takes_a_comment_where_one_hunk_shows_it(files: tuple[str, str], start: int, end: int) -> None:
    found = patch("x", *files)
    sides: list[tuple[Side, str]] = [("old", files[0]), ("new", files[1])]
    for side, text in sides:
        each = [[getattr(line, side) for line in hunk.lines()] for hunk in found.hunks]
        wanted = list(range(start, end + 1))
        taken = bool(wanted) and any(all(number in numbers for number in wanted) for numbers in each)
        assert found.takes(start, end, side) == taken
        assert found.text(start, end, side) == (lines_of(text)[start - 1 : end] if taken else None)
        signed = {getattr(line, side) for hunk in found.hunks for line in hunk.lines() if line.sign != " "}
        assert found.changed(start, end, side) == any(number in signed for number in wanted)


@settings(max_examples=60, deadline=None)
@given(edits(), st.integers(1, 30), st.integers(0, 5))
def test_near_a_change_are_the_lines_that_git_shows_around_it(files: tuple[str, str], start: int, more: int) -> None:
    found, last = patch("x", *files), len(lines_of(files[1]))
    lines = range(start, min(start + more, last) + 1)
    if lines:
        assert found.near_change(lines[0], lines[-1]) == any(found.takes(line, line) for line in lines)


def test_an_end_that_an_agent_made_up_costs_nothing() -> None:
    found = patch("x", "a\nb\n", "a\nc\n")
    assert found.changed(1, 10**15)
    assert not found.changed(3, 10**15)
    assert not found.near_change(3 + NEAR, 10**15)
    assert not found.takes(1, 10**15)
    assert found.text(1, 10**15) is None


# ---- digests ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(edits(), st.integers(1, 10**6))
def test_a_rebase_moves_lines_and_no_digest(files: tuple[str, str], by: int) -> None:
    before = patch("x", *files)
    heads = ((hunk.old + by, hunk.old_count, hunk.new + by, hunk.new_count, hunk.body) for hunk in before.hunks)
    moved = read(b"".join(b"@@ -%d,%d +%d,%d @@ def f():\n%b" % head for head in heads))
    assert [hunk.new for hunk in moved.hunks] == [hunk.new + by for hunk in before.hunks]
    assert [hunk.digest for hunk in moved.hunks] == [hunk.digest for hunk in before.hunks]
    assert moved.digest == before.digest


def test_another_change_or_another_file_has_another_digest() -> None:
    changes = [
        patch("x", "a\nb\n", "a\nc\n"),
        patch("x", "a\nc\n", "a\nb\n"),
        patch("x", "a\nb\n", "a\n b\n"),
        patch("y", "a\nb\n", "a\nc\n"),
        patch("x", "a\nb\n", "a\nc\n", old_path="y"),
        patch("x", None, "a\nc\n"),
        replace(patch("x", None, "a\nc\n"), path="x\udcff"),
    ]
    assert len({change.digest for change in changes}) == len(changes)
    assert len({change.hunks[0].digest for change in changes[:4]}) == 4  # read in one file is not read in another


# ---- what git says ---------------------------------------------------------------------------------------------------


def test_a_line_ends_at_a_line_feed_and_at_nothing_else() -> None:
    odd = "a\rb\x0cc\x0bd\u2028e\u2029f\x85g\x1ch\r"
    found = read(f"@@ -1 +1,2 @@\n-{odd}\n+{odd}!\n+\n".encode())
    assert list(found.hunks[0].lines()) == [
        Line("-", 1, None, odd),
        Line("+", None, 1, f"{odd}!"),
        Line("+", None, 2, ""),
    ]


def test_what_is_no_text_is_shown_as_such_and_lost_nowhere() -> None:
    found = read(b"@@ -0,0 +1,2 @@ \xff\n+\xff\xfe\n+b\n")
    assert found.text(1, 2) == ["\ufffd\ufffd", "b"]
    assert found.hunks[0].heading == "\ufffd"
    assert found.hunks[0].digest != read(b"@@ -0,0 +1,2 @@\n+\xfe\xff\n+b\n").hunks[0].digest


def test_a_missing_end_of_the_last_line_is_no_line() -> None:
    end = b"\\ No newline at end of file\n"
    found = read(b"@@ -1,2 +1,2 @@\n a\n-b\n" + end + b"+c\n" + end)
    assert [(line.sign, line.old, line.new) for line in found.hunks[0].lines()] == [
        (" ", 1, 1),
        ("-", 2, None),
        ("+", None, 2),
    ]


def test_lines_that_look_like_git_s_own_are_lines() -> None:
    body = b" @@ -9,9 +9,9 @@\n--- a/x\n-@@ -1 +1 @@ y\n+++ b/x\n+diff --git a/x b/x\n+\\ No newline at end of file\n"
    found = read(b"@@ -1,3 +1,4 @@ @@ -5 +5 @@\n" + body + b"@@ -20 +21 @@\n-a\n+b\n")
    assert [(hunk.old, hunk.new, hunk.heading) for hunk in found.hunks] == [(1, 1, "@@ -5 +5 @@"), (20, 21, "")]
    assert found.hunks[0].body == body
    assert found.text(1, 4) == ["@@ -9,9 +9,9 @@", "++ b/x", "diff --git a/x b/x", "\\ No newline at end of file"]
    assert found.text(1, 3, "old") == ["@@ -9,9 +9,9 @@", "-- a/x", "@@ -1 +1 @@ y"]


@pytest.mark.parametrize("said", [b"", b"old mode 100644\nnew mode 100755\n", b"Binary files a/x and b/x differ\n"])
def test_a_section_without_hunks_shows_no_line(said: bytes) -> None:
    found = parse(b"diff --git a/x b/x\n" + said, "x", "x", "M")
    assert found.hunks == ()
    assert not found.takes(1, 1)
    assert not found.changed(1, 9)
    assert not found.near_change(1, 9)


def test_a_file_that_goes_shows_its_lines_on_the_old_side_alone() -> None:
    found = parse(HEAD + b"@@ -1,2 +0,0 @@\n-a\n-b\n", "x", "x", "D")
    assert (found.takes(1, 2, "old"), found.takes(1, 2, "new")) == (True, False)
    assert (found.takes(0, 0, "old"), found.takes(0, 0, "new")) == (False, False)
    assert isinstance(found.hunk_of(1, 2, "old"), Hunk)
