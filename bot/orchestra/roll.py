"""How many jobs a run has, those that others stand for among them, and how many it may have. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bot.orchestra.part import Part
from bot.workflow.graph import MOST, too_many
from bot.workflow.spec import Workflow


@dataclass
class Roll:
    """The jobs of one run by their names, `most` at most. Each call raises ValueError where there would be more."""

    most: int = MOST
    names: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, workflow: Workflow) -> "Roll":
        """The tasks of a swarm are held to a measure of their own."""
        return cls(MOST + (workflow.tasks.max if workflow.tasks else 0))

    def take(self, parts: Sequence[Part], instead: Collection[str] = ()) -> None:
        """The run has these parts too, `instead` of some that it had."""
        wanted = {part.name for part in parts}
        gone = self.names.intersection(instead) - wanted
        self._few(len(wanted - self.names) - len(gone))
        self.names -= gone
        self.names |= wanted

    def fits(self, parts: Sequence[Part]) -> None:
        """Whether it may have these parts too."""
        self._few(len({part.name for part in parts} - self.names))

    def _few(self, more: int) -> None:
        if len(self.names) + more > self.most:
            raise ValueError(too_many(self.most))
