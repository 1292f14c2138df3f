"""The change that a pull request is, file by file as git tells it, against the commit where it left its base."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import NamedTuple

from bot.git.command import stream
from bot.git.mirror import Mirror
from bot.review.patch import FilePatch, Status, parse

MOST_BYTES, MOST_LINES = 1 << 20, 20_000  # of one file's patch: GitHub shows nothing of a larger one
_OPTIONS = (
    *("-r", "-z", "--raw", "-p", "--full-index", "-M", "-l1000", "-U3", "--no-color", "--no-ext-diff"),
    *("--no-textconv", "--ignore-submodules=none", "--diff-algorithm=myers"),
)
_NEXT = b"\ndiff --git "
_STATUSES: dict[str, Status] = {"A": "A", "M": "M", "D": "D", "R": "R", "T": "T", "C": "A"}


class _Head(NamedTuple):
    """A file as git's raw lines name it: those have every name as it is, whatever is in it."""

    status: Status
    old_path: str
    path: str


async def merge_base(mirror: Mirror, base: str, head: str) -> str | None:
    """Where `head` left `base`; None where they have no commit in common."""
    said = await mirror.answer("merge-base", base, head)
    return said.stdout.decode().strip() if said.code == 0 else None


async def patches(mirror: Mirror, base: str, head: str) -> AsyncIterator[FilePatch]:
    """Every file that differs between two commits, renames found, three lines of context; one in memory at a time.

    Of a file whose patch is very large no hunk is kept. Raises GitError.
    """
    ends = (await mirror.tree(base), await mirror.tree(head))
    async with aclosing(_sections(mirror, *ends)) as sections:
        heads: list[_Head] = []
        async for section in sections:
            if not heads:
                heads = _heads(section)[::-1]
                continue
            one = heads.pop()
            if one.status == "T":  # git tells it as one file that goes and one that comes
                section = await anext(sections)
            yield _read(one, section)


async def _sections(mirror: Mirror, base: str, head: str) -> AsyncIterator[bytes]:
    """What git says, cut before each `diff --git`: the raw lines first, then the patches in their order."""
    held = bytearray()
    seen = 0  # of it, where no cut is
    async with aclosing(stream("diff-tree", *_OPTIONS, base, head, git_dir=mirror.path)) as pieces:
        async for piece in pieces:
            held += piece
            start = 0
            while (cut := _cut(held, seen)) >= 0:
                yield bytes(held[start:cut])
                start, seen = cut, cut + 1
            del held[:start]
            seen = max(0, len(held) - len(_NEXT))
            if len(held) > 2 * MOST_BYTES and held.startswith(_NEXT[1:]):
                del held[MOST_BYTES + 1 : -len(_NEXT)]  # too large all the same
                seen = max(0, len(held) - len(_NEXT))
    if held:
        yield bytes(held)


def _cut(held: bytearray, seen: int) -> int:
    """Where the next section begins; the first comes behind the NUL that ends the raw lines."""
    at = held.find(_NEXT, seen)
    first = held.find(b"\0" + _NEXT[1:], seen) if held.startswith(b":") else -1
    found = [place + 1 for place in (at, first) if place >= 0]
    return min(found, default=-1)


def _heads(raw: bytes) -> list[_Head]:
    words = raw.decode("utf-8", "surrogateescape").split("\0")
    heads: list[_Head] = []
    at = 0
    while at < len(words) and words[at].startswith(":"):
        letter = words[at].split(" ")[4][0]
        moved = letter in "RC"
        heads.append(_Head(_STATUSES[letter], words[at + 1], words[at + 1 + moved]))
        at += 2 + moved
    return heads


def _read(head: _Head, section: bytes) -> FilePatch:
    start = section.find(b"\n@@ ")
    if start < 0:
        return FilePatch(head.path, head.old_path, head.status, b"\nBinary files " in section)
    added, deleted = section.count(b"\n+", start), section.count(b"\n-", start)
    if len(section) > MOST_BYTES or added + deleted > MOST_LINES:
        return FilePatch(head.path, head.old_path, head.status, added=added, deleted=deleted, too_large=True)
    return parse(section, head.path, head.old_path, head.status, added, deleted)
