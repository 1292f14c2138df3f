"""Pull requests that are of no use any more: closed with a sentence, unless people have made them theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.github.api import Repository
from bot.github.entity import Pull
from bot.publish import parts_text
from bot.publish.places import heir
from bot.store.parts import Held


@dataclass(frozen=True)
class Spares:
    """One run's, whose work is in the pull requests `held` now; `own` is the id of the bot's account."""

    run: str
    own: int
    held: Sequence[Held]

    async def close(self, repo: Repository, spare: Held) -> tuple[bool, str]:
        """Whether it is open still, and what is to be said of that; a repeat says the same."""
        assert spare.pull is not None
        now, work = await repo.pull(spare.pull), heir(spare, self.held)
        place, marker = work.pull if work else None, f"spare:{self.run}"
        if now.state != "open":
            closed = place and await repo.find_comment(now.number, marker)
            return False, parts_text.was_closed(now.number, place) if place and closed else ""
        if place is None:
            return True, parts_text.nothing_instead(now.number)
        if why := await self._theirs(repo, now, spare):
            return True, parts_text.left_open(now.number, place, why)
        await repo.comment(now.number, parts_text.closing(place), marker)
        await repo.close_pull(now.number)
        return False, parts_text.was_closed(now.number, place)

    async def _theirs(self, repo: Repository, now: Pull, spare: Held) -> str:
        """Why it is not for the bot to close; empty where it is."""
        if now.author.id != self.own:
            return parts_text.opened_by_others()
        if spare.shared or now.head_sha != spare.head:
            return parts_text.pushed_to()
        if any(person.id != self.own for person in await repo.approvers(now.number)):
            return parts_text.was_approved()
        return ""
