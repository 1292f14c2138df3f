"""How many runs may start: of a day, for a person and a repository; of an hour, for one conversation; and the money."""

from datetime import UTC, datetime

from bot.github import events
from bot.publish import command_text
from bot.publish.subject import Act
from bot.store import runs
from bot.workflow.dispatcher import Parts
from bot.workflow.library import key

THREAD_RUNS, THREAD_SECONDS = 30, 3600.0


class Allowance:
    """One per process; it counts what is in the database, so all workers count together."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts

    async def exhausted(self, event: Act) -> str:
        """The sentence why no run may start for this event now, empty where one may."""
        return await self._runs(event) or await self._money(event)

    async def _runs(self, event: Act) -> str:
        now = self._p.budget.now()
        midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        actor, repo, target = event.actor.id, event.repo.full_name, events.target(event)
        of_actor = await self._p.db.read(lambda conn: runs.since(conn, midnight, actor=actor))
        of_repo = await self._p.db.read(lambda conn: runs.since(conn, midnight, repo=repo))
        of_target = await self._p.db.read(lambda conn: runs.since(conn, now - THREAD_SECONDS, target=target))
        by_repo = await self._most(event)
        if (most := self._p.day.actor) is not None and of_actor >= most:
            return command_text.actor_runs(event.actor.login, most)
        if by_repo is not None and of_repo >= by_repo:
            return command_text.repo_runs(by_repo)
        return command_text.thread_runs(THREAD_RUNS) if of_target >= THREAD_RUNS else ""

    async def _most(self, event: Act) -> int | None:
        """The lower one of what the operator and the repository allow."""
        settings = await self._p.library.settings(key(event.repo))
        own = settings.limits.runs_a_day if settings is not None else None
        return min((most for most in (self._p.day.repo, own) if most is not None), default=None)

    async def _money(self, event: Act) -> str:
        actor = event.actor
        settings = await self._p.library.settings(key(event.repo))
        own = settings.limits.usd_a_day if settings is not None else None
        purse = self._p.budget.purse("", event.repo.full_name, actor.id, actor.login, own=own)
        spent = await purse.empty()
        return command_text.no_money(spent) if spent else ""
