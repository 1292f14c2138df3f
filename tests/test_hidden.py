"""An agent reads what a person sees on GitHub's page, and not a word besides."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.hidden import LONGEST, Seen, sentence, visible, visible_title
from bot.invisible import cleaned
from tests.github.test_events import untimed

MARK = "[hidden text removed]"
TAGS = "".join(chr(0xE0000 + ord(char)) for char in "evil")

HIDDEN = {
    "a <!-- evil --> b": f"a {MARK} b",
    "<!-- evil\n\n# evil": MARK,
    "> <!-- evil\n\nevil": f"> {MARK}",
    "<!--><!---->seen": f"{MARK}seen",
    "<div>\n<!-- evil\n\nevil": MARK,
    "a <![CDATA[ evil > evil ]]> b": f"a {MARK} b",
    "a <?evil evil?> <!EVIL evil> b": f"a {MARK} {MARK} b",
    "<div></ evil>seen</div>": f"{MARK}seen",
    "| a |\n|-|\n| ` <!-- evil --> | ` |": f"| a |\n|-|\n| ` {MARK} |{MARK}",
    "a\u200bb\u00adc\u2060\ufeff \u115f\u3164": "abc ",
    f"wave{TAGS}": f"wave{MARK}",
    "x\u202e\u2066y": "xy",
    "\x1b[31mred\x1b[0m\x07": "red",
    "![evil](https://a.example/b 'evil')": "[image]",
    "![evil][e] seen\n\n[e]: https://a.example": "[image] seen\n\n",
    "<img src=x alt='evil' title=evil>": "[image]",
    "> <img\n> alt='evil'>": "> [image]",
    "<b title='evil'>seen</b>": "seen",
    "<evil-evil>seen": f"{MARK}seen",
    "<div title='\n\nevil\n\n'>": MARK,
    "<div hidden>\n\nevil\n\n```\nevil\n```\n\n</div>\n\nseen": f"{MARK}\n\nseen",
    "a<i style='display: none'>evil</i>b": f"a{MARK}b",
    "<template>evil<script>evil</template>evil</script></template>b": f"{MARK}b",
    "[//]: # (evil)\n[evil]: <> 'evil'\n[e]: javascript:evil 'evil'": MARK,
    "[^evil]: evil words\n[^e]: evil\n\n    evil\n\nseen": f"{MARK}\n\n{MARK}\n\nseen",
    "[](https://evil.example) [a](evil:evil)": f"{MARK} a",
    "``` js evil\nseen\n```": "``` js evil\nseen\n```".replace(" js evil", "js"),
    "```geojson\nevil\n```": MARK,
    "$x \\phantom{evil}$": MARK,
    "&#8203;&zwj;&amp;#x200b;&shy;seen": "seen",
}


@pytest.mark.parametrize(("words", "seen"), HIDDEN.items())
def test_what_nobody_sees_is_taken_away_and_marked(words: str, seen: str) -> None:
    found = visible(words)
    assert found.text == seen
    assert "evil" not in found.text.lower()
    assert found.removed


SEEN = {
    "# Title\n\n1. *a* 1 < 2\n   - [x] b & c\n\n---\n> q \n": None,
    "a `<!-- x -->` ``<b> ` </b>`` b": None,
    "```html\n<!-- x --> &#8203; <b title='y'>\n```": None,
    "- a\n\n      <!-- x -->\n": None,
    r"\<!-- x --> \[a](b) \&lt;": None,
    "| a | b |\n|---|---|\n| `x` | y |": None,
    "text[^1]\n\n[^1]: words of a note": None,
    "$a_1 + b$ costs $5 or 10%": None,
    "```mermaid\ngraph TD\n  a --> b\n```": None,
    "👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3 \u0645\u06cc\u200c\u062e \u0915\u094d\u200d\u0937": None,
    "see https://a.example/?b=1&c=2, www.a.example": None,
    "&lt;b&gt; &amp;lt; &copy; &#x69;": "&lt;b&gt; &amp;lt; © i",
    "a <!-- no end": "a &lt;!-- no end",
    "[t](https://github.com/a/b/issues/1) <https://a.example/x>": "t (https://github.com/a/b/issues/1) https://a.example/x",
    "[a][r] and [r]\n\n[r]: https://a.example/": "a (https://a.example/) and r (https://a.example/)\n\n",
    "<details><summary>More</summary>\n\nseen\n\n</details>": "More\n\nseen\n",
    "<b>bold</b><br><kbd>Ctrl</kbd>": "bold Ctrl",
    "<a href='https://a.example'>a</a>": "a (https://a.example)",
}


@pytest.mark.parametrize(("words", "seen"), SEEN.items())
def test_what_everybody_sees_stays(words: str, seen: str | None) -> None:
    assert visible(words) == Seen(words if seen is None else seen)


ALPHABET = [
    "<!--",
    "-->",
    "evil",
    "`",
    "```",
    "\n",
    "\n\n",
    "> ",
    "- ",
    "    ",
    "\\",
    "|",
    "\n|-|-|\n",
    "<b>",
    "</b>",
    "<p",
]
ALPHABET += [
    "<div hidden>",
    "</div>",
    "<script>",
    "<img alt='",
    "'>",
    '"',
    "![",
    "[",
    "](",
    "]",
    ")",
    "]: y",
    "[//]: # (",
]
ALPHABET += [
    "<https://a.b>",
    "https://a.b/c",
    "&lt;",
    "&amp;",
    "#8203;",
    "\u200b",
    "\u202e",
    "~~~",
    "1. ",
    "# ",
    "[^a]",
]
ALPHABET += [
    "$",
    "\\phantom{",
    "<?",
    "<![CDATA[",
    "]]>",
    "<",
    "a",
    " ",
    "\t",
    "\r",
    "<x-y>",
    "\x1b[31m",
    "👩\u200d💻",
    "mermaid",
]


@untimed
@given(st.one_of(st.text(), st.lists(st.sampled_from(ALPHABET), max_size=16).map("".join)))
def test_what_is_left_is_all_seen(words: str) -> None:
    once = visible(words).text
    assert visible(once).text == once
    assert cleaned(once) == once


@untimed
@given(st.from_regex(r"([A-Za-z0-9 .,;:?'()/-]{1,40}\n?){0,6}", fullmatch=True))
def test_plain_words_stay_as_they_are(words: str) -> None:
    assert visible(words).text == words


@pytest.mark.parametrize("piece", ["<!--", "![", "<a x='", "> ", "`", "[a](x", "&amp;"])
def test_the_longest_text_of_any_kind_is_read_to_its_end(piece: str) -> None:
    found = visible(piece * (1_000_000 // len(piece)))
    assert len(found.text) <= 6 * LONGEST


def test_people_are_told_what_was_taken_away() -> None:
    seen = visible("<!-- a --> <!-- b --> ![c](d) e\u200b\n\n``` js f\n```\n[](https://g.example)")
    assert sentence(seen.removed) == (
        "Hidden text was removed from what the agent reads: 1 invisible character, 2 HTML comments, "
        "1 label of a code block, 1 link without words and 1 image description."
    )
    assert sentence([("label of a code block", 2), ("link without words", 3)]).endswith(
        ": 2 labels of a code block and 3 links without words."
    )
    assert sentence(visible("Plain.").removed) == ""


def test_a_title_shows_its_markup() -> None:
    assert visible_title("Vec<String> <!-- x --> &lt; `a`") == Seen("Vec<String> <!-- x --> &lt; `a`")
    assert visible_title(f"a\u200b\n{TAGS} b").text == f"a {MARK} b"


def test_nobody_can_put_words_into_the_marks() -> None:
    assert visible("<!-- a -->(https://a.example)\n\n[hidden text removed]: https://a.example").text == (
        f"{MARK} (https://a.example)\n\n{MARK}"
    )
    assert not re.search(r"\]\(", visible("![a](b)(c)").text)
