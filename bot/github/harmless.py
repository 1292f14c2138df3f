"""Words of others made fit to be published: GitHub and other bots read no order, mention, picture or way out in them.

Pure.
"""

import re
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.github.writing import clipped
from bot.invisible import cleaned
from bot.storable import storable
from bot.verbatim import code as code
from bot.verbatim import unmarked

HOST = "github.com"
_BREAK = "\u200b"  # seen by nobody, and no part of a name: `@` and this mention no one
_DOT = "· "  # what stands before a slash is seen, so no bot that reads lines finds its command
_LONGEST_LINE = 1_000
_REF = r"(?:[\w.-]+/[\w.-]+)?#\d+|GH-\d+|https?://\S{1,300}?/(?:issues|pull)/\d+"
_KEYWORD = r"(?<![A-Za-z])(close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
_ORDER = re.compile(rf"{_KEYWORD}([^a-z0-9`]{{0,12}}?)({_REF})", re.IGNORECASE)
_MENTION = re.compile(r"(?<![A-Za-z0-9])[@\uff20]+(?=[A-Za-z0-9])")
_IN_ADDRESS = r"[^\s<>`|\[\]\"\\()]"
_ADDRESS = (
    rf"(?:[a-z][a-z0-9+.-]{{1,30}}\\?:\\?/\\?/|(?:mailto|xmpp)\\?:(?=\S)|www\\?\.(?=\S)|(?<![:/])//(?=[\w-]+\.[a-z]))"
    rf"{_IN_ADDRESS}{{0,999}}+(?:\({_IN_ADDRESS}{{0,99}}+\){_IN_ADDRESS}{{0,99}}+){{0,9}}+|[\w.+-]{{1,64}}\\?@[\w-]{{1,99}}+(?:\\?\.[\w-]{{1,99}}+){{1,9}}+"
)
_ACTS = re.compile(
    rf"{_KEYWORD}(?P<between>[^a-z0-9`]{{0,12}}?(?:\[[^\]\n`]{{0,200}}\]\()?)(?P<ref>{_REF})|(?P<address>{_ADDRESS})",
    re.IGNORECASE,
)
_TAG_AT_LINE = re.compile(r"\n[\s>*+-]*<[A-Za-z/!?]")  # begins a block of HTML, whatever span of code it seems to be in
_TICKS = re.compile(r"\\[\s\S]|`+")
_MARKUP = (
    (re.compile(r"&(?!(?:lt|gt|amp|quot);)(?=#?\w+;)"), "&amp;"),  # an entity can spell any of the below
    (re.compile(r"<(?=[A-Za-z/!?])"), "&lt;"),
    (re.compile(r"!+\["), "["),
    (re.compile(r"\]:"), r"]\:"),  # what defines a link would change our own words: `[x]` is a ticked box
    (re.compile(r"(?<![A-Za-z0-9])([@\uff20])(?=[A-Za-z0-9])"), rf"\1{_BREAK}"),
)
_WORDED = (  # commands without a slash
    r"![A-Za-z]|bors[ \t]+(?:r|d|p|try|retry|merge|delegate|ping|cancel|treeclosed)\b|@?bors[ \t]*:"
    r"|(?:recheck|retest)(?:[ \t]+[\w-]+)?[ \t]*$"
)
_COMMAND = re.compile(
    r"""^((?:\[[ xX]\]|[\s>|*+#~_"'(\[\\-]|\d{1,9}[.)])*+)(?=(?:`{1,2}(?!`)[ ]?)?(?:[/\uff0f]\w|"""
    rf"{_WORDED}))",
    re.IGNORECASE,
)  # also in a list, a quote, a table
# A path is none.
_COMMAND_IN_CODE = re.compile(rf"^([\s>]*+)(?=[/\uff0f!][A-Za-z][\w-]*+(?![\w./-])|(?!!){_WORDED})", re.IGNORECASE)
_SLASH_IN_CODE = re.compile(r"^[\s>]*+(?:[/\uff0f][A-Za-z][\w-]*+(?![\w./-])|@?bors\b)", re.MULTILINE | re.IGNORECASE)
_LANGUAGE = re.compile(r"^([^`~]*+(?:`{3,}+|~{3,}+)[ \t]*)(?P<said>.*)")
_DRAWN = {
    "mermaid",
    "math",
    "geojson",
    "topojson",
    "stl",
    "suggestion",
}  # shown as pictures with live links, or with a button that puts them into a file
_TRAILER = re.compile(r"^([\s>]*+(?:(?:[A-Za-z]+-)+by|skip-checks|on-behalf-of|change-id))\s*:", re.IGNORECASE)
_WAY_OUT = re.compile(
    rf"(?:[a-z][a-z0-9+.-]*://+|(?<!\S)//+(?=\S))(?!{re.escape(HOST)}(?:[/?#]|\b(?![.@:-])))|www\.", re.IGNORECASE
)
_FRAME = re.compile(r"^[\s>*+~-]+", re.MULTILINE)
_BLOCKS = MarkdownIt("commonmark", {"html": False}).enable("table").disable("inline")
_BLOCKS_AND_HTML = MarkdownIt("commonmark").enable("table").disable("inline")


def plain(words: str) -> str:
    """One line for a title or a commit's subject: no mention (`@team` becomes `team`), no order to close an issue, to
    skip checks or to another bot, no address of elsewhere, no trailer.

    GitHub reads no markup there, so markup is left as it is.
    """
    line, before = " ".join(cleaned(storable(words)).split())[:_LONGEST_LINE], ""
    while line != before:
        before, line = line, _plainer(line).strip()
    return line


def _plainer(line: str) -> str:
    line = _ORDER.sub(r"\1\2`\3`", _MENTION.sub("", _WAY_OUT.sub("", line)))
    return _TRAILER.sub(r"\1", unmarked(line)).lstrip("/\uff0f! ")


def harmless(words: str, host: str = HOST) -> str:
    """Markdown that mentions nobody, orders nothing and shows neither HTML nor pictures, nor links but to `host`.

    Code stays as it is, but for commands of bots.
    """
    words = unmarked(cleaned(storable(words)))
    words = f"{_DOT}{words}" if words.lstrip().startswith("/") else words
    made = ""
    for way in (words, words.replace("`", "'"), _FRAME.sub("", words.replace("`", "'"))):
        made = _disarmed(way, host)
        if (
            _disarmed(cleaned(made), host) == made
        ):  # else disarming changed what counts as code, or it lies too deep to tell
            break
    return closed(made)


def bounded(words: str, limit: int, host: str = HOST) -> str:
    """Words of others as harmless Markdown of at most `limit` characters."""
    cut = limit
    while len(made := harmless(clipped(words.strip(), cut), host)) > limit:
        cut //= 2
    return made


def phrase(words: str, limit: int = 300, host: str = HOST) -> str:
    """One line of Markdown, for a sentence, a list or a table of ours: harmless, and no span of code is left open.

    An open one would end in what follows, and let the name of a file out of its own span.
    """
    line = " ".join(cleaned(storable(words)).split())
    line = line if len(line) <= limit else f"{line[: limit - 1]}…"
    made = harmless(f"x {line}", host)  # what begins a line of its own may be a heading or a fence, and this does not
    if "\n" in made or _open_span(made):
        made = harmless(f"x {line.replace('`', chr(39))}", host)
    return _unordered(made.removeprefix("x ").strip())


def _open_span(words: str) -> bool:
    at = 0
    while ticks := _TICKS.search(words, at):
        at = ticks.end()
        if ticks[0][0] == "`":
            end = re.compile(rf"(?<!`){ticks[0]}(?!`)").search(words, at)
            if end is None:
                return True
            at = end.end()
    return False


def inert(words: str) -> str:
    """What a program printed, for a block of code: no line is a command, and nothing in it is unseen."""
    return "\n".join(
        _COMMAND_IN_CODE.sub(rf"\1{_DOT}", line) for line in unmarked(cleaned(storable(words))).split("\n")
    )


def as_it_is(words: str) -> bool:
    """Whether code may be shown just as it is: it holds nothing unseen, and no line is a slash command of a bot."""
    return cleaned(storable(words)) == words and not _SLASH_IN_CODE.search(words)


def cell(words: str) -> str:
    """A line of Markdown as a cell of a table, which no `|` in it ends."""
    return words.replace("\\", "\\\\").replace("|", "\\|")


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


def _disarmed(words: str, host: str) -> str:
    lines, tokens = words.split("\n"), _BLOCKS.parse(words)
    made: list[str] = []
    at = 0
    for start, end, kind in _blocks(tokens):
        made += [_disarmed_part(_unordered(line), host) for line in lines[at:start]]
        block = lines[start:end]
        if kind in ("fence", "code_block"):
            made.append(inert("\n".join([_undrawn(block[0]), *block[1:]] if kind == "fence" else block)))
        elif kind == "table_open":
            made += ["|".join(_around_code(cell, host) for cell in _unordered(row).split("|")) for row in block]
        else:
            made.append(_around_code("\n".join(map(_unordered, block)), host))
        at = end
    return "\n".join([*made, *(_disarmed_part(_unordered(line), host) for line in lines[at:])])


def _blocks(tokens: list[Token]) -> list[tuple[int, int, str]]:
    """(first line, line after the last, kind) of code blocks, tables and paragraphs, in order."""
    found: list[tuple[int, int, str]] = []
    at = 0
    for token in tokens:
        if token.map and token.type in ("fence", "code_block", "table_open", "inline") and token.map[0] >= at:
            at = token.map[1]
            found.append((token.map[0], at, token.type))
    return found


def _around_code(words: str, host: str) -> str:
    """A paragraph disarmed but for its code spans."""
    made: list[str] = []
    start = at = 0
    while ticks := _TICKS.search(words, at):
        at = ticks.end()
        end = re.compile(rf"(?<!`){ticks[0]}(?!`)").search(words, at) if ticks[0][0] == "`" else None
        if end and not _TAG_AT_LINE.search(words, at, end.start()):
            made += [_disarmed_part(words[start : ticks.start()], host), words[ticks.start() : end.end()]]
            start = at = end.end()
    return "".join([*made, _disarmed_part(words[start:], host)])


def _undrawn(line: str) -> str:
    """The first line of a fence, without a language that is shown as something else than text."""
    hit = _LANGUAGE.match(line)
    said = (re.split(r"[^\w+#.-]", hit["said"].lower(), maxsplit=1) if hit else [""])[0]
    return hit[1].rstrip(" \t") if hit and (said in _DRAWN or "&" in hit["said"] or "\\" in hit["said"]) else line


def _unordered(line: str) -> str:
    """A line that is no command of a bot and no trailer of a commit."""
    return _TRAILER.sub(r"\1\\:", _COMMAND.sub(rf"\1{_DOT}", line))


def _disarmed_part(words: str, host: str) -> str:
    """What acts becomes code, and markup in what is between is made none."""
    made: list[str] = []
    at = look = 0
    while found := _ACTS.search(words, look):
        start, look = found.span("ref" if found["ref"] else "address")
        if found["address"] and (own := _own(host).match(words, start, look)):
            look = own.end()
            continue
        look -= len(found[0]) - len(found[0].rstrip("?!.,:;*_~'")) if found["address"] else 0
        made += [_unmarked(words[at:start].rstrip("\\"), host), f"`{words[start:look]}`"]
        at = look
    return "".join([*made, _unmarked(words[at:], host)])


def _unmarked(words: str, host: str) -> str:
    for pattern, instead in _MARKUP:
        words = pattern.sub(instead, words)
    return _foreign_link(host).sub(r"]\\(", words)


@cache
def _own(host: str) -> re.Pattern[str]:
    return re.compile(rf"https?://{re.escape(host)}(?=[/?#]|[?!.,:;*_~']*$)", re.IGNORECASE)


@cache
def _foreign_link(host: str) -> re.Pattern[str]:
    """The end of a link's words, where it does not simply lead to `host` or to another place in the repository."""
    path = r"[\w./#?=&%~+,-]"
    return re.compile(
        rf"\]\((?!(?:https?://{re.escape(host)}(?:[/?#]{path}*)?|(?!//){path}+)\))", re.IGNORECASE | re.ASCII
    )
