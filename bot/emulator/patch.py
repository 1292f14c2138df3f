"""Reads patches: the lines of a diff with their numbers, where a remark may stand on them, and where a line went."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
SIDES = ("LEFT", "RIGHT")


@dataclass(frozen=True)
class Line:
    """A line of a diff; `kind` is hunk, add, del or same, the numbers are those of the old and the new file."""

    kind: str
    old: int | None
    new: int | None
    text: str

    def number(self, side: str) -> int | None:
        """Its number on the LEFT (old) or on the RIGHT (new)."""
        return self.old if side == "LEFT" else self.new


def diff_lines(patch: str) -> Iterator[Line]:
    old = new = 0
    for text in patch.split("\n"):
        if match := HUNK.match(text):
            old, new = int(match[1]), int(match[3])
            yield Line("hunk", None, None, text)
        elif text.startswith("+"):
            yield Line("add", None, new, text)
            new += 1
        elif text.startswith("-"):
            yield Line("del", old, None, text)
            old += 1
        elif text.startswith("\\"):
            yield Line("hunk", None, None, text)
        else:
            yield Line("same", old, new, text)
            old, new = old + 1, new + 1


@dataclass(frozen=True)
class Span:
    """Lines of one file as somebody names them; without `start` it is the one line."""

    line: int
    side: str = "RIGHT"
    start: int | None = None
    start_side: str | None = None

    @property
    def first(self) -> tuple[str, int]:
        """Side and number of the first line."""
        return (self.start_side or self.side, self.start) if self.start is not None else (self.side, self.line)


@dataclass(frozen=True)
class Spot:
    """Lines that are in a diff: the `span`, how far down the patch its end is, and the hunk up to there."""

    span: Span
    position: int
    hunk: str


class Unresolved(Exception):  # noqa: N818 - it is an answer
    """No such place in the diff; `field` is path, line or start_line, `why` what GitHub says of it."""

    def __init__(self, field: str, why: str) -> None:
        self.field, self.why = field, why
        super().__init__(f"{field} {why}")


def find_spot(patch: str | None, span: Span) -> Spot:
    """Where the span is in a file's patch; raises Unresolved where GitHub would not take it."""
    rows = list(diff_lines(patch)) if patch else []
    end = _row(rows, span.side, span.line)
    if end is None:
        raise Unresolved("line", "must be part of the diff")
    begin = _row(rows, *span.first)
    top = max(at for at in range(end) if rows[at].text.startswith("@@"))
    if begin is None or begin < top:
        raise Unresolved("start_line", "must be part of the same hunk as the line.")
    if begin > end or (span.start is not None and begin == end):
        raise Unresolved("start_line", "must precede the end line.")
    return Spot(span, end, "\n".join(each.text for each in rows[top : end + 1]))


def _row(rows: Sequence[Line], side: str, number: int) -> int | None:
    return next((at for at, row in enumerate(rows) if row.number(side) == number), None)


def chosen(spot: Spot) -> list[Line]:
    """The lines of the span as they are on its side."""
    return [row for row in _shown(spot) if row.number(spot.span.side) is not None][-_height(spot.span) :]


def excerpt(spot: Spot, around: int = 3, most: int = 16) -> list[Line]:
    """The end of its hunk: the span with a few lines before it."""
    rows = _shown(spot)
    begin = _row(rows, *spot.span.first) or 0
    return rows[max(begin - around, 0) :][-most:]


def _shown(spot: Spot) -> list[Line]:
    return [row for row in diff_lines(spot.hunk) if row.kind != "hunk"]


def _height(span: Span) -> int:
    return span.line - span.first[1] + 1 if span.first[0] == span.side else 1


def moved_line(patch: str | None, line: int) -> int | None:
    """Where a line of the old file is in the new one, by a patch without context; None when it was changed."""
    shift = 0
    for text in (patch or "").split("\n"):
        if match := HUNK.match(text):
            start, count = int(match[1]), int(match[2] or 1)
            # An insertion stands behind the line it names.
            if line < start or (line == start and count == 0):
                break
            if line < start + count:
                return None
            shift += int(match[4] or 1) - count
    return line + shift
