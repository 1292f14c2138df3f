"""Slash commands in a comment: which words of it ask the bot for something. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_ORDER = re.compile(r"/([a-z][a-z-]{0,29})(?:[ \t]+(\S.*?))?[ \t]*")
_LONGEST, _MOST = 70_000, 10  # GitHub takes no longer comment


@dataclass(frozen=True)
class Order:
    """One command: its word without the slash, and the words after it."""

    word: str
    arguments: tuple[str, ...] = ()


def orders(comment: str) -> list[Order]:
    """The commands of a comment in order, at most ten: first words of lines, outside of quotes, code, lists, HTML."""
    tokens = pairwise(_MARKDOWN.parse(comment[:_LONGEST]))
    lines = (line for before, token in tokens if _is_prose(before, token) for line in _lines(token))
    hits = (match for line in lines if (match := _ORDER.fullmatch(line)))
    return [Order(hit[1], tuple((hit[2] or "").split())) for hit, _ in zip(hits, range(_MOST), strict=False)]


def _is_prose(before: Token, token: Token) -> bool:
    """The words of a paragraph that stands in nothing else."""
    return token.type == "inline" and before.type == "paragraph_open" and before.level == 0


def _lines(token: Token) -> Iterator[str]:
    """The lines of a paragraph that begin with plain words, written as they are read, whole."""
    line, plain = "", True
    written = {raw.lstrip()[:1] for raw in token.content.split("\n")}
    if "/" not in written:  # then it is escaped
        return
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            yield from [line] if plain else []
            line, plain = "", True
            continue
        plain = plain and (bool(line) or child.type == "text")
        line += child.content
    yield from [line] if plain else []
