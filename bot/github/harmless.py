"""Words of others made fit to be published: GitHub reads no order, mention or picture in them. Pure."""

import re
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.storable import storable

_BREAK = "\u200b"  # seen by nobody, and no part of a name: `@` and this mention no one
_REF = r"(?:[\w.-]+/[\w.-]+)?#\d+|GH-\d+|https?://\S+?/(?:issues|pull)/\d+"
_KEYWORD = r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
_ORDER = re.compile(rf"{_KEYWORD}([\s:]*)({_REF})", re.IGNORECASE)
_ORDER_IN_MARKDOWN = re.compile(rf"{_KEYWORD}([^a-z0-9`]{{0,12}}?)({_REF})", re.IGNORECASE)
_MENTION = re.compile(r"(?<![A-Za-z0-9])@+(?=[A-Za-z0-9])")
_TAG_AT_LINE = re.compile(r"\n[\s>*+-]*<")  # begins a block of HTML, whatever span of code it seems to be in
_TICKS = re.compile(r"\\[\s\S]|`+")
_MARKUP = (
    (re.compile(r"&(?!(?:lt|gt|amp|quot);)(?=#?\w+;)"), "&amp;"),  # an entity can spell any of the below
    (re.compile(r"<(?=[A-Za-z/!?])"), "&lt;"),
    (re.compile(r"!+\["), "["),
    (re.compile(r"\]:"), r"]\:"),  # what defines a link would change our own words: `[x]` is a ticked box
    (re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])"), f"@{_BREAK}"),
)
_BLOCKS = MarkdownIt("commonmark", {"html": False}).enable("table").disable("inline")
_BLOCKS_AND_HTML = MarkdownIt("commonmark").enable("table").disable("inline")


def plain(words: str) -> str:
    """One line for a title or a commit's subject: no mention (`@team` becomes `team`), no order to close an issue.

    GitHub reads no markup there, so markup is left as it is.
    """
    line = _MENTION.sub("", " ".join(storable(words).split()))
    return _ORDER.sub(r"\1\2`\3`", line)


def harmless(words: str) -> str:
    """Markdown that mentions nobody, closes nothing and shows neither HTML nor pictures; code stays as it is."""
    words = storable(words).replace("\r\n", "\n").replace("\r", "\n")
    made = _disarmed(words)
    if _disarmed(made) != made:  # disarming changed what counts as code: then nothing does
        made = _disarmed_words(words.replace("`", "'"))
    return closed(made)


def code(words: str, limit: int = 300) -> str:
    """A name or a command as a code span that nothing in it can end, at most `limit` characters of it."""
    words = " ".join(storable(words).split())
    kept = words if len(words) <= limit else words[: limit - 1] + "…"
    ticks = "`" * (max((len(run) for run in re.findall("`+", kept)), default=0) + 1)
    pad = " " if kept.startswith("`") or kept.endswith("`") else ""
    return f"{ticks}{pad}{kept}{pad}{ticks}" if kept else ""


def closed(words: str, *, html: bool = False) -> str:
    """The Markdown with a code block (with `html` a comment, too) ended that would swallow what comes after it."""
    last = (_BLOCKS_AND_HTML if html else _BLOCKS).parse(f"{words}\n\nX")[-1]
    if last.type == "fence":
        return f"{words.rstrip()}\n{last.markup}"
    return f"{words.rstrip()}\n-->" if last.type == "html_block" else words


def headings(words: str) -> dict[int, str]:
    """The headings of Markdown: number of their last line (from 0) -> words. None inside of comments or code."""
    tokens = _BLOCKS_AND_HTML.parse(words)
    opens = [(one, after) for one, after in pairwise(tokens) if one.type == "heading_open"]
    return {one.map[1] - 1: after.content for one, after in opens if one.map and one.level == 0}


def _disarmed(words: str) -> str:
    lines, tokens = words.split("\n"), _BLOCKS.parse(words)
    made: list[str] = []
    at = 0
    for start, end, is_code in _blocks(tokens):
        made += [_disarmed_words(line) for line in lines[at:start]]
        block = "\n".join(lines[start:end])
        made.append(block if is_code else _around_code(block))
        at = end
    return "\n".join([*made, *(_disarmed_words(line) for line in lines[at:])])


def _blocks(tokens: list[Token]) -> list[tuple[int, int, bool]]:
    """(first line, line after the last, is code) of code blocks and paragraphs, in order; tables are neither."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    in_table = False
    for token in tokens:
        in_table = token.type == "table_open" or (in_table and token.type != "table_close")
        if token.map and token.type in ("fence", "code_block", "inline") and not in_table and token.map[0] >= at:
            at = token.map[1]
            found.append((token.map[0], at, token.type != "inline"))
    return found


def _around_code(words: str) -> str:
    """A paragraph disarmed but for its code spans."""
    made: list[str] = []
    start = at = 0
    while ticks := _TICKS.search(words, at):
        at = ticks.end()
        end = re.compile(rf"(?<!`){ticks[0]}(?!`)").search(words, at) if ticks[0][0] == "`" else None
        if end and not _TAG_AT_LINE.search(words, at, end.start()):
            made += [_disarmed_words(words[start : ticks.start()]), words[ticks.start() : end.end()]]
            start = at = end.end()
    return "".join([*made, _disarmed_words(words[start:])])


def _disarmed_words(words: str) -> str:
    words = _ORDER_IN_MARKDOWN.sub(r"\1\2`\3`", words)
    for pattern, instead in _MARKUP:
        words = pattern.sub(instead, words)
    return words
