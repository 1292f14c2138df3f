"""A change of one file as git shows it: hunks, lines with their numbers, what of it takes a comment. Pure."""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bot.review.finding import Side

Status = Literal["A", "M", "D", "R", "T"]
NEAR = 3  # lines around a change that git shows
_HUNK = b"\n@@ -"  # only heads begin like this: every line of a body has its sign before it
_AT_TOP = re.compile(rb"@@ -\S+ \+[01]\b")
_NO_END = b"\n\\"  # begins git's remark that the last line of a side has no end
_HEAD = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?([^\n]*)\n")


@dataclass(frozen=True)
class Line:
    """One line of a hunk: its sign (a blank, `+` or `-`), its numbers on both sides from 1, its text."""

    sign: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True)
class Hunk:
    """A stretch of the file `path` that changed, with its context.

    `heading` is what git prints behind the second `@@`.
    """

    path: str
    old: int
    old_count: int
    new: int
    new_count: int
    heading: str
    body: bytes

    def lines(self) -> Iterator[Line]:
        """Its lines as git says them; a line ends at a line feed, and at nothing else."""
        old, new = self.old, self.new
        for raw in self.raw():
            sign, text = raw[:1], raw[1:].decode("utf-8", "replace")
            if sign == b"+":
                yield Line("+", None, new, text)
                new += 1
            elif sign == b"-":
                yield Line("-", old, None, text)
                old += 1
            elif sign != b"\\":  # no line, but git's remark that the one before has no end
                yield Line(" ", old, new, text)
                old, new = old + 1, new + 1

    def raw(self) -> list[bytes]:
        """Its lines with their signs, without their ends, git's remarks among them."""
        lines = self.body.split(b"\n")
        return lines[:-1] if lines[-1] == b"" else lines

    @cached_property
    def digest(self) -> str:
        """16 hex digits over path, signs and text, not over line numbers: the same after a rebase."""
        return hashlib.sha256(self.path.encode("utf-8", "surrogateescape") + b"\0" + self.body).hexdigest()[:16]

    def shows(self, start: int, end: int, side: Side) -> bool:
        """Whether all these lines of that side are in it."""
        first, count = (self.new, self.new_count) if side == "new" else (self.old, self.old_count)
        return first <= start <= end < first + count


@dataclass(frozen=True)
class FilePatch:
    """What changed in a file; `too_large` has no hunks though it changed, for GitHub shows none of it either."""

    path: str
    old_path: str
    status: Status
    binary: bool = False
    hunks: tuple[Hunk, ...] = ()
    added: int = 0
    deleted: int = 0
    too_large: bool = False

    @property
    def blank(self) -> bool:
        """Whether it shows no line."""
        return not self.hunks

    @property
    def size(self) -> int:
        """About how many bytes of lines it shows."""
        return sum(len(hunk.body) for hunk in self.hunks)

    def top(self, most: int) -> bytes:
        """So many bytes of the file's beginning as it shows that, with signs; none where it does not."""
        return self.hunks[0].body[:most] if self.hunks and self.hunks[0].new <= 1 else b""

    @cached_property
    def digest(self) -> str:
        """Over path, status and all hunks: the same patch, the same digest."""
        parts = [self.path, self.old_path, self.status, *(hunk.digest for hunk in self.hunks)]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def hunk_of(self, start: int, end: int, side: Side = "new") -> Hunk | None:
        """The one hunk that shows all these lines on that side."""
        return next((hunk for hunk in self.hunks if hunk.shows(start, end, side)), None)

    def takes(self, start: int, end: int, side: Side = "new") -> bool:
        """Whether GitHub takes an inline comment on these lines."""
        return self.hunk_of(start, end, side) is not None

    @cached_property
    def _changes(self) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """Added lines, removed lines, and the new side's lines that removals are before: each in order."""
        added, removed, cuts = list[int](), list[int](), list[int]()
        for hunk in self.hunks:
            at = hunk.new if hunk.new_count else hunk.new + 1
            for line in hunk.lines():
                if line.new is None:
                    removed.append(line.old or 0)
                    cuts.append(at)
                    continue
                at = line.new + 1
                if line.sign == "+":
                    added.append(line.new)
        return added, removed, cuts

    def changed(self, start: int, end: int, side: Side = "new") -> bool:
        """Whether one of these lines was added (new side) or removed (old side)."""
        return _any(self._changes[0 if side == "new" else 1], start, end)

    def near_change(self, start: int, end: int) -> bool:
        """Whether a line was added, or lines were removed, within three lines of these of the new side."""
        added, _, cuts = self._changes
        return _any(added, start - NEAR, end + NEAR) or _any(cuts, start - NEAR + 1, end + NEAR)

    def text(self, start: int, end: int, side: Side = "new") -> list[str] | None:
        """These lines' text, where one hunk shows them all."""
        hunk = self.hunk_of(start, end, side)
        if hunk is None:
            return None
        numbered = ((line.new if side == "new" else line.old, line.text) for line in hunk.lines())
        return [text for number, text in numbered if number is not None and start <= number <= end]


class _Told(FilePatch):
    """A file as git told it, of a change that may have thousands: looked into where somebody asks."""

    _section: bytes = b""

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        return tuple(_hunks(self._section, self.path))

    @cached_property
    def added(self) -> int:
        return self._rows - sum(hunk.old_count for hunk in self.hunks)

    @cached_property
    def deleted(self) -> int:
        return self._rows - sum(hunk.new_count for hunk in self.hunks)

    @cached_property
    def _rows(self) -> int:
        """Lines of either side, those of both once: what git's heads count of one side is not of the other alone."""
        return sum(hunk.body.count(b"\n") for hunk in self.hunks) - self.hunks[-1].body.count(_NO_END)

    @property
    def blank(self) -> bool:
        return not self._section and super().blank

    @property
    def size(self) -> int:
        return len(self._section) or super().size

    def top(self, most: int) -> bytes:
        start = self._section.find(_HUNK) + 1
        return super().top(most) if not self._section or _AT_TOP.match(self._section, start) else b""


def _any(numbers: Sequence[int], first: int, last: int) -> bool:
    """Whether one of these numbers, which are in order, is in the range."""
    at = bisect_left(numbers, first)
    return at < len(numbers) and numbers[at] <= last


def parse(section: bytes, path: str, old_path: str, status: Status) -> FilePatch:
    """One section of git's output, from `diff --git` to before the next."""
    start = section.find(_HUNK)
    if start < 0:
        return FilePatch(path, old_path, status, b"\nBinary files " in section)
    told = _Told.__new__(_Told)
    told.__dict__.update(path=path, old_path=old_path, status=status, _section=section)
    return told


def _hunks(section: bytes, path: str) -> Iterator[Hunk]:
    start = section.find(_HUNK)
    while start >= 0 and (head := _HEAD.match(section, start + 1)):
        begin = head.end()
        start = section.find(_HUNK, begin - 1)
        body = section[begin : start + 1] if start >= 0 else section[begin:]
        old, old_count, new, new_count = map(int, head.groups(b"1")[:4])
        yield Hunk(path, old, old_count, new, new_count, head[5].decode("utf-8", "replace"), body)
