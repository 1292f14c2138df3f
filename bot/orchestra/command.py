"""A job of command lines: run on the trunk, in a place of its own, as the tests are; nothing it changes is kept."""

from dataclasses import asdict, dataclass
from typing import Any

from bot.agents.judgement import Judgement, cut_short, last_line, suite_of
from bot.agents.workshop import Order, Workshop
from bot.check.suite import Suite
from bot.check.trial import Verdict
from bot.graph import outputs
from bot.orchestra.part import Ended, Part
from bot.publish import graph_text
from bot.store import runs


@dataclass(frozen=True)
class Command:
    """The command lines of `part`, on the files of `tree`."""

    shop: Workshop
    order: Order
    part: Part
    node: runs.Node
    tree: str

    async def step(self) -> dict[str, Any]:
        """Run them, after the repository's set-up; what they said as a record."""
        run = self.order.run
        await self.shop.board.begin(run, self.node)
        found = await suite_of(self.order, self.tree)
        verdict = await Judgement(self.shop, self.order, self.tree).of(Suite(found.setup, self.part.spec.run))
        await self.shop.board.end(run, self.node.key, "done" if verdict.passed else "failed", last_line(verdict))
        return asdict(verdict)

    def ended(self, verdict: Verdict) -> Ended:
        """How the job ended, and what the commands printed by name where they were to."""
        if stopped := cut_short(verdict, self.order):
            return Ended(*stopped)
        if not verdict.passed:
            return Ended("failed", graph_text.command_failed(verdict.about))
        types = self.part.spec.outputs
        found, wrong = outputs.parse(verdict.output, types) if types else ({}, [])
        if wrong:
            return Ended("failed", graph_text.still_wrong(wrong, 1))
        return Ended("done", "", found, verdict.output[-2_000:])
