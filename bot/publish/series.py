"""The several pull requests of one run as a set: each has its place and names the others, what is spare is closed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.agents import composition
from bot.git import changes
from bot.git.mirror import Mirror
from bot.github.client import GitHub
from bot.publish import parts_text, places
from bot.publish.body import with_series
from bot.publish.offer import Offer
from bot.publish.spare import Spares
from bot.publish.subject import event_of
from bot.store import parts, runs
from bot.store.board import Board
from bot.store.parts import Held


@dataclass(frozen=True)
class Opened:
    """A pull request that is there, whether it is a draft, and whether it is still `open`.

    The commits of a branch of people's have none of ours.
    """

    pull: int
    draft: bool
    open: bool = True


class Series:
    """Each verb is the effect of a step, and may be repeated."""

    def __init__(self, github: GitHub, board: Board) -> None:
        self._github, self._board = github, board

    async def parts(self, mirror: Mirror, made: Offer) -> list[Offer]:
        """The pull requests that the work is to be: itself, where it is one and new, or goes to people's branch."""
        if not made.product.slices or made.theirs:
            return [made]
        products = composition.parted(made.product)
        given = places.of([one.jobs for one in made.product.slices], made.run, made.ground)
        found = []
        for number, (one, place) in enumerate(zip(products, given.held, strict=True), start=1):
            ground = places.ground_of(made.ground, place)
            changed = await changes.diff(mirror, ground.base, one.tree)
            found.append(made.part(one, ground, changed, number=number, total=len(products), place=place))
        return found

    def spare(self, made: Offer) -> tuple[Held, ...]:
        """The pull requests that have no use once the parts are published."""
        if made.theirs or not made.product.slices:
            return ()
        return places.of([one.jobs for one in made.product.slices], made.run, made.ground).spare

    async def place(self, made: Offer, found: Sequence[Offer]) -> dict[str, Any]:
        """Give each part its branch, one of nobody's where it has none yet; the run knows that from now on."""
        held, spare = [part.place for part in found if part.place], self.spare(made)
        taken = {one.branch for one in (*held, *spare, *places.known(made.run, made.ground).held) if one.head}
        async with self._github.repository(event_of(made.run).repo, {"contents": "read"}) as repo:
            for number, one in enumerate(held):
                name, again = one.branch, number + 1
                while number and not one.head and (name in taken or await repo.branch_exists(name)):
                    again += 1
                    name = f"{made.ground.branch}-{again}"
                held[number] = replace(one, branch=name)
                taken.add(name)
        await self._board.db.write(lambda conn: parts.put(conn, made.run.id, held, spare))
        return {"held": [asdict(one) for one in held], "spare": [asdict(one) for one in spare]}

    async def learn(self, made: Offer, **facts: Any) -> None:
        """The run knows where its work is: the first part as the run's own, and every one by its number."""
        if made.place is not None:
            await self._board.db.write(lambda conn: parts.learn(conn, made.run.id, made.number, facts))
        if made.number == 1:
            await self._board.learn(made.run.id, **facts)

    async def name_each_other(self, made: Offer, opened: Sequence[Opened]) -> dict[str, Any]:
        """Now that all are there, each that is open names the others."""
        numbers = [one.pull for one in opened if one.open]
        async with self._github.repository(event_of(made.run).repo, {"pull_requests": "write"}) as repo:
            for number, one in enumerate(opened, start=1):
                if not one.open:
                    continue
                now, others = await repo.pull(one.pull), [other for other in numbers if other != one.pull]
                body = with_series(now.body, number, len(opened), others)
                title = parts_text.renumbered(now.title, number, len(opened))
                if (body, title) != (now.body, now.title):
                    await repo.edit_pull(one.pull, body=body, title=title if title != now.title else "")
        return {"pulls": numbers}

    async def close(self, made: Offer, held: Sequence[Held], spare: Sequence[Held]) -> dict[str, Any]:
        """Close what is of no use any more, as far as that is the bot's to do; what is to be said of each."""
        app, told, left = await self._github.app(), list[str](), list[Held]()
        rights: Mapping[str, Any] = {"pull_requests": "write", "issues": "write"}
        async with self._github.repository(event_of(made.run).repo, rights) as repo:
            spares = Spares(made.run.id, app.bot_id, held)
            for one in spare:
                still, said = await spares.close(repo, one)
                told += [said] if said else []
                left += [one] if still else []
        records = [asdict(one) for one in left]
        await self._board.db.write(lambda conn: runs.learn(conn, made.run.id, spare=records))
        return {"told": told}
