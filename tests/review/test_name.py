"""A file's name is said in one line and in a code span, whatever is in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.review.name import LONGEST, code, shown

NAMES = st.text(st.sampled_from("ab/` \n\r\t\u2028\u200b\udcff\u00fc[]<>@*_\\"), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(NAMES)
def test_no_name_leaves_its_code_span(name: str) -> None:
    tokens = MarkdownIt("commonmark").parseInline(f"touches {code(name)} (tier x)")[0].children or []
    if not name.strip():  # of blanks alone Markdown makes what it likes
        return
    assert [token.type for token in tokens] == ["text", "code_inline", "text"]
    assert tokens[1].content.strip() == shown(name).strip()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("src/\u00fc b.py", "src/\u00fc b.py"),
        ("a\n=== b", r"a\n=== b"),
        ("\udcff\u2028\u202e\x00", r"\udcff\u2028\u202e\x00"),
    ],
)
def test_what_is_not_seen_is_said_as_it_is_written_in_code(name: str, said: str) -> None:
    assert shown(name) == said
    assert shown(name).encode()


def test_a_very_long_name_is_cut_in_a_sentence_and_nowhere_else() -> None:
    assert len(code("a" * 4000)) == LONGEST + 2
    assert len(shown("a" * 4000)) == 4000
