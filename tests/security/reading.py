"""What GitHub's page would make of the bot's words: tags, addresses, hidden comments, orders to other bots."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt

from bot.emulator.world import Pull
from tests.desk import Desk

OWN = frozenset("p strong em code pre blockquote h1 h2 h3 ul ol li a br hr table thead tbody tr th td".split())  # noqa: SIM905
OWN |= {"details", "summary", "sub"}
_PAGE = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable("table")
_ORDER = re.compile(r"^[\s>]*[/\uff0f!][A-Za-z]", re.MULTILINE)
_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:[\w.-]+/[\w.-]+)?#\d+", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w`])@[A-Za-z0-9]")


@dataclass
class Page(HTMLParser):
    """What a browser would find in a text; `words` is what stands outside of code."""

    tags: set[str] = field(default_factory=set)
    addresses: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    words: str = ""
    blocks: list[str] = field(default_factory=list)
    _code: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = {name: value or "" for name, value in attrs}
        self.addresses += [given[name] for name in ("href", "src", "action", "data") if name in given]
        self._code += tag == "code"
        if tag == "code":
            self.blocks.append(given.get("class", ""))

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.words += data if not self._code else " code "

    def handle_comment(self, data: str) -> None:
        self.comments.append(data.strip())


def page(markdown: str) -> Page:
    read = Page()
    read.feed(_PAGE.render(markdown))
    read.close()
    return read


def acts(markdown: str, *hosts: str) -> list[str]:
    """All that one of the bot's texts would do besides being read; `hosts` are addresses it may lead to."""
    read, *lines = page(markdown), *markdown.splitlines()
    found = [f"tag {tag}" for tag in sorted(read.tags - OWN)]
    found += [f"address {one}" for one in read.addresses if not one.startswith(hosts)]
    found += [f"hidden {one}" for one in read.comments[:-1]]
    found += [f"order {line}" for line in lines if _ORDER.match(line)]
    found += [f"mention {hit}" for hit in _MENTION.findall(read.words)]
    found += [f"closes {hit}" for hit in _CLOSES.findall(read.words)]
    found += [f"unseen {char!r}" for char in sorted(set(markdown)) if not (char.isprintable() or char in "\n\t\u200b")]
    return found


def published(desk: Desk, pull: Pull) -> Sequence[str]:
    """Every text of the bot on a pull request that GitHub reads as Markdown: comments, reviews, remarks, checks."""
    remarks = [one.body for one in desk.remarks(pull)]
    checks = [check.summary or "" for check in desk.checks()]
    return [*desk.said(pull), *desk.texts(pull), *remarks, *checks]


def bare(desk: Desk) -> Sequence[str]:
    """Every text of the bot's checks that is shown as it is: titles and annotations."""
    notes = [note for check in desk.checks() for note in check.annotations]
    told = [note[key] for note in notes for key in ("title", "message")]
    return [*(check.title or "" for check in desk.checks()), *told]
