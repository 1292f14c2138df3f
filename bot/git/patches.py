"""The change that a pull request is, file by file as git tells it, against the commit where it left its base."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
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


@dataclass(frozen=True)  # no tuple: `anext` with a default takes one apart
class _Section:
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
    ends = (await mirror.tree(base), await mirror.tree(head))
    kept = 0
    async with aclosing(_sections(mirror, *ends)) as sections:
        heads = _heads((await anext(sections, _Section(b""))).text)
        for one in heads:
            section = await _next(sections)
            if one.status == "T":  # git tells it as one file that goes and one that comes
                section = await _next(sections)
            patch = _read(one, section, MOST_IN_ALL - kept)
            kept += len(section.text) if patch.hunks else 0
            yield patch
        if await anext(sections, None):
            raise _torn("has patches of files that it does not name")


async def _next(sections: AsyncIterator[_Section]) -> _Section:
    found = await anext(sections, None)
    if found is None:
        raise _torn("names files that it has no patch of")
    return found


def _torn(what: str) -> GitError:
    return GitError(("diff-tree",), 0, f"the diff {what}")


async def _sections(mirror: Mirror, base: str, head: str) -> AsyncGenerator[_Section, None]:
    """The raw lines, then the patches in their order."""
    cutter = _Cutter()
    said = stream("diff-tree", *_OPTIONS, base, head, git_dir=mirror.path, transport=mirror.transport)
    async with aclosing(said) as pieces:
        async for piece in pieces:
            for section in cutter.feed(piece):
                yield section
    for section in cutter.rest():
        yield section


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


def _heads(raw: bytes) -> Iterator[_Head]:
    words = iter(raw.decode("utf-8", "surrogateescape").split("\0"))
    for about in words:
        if about:
            letter = about.split(" ")[4][0]
            old = next(words)
            yield _Head(_STATUSES[letter], old, next(words) if letter in "RC" else old)


def _read(head: _Head, section: _Section, room: int) -> FilePatch:
    text = section.text
    start = text.find(b"\n@@ -")
    if start < 0:
        return FilePatch(head.path, head.old_path, head.status, b"\nBinary files " in text, too_large=section.cut)
    added = section.added + text.count(b"\n+", start)
    deleted = section.deleted + text.count(b"\n-", start)
    if section.cut or len(text) > min(MOST_BYTES, room) or added + deleted > MOST_LINES:
        return FilePatch(head.path, head.old_path, head.status, added=added, deleted=deleted, too_large=True)
    return parse(text, head.path, head.old_path, head.status, added, deleted)
