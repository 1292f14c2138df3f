"""Words of others are published so that nothing in them acts: no mention, no order, no tag, no picture."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.github.harmless import closed, code, harmless, headings, inert, plain
from bot.invisible import cleaned
from tests.github.test_events import untimed

_GITHUB = MarkdownIt("commonmark").enable("table")
MARKDOWN = {
    "@team, look": "@\u200bteam, look",
    "@acme/owners": "@\u200bacme/owners",
    "mail a@b.example": "mail `a@b.example`",
    r"\@team": "\\@\u200bteam",
    "&#64;team": "&amp;#64;team",
    "fixes #1": "fixes `#1`",
    "Closes: acme/shop#1": "Closes: `acme/shop#1`",
    "resolved\nGH-7": "resolved\n`GH-7`",
    "fixes **#1**": "fixes **`#1`**",
    "fix https://github.com/a/b/issues/3.": "fix `https://github.com/a/b/issues/3`.",
    "<b>bold</b> 1 < 2 <!-- x -->": "&lt;b>bold&lt;/b> 1 < 2 &lt;!-- x -->",
    "![pixel](https://spy.example/x.png)": r"[pixel]\(`https://spy.example/x.png`)",
    "!![x](y)": "[x](y)",
    "[x]: https://spy.example": r"[x]\: `https://spy.example`",
    "use `@dataclass` and `<b>`": "use `@dataclass` and `<b>`",
    "```python\n@dataclass\n```\n@team": "```python\n@dataclass\n```\n@\u200bteam",
    "```\n@never closed": "```\n@never closed\n```",
    "- ```\n@team": "- ```\n@\u200bteam",
    r"\` @team `": "\\` @\u200bteam `",
    "| a | b |\n|-|-|\n| ` | @team | ` |": "| a | b |\n|-|-|\n| ` | @\u200bteam | ` |",
    "a\0b\ud800": "a\ufffdb\ufffd",
    "a\u200bb\u202ec\x1b[31md": "abcd",
    "/merge": "· /merge",
    "x\n  /merge now": "x\n  · /merge now",
    "> - /lgtm": "> - · /lgtm",
    "1. [ ] **/approve**": "1. [ ] **· /approve**",
    "| /hold | x |": "| · /hold | x |",
    "\uff0fmerge": "· \uff0fmerge",
    "\uff20team": "\uff20\u200bteam",
    "x\nbors r+": "x\n· bors r+",
    "- !approve": "- · !approve",
    "recheck": "· recheck",
    "retest the cart with two items": "retest the cart with two items",
    "```\nbors r+\n!approve\n!x.y\n```": "```\n· bors r+\n· !approve\n!x.y\n```",
    "```mermaid\nclick A 'https://spy.example'\n```": "```\nclick A 'https://spy.example'\n```",
    "- ~~~ GeoJSON x\n  {}\n  ~~~": "- ~~~\n  {}\n  ~~~",
    "```m&#101;rmaid\n```": "```\n```",
    "see /health, a/b": "see /health, a/b",
    "`/etc/hosts` is read": "· `/etc/hosts` is read",
    "```\n/merge\n/usr/lib/x.py: no\n// note\n```": "```\n· /merge\n/usr/lib/x.py: no\n// note\n```",
    "// note": "· // note",
    "see https://spy.example/a(b)?c=d.": "see `https://spy.example/a(b)?c=d`.",
    "<https://spy.example> www.spy.example": "<`https://spy.example`> `www.spy.example`",
    "mailto:a@b.example //spy.example/x ftp://a": "`mailto:a@b.example` `//spy.example/x` `ftp://a`",
    "https://github.com/a/b#c [x](https://github.com/a/b)": "https://github.com/a/b#c [x](https://github.com/a/b)",
    "[x](docs/a.md#b) [y](#z)": "[x](docs/a.md#b) [y](#z)",
    "https://github.com.spy.example/ https://github.com@spy.example": (
        "`https://github.com.spy.example/` `https://github.com@spy.example`"
    ),
    "[x](//spy.example) [y](javascript:z) [z](<https://spy.example>)": (
        r"[x]\(`//spy.example`) [y]\(javascript:z) [z]\(<`https://spy.example`>)"
    ),
    "closes [it](https://github.com/a/b/issues/1)": r"closes [it]\(`https://github.com/a/b/issues/1`)",
    "[skip ci] [ci-skip] ***NO_CI*** [x]": "(skip ci) (ci-skip) NO_CI [x]",
    "Co-authored-by: A <a@b.example>": r"Co-authored-by\: A <`a@b.example`>",
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
ALPHABET += [
    "https://spy.example/x",
    "https://github.com/a/b",
    "www.a.b",
    "a@b.c",
    "](",
    "(",
    ")",
    "/merge",
    "bors r+",
    "!approve",
    "mermaid",
    "[skip ci]",
]
ALPHABET += [
    "[x](https://spy.example)",
    "\u200b",
    "\u202e",
    "mailto:a@b.c",
    "\nSigned-off-by: x",
    "***NO_CI***",
    "/",
    "_",
]
ALPHABET += ["![x](y)", "[x]: y", "fixes #1", "~~~", " ", "a", "\t", "\r", "*", "]", "[", "<https://a.b/@c>", "# "]


WRITTEN = st.lists(st.sampled_from(ALPHABET), max_size=14).map("".join)


@untimed
@given(WRITTEN)
def test_whatever_is_written_mentions_nobody_and_holds_no_tag_and_no_picture(words: str) -> None:
    tokens = _GITHUB.parse(harmless(words))
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or []}
    assert not kinds & {"html_block", "html_inline", "image"}
    assert not re.search(r"(?<![A-Za-z0-9])@[A-Za-z0-9]", shown(tokens)), harmless(words)


@untimed
@given(WRITTEN)
def test_whatever_is_written_leads_nowhere_else(words: str) -> None:
    tokens = _GITHUB.parse(harmless(words))
    inner = [child for token in tokens for child in token.children or []]
    targets = [str(child.attrs["href"]) for child in inner if child.type == "link_open"]
    assert all(target.startswith("https://github.com/") for target in targets if re.match("[a-z]+:|//", target))
    assert not re.search(r"https?://(?!github\.com/)|www\.a|[a-z]@[a-z]\.", shown(tokens)), harmless(words)


@untimed
@given(WRITTEN)
def test_whatever_is_written_is_no_command_and_stays_as_it_is_once_made_harmless(words: str) -> None:
    made = harmless(words)
    assert harmless(made) == made
    assert cleaned(made) == made.replace("\u200b", "")
    assert not re.search(r"^[\s>]*/merge(?![\w./-])|\[skip ci\]|\A\s*/", made, re.MULTILINE)


@untimed
@given(WRITTEN)
def test_nothing_swallows_what_comes_after_it(words: str) -> None:
    after = [token.content for token in _GITHUB.parse(harmless(words) + "\n\nAfter") if token.type == "inline"]
    assert after[-1] == "After"


def test_another_github_is_at_home_elsewhere() -> None:
    words = "https://git.example/a https://github.com/a [x](https://git.example/a)"
    assert harmless(words, "git.example") == "https://git.example/a `https://github.com/a` [x](https://git.example/a)"


def test_output_shows_no_command_and_nothing_unseen() -> None:
    assert inert("\x1b[32mok\x1b[0m\n/merge\n/usr/bin/x\n  /hold on") == "ok\n· /merge\n/usr/bin/x\n  · /hold on"


LINES = {
    "Ask @team\0 and @@all": "Ask team\ufffd and all",
    "Say hello,\nCloses #1": "Say hello, Closes `#1`",
    "[hot-fix] #1": "[hot-fix] `#1`",
    "feat(fixes): #12 (a fix, see #1)": "feat(fixes): `#12` (a fix, see #1)",
    "Use Vec<String> `here`": "Use Vec<String> `here`",
    "a@b.example": "a@b.example",
    "/merge now": "merge now",
    "Fix it [skip ci] [no ci] ***NO_CI***": "Fix it (skip ci) (no ci) NO_CI",
    "Co-authored-by: A <a@b.example>": "Co-authored-by A <a@b.example>",
    "See https://spy.example/x and www.spy.example": "See spy.example/x and spy.example",
    "a\u200bb\u202ec \x1b[1md": "abc d",
    "fix: keep /health and https://github.com/a/b": "fix: keep /health and https://github.com/a/b",
}


@untimed
@given(WRITTEN)
def test_a_line_stays_as_it_is_once_it_is_plain(words: str) -> None:
    line = plain(words)
    assert plain(line) == cleaned(line) == line
    assert not line.startswith("/")


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
