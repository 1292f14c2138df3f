"""Jobs of agents that change nothing: what they are asked, and what they say by name."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.agents import prompt
from bot.agents.job import Step
from bot.agents.reader import Reader, Reading
from bot.agents.workshop import Order, Workshop
from bot.git import changes
from bot.graph import outputs
from bot.orchestra.part import Ended, Part
from bot.orchestra.score import Score
from bot.orchestra.trunk import Trunk


@dataclass(frozen=True)
class Asking:
    """One run's. `told` makes the order for a part that may use so many US dollars."""

    shop: Workshop
    step: Step
    score: Score
    trunk: Trunk
    order: Order
    told: Callable[[Part, float], Order]

    async def read(self, part: Part, usd: float, step: str) -> tuple[Ended, float]:
        """How a job ended of an agent that says something by name, and what it cost."""
        types = part.spec.outputs

        def parse(words: str) -> tuple[list[dict[str, Any]], list[str]]:
            found, wrong = outputs.parse(words, types)
            return ([] if wrong else [found]), wrong

        diff = await self._diff() if "diff" in self.shop.agents[part.spec.agent].prompt else ""
        made = await self.ask(part, usd, step, parse, outputs.schema(types), diff=diff)
        if made.failed:
            return Ended("failed", made.problem), made.counted
        said = made.said[0]
        return Ended("done", "", said, json.dumps(said, ensure_ascii=False), made.tree), made.counted

    async def ask(
        self,
        part: Part,
        usd: float,
        step: str,
        parse: Any,
        schema: Mapping[str, Any],
        title: str = "",
        salvage: Any = None,
        **given: Any,
    ) -> Reading:
        """What an agent answers that reads the trunk and changes nothing; `given` is told besides.

        `salvage` reads its second answer, where that is less strict than `parse`.
        """
        order, spec = self.shop.engaged(self.told(part, usd), part.spec.agent)
        order = replace(order, base_tree=self.trunk.tree)
        reader = Reader(
            shop=self.shop,
            order=order,
            node=self.score.node(part, step, title or f"{part.spec.agent} reads"),
            agent=part.spec.agent,
            spec=spec,
            given={**_given(order.asked), **given},
            parse=parse,
            salvage=salvage or parse,
            schema=schema,
            usd=usd,
            noun="answer",
        )
        return Reading(**await self.step(reader.node.key, reader.step))

    async def _diff(self) -> str:
        """What all jobs made so far, for an agent that judges it."""
        patch = await changes.patch(self.order.mirror, self.order.base_tree, self.trunk.tree)
        return prompt.fence("what was changed", patch.decode("utf-8", "replace").strip()) if patch else ""


def _given(asked: prompt.Asked) -> dict[str, Any]:
    plan = prompt.fence("plan", asked.plan) if asked.plan else ""
    comments = "\n\n".join(prompt.fence(f"comment by {c['author']}", c["body"]) for c in asked.comments)
    issue = prompt.issue_given(asked.repo, asked.number, asked.title, asked.body, asked.author)
    return {**issue, **prompt.part_given(asked), "comments": comments, "plan": plan}
