"""The panel: the agents that read a change side by side, and the judge of what they found."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from bot.agents import prompt
from bot.agents.job import Step
from bot.agents.reader import Parse, Parsed, Reader, Reading
from bot.agents.spec import AgentSpec
from bot.agents.workshop import Order, Workshop
from bot.errors import Stop
from bot.invisible import cleaned
from bot.policy.secrets import HIDDEN
from bot.publish import review_text
from bot.publish.pull_ground import PullGround
from bot.publish.study import Study
from bot.review import answer
from bot.review.finding import Finding
from bot.review.glob import matcher
from bot.review.reading import Part
from bot.review.shares import Shares
from bot.store import runs
from bot.workflow.spec import Workflow

AT_ONCE = 4  # agents of one review
FIRST, LAST = 1_000, 90_000  # places in the run's tree
JUDGES = 0.1  # of the run's money and time, which agents leave to the judge
LEAST_TIME = 60.0  # seconds of it, where there are as many
BESIDES = 8_000  # characters that an agent reads besides its part, at the least
MOST_JUDGED, LONGEST_JUDGED = 100, 4_000  # remarks, the gravest of them, and characters of each
Clean = Callable[[str], str]


class Panel:
    """The agents of one review. They share the run's money by what they read; the judge has a part of its own.

    One that fails, in whatever way, loses nothing but its own reading.
    """

    def __init__(self, shop: Workshop, order: Order, ground: PullGround, study: Study, workflow: Workflow) -> None:
        self._shop, self._order, self._ground, self._study = shop, order, ground, study
        self._judge = next((job.agent for job in workflow.jobs.values() if not job.agent.endswith("/*")), "")
        self._room, self._used = asyncio.Semaphore(AT_ONCE), 0.0
        self._ended = set[str]()  # steps that ended before a restart

    async def read(self, step: Step) -> list[Reading]:
        """What every agent found in every part, in the order of agents and parts."""
        readers = [
            self._reader(number, agent, part)
            for number, (agent, part) in enumerate((a, p) for a in self._study.choice.agents for p in self._parts)
        ]
        await self._shop.board.plan(self._order.run, *(reader.node for reader in readers))
        shares = await self._shares(readers)
        readings = list[Reading](await _all([self._in_turn(step, reader, shares) for reader in readers]))
        self._used = sum(reading.counted for reading in readings)
        return readings

    async def judge(self, candidates: Sequence[tuple[str, Finding]], step: Step) -> Reading | None:
        """The verdicts on candidates, by id; None where there is nothing to judge, or nobody who does."""
        if not candidates or not self._judged:
            return None
        asked, clean = candidates[:MOST_JUDGED], self._shop.clean
        ids = [number for number, _ in asked]

        def parse(words: str) -> Parsed:
            found, wrong = answer.verdicts(words, ids)
            said = [{"id": number, **asdict(verdict)} for number, verdict in found.items()]
            return [{**one, "reason": clean(one["reason"])} for one in said], [*map(clean, wrong)]

        order, spec = self._engaged(self._judge)
        reader = Reader(
            shop=self._shop,
            order=order,
            node=runs.Node("judge", LAST, "judge tries to refute what was found"),
            agent="judge",
            spec=spec,
            given={**self._given(), "candidates": "\n\n".join(described(*one) for one in asked)},
            parse=parse,
            salvage=parse,
            schema=answer.JUDGE_SCHEMA,
            usd=max(self._order.usd - self._used, 0.0),
            noun="verdict",
        )
        return await self._one(step, reader)

    @property
    def _parts(self) -> Sequence[Part]:
        return self._study.packing.parts

    async def _shares(self, readers: Sequence[Reader]) -> Shares:
        """What readers may cost. Those that ended before a restart have cost what they have."""
        run, reserve = self._order.run, JUDGES if self._judged else 0.0
        size = {part.number: len(part.text) + BESIDES for part in self._parts}
        sizes = {f"{agent}.{number}": size[number] for agent in self._study.choice.agents for number in size}
        shares = Shares(self._order.usd * (1 - reserve), sizes)

        def kept(conn: sa.Connection) -> dict[str, Any]:
            found = {reader.node.key: runs.kept(conn, run, reader.node.key) for reader in readers}
            return {key: record[0] for key, record in found.items() if record is not None}

        for key, record in (await self._shop.db.read(kept)).items():
            shares.used(key, record["counted"])
            self._ended.add(key)
        return shares

    async def _in_turn(self, step: Step, reader: Reader, shares: Shares) -> Reading:
        async with self._room:
            if reader.node.key in self._ended:
                return await self._one(step, reader)
            share = shares.take(reader.node.key)
            made = await self._one(step, replace(reader, usd=share))
            shares.give_back(share, made.counted)
            return made

    async def _one(self, step: Step, reader: Reader) -> Reading:
        """A reader's step; where it ends in something other than a cancellation, that is a failed reading."""
        try:
            return Reading(**await step(reader.node.key, reader.step))
        except Stop as stop:
            if stop.state in ("cancelled", "waiting"):
                raise
            await self._shop.board.end(self._order.run, reader.node.key, "failed", stop.sentence)
            return Reading(reader.agent, ending=stop.state, problem=stop.sentence)

    @property
    def _judged(self) -> bool:
        return self._judge in self._shop.agents

    def _reserve(self) -> float:
        """Seconds at the end that are the judge's; of little time that is left no more than half."""
        if not self._judged:
            return 0.0
        left = max(self._order.deadline - time.time(), 0.0)
        return min(max(self._order.minutes * 60 * JUDGES, LEAST_TIME), left / 2)

    def _reader(self, number: int, agent: str, part: Part) -> Reader:
        several = len(self._parts) > 1
        key, diff = f"{agent}.{part.number}", prompt.fence("diff", part.text, len(part.text))
        title = f"{agent} reads part {part.number} of {len(self._parts)}" if several else f"{agent} reads the change"
        order, spec = self._engaged(f"review/{agent}")
        return Reader(
            shop=self._shop,
            order=order,
            node=runs.Node(key, FIRST + number, title),
            agent=agent,
            spec=spec,
            given=self._given() | {"diff": diff, "instructions": self._instructions(part)},
            parse=_parser(agent, self._shop.clean, salvage=False),
            salvage=_parser(agent, self._shop.clean, salvage=True),
            schema=answer.SCHEMA,
            usd=self._order.usd,
            reserve=self._reserve(),
        )

    def _engaged(self, name: str) -> tuple[Order, AgentSpec]:
        """An agent as the repository wants it; where a tier names a model, that is it."""
        order, spec = self._shop.engaged(self._order, name)
        model = self._study.choice.model
        return order, spec.model_copy(update={"model": model}) if model else spec

    def _given(self) -> dict[str, Any]:
        ground = self._ground
        about = prompt.pull_given(self._order.repo, ground.number, ground.title, ground.body, ground.author)
        told = "\n\n".join(prompt.fence(path, words) for path, words in ground.guidelines)
        return {**about, "guidelines": told, "language": ground.rules.language}

    def _instructions(self, part: Part) -> str:
        """What the configuration says for the files of a part."""
        wanted = [one for one in self._ground.rules.instructions if any(map(matcher(one.paths), part.paths))]
        return "\n".join(f"- For {', '.join(one.paths)}: {one.text}" for one in wanted)


async def _all(works: Sequence[Any]) -> list[Any]:
    """Every result. A run that is cancelled is heard of by each of them, and each notes what it has cost."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        if tasks:
            await asyncio.wait(tasks)
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _parser(agent: str, clean: Clean, *, salvage: bool) -> Parse:
    read = answer.salvaged if salvage else answer.read

    def parse(words: str) -> Parsed:
        found, wrong = read(agent, words)
        return [_shown(asdict(finding), clean) for finding in found], [*map(clean, wrong)]

    return parse


def _shown(given: dict[str, Any], clean: Clean) -> dict[str, Any]:
    """A finding as people will see it: whoever has it mended must not pass on what they could not read.

    JSON can spell a secret in ways that its text does not show. A suggestion without its secret is none any more, and
    a quotation without it stands nowhere: then the lines count.
    """
    title, body = (clean(cleaned(given[name])) for name in ("title", "body"))
    path, evidence, suggestion = (clean(given[name] or "") for name in ("path", "evidence", "suggestion"))
    kept = suggestion if suggestion and HIDDEN not in suggestion else None
    return {
        **given,
        "path": path,
        "title": title,
        "body": body,
        "evidence": "" if HIDDEN in evidence else evidence,
        "suggestion": kept,
    }


def described(number: str, finding: Finding) -> str:
    """A remark for the judge, between lines that no other remark can imitate."""
    title = " ".join(finding.title.split())
    quoted = f"\n{finding.evidence}" if finding.evidence else ""
    head = f"{number}. {title} ({finding.severity}, {review_text.place(finding)})"
    return prompt.fence(f"remark {number}", f"{head}\n{finding.body}{quoted}", LONGEST_JUDGED)
