"""The change that a pull request is, file by file as git tells it, against the commit where it left its base."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from typing import NamedTuple

from bot.git.command import GitError, stream
from bot.git.mirror import Mirror
from bot.review.patch import FilePatch, Status, parse

MOST_BYTES, MOST_LINES = 1 << 20, 20_000  # of one file's patch: GitHub shows nothing of a larger one
MOST_IN_ALL = 64 << 20  # bytes of all patches that are kept
_OPTIONS = (
    *("-r", "-z", "--raw", "-p", "--full-index", "-M", "-l1000", "-U3", "--no-color", "--no-ext-diff"),
    *("--no-textconv", "--ignore-submodules=none", "--diff-algorithm=myers"),
)
_FIRST = b"diff --git "
_NEXT = b"\n" + _FIRST
_STATUSES: dict[str, Status] = {"A": "A", "M": "M", "D": "D", "R": "R", "T": "T", "C": "A"}


class _Head(NamedTuple):
    """A file as git's raw lines name it: those have every name as it is, whatever is in it."""

    status: Status
    old_path: str
    path: str


class _Section(NamedTuple):
    """What git says of one file. Of a very large one the middle is missing, and counted in the numbers of lines."""

    text: bytes
    added: int = 0
    deleted: int = 0
    cut: bool = False


async def merge_base(mirror: Mirror, base: str, head: str) -> str | None:
    """Where `head` left `base`; None where they have no commit in common, GitError where one is not here."""
    said = await mirror.answer("merge-base", base, head)
    if said.code > 1:
        raise GitError(("merge-base", base, head), said.code, said.stderr)
    return said.stdout.decode().strip() if said.code == 0 else None


async def patches(mirror: Mirror, base: str, head: str) -> AsyncIterator[FilePatch]:
    """Every file that differs between two commits, renames found, three lines of context; one in memory at a time.

    Of a file whose patch is very large no hunk is kept, nor of any once they are too many together: all of them may be
    held. Raises GitError.
    """
    reader = _Reader()
    said = stream("diff-tree", *_OPTIONS, base, head, "--", git_dir=mirror.path, transport=mirror.transport)
    async with aclosing(said) as pieces:
        async for piece in pieces:
            for patch in reader.feed(piece):
                yield patch
    for patch in reader.rest():
        yield patch


class _Reader:
    """Makes files of what git says, as it comes."""

    def __init__(self) -> None:
        self._cutter = _Cutter()
        self._heads: Iterator[_Head | None] | None = None  # of the sections that are still to come
        self._room = MOST_IN_ALL

    def feed(self, piece: bytes) -> Iterator[FilePatch]:
        """The files that this piece ends."""
        return self._files(self._cutter.feed(piece))

    def rest(self) -> Iterator[FilePatch]:
        """The last file, when git is done; GitError where one is missing."""
        yield from self._files(self._cutter.rest())
        if any(self._heads or ()):
            raise _torn("names files that it has no patch of")

    def _files(self, sections: Iterable[_Section]) -> Iterator[FilePatch]:
        for section in sections:
            if self._heads is None:
                self._heads = _heads(section.text)
                continue
            try:
                head = next(self._heads)
            except StopIteration:
                raise _torn("has patches of files that it does not name") from None
            if head:
                patch = _read(head, section, self._room)
                self._room -= 0 if patch.blank else len(section.text)
                yield patch


def _torn(what: str) -> GitError:
    return GitError(("diff-tree",), 0, f"the diff {what}")


class _Cutter:
    """Cuts what git says, as it comes, before each `diff --git`. Holds no more than the section that is not ended."""

    def __init__(self) -> None:
        self._held = b""
        self._raw = True  # the raw lines are not ended
        self._added = self._deleted = 0
        self._cut = False

    def feed(self, piece: bytes) -> Iterator[_Section]:
        """The sections that this piece ends."""
        seen = max(0, len(self._held) - len(_NEXT))
        held = self._held + piece if self._held else piece
        start = 0
        if self._raw:
            end = held.find(b"\0\0", seen)  # no name is empty
            if end < 0:
                self._held = held
                return
            yield _Section(held[: end + 1])
            self._raw, start, seen = False, end + 2, end + 2
        while (at := held.find(_NEXT, max(start, seen))) >= 0:
            yield self._section(held[start : at + 1])
            start = at + 1
        self._held = held[start:]
        if len(self._held) > 2 * MOST_BYTES:
            self._shorten()

    def rest(self) -> Iterator[_Section]:
        """What is held when git is done."""
        if self._held:
            yield _Section(self._held) if self._raw else self._section(self._held)

    def _section(self, text: bytes) -> _Section:
        made = _Section(text, self._added, self._deleted, self._cut)
        self._added = self._deleted = 0
        self._cut = False
        return made

    def _shorten(self) -> None:
        """Take the middle out of what is too large in any case."""
        first, last = MOST_BYTES, len(self._held) - len(_NEXT)
        self._added += self._held.count(b"\n+", first, last)
        self._deleted += self._held.count(b"\n-", first, last)
        self._held = self._held[:first] + self._held[last:]
        self._cut = True


def _heads(raw: bytes) -> Iterator[_Head | None]:
    """The file of each section; None: the next one tells all of it."""
    words = iter(raw.decode("utf-8", "surrogateescape").split("\0"))
    for about in words:
        if about:
            letter = about.split(" ")[4][0]
            old = next(words)
            if letter == "T":  # git tells it as one file that goes and one that comes
                yield None
            yield _Head(_STATUSES[letter], old, next(words) if letter in "RC" else old)


def _read(head: _Head, section: _Section, room: int) -> FilePatch:
    text = section.text
    if not section.cut and len(text) <= min(MOST_BYTES, room) and not _has_many_lines(text):
        return parse(text, head.path, head.old_path, head.status)
    start = max(text.find(b"\n@@ -"), 0)
    added = section.added + text.count(b"\n+", start)
    deleted = section.deleted + text.count(b"\n-", start)
    return FilePatch(head.path, head.old_path, head.status, added=added, deleted=deleted, too_large=True)


def _has_many_lines(text: bytes) -> bool:
    """Whether more lines changed than GitHub shows of a file; a line has two bytes at least."""
    return len(text) > 2 * MOST_LINES and text.count(b"\n+") + text.count(b"\n-") > MOST_LINES
