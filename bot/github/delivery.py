"""Which deliveries GitHub knows and we do not, so that it is asked to send them again. Pure."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from bot.github.shape import moment, number, word

ENOUGH = 5  # a delivery that failed so often is not asked for again


@dataclass(frozen=True)
class Sent:
    """One attempt of GitHub's to deliver; attempts of one delivery share the GUID."""

    id: int
    guid: str
    at: datetime


def read_sent(data: object) -> Sent:
    return Sent(number(data, "id"), word(data, "guid"), moment(data, "delivered_at"))


def missed(sent: Iterable[Sent], known: Set[str], asked: Mapping[str, int], before: datetime) -> list[Sent]:
    """The first attempt of every delivery that never arrived, oldest first.

    `asked`: how often each was asked for already; what was tried after `before` may still be under way.
    """
    by_guid: dict[str, list[Sent]] = {}
    for attempt in sorted(sent, key=lambda one: (one.at, one.id)):
        by_guid.setdefault(attempt.guid, []).append(attempt)
    return [
        tries[0]
        for guid, tries in by_guid.items()
        if guid not in known and tries[-1].at <= before and max(len(tries), asked.get(guid, 0) + 1) < ENOUGH
    ]
