"""Whatever is written has the form that GitHub takes, and is findable again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.github.limit import LONGEST, asked_wait
from bot.github.writing import BODY_LIMIT, TITLE_LIMIT, clipped, hidden, marked, title
from tests.github.test_events import untimed


@untimed
@given(st.text(alphabet="a`\n ", max_size=400), st.integers(100, 300))
def test_a_clipped_body_fits_and_never_ends_inside_a_code_block(body: str, limit: int) -> None:
    cut = clipped(body, limit)
    assert len(cut) <= limit
    if cut != body:
        assert cut.endswith("\n\n(Cut here: GitHub takes no longer text.)")
        assert sum(line.startswith("```") for line in cut.split("\n")) % 2 == 0


def test_a_code_block_that_was_cut_is_closed_before_it_says_so() -> None:
    assert clipped("```\n" + "x" * 200, 100).endswith("x\n```\n\n(Cut here: GitHub takes no longer text.)")


def test_a_long_body_keeps_its_marker() -> None:
    body = marked("x" * 100_000, "run:1")
    assert len(body) <= BODY_LIMIT
    assert body.endswith(hidden("run:1"))


def test_marking_twice_leaves_one_marker() -> None:
    once = marked("Started.", "run:1")
    assert marked(once, "run:1") == once


@pytest.mark.parametrize("marker", ["", "a b", "run--1", "x-->", "ä", "-a", "a" * 201])
def test_a_marker_that_could_end_its_comment_early_is_refused(marker: str) -> None:
    with pytest.raises(ValueError, match="no usable marker"):
        hidden(marker)


@untimed
@given(st.text(max_size=600))
def test_a_title_is_one_line_that_fits(words: str) -> None:
    line = title(words)
    assert len(line) <= TITLE_LIMIT
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (403, {"retry-after": "30", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2000"}, "", 30),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1100"}, "", 100),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "900"}, "", 1),
        (403, {"x-ratelimit-remaining": "0"}, "", 60),
        (429, {}, "", 240),
        (403, {}, "You have exceeded a secondary rate limit", 240),
        (403, {}, "You have triggered an abuse detection mechanism", 240),
        (403, {"retry-after": "999999999"}, "", LONGEST),
        (403, {"retry-after": "nan"}, "secondary rate limit", 240),
        (403, {"x-ratelimit-remaining": "17"}, "Resource not accessible by integration", None),
        (404, {"retry-after": "30"}, "", None),
        (503, {"retry-after": "30"}, "", None),
    ],
)
def test_github_says_how_long_to_wait(status: int, headers: dict[str, str], message: str, wait: float | None) -> None:
    assert asked_wait(status, headers, message, attempt=3, now=1000.0) == wait
