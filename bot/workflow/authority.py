"""Who may: what somebody is in a repository, asked of GitHub at that moment."""

from dataclasses import dataclass

import structlog

from bot.github.api import Level
from bot.github.content import LEVELS, Permission
from bot.github.entity import Person, RepoRef
from bot.workflow.dispatcher import Parts
from bot.workflow.library import key

log = structlog.get_logger(__name__)
LISTED: Level = "write"  # what a bot may that the configuration lists by its id


@dataclass(frozen=True)
class Standing:
    """What somebody is in a repository; `level` as GitHub says it of exactly this person."""

    person: Person
    level: Level

    def reaches(self, needed: Level) -> bool:
        return LEVELS.index(self.level) >= LEVELS.index(needed)

    @property
    def stranger(self) -> bool:
        """Whether somebody has no part in the repository but to read it: then one answer a thread is enough."""
        return not self.reaches("triage")


class Authority:
    """One per process."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts

    async def of(self, repo: RepoRef, person: Person) -> Standing:
        """Asked of GitHub each time; a bot that is listed may what a writer may, and no other bot may anything."""
        if person.is_bot:
            level: Level = LISTED if person.id in await self.bots(repo) else "none"
            return Standing(person, level)
        async with self._p.github.repository(repo, {"metadata": "read"}) as opened:
            right = await opened.permission(person.login)
        return Standing(person, _level(right, person))

    async def bots(self, repo: RepoRef) -> frozenset[int]:
        """The ids of the bots that may command here."""
        settings = await self._p.library.settings(key(repo))
        return frozenset(settings.bots) if settings is not None else frozenset()


def suffices(standing: Standing, needed: Level) -> bool:
    """Whether somebody may do what needs that right; the log keeps who asked."""
    allowed = standing.reaches(needed)
    log.info("right asked", actor=standing.person.login, has=standing.level, needs=needed, allowed=allowed)
    return allowed


def _level(right: Permission, person: Person) -> Level:
    """Logins change hands: the right of another account of that name is nobody's."""
    return right.level if right.user_id == person.id else "none"
