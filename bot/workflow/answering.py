"""One answer from beginning to end: what is asked, who reads for it, what of the answer is told and where."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from bot.agents import response
from bot.agents.job import Step
from bot.agents.order import Matter, order
from bot.agents.prompt import Asked
from bot.agents.reader import Reader, Reading
from bot.agents.response import Answer, Description, Parts, Response
from bot.agents.spec import AgentSpec
from bot.agents.workshop import Order, Workshop
from bot.errors import State, Stop
from bot.git.mirror import Mirror, Mirrors
from bot.publish import answer_text
from bot.publish.answer_ground import AnswerGround, AnswerSurveyor, Change, asked_in, change, existing
from bot.publish.answer_text import Read
from bot.publish.describer import Describer
from bot.publish.question import given
from bot.publish.subject import issue_of, payer_of
from bot.store import runs
from bot.store.runs import Run
from bot.workflow.guard import Guard
from bot.workflow.spec import Workflow

READING = 1_000  # where the agent's step stands in the run's tree
ENDINGS: dict[str, State] = {"budget": "over budget", "timed out": "timed out", "silent": "timed out"}
ENDINGS |= {"limits": "resource limit"}


@dataclass(frozen=True)
class _Heard:
    """What the agent said, of which change, and what that stands on."""

    said: Response
    change: Change | None
    read: Read


class Answering:
    """Conducts answers. `show` has a run shown to people as it is now."""

    def __init__(
        self,
        shop: Workshop,
        mirrors: Mirrors,
        surveyor: AnswerSurveyor,
        describer: Describer,
        show: Callable[[str], Awaitable[None]],
    ) -> None:
        self._shop, self._mirrors, self._surveyor = shop, mirrors, surveyor
        self._describer, self._show = describer, show

    async def play(self, run: Run, workflow: Workflow, guard: Guard, step: Step) -> tuple[State, str]:
        """The state it ends with and the answer, harmless Markdown; raises Stop where it ends early."""
        if workflow.usage.startswith("<") and not asked_in(run):
            raise Stop("refused", answer_text.usage(workflow.on.command or "", workflow.usage))
        working = guard.working(step)
        prepared = await working("prepare", lambda: guard.watched(self._prepare(run, workflow)))
        ground: AnswerGround = TypeAdapter(AnswerGround).validate_python(prepared)
        describes = workflow.outputs.description is not None
        if describes and not ground.base:
            raise Stop("refused", answer_text.unrelated())
        if describes and ground.current and not ground.question:
            return "no change", answer_text.already_described(ground.head)
        mirror = await guard.tries(lambda: self._surveyor.ready(run, ground), heed=False)
        heard = await self._hear(run, workflow, ground, mirror, working)
        told = await self._told(ground, heard, mirror)
        return await self._describe(run, ground, heard, told, working) if describes else ("done", told)

    async def _prepare(self, run: Run, workflow: Workflow) -> dict[str, Any]:
        about = "pull request" if issue_of(run).is_pull else "issue"
        node = runs.Node("prepare", 0, f"Look at the {about} and fetch what is read")
        await self._shop.board.begin(run.id, node)
        work = (self._surveyor.ground(run, workflow), self._show(run.id))
        ground, shown = await asyncio.gather(*work, return_exceptions=True)
        for result in (ground, shown):
            if isinstance(result, BaseException):
                raise result
        assert isinstance(ground, AnswerGround)
        await self._shop.board.learn(run.id, head=ground.head)
        await self._shop.board.end(run.id, node.key, "done", " ".join(ground.notes))
        return TypeAdapter(AnswerGround).dump_python(ground, mode="json", by_alias=True)  # type: ignore[no-any-return]

    async def _hear(self, run: Run, workflow: Workflow, ground: AnswerGround, mirror: Mirror, step: Step) -> _Heard:
        """Let the agent read and answer; Stop where it does not."""
        name, job = next(iter(workflow.jobs.items()))
        shown = await change(mirror, ground)
        order, spec = self._shop.engaged(await self._order(run, ground, mirror), job.agent)
        reader = self._reader(f"{name}.agent.1", job.agent, spec, order, given(run.repo, ground, shown))
        reading = Reading(**await step(reader.node.key, reader.step))
        if reading.failed:
            raise Stop(ENDINGS.get(reading.ending, "failed"), reading.problem)
        site, coverage = self._mirrors.github_url, shown.coverage if shown else None
        read = Read(f"{site}/{run.repo}", ground.head, urlsplit(site).netloc, coverage, ground.notes)
        return _Heard(response.load(spec.output, reading.said[0]), shown, read)

    def _reader(self, key: str, agent: str, spec: AgentSpec, order: Order, about: dict[str, Any]) -> Reader:
        clean = self._shop.clean
        return Reader(
            shop=self._shop,
            order=order,
            node=runs.Node(key, READING, f"{agent} reads and answers"),
            agent=agent,
            spec=spec,
            given=about,
            parse=lambda words: response.read(spec.output, words, clean),
            salvage=lambda words: response.salvaged(spec.output, words, clean),
            schema=response.SCHEMAS[spec.output],
            usd=order.usd,
            noun="answer",
        )

    async def _told(self, ground: AnswerGround, heard: _Heard, mirror: Mirror) -> str:
        """The answer as people read it."""
        said, paths = heard.said, heard.change.paths if heard.change else None
        match said:
            case Answer():
                words = answer_text.answered(said, await existing(mirror, ground.head, said.refs), heard.read)
            case Parts():
                words = answer_text.divided(said, paths, ground.number, heard.read)
            case Description():
                words = answer_text.section(said, paths or (), heard.read)
        return self._shop.clean(words)

    async def _describe(
        self, run: Run, ground: AnswerGround, heard: _Heard, section: str, step: Step
    ) -> tuple[State, str]:
        """Write the section, and say so; a title is no more than suggested."""
        wish = heard.said.title if isinstance(heard.said, Description) else ""
        if ground.custom.staged:
            words = answer_text.staged(section, wish, ground.title, heard.read)
        else:
            await step("publish", lambda: self._describer.write(run, ground, section))
            words = answer_text.described(wish, ground.title, heard.read, same=section == ground.section)
        return "no change" if section == ground.section else "done", self._shop.clean(words)

    async def _order(self, run: Run, ground: AnswerGround, mirror: Mirror) -> Order:
        asked = Asked(run.repo, ground.number, ground.title, ground.body, ground.author)
        matter = Matter(mirror, ground.head, ground.tree, asked)
        return await order(self._shop.db, run, ground, matter, payer_of(run))
