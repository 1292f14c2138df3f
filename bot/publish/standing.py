"""Findings that were said, as they stand at another commit: the rows of the ledger and what follows from git alone."""

import time
from collections.abc import Sequence
from dataclasses import replace

from bot.git.mirror import Mirror
from bot.git.patches import patches
from bot.publish.study import Sources
from bot.review import ledger
from bot.review.ledger import Known
from bot.review.said import Said


def known_of(said: Sequence[Said]) -> list[Known]:
    """The rows as the ledger takes them; their numbers are its names."""
    return [Known(str(one.number), one.state, one.finding, one.fingerprint, one.why, one.inline) for one in said]


def entries(said: Sequence[Said], known: Sequence[Known], now: float) -> tuple[Said, ...]:
    """The rows with what the ledger has changed of them."""
    rows = {str(one.number): one for one in said}
    return tuple(_entry(rows[one.id], one, now) for one in known)


def _entry(row: Said, known: Known, now: float) -> Said:
    ended = None if known.state == "open" else row.ended_at if known.state == row.state else now
    finding, mark = known.finding, known.fingerprint
    return replace(row, state=known.state, finding=finding, fingerprint=mark, why=known.why, ended_at=ended)


async def standing(mirror: Mirror, base: str, head: str, before: str, said: Sequence[Said]) -> list[Said]:
    """Findings as they stand at commit `head`, without any agent; `before` is the one that the rows speak of."""
    files = {patch.path: patch async for patch in patches(mirror, base, head)}
    sources = Sources(mirror, head, base, before if before and await mirror.has(before) else "")
    known = known_of(said)
    await sources.load(*ledger.wanted(known, files))
    now = ledger.follow(known, files, sources.at_head, sources.at_base, sources.at_before)
    return [*entries(said, now, time.time())]
