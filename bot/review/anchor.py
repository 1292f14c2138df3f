"""Where a finding can be said: at lines that GitHub takes, in the review's text, or not at all. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bot.review.finding import Finding, Side, at_least
from bot.review.likeness import words
from bot.review.patch import NEAR, FilePatch, Hunk, Line
from bot.review.quote import Place, places

LONGEST, LONGEST_SUGGESTED = 20, 30  # lines of an inline comment, and of one that has a suggestion

Files = Mapping[str, FilePatch]  # the pull request's diff against its merge base, by path
Content = Callable[[str], Sequence[str] | None]  # a file's lines; None: there is no such file
Kind = Literal["hallucinated", "pre-existing", "elsewhere", "linter", "idle", "unsure", "refuted", "declined", "cap"]

_NAME = re.compile(r"[A-Za-z_]\w{2,}")
_TAKEN_AWAY = re.compile(r"\b(?:remov|delet|drop|no longer|lost|gone|taken? away|took|miss|without)", re.IGNORECASE)
_DEFINES = (
    r"(?:def|class|func|fn|fun|function|sub|const|let|var|val|type|interface|struct|enum|trait|module|record|static|public"
    r"|private|protected|export|#define)\b[^\n]*\b{name}\b"
    r"|(?:[\w.$<>\[\]*&]+[ \t]+)*[\"']?\b{name}\b[\"']?[ \t]*(?::[^\n]*|=(?!=)[^\n]*|:=[^\n]*)$"
    r"|(?!(?:return|await|yield|throw|new|else|raise)\b)(?:[\w<>\[\]*&:,.]+[ \t]+)+[*&]?{name}[ \t]*\([^\n]*$"
)


@dataclass(frozen=True)
class Inline:
    """Lines of one hunk, as GitHub's API names them; `start_line` only where there are several."""

    path: str
    side: Literal["RIGHT", "LEFT"]
    line: int
    start_line: int | None = None


@dataclass(frozen=True)
class Placed:
    """A finding with its path, lines and evidence as they really are. `inline` is None: it goes into the text.

    `exact` says whether the lines are those for which the agent meant its suggestion; `suggestion` is the one that
    may be applied to them, `doubt` why there is none. `given` are the findings of agents that went into this one.
    """

    finding: Finding
    inline: Inline | None
    exact: bool
    given: tuple[Finding, ...]
    suggestion: str | None = None
    doubt: str = ""


@dataclass(frozen=True)
class Dropped:
    """A finding that is not said, with half a sentence that says why."""

    finding: Finding
    kind: Kind
    reason: str
    given: tuple[Finding, ...]


@dataclass(frozen=True)
class _Spot:
    """Lines of one side; `exact`: they are the ones that were given, or as many elsewhere."""

    side: Side
    start: int
    end: int
    exact: bool
    lines: Sequence[str]  # the whole file's

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip("\r") for line in self.lines[self.start - 1 : self.end])


def place(finding: Finding, files: Files, content: Content, base: Content) -> Placed | Dropped:
    """Where a finding can be said. What it quotes decides: line numbers of agents are often wrong, quotations seldom.

    `content` and `base` give the lines of files at the pull request's head and at the merge base.
    """
    path = _path(finding.path, files, content)
    if path is None:
        return _dropped(finding, "hallucinated", "names a file that is not there")
    patch = files.get(path)
    if patch is None:
        return _elsewhere(finding, path, files, content(path) or [])
    spot = _spot(finding, patch, content, base)
    if isinstance(spot, str):
        return _dropped(finding, "hallucinated", spot)
    spot = _on_new_side(spot, patch, content)
    found = replace(finding, path=patch.path, side=spot.side)
    if patch.changed(spot.start, spot.end, spot.side):
        return _placed(finding, found, spot, patch)
    if spot.side == "new" and patch.near_change(spot.start, spot.end) and _tied(finding, patch, spot):
        return _placed(finding, found, spot, patch)
    if _follows(finding, spot, files):
        return _in_text(finding, found, spot)
    return _dropped(finding, "pre-existing", "was there before")


def wanted(findings: Iterable[Finding], files: Files) -> tuple[set[str], set[str]]:
    """The paths that `place` asks for at the head and at the merge base, for who has to load them before."""
    head, old = set[str](), set[str]()
    for finding in findings:
        path = _path(finding.path, files, head.add)
        if path is not None and path in files:
            head.add(path)
            old |= {files[path].old_path} if files[path].status != "A" else set()
    return head, old


def _dropped(finding: Finding, kind: Kind, reason: str) -> Dropped:
    return Dropped(finding, kind, reason, (finding,))


# ---- which file ------------------------------------------------------------------------------------------------------


def _path(given: str, files: Files, content: Content) -> str | None:
    """The path that is meant: of the change where that is possible, else of another file at the head."""
    plain = given.strip().strip("`").replace("\\", "/")
    bare = plain.removeprefix("./").lstrip("/")
    names = [given, plain, bare, *(bare[2:] for sign in ("a/", "b/") if bare.startswith(sign))]
    before = {patch.old_path: path for path, patch in files.items()}
    for name in names:
        if name in files or name in before:
            return name if name in files else before[name]
    for name in names:
        if name and content(name) is not None:
            return name
    ends = [path for path in files if bare and path.endswith(f"/{bare}")]
    return ends[0] if len(ends) == 1 else None


# ---- which lines -----------------------------------------------------------------------------------------------------


def _spot(finding: Finding, patch: FilePatch, content: Content, base: Content) -> _Spot | str:
    """The lines that are meant, or why there are none."""
    sides: list[Side] = ["old"] if patch.status == "D" else ["new"] if patch.status == "A" else [finding.side]
    if sides == ["old"] and patch.status != "D":
        sides.append("new")
    for side in sides:
        found = _found(finding, patch, side, _lines(patch, side, content, base))
        if found is not None:
            return found
    if not finding.evidence.strip():
        return "names lines that are not there"
    if sides == ["new"] and patch.status != "A":
        taken = _found(finding, patch, "old", _lines(patch, "old", content, base))
        if taken is not None and patch.changed(taken.start, taken.end, "old"):
            about_it = _TAKEN_AWAY.search(f"{finding.title}\n{finding.body}")
            return taken if about_it else "quotes code that this change takes away"
    return "quotes code that is not there"


def _lines(patch: FilePatch, side: Side, content: Content, base: Content) -> Sequence[str]:
    lines = content(patch.path) if side == "new" else base(patch.old_path)
    return lines or _shown(patch, side)


def _shown(patch: FilePatch, side: Side) -> list[str]:
    """What the hunks show of a file, every line in its place: for a file that is too large to be read."""
    numbered = [(line.new if side == "new" else line.old, line.text) for hunk in patch.hunks for line in hunk.lines()]
    page = [""] * max((number for number, _ in numbered if number is not None), default=0)
    for number, text in numbered:
        if number is not None:
            page[number - 1] = text
    return page


def _found(finding: Finding, patch: FilePatch, side: Side, lines: Sequence[str]) -> _Spot | None:
    start, end = finding.start, min(finding.end, len(lines))
    if not finding.evidence.strip():
        return _Spot(side, start, end, end == finding.end, lines) if start <= end else None
    found = places(lines, finding.evidence)
    if not found:
        return None
    there = [spot for spot in found if start <= end and _within(spot, (start, end))]
    if there and end - start < LONGEST:
        return _Spot(side, start, end, end == finding.end, lines)
    best = min(there or found, key=lambda spot: (_distance(spot, patch, side), abs(spot[0] - start)))
    return _Spot(side, *best, best[1] - best[0] == finding.end - finding.start, lines)


def _within(one: Place, other: Place) -> bool:
    """Whether one of the two holds the other."""
    return (one[0] <= other[0] and other[1] <= one[1]) or (other[0] <= one[0] and one[1] <= other[1])


def _distance(spot: Place, patch: FilePatch, side: Side) -> int:
    """0 for lines that were changed, 1 for such that stand in the diff, 2 for others."""
    return 0 if patch.changed(*spot, side) else 1 if patch.takes(*spot, side) else 2


def _on_new_side(spot: _Spot, patch: FilePatch, content: Content) -> _Spot:
    """Lines of the old side that are still there, by their numbers on the new one; others as they are."""
    if spot.side == "new" or patch.changed(spot.start, spot.end, "old"):
        return spot
    hunk = patch.hunk_of(spot.start, spot.end, "old")
    numbers = [line.new for line in _of(hunk, spot.start, spot.end) if line.new is not None] if hunk else []
    lines = content(patch.path) or _shown(patch, "new")
    if not numbers or numbers[-1] > len(lines):
        return spot
    return _Spot("new", numbers[0], numbers[-1], False, lines)


def _of(hunk: Hunk, start: int, end: int) -> list[Line]:
    return [line for line in hunk.lines() if line.old is not None and start <= line.old <= end]


# ---- what it has to do with the change -------------------------------------------------------------------------------


def _tied(finding: Finding, patch: FilePatch, spot: _Spot) -> bool:
    """Whether a remark on unchanged lines speaks of what was changed beside them, be it by one word."""
    first, last = spot.start - NEAR, spot.end + NEAR
    hunks = [hunk for hunk in patch.hunks if hunk.new <= last and first <= hunk.new + hunk.new_count]
    changed = words("\n".join(line.text for hunk in hunks for line in hunk.lines() if line.sign != " "))
    return not changed or bool(changed & words(f"{finding.title}\n{finding.body}"))


def _elsewhere(finding: Finding, path: str, files: Files, lines: Sequence[str]) -> Placed | Dropped:
    """A file that the change does not touch: what the change breaks there may be told, in the text."""
    spot = _found(finding, FilePatch(path, path, "M"), "new", lines)
    if spot is None:
        what = "quotes code that is not there" if finding.evidence.strip() else "names lines that are not there"
        return _dropped(finding, "hallucinated", what)
    if _follows(finding, spot, files):
        return _in_text(finding, replace(finding, path=path, side="new"), spot)
    return _dropped(finding, "elsewhere", "is not about this change")


def _follows(finding: Finding, spot: _Spot, files: Files) -> bool:
    """Whether unchanged lines use a name that the change defines otherwise now, and a grave remark is about that."""
    if not at_least(finding.severity, "major") or not finding.evidence.strip():
        return False
    names = {*_NAME.findall(spot.text)} & {*_NAME.findall(f"{finding.title}\n{finding.body}")}
    return any(_redefined(name, files) for name in sorted(names))


def _redefined(name: str, files: Files) -> bool:
    """Whether a line that defines something of this name was added or taken away, or changed lines lie in it."""
    sought, told = name.encode(), re.escape(name)
    defines = re.compile(rf"^[+-][ \t]*(?:{_DEFINES.replace('{name}', told)})".encode(), re.MULTILINE)
    heads = re.compile(rf"\b{told}\b\s*[(:{{=<]")  # git shows the line in which the thing around a hunk begins
    return any(
        (sought in hunk.body and defines.search(hunk.body)) or heads.search(hunk.heading)
        for patch in files.values()
        for hunk in patch.hunks
    )


# ---- how it is said --------------------------------------------------------------------------------------------------


def _in_text(given: Finding, found: Finding, spot: _Spot) -> Placed:
    shown = replace(spot, end=min(spot.end, spot.start + LONGEST - 1))
    finding = replace(found, start=shown.start, end=shown.end, evidence=shown.text)
    return Placed(finding, None, False, (given,))


def _placed(given: Finding, found: Finding, spot: _Spot, patch: FilePatch) -> Placed:
    """At the lines that one hunk shows, and not at too many of them; in the text where no hunk shows any."""
    shown = _in_one_hunk(spot, patch)
    if shown is None:
        return _in_text(given, found, spot)
    most = LONGEST_SUGGESTED if given.suggestion else LONGEST
    start, end = shown[0], min(shown[1], shown[0] + most - 1)
    finding = replace(found, start=start, end=end, evidence=replace(spot, start=start, end=end).text)
    inline = Inline(patch.path, "RIGHT" if spot.side == "new" else "LEFT", end, start if start < end else None)
    return Placed(finding, inline, spot.exact and (start, end) == (spot.start, spot.end), (given,))


def _in_one_hunk(spot: _Spot, patch: FilePatch) -> Place | None:
    """The part of the lines that one hunk shows: the first one with a change in it, else the first one."""
    parts: list[Place] = []
    for hunk in patch.hunks:
        first, count = (hunk.new, hunk.new_count) if spot.side == "new" else (hunk.old, hunk.old_count)
        part = max(first, spot.start), min(first + count - 1, spot.end)
        if part[0] <= part[1]:
            parts.append(part)
    changed = [part for part in parts if patch.changed(*part, spot.side)]
    return next(iter(changed or parts), None)
