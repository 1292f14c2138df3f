"""A change of one file as git shows it: hunks, lines with their numbers, what of it takes a comment. Pure."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bot.review.finding import Side

Status = Literal["A", "M", "D", "R", "T"]
NEAR = 3  # lines around a change that git shows
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
    """A stretch of a file that changed, with its context. `heading` is what git prints behind the second `@@`."""

    old: int
    old_count: int
    new: int
    new_count: int
    heading: str
    body: bytes

    def lines(self) -> Iterator[Line]:
        old, new = self.old, self.new
        for raw in self.body.split(b"\n")[:-1] if self.body.endswith(b"\n") else self.body.split(b"\n"):
            sign, text = raw[:1], raw[1:].decode("utf-8", "replace")
            if sign == b"+":
                yield Line("+", None, new, text)
                new += 1
            elif sign == b"-":
                yield Line("-", old, None, text)
                old += 1
            elif sign != b"\\":
                yield Line(" ", old, new, text)
                old, new = old + 1, new + 1

    @cached_property
    def digest(self) -> str:
        """16 hex digits over signs and text, not over line numbers: the same after a rebase."""
        return hashlib.sha256(self.body).hexdigest()[:16]

    def shows(self, start: int, end: int, side: Side) -> bool:
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
    def _changes(self) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
        """Added lines, removed lines, and the new side's lines beside a removal."""
        added, removed, beside = set[int](), set[int](), set[int]()
        for hunk in self.hunks:
            at = hunk.new
            for line in hunk.lines():
                if line.sign == "-" and line.old is not None:
                    removed.add(line.old)
                    beside |= {at - 1, at}
                elif line.new is not None:
                    at = line.new + 1
                    if line.sign == "+":
                        added.add(line.new)
        return frozenset(added), frozenset(removed), frozenset(beside)

    def changed(self, start: int, end: int, side: Side = "new") -> bool:
        """Whether one of these lines was added (new side) or removed (old side)."""
        lines = self._changes[0] if side == "new" else self._changes[1]
        return any(number in lines for number in range(start, end + 1))

    def near_change(self, start: int, end: int) -> bool:
        """Whether a line was added, or lines were removed, within three lines."""
        added, _, beside = self._changes
        return any(number in added or number in beside for number in range(start - NEAR, end + NEAR + 1))

    def text(self, start: int, end: int, side: Side = "new") -> list[str] | None:
        """These lines' text, where one hunk shows them all."""
        hunk = self.hunk_of(start, end, side)
        if hunk is None:
            return None
        numbered = ((line.new if side == "new" else line.old, line.text) for line in hunk.lines())
        return [text for number, text in numbered if number is not None and start <= number <= end]


def parse(section: bytes, path: str, old_path: str, status: Status, added: int = 0, deleted: int = 0) -> FilePatch:
    """One section of git's output, from `diff --git` to before the next."""
    start = section.find(b"\n@@ ")
    hunks: list[Hunk] = []
    while start >= 0:
        head = _HEAD.match(section, start + 1)
        if head is None:
            break
        start = section.find(b"\n@@ ", head.end() - 1)
        body = section[head.end() : start + 1] if start >= 0 else section[head.end() :]
        old, old_count, new, new_count = (int(n) if n is not None else 1 for n in head.groups()[:4])
        hunks.append(Hunk(old, old_count, new, new_count, head[5].decode("utf-8", "replace"), body))
    return FilePatch(path, old_path, status, False, tuple(hunks), added, deleted)
