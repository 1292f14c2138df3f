"""What one job of a run is told and may do: its part of what is wanted, its money and time, what it can write to."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.agents import prompt
from bot.agents.attempt import Job as Work
from bot.agents.workshop import Order
from bot.graph import outputs
from bot.orchestra.claims import Claims
from bot.orchestra.part import Ended, Part, said
from bot.orchestra.score import Score
from bot.workflow.spec import Workflow

_TOLD = 8_000  # characters of what each job before said
_BESIDES = 60  # where the steps of a mend that others wait for stand below their job


@dataclass(frozen=True)
class Briefing:
    """One run's. `rules` are those of layers and services by name, `ended` how the jobs stand so far."""

    order: Order
    workflow: Workflow
    rules: Mapping[str, str]
    score: Score
    claims: Claims
    ended: Mapping[str, Ended]

    def work(self, part: Part, turn: int | str, earlier: str = "") -> Work:
        """A turn of a job, by its number from 0 or by a name; `earlier` is what tests printed that it is to mend."""
        spec, place = part.spec, self.score.place(part.name)
        named = isinstance(turn, str)
        return Work(
            name=f"{part.name}.{turn}" if named else part.name,
            position=place + _BESIDES if named else place,
            agent=spec.agent,
            tries=spec.tests.tries,
            first=1 if isinstance(turn, str) else 1 + turn * spec.tests.tries,
            judged=spec.tests.each,
            owns=spec.owns,
            may=self.claims.writable(part),
            outputs=spec.outputs,
            outside=self.claims.outside(part),
            returns=spec.outside == "return",
            earlier=earlier,
        )

    def told(self, part: Part, usd: float) -> Order:
        """The order for one job: its part of what is wanted, its money and time."""
        spec, order = part.spec, self.order
        minutes = min(order.minutes, spec.timeout_minutes or order.minutes)
        deadline = min(order.deadline, time.time() + minutes * 60)
        area = part.values.get(self.workflow.worktrees)  # a layer or service has rules of its own
        rules = self.rules.get(str(area["name"]), "") if isinstance(area, Mapping) and "name" in area else ""
        focus = "\n\n".join(filter(None, (spec.focus, rules)))
        asked = replace(order.asked, focus=focus, owns=spec.owns, before=self._before(part.needs))
        asked = replace(asked, wanted=outputs.wanted(spec.outputs))
        env = {**self.workflow.env, **spec.env}
        less = {"usd": usd < order.usd, "minutes": minutes < order.minutes}
        own = frozenset(limit for limit, is_less in less.items() if is_less)
        return replace(order, usd=usd, asked=asked, minutes=minutes, deadline=deadline, env=env, own=own)

    def _before(self, needs: Sequence[str]) -> str:
        """What the jobs said that come before, as data."""
        words = said(self.ended, needs) if needs else {}
        return "\n\n".join(prompt.fence(f"job {name}", one, _TOLD) for name, one in words.items())
