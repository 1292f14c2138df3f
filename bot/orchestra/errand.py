"""What jobs want changed of paths that are others': kept until the owners were asked, noted where it is not made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.agents.job import Product
from bot.git import merging
from bot.git.mirror import Mirror
from bot.orchestra.part import Part
from bot.orchestra.request import Request, words
from bot.publish import graph_text

Ask = Callable[[Part, str], Awaitable[bool]]


@dataclass
class Errands:
    """One run's. `notes` are sentences about what nobody made."""

    mirror: Mirror
    waiting: list[Request] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def take(self, part: Part, product: Product, left: Mapping[str, tuple[str, ...]]) -> None:
        """Keep what a job changed of others' paths, by owner."""
        for owner, paths in left.items():
            patch = await merging.patch_of(self.mirror, product.start, product.tree, paths)
            self.waiting.append(Request(part.name, owner, paths, patch))

    async def fulfil(self, parts: Mapping[str, Part], ask: Ask) -> None:
        """Have the owners make the changes that others asked for, as they see fit: `ask` says whether one did."""
        asked, self.waiting = self.waiting, []
        for owner in dict.fromkeys(one.owner for one in asked):
            mine = [one for one in asked if one.owner == owner]
            if owner not in parts or not await ask(parts[owner], words(mine)):
                self._note(mine)

    def close(self) -> list[str]:
        """Nobody is asked any more; every note."""
        self._note(self.waiting)
        self.waiting = []
        return self.notes

    def _note(self, requests: list[Request]) -> None:
        said = (graph_text.not_fulfilled(one.job, one.owner, one.paths) for one in requests)
        self.notes += [note for note in said if note not in self.notes]
