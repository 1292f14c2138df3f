"""Words of others are published so that nothing in them acts: no mention, no order, no tag, no picture."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.github.harmless import closed, code, harmless, headings, plain
from tests.github.test_events import untimed

_GITHUB = MarkdownIt("commonmark").enable("table")
MARKDOWN = {
    "@team, look": "@\u200bteam, look",
    "@acme/owners": "@\u200bacme/owners",
    "mail a@b.example": "mail a@b.example",
    r"\@team": "\\@\u200bteam",
    "&#64;team": "&amp;#64;team",
    "fixes #1": "fixes `#1`",
    "Closes: acme/shop#1": "Closes: `acme/shop#1`",
    "resolved\nGH-7": "resolved\n`GH-7`",
    "fixes **#1**": "fixes **`#1`**",
    "fix https://github.com/a/b/issues/3.": "fix `https://github.com/a/b/issues/3`.",
    "<b>bold</b> 1 < 2 <!-- x -->": "&lt;b>bold&lt;/b> 1 < 2 &lt;!-- x -->",
    "![pixel](https://spy.example/x.png)": "[pixel](https://spy.example/x.png)",
    "!![x](y)": "[x](y)",
    "[x]: https://spy.example": r"[x]\: https://spy.example",
    "use `@dataclass` and `<b>`": "use `@dataclass` and `<b>`",
    "```python\n@dataclass\n```\n@team": "```python\n@dataclass\n```\n@\u200bteam",
    "```\n@never closed": "```\n@never closed\n```",
    "- ```\n@team": "- ```\n@\u200bteam",
    r"\` @team `": "\\` @\u200bteam `",
    "| a | b |\n|-|-|\n| ` | @team | ` |": "| a | b |\n|-|-|\n| ` | @\u200bteam | ` |",
    "a\0b\ud800": "a\ufffdb\ufffd",
}


@pytest.mark.parametrize(("words", "made"), MARKDOWN.items())
def test_markdown_keeps_its_look_and_loses_its_power(words: str, made: str) -> None:
    assert harmless(words) == made
    assert harmless(made) == made


def shown(tokens: list[Token]) -> str:
    """What GitHub would search for mentions: the text between tags, without code."""
    inner = [child for token in tokens for child in token.children or []]
    return "".join({"text": child.content, "text_special": child.content}.get(child.type, "\n") for child in inner)


ALPHABET = ["@team", "`", "``", "```", "\n", "\n\n", "> ", "- ", "    ", "\\", "|", "|-|-|", "<b>", "<!--", "&#64;t"]
ALPHABET += ["![x](y)", "[x]: y", "fixes #1", "~~~", " ", "a", "\t", "\r", "*", "]", "[", "<https://a.b/@c>", "# "]


@untimed
@given(st.lists(st.sampled_from(ALPHABET), max_size=14).map("".join))
def test_whatever_is_written_mentions_nobody_and_holds_no_tag_and_no_picture(words: str) -> None:
    tokens = _GITHUB.parse(harmless(words))
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or []}
    assert not kinds & {"html_block", "html_inline", "image"}
    assert not re.search(r"(?<![A-Za-z0-9])@[A-Za-z0-9]", shown(tokens)), harmless(words)


@untimed
@given(st.lists(st.sampled_from(ALPHABET), max_size=14).map("".join))
def test_nothing_swallows_what_comes_after_it(words: str) -> None:
    after = [token.content for token in _GITHUB.parse(harmless(words) + "\n\nAfter") if token.type == "inline"]
    assert after[-1] == "After"


LINES = {
    "Ask @team\0 and @@all": "Ask team\ufffd and all",
    "Say hello,\nCloses #1": "Say hello, Closes `#1`",
    "Use Vec<String> `here`": "Use Vec<String> `here`",
    "a@b.example": "a@b.example",
}


@pytest.mark.parametrize(("words", "line"), LINES.items())
def test_a_line_mentions_nobody_and_closes_nothing(words: str, line: str) -> None:
    assert plain(words) == line


@given(st.text(alphabet="a` @", min_size=1, max_size=30).filter(str.strip))
def test_a_code_span_holds_its_words_whole(words: str) -> None:
    (inline,) = [token for token in _GITHUB.parse("x " + code(words)) if token.type == "inline"]
    spans = [child.content for child in inline.children or [] if child.type == "code_inline"]
    assert [" ".join(span.split()) for span in spans] == [" ".join(words.split())]


def test_headings_are_found_where_they_are_headings() -> None:
    words = "<!--\n# no\n-->\n# Yes\nAlso\n====\n```\n# no\n```\n> # no\n"
    assert headings(words) == {3: "Yes", 5: "Also"}


def test_a_comment_that_never_ends_is_ended() -> None:
    assert closed("<!-- what", html=True) == "<!-- what\n-->"
    assert closed("fine <!-- here", html=True) == "fine <!-- here"
