"""What an agent said at its end, as data; and what is made from the change where it said nothing. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.publish import text as sentences

_BLOCK = re.compile(r"^```(?:json)?[ \t]*\n(\{.*?\})\s*\n```[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADER = re.compile(r"^(?P<type>[a-z]+)(?:\([^)\n]*\))?!?: \S")
TYPES = frozenset({"feat", "fix", "docs", "test", "refactor", "perf", "build", "ci", "chore", "style"})


class CommitWish(BaseModel):
    """One commit an agent would like: its message and the paths it takes."""

    model_config = ConfigDict(frozen=True)
    message: str
    paths: tuple[str, ...]


class Answer(BaseModel):
    """An agent's last words. Everything may be empty; nothing in it decides anything."""

    model_config = ConfigDict(frozen=True)
    title: str = ""
    plan: tuple[str, ...] = ()
    commits: tuple[CommitWish, ...] = ()
    summary: str = ""


def read(text: str) -> Answer:
    """The answer in an agent's last message: its text, and its last JSON block where that is valid."""
    text = sentences.harmless(text)
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        return Answer(summary=text.strip())
    last = blocks[-1]
    summary = (text[: last.start()] + text[last.end() :]).strip()
    try:
        return Answer.model_validate_json(last[1]).model_copy(update={"summary": summary})
    except ValidationError:
        return Answer(summary=text.strip())


def title(answer: Answer, issue_title: str) -> str:
    """A pull request's title: one line, at most 120 characters."""
    line = " ".join(sentences.harmless(answer.title or issue_title).split())
    return line if len(line) <= 120 else line[:117].rstrip() + "..."


def concern(path: str) -> str:
    """The conventional-commit type that a path belongs to; `feat` stands for the program itself."""
    name = path.rpartition("/")[2].lower()
    parts = path.lower().split("/")
    if path.startswith((".github/", ".circleci/", ".ci/")) or name == ".gitlab-ci.yml":
        return "ci"
    if {"test", "tests", "spec", "__tests__"} & set(parts[:-1]) or re.match(r"test_|.*[._-](test|spec)\.", name):
        return "test"
    if "docs" in parts[:-1] or name.endswith((".md", ".rst", ".adoc")) or name in ("license", "changelog"):
        return "docs"
    if name in _BUILD or name.endswith(".lock"):
        return "build"
    return "feat"


_BUILD = frozenset(
    {"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "package.json", "package-lock.json", "makefile"}
    | {"go.mod", "go.sum", "cargo.toml", "dockerfile", "tox.ini", "noxfile.py"}
)
_ORDER = ("build", "feat", "fix", "test", "docs", "ci")


def commits(answer: Answer, paths: Sequence[str], heading: str, *, fix: bool) -> list[tuple[str, list[str]]]:
    """(message, paths) of every commit: the agent's where they are conventional and cover real paths, ours else."""
    left = set(paths)
    groups: list[tuple[str, list[str]]] = []
    for wish in answer.commits:
        mine = sorted(left & set(wish.paths))
        if mine and _conventional(wish.message):
            groups.append((_first_line(wish.message), mine))
            left -= set(mine)
    return groups + _by_concern(left, heading, fix=fix)


def _conventional(message: str) -> bool:
    match = _HEADER.match(message)
    return match is not None and match["type"] in TYPES


def _first_line(message: str) -> str:
    return message.splitlines()[0][:100]


def _by_concern(paths: set[str], heading: str, *, fix: bool) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for path in sorted(paths):
        kind = concern(path)
        groups.setdefault("fix" if kind == "feat" and fix else kind, []).append(path)
    subject = heading[:1].lower() + heading[1:]
    return [(f"{kind}: {subject}"[:100], groups[kind]) for kind in _ORDER if kind in groups]


def made_up_summary(changed: Sequence[Any]) -> str:
    """A summary from the diff, for an agent that said nothing: how many files, and which."""
    names = [f"`{change.path}` (+{change.added} -{change.deleted})" for change in changed]
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"Changed {len(names)} file{'s' if len(names) != 1 else ''}: {shown}."
