"""What an agent said at its end, as data; and what is made from the change where it said nothing. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.github.harmless import code, harmless, plain

_BLOCK = re.compile(r"^```(?:json)?[ \t]*\n(\{.*?\})\s*\n```[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADER = re.compile(r"(?P<type>[A-Za-z]+)(?P<scope>(?:\([^)\n]*\))?!?): +(?P<subject>\S.*)", re.DOTALL)
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
    """The answer in an agent's last message: its text, and its last JSON block where that is valid.

    Its words are harmless once they are read: in JSON `\\u0040` is an `@`.
    """
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        return _fit(Answer(summary=text))
    last = blocks[-1]
    try:
        answer = Answer.model_validate_json(last[1])
    except ValidationError:
        return _fit(Answer(summary=text))
    return _fit(answer.model_copy(update={"summary": text[: last.start()] + text[last.end() :]}))


def _fit(answer: Answer) -> Answer:
    """The answer with every word of it fit to be published."""
    return Answer(
        title=plain(answer.title),
        plan=tuple(plain(item) for item in answer.plan),
        commits=tuple(CommitWish(message=_subject(wish.message), paths=wish.paths) for wish in answer.commits),
        summary=harmless(answer.summary.strip()),
    )


def _subject(message: str) -> str:
    lines = message.splitlines()
    return plain(lines[0])[:100] if lines else ""


def title(answer: Answer, issue_title: str) -> str:
    """A pull request's title: one line, at most 120 characters."""
    line = plain(answer.title or issue_title)
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


def commits(
    answer: Answer, paths: Sequence[str], heading: str, *, fix: bool, scope: str = ""
) -> list[tuple[str, list[str]]]:
    """(message, paths) of every commit: the agent's where they are conventional and cover real paths, ours else.

    A message is one line, so nothing in it is a trailer; `scope` is that of ours.
    """
    left = set(paths)
    groups: list[tuple[str, list[str]]] = []
    for wish in answer.commits:
        mine = sorted(left & set(wish.paths))
        if mine and _conventional(wish.message):
            groups.append((_subject(wish.message), mine))
            left -= set(mine)
    return groups + _by_concern(left, heading, fix=fix, scope=scope)


def _conventional(message: str) -> bool:
    match = _HEADER.match(message)
    return match is not None and match["type"] in TYPES


def _by_concern(paths: set[str], heading: str, *, fix: bool, scope: str) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for path in sorted(paths):
        kind = concern(path)
        groups.setdefault("fix" if kind == "feat" and fix else kind, []).append(path)
    return [(_message(kind, heading, scope), groups[kind]) for kind in _ORDER if kind in groups]


def _message(kind: str, heading: str, scope: str) -> str:
    """The heading as a commit of this kind: `fix` before the number of an issue would close it, though neither does."""
    return plain(_headed(kind, heading, scope))[:100]


def _headed(kind: str, heading: str, scope: str) -> str:
    """The heading behind its type; one that is conventional already keeps its own where that fits."""
    match = _HEADER.match(heading)
    if match is None or match["type"].lower() not in TYPES:
        return f"{kind}{_scoped(kind, scope)}: {_lowered(heading)}"
    own, subject = match["type"].lower(), _lowered(match["subject"])
    fits = own == kind or (kind in ("feat", "fix") and own not in _ORDER) or {own, kind} == {"feat", "fix"}
    if not fits:
        return f"{kind}{_scoped(kind, scope)}: {subject}"
    return f"{own}{match['scope'] or _scoped(own, scope)}: {subject}"


def _scoped(kind: str, scope: str) -> str:
    """The scope in its brackets, unless it says what the kind says: `docs`, and not `docs(docs)`."""
    return f"({scope})" if scope and scope not in (kind, f"{kind}s") else ""


def _lowered(heading: str) -> str:
    """Without the capital that only begins the sentence: names and abbreviations keep theirs."""
    word = heading.partition(" ")[0]
    return heading[:1].lower() + heading[1:] if word[1:].islower() or word == "A" else heading


def made_up_summary(changed: Sequence[Any]) -> str:
    """A summary from the diff, for an agent that said nothing: how many files, and which."""
    names = [f"{code(change.path)} (+{change.added} -{change.deleted})" for change in changed]
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"Changed {len(names)} file{'s' if len(names) != 1 else ''}: {shown}."
