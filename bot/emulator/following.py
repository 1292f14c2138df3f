"""Where remarks stand once a pull request has moved: on the same lines elsewhere, or nowhere."""

from collections.abc import Iterable
from dataclasses import replace

from bot.emulator.bare import Bare
from bot.emulator.history import bare_diff, diff
from bot.emulator.patch import Span, Spot, Unresolved, find_spot, moved_line
from bot.emulator.world import Pull, Remark

Patches = dict[str, str | None]
Moves = dict[tuple[str, str], Patches]


async def follow(pull: Pull) -> None:
    """Gives every thread its spot in the pull request's diff as it is now, None where its lines have changed.

    Each is followed from where it was made: a line that comes back finds its remark again.
    """
    firsts = pull.threads
    if not firsts or not pull.base_sha:
        return
    git, head = pull.repo.git, pull.head_sha
    middle = await git.merge_base(pull.base_sha, head)
    now = {each.path: each.patch for each in await diff(git, pull.base_sha, head)}
    moves = await _moves(git, firsts, middle, head)
    for each in firsts:
        each.spot = _spot(each, now, moves[each.base, middle], moves[each.sha, head])
        each.shown = head if each.spot else each.shown


async def _moves(git: Bare, firsts: Iterable[Remark], middle: str, head: str) -> Moves:
    """What changed since each of the commits that the remarks were made between."""
    ways = {(each.base, middle) for each in firsts} | {(each.sha, head) for each in firsts}
    return {(old, new): {} if old == new else await _changed(git, old, new) for old, new in ways}


async def _changed(git: Bare, old: str, new: str) -> Patches:
    return {each.path: each.patch for each in await bare_diff(git, old, new)}


def _spot(remark: Remark, now: Patches, left: Patches, right: Patches) -> Spot | None:
    span = remark.made.span

    def moved(side: str, line: int) -> int | None:
        return moved_line((left if side == "LEFT" else right).get(remark.path), line)

    line, start = moved(span.side, span.line), moved(*span.first)
    if line is None or start is None or not _whole(span, start, line):
        return None
    span = replace(span, line=line, start=None if span.start is None else start)
    try:
        return find_spot(now.get(remark.path), span)
    except Unresolved:
        return None


def _whole(span: Span, start: int, line: int) -> bool:
    """Whether nothing was put in between its lines; on two sides that cannot be told."""
    return span.first[0] != span.side or line - start == span.line - span.first[1]
