"""A pull request's body: what was asked, what was done, how it was tested. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.publish import text


@dataclass(frozen=True)
class Tested:
    """The last test run on the change. `passed` is None when no test was run; `seconds` is its duration."""

    command: str
    passed: bool | None
    attempt: int
    seconds: float
    output: str


@dataclass(frozen=True)
class Story:
    """All that a pull request tells."""

    issue: int
    issue_title: str
    author: str
    asker: str
    summary: str
    tested: Tested
    test_files: Sequence[str]
    complete: bool
    reason: str = ""
    page: str = ""
    template: str = ""


def body(story: Story) -> str:
    """The Markdown of the pull request, in the repository's template where it has one."""
    sections = {
        "asked": f"#{story.issue}: {text.harmless(story.issue_title)} "
        f"(opened by @{story.author}, asked for by @{story.asker})",
        "done": story.summary or "The agent gave no summary.",
        "tested": how_tested(story.tested),
        "issue": f"Closes #{story.issue}." if story.complete else f"Part of #{story.issue}.",
    }
    written = _filled(story.template, sections) if story.template.strip() else _own(sections)
    parts = [story.reason, written, _checklist(story)]
    if story.page:
        parts.append(f"[How this was made]({story.page})")
    return "\n\n".join(part for part in parts if part)


def how_tested(tested: Tested) -> str:
    if not tested.command:
        return "No tests were found in this repository, so none were run."
    if tested.passed is None:
        return f"The tests (`{tested.command}`) were not run on this change."
    word = "passed" if tested.passed else "failed"
    line = f"`{tested.command}` {word} in {text.duration(tested.seconds)} (try {tested.attempt})."
    if not tested.output.strip():
        return line
    return line + "\n\n" + text.folded("The end of its output", text.fence(text.tail(tested.output)))


def _own(sections: dict[str, str]) -> str:
    return "\n\n".join(
        (
            sections["issue"],
            "## What was asked\n\n" + sections["asked"],
            "## What was done\n\n" + sections["done"],
            "## How it was tested\n\n" + sections["tested"],
        )
    )


_SECTIONS = (
    ("tested", re.compile(r"test|verif|qa\b", re.IGNORECASE)),
    ("issue", re.compile(r"issue|ticket|fixes|closes|related|link", re.IGNORECASE)),
    ("asked", re.compile(r"why|motivation|context|background|problem|asked", re.IGNORECASE)),
    ("done", re.compile(r"descri|summar|what|change|overview|solution|done|proposed", re.IGNORECASE)),
)
_HEADING = re.compile(r"^#{1,6} (.+)$")


def _filled(template: str, sections: dict[str, str]) -> str:
    """The template with our sections under the headings that ask for them; the rest follows in our own words."""
    left = dict(sections)
    lines: list[str] = []
    for line in template.strip().splitlines():
        lines.append(line)
        heading = _HEADING.match(line)
        kind = heading and next((k for k, asks in _SECTIONS if k in left and asks.search(heading[1])), None)
        if kind and not _is_checklist(heading):
            lines += ["", left.pop(kind), ""]
    rest = [f"## {_TITLES[kind]}\n\n{words}" if kind != "issue" else words for kind, words in left.items()]
    return "\n\n".join(["\n".join(lines), *rest])


_TITLES = {"asked": "What was asked", "done": "What was done", "tested": "How it was tested"}


def _is_checklist(heading: re.Match[str] | None) -> bool:
    return heading is not None and "checklist" in heading[1].lower()


def _checklist(story: Story) -> str:
    tested, files = story.tested, story.test_files
    changed = ", ".join(f"`{path}`" for path in files[:5]) + (" and more" if len(files) > 5 else "")
    rows = [
        (tested.passed is True, "The repository's tests pass on this change"),
        (bool(files), f"Tests were added or changed: {changed}" if files else "Tests were added or changed"),
        (False, "A person has read the change"),
    ]
    return "## Checklist\n\n" + "\n".join(f"- [{'x' if ok else ' '}] {words}" for ok, words in rows)
