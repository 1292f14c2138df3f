"""The repository's own tests, run because somebody asks: on exactly the commit that they could see when they asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter

from bot.agents.job import Step
from bot.agents.judgement import Judgement
from bot.agents.workshop import Workshop
from bot.check.trial import Verdict
from bot.errors import State, Stop
from bot.publish import trial_text
from bot.publish.head_ground import HeadGround, HeadSurveyor, named
from bot.store import runs
from bot.store.runs import Run
from bot.workflow.guard import Guard
from bot.workflow.spec import Workflow

GROUND = TypeAdapter(HeadGround)
Show = Callable[[str], Awaitable[None]]


class Testing:
    """Conducts such runs. `show` makes the status comment say what is stored."""

    def __init__(self, shop: Workshop, surveyor: HeadSurveyor, show: Show) -> None:
        self._shop, self._surveyor, self._show = shop, surveyor, show

    async def play(self, run: Run, workflow: Workflow, guard: Guard, step: Step) -> tuple[State, str]:
        """The state and the sentence it ends with; raises Stop where it ends early."""
        working = guard.working(step)
        ground = GROUND.validate_python(
            await working("prepare", lambda: guard.watched(self._prepare(run, workflow))),
        )
        await guard.tries(lambda: self._surveyor.ready(run, ground), heed=False)
        judgement = Judgement(self._shop, await self._surveyor.order(run, ground), ground.tree)
        verdict = Verdict(**await working("test", lambda: judgement.step(trial_text.node)))
        if not verdict.command:
            return "skipped", trial_text.nothing_to_run(ground.head)
        state, told = trial_text.ended(verdict, ground.head, ground.minutes)
        note = await working("look", lambda: self._look(run, ground))
        return state, "\n\n".join(part for part in (told, note) if part)

    async def _prepare(self, run: Run, workflow: Workflow) -> dict[str, Any]:
        node = runs.Node("prepare", 0, "Look at the commit and fetch it")
        await self._shop.board.begin(run.id, node)
        await self._shop.board.plan(run.id, trial_text.node(""))
        ground, shown = await asyncio.gather(
            self._surveyor.ground(run, workflow), self._show(run.id), return_exceptions=True
        )
        for result in (ground, shown):
            if isinstance(result, BaseException):
                raise result
        assert isinstance(ground, HeadGround)
        words = () if run.context.get("taken_as") else run.context.get("words", ())  # words of one's own name nothing
        ground = replace(ground, named=named(words, ground.head))
        await self._refuse_later(run, ground)
        await self._shop.board.end(run.id, node.key, "done", trial_text.short(ground.head))
        return asdict(ground)

    async def _refuse_later(self, run: Run, ground: HeadGround) -> None:
        """Raises Stop where nobody who asked can have seen this head: it was pushed afterwards."""
        if ground.pull and not ground.named and await self._surveyor.pushed_later(run, ground):
            raise Stop("refused", trial_text.pushed_later(ground.head))

    async def _look(self, run: Run, ground: HeadGround) -> str:
        """What is to be said of the pull request besides, for it may have changed while its tests ran."""
        if not ground.pull:
            return ""
        await self._refuse_later(run, ground)
        head = (await self._surveyor.now(run, ground)).head_sha
        return trial_text.gone_on(head) if head != ground.head else ""
