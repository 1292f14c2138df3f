"""A change packed into parts that fit a prompt: numbered lines and the functions around them. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bot.review.name import shown
from bot.review.patch import FilePatch, Hunk
from bot.review.scope import head_of, indent_of

NO_ROOM = "no room"
UP, DOWN = 40, 3  # lines that a hunk's context is extended by
CHARACTERS = 4  # of a token, as a rule of thumb
_WIDEST = 300  # characters of a line that is context only
_LEAST = 50  # this part of a part that is free is not worth looking for what fits
_NUMBERS = 9  # characters before each line, but for its sign
Contents = Callable[[str], Sequence[str] | None]


@dataclass(frozen=True)
class Part:
    """One prompt's share of a change; `number` counts from 1."""

    number: int
    text: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Packing:
    """The parts; the hunks that are in them, by path; and why a file is not in them, or not all of it."""

    parts: tuple[Part, ...] = ()
    read: dict[str, tuple[Hunk, ...]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def pack(files: Sequence[FilePatch], part_tokens: int, parts: int, contents: Contents) -> Packing:
    """Fill so many parts of so many tokens, in the order of the files; `contents` gives a file's lines as it is now.

    A file goes on in the next part at a hunk; a hunk goes on at a line only where it is larger than a part.
    """
    box = _Box(part_tokens * CHARACTERS, parts)
    read, left = dict[str, tuple[Hunk, ...]](), dict[str, str]()
    for patch in files:
        taken = () if box.full else _put(box, patch, contents)
        if taken:
            read[patch.path] = taken
        if not taken:
            left[patch.path] = NO_ROOM
        elif len(taken) < len(patch.hunks):
            left[patch.path] = f"{NO_ROOM} for {len(patch.hunks) - len(taken)} of {len(patch.hunks)} places"
    return Packing(tuple(box.done()), read, left)


def _put(box: "_Box", patch: FilePatch, contents: Contents) -> tuple[Hunk, ...]:
    """Put a file's hunks into the box; those that fit."""
    title, taken = _title(patch), list[Hunk]()
    lines: Sequence[str] | None = None
    for hunk, following in zip(patch.hunks, (*patch.hunks[1:], None), strict=True):
        if not box.may_take(hunk):
            continue
        lines = (contents(patch.path) or ()) if lines is None else lines
        stop = following.new if following else len(lines) + 1
        if box.take(patch.path, title, hunk, lines, stop):
            taken.append(hunk)
    return tuple(taken)


class _Box:
    """Parts as they are filled, `room` characters each."""

    def __init__(self, room: int, parts: int) -> None:
        self._room, self._parts = room, parts
        self._made: list[Part] = []
        self._texts: list[str] = []
        self._paths: dict[str, int] = {}  # path -> the last line of it that this part shows
        self._last = ""  # the path that was written to last
        self._free = room

    @property
    def full(self) -> bool:
        """Whether nothing more is worth a try."""
        return not self._unused and self._free < self._room // _LEAST

    @property
    def _unused(self) -> int:
        """Parts that are not begun, but for the one that is filled now."""
        return self._parts - len(self._made) - 1

    def may_take(self, hunk: Hunk) -> bool:
        """Whether there is room for a hunk's lines at least."""
        if self.full:
            return False
        words = len(hunk.body) if hunk.body.isascii() else len(hunk.body.decode("utf-8", "replace"))
        return words + hunk.body.count(b"\n") * _NUMBERS <= self._free + self._unused * self._room

    def take(self, path: str, title: str, hunk: Hunk, lines: Sequence[str], stop: int) -> bool:
        """Put a hunk into this part, or the next; False where there is no room for all of it."""
        bare = _numbered(hunk)
        if _size(bare) + len(title) + 1 > self._room:
            return self._take_in_pieces(path, title, bare)
        while True:
            for rows in (_around(bare, hunk, lines, self._paths.get(path, 0), stop), bare):
                if self._fits(path, title, rows):
                    self._write(path, title, rows, hunk.new + hunk.new_count + DOWN)
                    return True
            if not self._unused:
                return False
            self._close()

    def _take_in_pieces(self, path: str, title: str, rows: list[str]) -> bool:
        """A hunk that is larger than a part: cut at its lines, where all of them find room in the parts not begun."""
        room = self._room - len(title) - 1
        pieces = list(_pieces(rows, room))
        if len(pieces) > self._unused + (not self._texts) or max(map(_size, pieces)) > room:
            return False
        for piece in pieces:
            if self._texts:
                self._close()
            self._write(path, title, piece, 0)
        return True

    def _fits(self, path: str, title: str, rows: Sequence[str]) -> bool:
        return _size(rows) + (0 if path == self._last else len(title)) + 1 <= self._free

    def _write(self, path: str, title: str, rows: Sequence[str], last: int) -> None:
        head = "" if self._last == path else title
        self._texts += [head, *rows]
        self._free -= len(head) + 1 + _size(rows)
        self._last = path
        self._paths[path] = last

    def _close(self) -> None:
        self._made.append(Part(len(self._made) + 1, "\n".join(self._texts) + "\n", tuple(self._paths)))
        self._texts, self._paths, self._last, self._free = [], {}, "", self._room

    def done(self) -> list[Part]:
        """All parts."""
        if self._texts:
            self._close()
        return self._made


def _size(rows: Sequence[str]) -> int:
    """Characters of these rows with their line ends."""
    return sum(map(len, rows)) + len(rows)


def _pieces(rows: Sequence[str], room: int) -> Iterator[list[str]]:
    piece, used = list[str](), 0
    for row in rows:
        if piece and used + len(row) + 1 > room:
            yield piece
            piece, used = [], 0
        piece.append(row)
        used += len(row) + 1
    yield piece


def _title(patch: FilePatch) -> str:
    words = {"A": "new file", "R": f"renamed from {shown(patch.old_path)}", "T": "changed its type"}
    return f"=== {shown(patch.path)} ({words.get(patch.status, 'changed')}) ==="


# ---- rows ------------------------------------------------------------------------------------------------------------


def _numbered(hunk: Hunk) -> list[str]:
    """A hunk's lines with their signs and their numbers in the file as it is now."""
    rows = []
    number = hunk.new
    for raw in hunk.body.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        sign = raw[:1]
        if sign == "-":
            rows.append(f"-       | {raw[1:]}")
        elif sign != "\\":
            rows.append(f"{sign or ' '} {number:>5} | {raw[1:]}")
            number += 1
    return rows


def _around(bare: list[str], hunk: Hunk, lines: Sequence[str], known: int, stop: int) -> list[str]:
    """A hunk from the head of its function to a little below, from `known` (so far it was shown) to before `stop`."""
    end = max(1, hunk.new + hunk.new_count)  # 0 of a file that is empty now
    below = [_context(number, lines) for number in range(end, min(end + DOWN, stop, len(lines) + 1))]
    return [*_above(hunk, lines, known), *bare, *below]


def _above(hunk: Hunk, lines: Sequence[str], known: int) -> list[str]:
    first = hunk.new
    if not 1 < first <= len(lines) + 1:
        return []
    head = _head(hunk, lines)
    if head is None or head < known:
        return []
    if first - head <= UP:
        return [_context(number, lines) for number in range(head, first)]
    return [_context(head, lines), "        ..."]


def _head(hunk: Hunk, lines: Sequence[str]) -> int | None:
    """Where the function around the first change begins, if that is above the hunk."""
    at = hunk.new
    for line in hunk.lines():
        if line.sign != " " and line.text.strip():
            head = head_of(lines, min(at, len(lines) + 1), indent_of(line.text))
            return head if head is not None and head < hunk.new else None
        at += line.sign != "-"
    return None


def _context(number: int, lines: Sequence[str]) -> str:
    text = lines[number - 1]
    return f"  {number:>5} | {text if len(text) <= _WIDEST else text[:_WIDEST] + '…'}"
