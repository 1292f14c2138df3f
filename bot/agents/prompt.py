"""The first message of an agent: its file's prompt, filled with data that stays data. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot import template
from bot.agents.hidden import visible, visible_title
from bot.agents.spec import AgentSpec

DATA_LIMIT = 60_000


@dataclass(frozen=True)
class Asked:
    """What is wanted: the issue as it was when the run was asked for, and what writers had said by then."""

    repo: str
    number: int
    title: str
    body: str
    author: str
    comments: Sequence[Mapping[str, str]] = ()


def fence(label: str, text: str) -> str:
    """`text` between two lines that nothing in it can imitate."""
    words = text[:DATA_LIMIT]
    mark = "DATA"
    while f"BEGIN {mark}" in words or f"END {mark}" in words:
        mark += "-"
    cut = "\n[the rest is left out]" if len(text) > DATA_LIMIT else ""
    return f"BEGIN {mark} ({label})\n{words}{cut}\nEND {mark}"


def first_message(spec: AgentSpec, asked: Asked, *, tests: str, attempt: int, tries: int, earlier: str) -> str:
    """The prompt of try `attempt`; `earlier` is the end of what the tests printed on the try before."""
    issue: dict[str, Any] = {"number": asked.number, "title": visible_title(asked.title).text, "author": asked.author}
    words = f"Title: {issue['title']}\n\n{visible(asked.body).text}".rstrip()
    issue["fenced"] = fence(f"issue #{asked.number} by {asked.author}", words)
    comments = "\n\n".join(fence(f"comment by {c['author']}", visible(c["body"]).text) for c in asked.comments)
    return template.render(
        spec.prompt,
        {
            "repo": {"name": asked.repo},
            "issue": issue,
            "comments": comments,
            "tests": tests,
            "attempt": attempt,
            "tries": tries,
            "earlier": fence("test output", earlier) if earlier else "",
        },
    )
