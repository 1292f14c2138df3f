"""The first message of an agent: its file's prompt, filled with data that stays data. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot import template
from bot.agents.hidden import visible, visible_title
from bot.agents.spec import PROMPT_NAMES, REVIEW_NAMES, AgentSpec

DATA_LIMIT = 60_000


@dataclass(frozen=True)
class Asked:
    """What is wanted: the issue as it was when the run was asked for, and what writers had said by then.

    `findings` are those of a review that are to be mended, each of them fenced. `plan` is one that a person approved.
    Of one job of many: `focus` is its part, `owns` the globs of what it may change, `before` what those before it said,
    each fenced, `request` what another job asks of it, `unmerged` what it did before in vain, as a patch,
    `wanted` what it is to say by name.
    """

    repo: str
    number: int
    title: str
    body: str
    author: str
    comments: Sequence[Mapping[str, str]] = ()
    findings: str = ""
    plan: str = ""
    focus: str = ""
    owns: tuple[str, ...] = ()
    before: str = ""
    request: str = ""
    unmerged: str = ""
    wanted: str = ""


def fence(label: str, text: str, limit: int = DATA_LIMIT) -> str:
    """`text` between two lines that nothing in it can imitate; what is longer than `limit` is cut, and says so."""
    words = text[:limit]
    mark = "DATA"
    while f"BEGIN {mark}" in words or f"END {mark}" in words:
        mark += "-"
    cut = "\n[the rest is left out]" if len(text) > limit else ""
    return f"BEGIN {mark} ({label})\n{words}{cut}\nEND {mark}"


def first_message(
    spec: AgentSpec, asked: Asked, *, tests: str, attempt: int, tries: int, earlier: str, language: str = ""
) -> str:
    """The prompt of try `attempt`; `earlier` is the end of what the tests printed on the try before.

    `language` is the one to write in for people, empty where nobody has said.
    """
    comments = "\n\n".join(fence(f"comment by {c['author']}", visible(c["body"]).text) for c in asked.comments)
    return template.render(
        spec.prompt,
        {
            **dict.fromkeys(REVIEW_NAMES, ""),
            "candidates": asked.findings,
            "language": language,
            **issue_given(asked.repo, asked.number, asked.title, asked.body, asked.author),
            "comments": comments,
            "plan": fence("plan", asked.plan) if asked.plan else "",
            **part_given(asked),
            "tests": tests,
            "attempt": attempt,
            "tries": tries,
            "earlier": fence("test output", earlier) if earlier else "",
        },
    )


def review_message(spec: AgentSpec, given: Mapping[str, Any]) -> str:
    """The prompt of a reviewing agent. `given` has its names; those it does not name are empty."""
    empty = dict.fromkeys((*PROMPT_NAMES, *REVIEW_NAMES), "")
    return template.render(spec.prompt, {**empty, **given})


def part_given(asked: Asked) -> dict[str, str]:
    """What a job of many is told besides: words of files and of other agents, as data."""
    return {
        "focus": fence("your part", visible(asked.focus).text) if asked.focus else "",
        "owns": fence("globs", "\n".join(asked.owns), 4_000) if asked.owns else "",
        "before": asked.before,
        "request": fence("request", visible(asked.request).text) if asked.request else "",
        "unmerged": fence("patch", visible(asked.unmerged).text, 20_000) if asked.unmerged else "",
        "wanted": asked.wanted,
    }


def pull_given(repo: str, number: int, title: str, body: str, author: str) -> dict[str, Any]:
    """A pull request as prompts name it: `pull.fenced` is what its author wrote, without what nobody sees."""
    return {"repo": {"name": repo}, "pull": _shown("pull request", number, title, body, author)}


def issue_given(repo: str, number: int, title: str, body: str, author: str) -> dict[str, Any]:
    """The same of an issue, as `issue`."""
    return {"repo": {"name": repo}, "issue": _shown("issue", number, title, body, author)}


def _shown(kind: str, number: int, title: str, body: str, author: str) -> dict[str, Any]:
    shown = visible_title(title).text
    words = f"Title: {shown}\n\n{visible(body).text}".rstrip()
    fenced = fence(f"{kind} #{number} by {author}", words)
    return {"number": number, "title": shown, "author": author, "fenced": fenced}
