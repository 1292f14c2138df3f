"""A pull request's body: what was asked, what was done, how it was tested. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.github.harmless import bounded, closed, code, harmless, headings
from bot.github.writing import BODY_LIMIT, clipped
from bot.publish import parts_text, text

SUMMARY_LIMIT = TEMPLATE_LIMIT = 20_000
REASON_LIMIT = 5_000
_BEGIN, _END = "<!-- tutti newest:begin -->", "<!-- tutti newest:end -->"
_STATE, _STATE_END = "<!-- tutti state:begin -->", "<!-- tutti state:end -->"
_SERIES, _SERIES_END = "<!-- tutti series:begin -->", "<!-- tutti series:end -->"


@dataclass(frozen=True)
class Tested:
    """The last test run on the change. `passed` is None when no test was run; `seconds` is its duration.

    `attempt` is the try that it judged, 0 where it judged what many made together.
    """

    command: str
    passed: bool | None
    attempt: int
    seconds: float
    output: str


@dataclass(frozen=True)
class Story:
    """All that a pull request tells. What the policies found, as sentences: what a person's word is `wanted` on, what
    is worth a look (`noted`), and what `approver` `approved`.

    `sections` stand in place of the summary, as they are. It is the `number`th of `total` pull requests of its run, of
    which `others` are known.
    """

    issue: int
    issue_title: str
    author: str
    asker: str
    summary: str
    tested: Tested
    test_files: Sequence[str]
    complete: bool
    whole: bool = True
    reason: str = ""
    page: str = ""
    template: str = ""
    wanted: Sequence[str] = ()
    noted: Sequence[str] = ()
    approved: Sequence[str] = ()
    approver: str = ""
    sections: str = ""
    number: int = 1
    total: int = 1
    others: Sequence[int] = ()


def body(story: Story) -> str:
    """The Markdown of the pull request, in the repository's template where it has one.

    What it closes stands early and every part has its limit, so that nothing that matters is ever cut off.
    """
    sections = _sections(story)
    template = closed(story.template.strip()[:TEMPLATE_LIMIT], html=True)
    usable = 0 < len(template) < TEMPLATE_LIMIT + 100
    written = _filled(template, sections) if usable else _own(sections)
    return _joined(*_state(story), *_series(story), written, *_found(story), _checklist(story), _page(story))


def newest(story: Story) -> str:
    """What a run did that went on with a pull request, for `with_newest`."""
    sections = _sections(story)
    own = _own({**sections, "asked": ""})
    return _joined(*_begin(story), _issue(story), *_series(story), own, *_found(story), _checklist(story), _page(story))


def _state(story: Story) -> list[str]:
    """How it stands, between marks: one day it may stand otherwise."""
    return [_STATE, *_begin(story), _issue(story), _STATE_END]


def _begin(story: Story) -> list[str]:
    """What must be read first: why it is not complete, and what a person has to agree to."""
    asks = "**A person has to agree to this**: the change alters what the tests demand."
    wanted = [f"{asks}\n\n{_items(story.wanted)}"] if story.wanted else []
    return [*([bounded(story.reason, REASON_LIMIT)] if story.reason else []), *wanted]


def _series(story: Story) -> list[str]:
    """Which other pull requests belong to it."""
    said = parts_text.series(story.number, story.total, story.others)
    return [f"{_SERIES}\n{said}\n{_SERIES_END}"] * (story.total > 1)


def _issue(story: Story) -> str:
    """It closes the issue where it is all that was asked for: of several none does, for another may be open still."""
    closes = story.complete and story.whole and story.total == 1
    return f"Closes #{story.issue}." if closes else f"Part of #{story.issue}."


def with_series(body: str, number: int, total: int, others: Sequence[int]) -> str:
    """A body of one of several pull requests, naming the others wherever it names them; the rest stays as it is.

    One that is the only one now names none.
    """
    said = f"{_SERIES}\n{parts_text.series(number, total, others)}\n{_SERIES_END}" if total > 1 else ""
    return re.sub(f"{_SERIES}.*?{_SERIES_END}", lambda _: said, body, flags=re.DOTALL)


def _found(story: Story) -> list[str]:
    parts = []
    if story.approved:
        parts.append(f"## Approved by @{story.approver}\n\n{_items(story.approved)}")
    if story.noted:
        parts.append(f"## Worth a look\n\n{_items(story.noted)}")
    return parts


def _items(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def with_newest(body: str, section: str) -> str:
    """A body people may have edited, with our section below it, instead of the one that was there before.

    How it stood at first goes: the section says how it stands. Where GitHub takes no longer text the section is cut,
    and left out where there is no room at all.
    """
    before, begin, rest = body.partition(_BEGIN)
    after = rest[rest.rfind(_END) + len(_END) :] if begin and _END in rest else rest
    before = re.sub(f"{_STATE}.*?{_STATE_END}", "", before, flags=re.DOTALL)
    before, after = before.strip(), after.strip()
    room = BODY_LIMIT - len(before) - len(after) - len(_BEGIN) - len(_END) - 20
    if room < 1_000:
        return body
    return _joined(before, f"{_BEGIN}\n{clipped(section, room)}\n{_END}", after)


def _sections(story: Story) -> dict[str, str]:
    return {
        "asked": f"#{story.issue}: {harmless(' '.join(story.issue_title.split()))} "
        f"(opened by @{story.author}, asked for by @{story.asker})",
        "done": story.sections or bounded(story.summary, SUMMARY_LIMIT) or "The agent gave no summary.",
        "tested": how_tested(story.tested, story.total),
        "issue": _joined(_STATE, _issue(story), _STATE_END),
    }


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _page(story: Story) -> str:
    return f"[How this was made]({story.page})" if story.page else ""


def how_tested(tested: Tested, total: int = 1) -> str:
    if not tested.command:
        return "No tests were found in this repository, so none were run."
    if tested.passed is None:
        return f"The tests ({code(tested.command)}) were not run on this change."
    word = "passed" if tested.passed else "failed"
    line = f"{code(tested.command)} {word} in {text.duration(tested.seconds)} (try {tested.attempt})."
    if not tested.attempt:
        line = parts_text.stood(code(tested.command), word, text.duration(tested.seconds), several=total > 1)
    if not tested.output.strip():
        return line
    return line + "\n\n" + text.folded("The end of its output", text.fence(text.tail(tested.output)))


_TITLES = {"asked": "What was asked", "done": "What was done", "tested": "How it was tested"}


def _own(sections: dict[str, str]) -> str:
    return _joined(*(f"## {title}\n\n{sections[kind]}" for kind, title in _TITLES.items() if sections.get(kind)))


def _asks(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


_SECTIONS = (
    ("tested", _asks(r"tests?|tested|testing|verif\w+|qa")),
    ("issue", _asks(r"issues?|tickets?|fix(?:es|ed)?|closes?|related|links?")),
    ("asked", _asks(r"why|motivation|context|background|problem|asked")),
    ("done", _asks(r"descri\w+|summar\w+|what|changes?|changed|overview|solution|done|proposed")),
)
_CHECKLIST = _asks("checklist")


def _filled(template: str, sections: dict[str, str]) -> str:
    """The template with our sections under the headings that ask for them; the rest follows in our own words."""
    found, left = headings(template), dict(sections)
    lines: list[str] = []
    for number, line in enumerate(template.split("\n")):
        lines.append(line)
        heading = found.get(number, "")
        kind = next((k for k, asks in _SECTIONS if k in left and asks.search(heading)), None)
        if kind and not _CHECKLIST.search(heading):
            lines += ["", left.pop(kind), ""]
    return _joined("\n".join(lines), _own(left))


def _checklist(story: Story) -> str:
    tested, files = story.tested, story.test_files
    changed = ", ".join(code(path) for path in files[:5]) + (" and more" if len(files) > 5 else "")
    rows = [
        (tested.passed is True, "The repository's tests pass on this change"),
        (bool(files), f"Tests were added or changed: {changed}" if files else "Tests were added or changed"),
        (False, "A person has read the change"),
    ]
    return "## Checklist\n\n" + "\n".join(f"- [{'x' if ok else ' '}] {words}" for ok, words in rows)
