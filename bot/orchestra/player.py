"""A graph of jobs at run time: each begins once its needs have ended, if its condition holds, as room allows."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

from bot import expression
from bot.errors import Stop
from bot.graph import expansion
from bot.graph.filling import exactly
from bot.orchestra.part import Ended, Part, together
from bot.orchestra.texts import QUOTED, Names, Room, Texts
from bot.publish import graph_text
from bot.workflow import reuse
from bot.workflow.graph import order
from bot.workflow.job import Job
from bot.workflow.spec import Workflow

T = TypeVar("T")


class Scene(Protocol):
    """Where parts are played, and whoever watches is told of them."""

    async def announce(self, parts: Sequence[Part]) -> None:
        """Parts that are to be played. Raises ValueError where they may not."""
        ...

    async def expand(self, whole: Part, parts: Sequence[Part]) -> None:
        """A job with a matrix turned out to be these. Raises ValueError where they may not be played."""
        ...

    async def perform(self, part: Part) -> Ended: ...
    def fate(self, part: Part) -> str:
        """What became of a part before a crash: `begun`, `skipped`, or nothing yet."""
        ...

    async def skip(self, part: Part, why: str) -> None: ...
    async def refuse(self, part: Part, ended: Ended) -> None:
        """A part cannot be played at all."""
        ...

    def fits(self, parts: Sequence[Part]) -> None:
        """Raises ValueError where there may not be these parts."""
        ...

    async def ask_again(self, name: str, why: str) -> Ended | None:
        """What a job says once it knows why what it said cannot be used; None where it cannot be asked."""
        ...

    async def conclude(self, whole: Part, ended: Ended) -> None:
        """All of a job with a matrix has ended."""
        ...


@dataclass
class Player:
    """Plays graphs of one run. `names` is what its expressions may name beside `needs` and `matrix`.

    `agents` is how many parts play at once, `most` how many a matrix may make, `used` the workflows that jobs use.
    """

    scene: Scene
    agents: int
    names: Names = field(default_factory=dict)
    most: int = expansion.MOST
    used: Mapping[str, Workflow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._room, self._left = asyncio.Semaphore(self.agents), Room()

    async def play(
        self, jobs: Mapping[str, Job], earlier: Mapping[str, Ended] | None = None, phase: str = ""
    ) -> dict[str, Ended]:
        """How each job ended, by its name. `earlier`: those of graphs before, which expressions may name.

        Raises Stop where the run was cancelled or is to rest, once everything that was under way has ended.
        """
        return await self._graph(_Around(jobs, earlier or {}, phase, self.names))

    async def _graph(self, around: "_Around") -> dict[str, Ended]:
        jobs = around.jobs
        await self.scene.announce([around.part(name, job) for name, job in jobs.items()])
        tasks: dict[str, asyncio.Task[Ended]] = {}
        for name in order(jobs):
            needs = {need: tasks[need] for need in jobs[name].needs}
            tasks[name] = asyncio.create_task(self._job(around.part(name, jobs[name]), needs, around))
        ended = await all_of(list(tasks.values()))
        found = dict(zip(tasks, ended, strict=True))
        return {name: found[name] for name in jobs}

    async def _job(self, plain: Part, needs: Mapping[str, asyncio.Task[Ended]], around: "_Around") -> Ended:
        before = {need: await asyncio.shield(task) for need, task in needs.items()}
        ended = await self._after(plain, before, around)
        return replace(ended, behind=any(one.behind or one.result == "failure" for one in before.values()))

    async def _after(self, plain: Part, before: Mapping[str, Ended], around: "_Around") -> Ended:
        job = plain.spec
        try:
            if why := self._hindered(job, before or around.phases, around.known(before)):
                await self.scene.skip(plain, why)
                return Ended("skipped", why)
            left = replace(self._left)
            parts = self._parts(plain, around.known(before), left)
            self._left = left
            await self.scene.expand(plain, parts)
        except ValueError as wrong:
            ended = Ended("failed", graph_text.not_filled(str(wrong)))
            await self.scene.refuse(plain, ended)
            return ended
        if not parts:
            await self.scene.skip(plain, graph_text.nothing_to_do())
            return Ended("skipped", graph_text.nothing_to_do())
        if not job.strategy.matrix and not job.uses:
            return await self._usable(plain.name, await self._one(parts[0], []), around)
        ended = await self._instances(job, parts, around) if job.strategy.matrix else await self._used(parts[0], around)
        await self.scene.conclude(plain, ended)
        return ended

    async def _usable(self, name: str, ended: Ended, around: "_Around") -> Ended:
        """What a job says; asked for once more where a job that is made of it could not be played.

        So it is the same for all that need it, whichever of them comes first.
        """
        why = self._unusable(name.removeprefix(around.prefix), ended, around)
        if not why:
            return ended
        async with self._room:
            again = await self.scene.ask_again(name, why)
        return again if again is not None and again.well else ended

    def _unusable(self, name: str, ended: Ended, around: "_Around") -> str:
        """Why a job cannot be played that is made of what this one said, and of nothing else that jobs say."""
        made = around.made.get(name, ()) if ended.outputs else ()
        if not made:
            return ""
        names, parts, left = around.known({name: ended}), list[Part](), replace(self._left)
        try:
            for one in made:
                if not self._may_be(around.jobs[one], name, ended, names):
                    continue
                parts += self._parts(around.part(one, around.jobs[one]), names, left)
            self.scene.fits(parts)
        except ValueError as wrong:
            return str(wrong)
        return ""

    def _may_be(self, job: Job, name: str, ended: Ended, names: Names) -> bool:
        """Whether a job is to be played as far as this answer tells."""
        try:
            return not self._hindered(job, {name: ended}, names)
        except ValueError:  # other answers decide it, too
            return False

    def _hindered(self, job: Job, needs: Mapping[str, Ended], names: Names) -> str:
        """Why a job is not played; empty where it is. Raises ValueError where its condition cannot be told."""
        status = expression.Status(
            failed=any(one.result == "failure" for one in needs.values()),
            behind=any(one.behind for one in needs.values()),
            cancelled=any(one.result == "cancelled" for one in needs.values()),
            skipped=any(one.result == "skipped" for one in needs.values()),
        )
        if expression.condition(job.condition, names, status):
            return ""
        bad = {need: one.state for need, one in needs.items() if not one.well}
        if bad and not expression.asks_for_status(job.condition):
            return graph_text.needs_failed(bad)
        return graph_text.condition_false(job.condition)

    def _parts(self, plain: Part, names: Names, left: Room) -> list[Part]:
        """The part, or one for each combination of the matrix, with every text filled in: there is so much room `left`.

        Raises ValueError where that cannot be.
        """
        strategy, texts = plain.spec.strategy, Texts(names, left)
        if not strategy.matrix:
            return [texts.part(plain, {}, trusted=True)]
        matrix = texts.values(strategy.matrix)
        if not isinstance(matrix, Mapping):
            raise ValueError(graph_text.no_matrix(plain.name))
        if any(isinstance(values, list | tuple) and not values for values in matrix.values()):
            return []
        trusted = matrix == strategy.matrix
        found = []
        for values in expansion.combinations(matrix, self.most):
            name = expansion.instance_name(plain.name, values)
            found.append(texts.part(replace(plain, name=name, values=values), values, trusted=trusted))
        return found

    async def _used(self, part: Part, around: "_Around") -> Ended:
        """The jobs of another workflow, in place of one job."""
        workflow = self.used[part.spec.uses]
        try:
            given = reuse.inputs(workflow, part.spec.inputs)
            quoted = {name: value if name in part.plain else exactly(value) for name, value in given.items()}
            names = {**self.names, "inputs": given, QUOTED: quoted}
            inner = _Around(_with_env(workflow), {}, around.phase, names, f"{part.name}/", part.needs)
            ended = await self._graph(inner)
        except ValueError as wrong:
            return Ended("failed", graph_text.not_filled(str(wrong)))
        whole = together(list(ended.values()), _why({f"{part.name}/{name}": one for name, one in ended.items()}))
        return replace(whole, outputs={name: given for one in ended.values() for name, given in one.outputs.items()})

    async def _instances(self, job: Job, parts: Sequence[Part], around: "_Around") -> Ended:
        limits = [asyncio.Semaphore(job.strategy.max_parallel)] if job.strategy.max_parallel else []
        failed: list[str] = []

        async def play(part: Part) -> Ended:
            ended = await self._one(part, limits, failed if job.strategy.fail_fast else [], around)
            if not ended.well and ended.state != "skipped":
                failed.append(part.name)
            return ended

        ended = await all_of([asyncio.create_task(play(part)) for part in parts])
        return together(ended, _why({part.name: one for part, one in zip(parts, ended, strict=True)}))

    async def _one(
        self,
        part: Part,
        limits: Sequence[asyncio.Semaphore],
        failed: Sequence[str] = (),
        around: "_Around | None" = None,
    ) -> Ended:
        async with AsyncExitStack() as rooms:
            for room in (*limits, *([] if part.spec.uses else [self._room])):  # the jobs inside take room themselves
                await rooms.enter_async_context(room)
            fate = self.scene.fate(part)
            if fate == "skipped" or (failed and fate != "begun"):
                why = graph_text.another_failed(failed[0]) if failed else graph_text.left_out()
                await self.scene.skip(part, why)
                return Ended("skipped", why)
            if part.spec.uses and around is not None:
                ended = await self._used(part, around)
                await self.scene.conclude(part, ended)
                return ended
            return await self.scene.perform(part)


@dataclass(frozen=True)
class _Around:
    """What the jobs of one graph have in common: what was before it, and what their names begin with."""

    jobs: Mapping[str, Job]
    earlier: Mapping[str, Ended]
    phase: str
    names: Names
    prefix: str = ""
    before: tuple[str, ...] = ()

    @cached_property
    def made(self) -> Mapping[str, Sequence[str]]:
        """The jobs that are made of what one other says and of nothing else that jobs say, by that one."""
        found: dict[str, list[str]] = {}
        for name, job in self.jobs.items():
            of = _made_of(job)
            if len(of) == 1:
                found.setdefault(of.pop(), []).append(name)
        return found

    def known(self, before: Mapping[str, Ended]) -> Names:
        """What expressions may name, `before` being what a job needs."""
        return {**self.names, "needs": _known({**self.earlier, **before})}

    @property
    def phases(self) -> Mapping[str, Ended]:
        """How those of the phases before ended that were played: one that was left out stands in nobody's way."""
        return {name: one for name, one in self.earlier.items() if one.state != "skipped"} if self.phase else {}

    def part(self, name: str, job: Job) -> Part:
        """A job that needs no other of its graph needs what was before that."""
        needs = tuple(f"{self.prefix}{need}" for need in job.needs)
        return Part(f"{self.prefix}{name}", job, needs or (*self.before, *self.earlier), phase=self.phase)


def _made_of(job: Job) -> set[str]:
    """The jobs whose answers a job's texts are filled in with."""
    texts = [text for _, text in job.templates if "{{" in text]
    named = (name.split(".") for text in texts for name in expression.names_in(text))
    return {parts[1] for parts in named if parts[0] == "needs" and len(parts) > 1}


def _why(ended: Mapping[str, Ended]) -> str:
    """Why not all that a job stands for went well, by their names."""
    failed = {name: one.reason for name, one in ended.items() if not one.well and one.state != "skipped"}
    return graph_text.instances_failed(len(ended), failed)


def _with_env(workflow: Workflow) -> dict[str, Job]:
    """The jobs of a workflow that is used, with its environment below their own."""
    return {
        name: job.model_copy(update={"env": {**workflow.env, **job.env}}) if workflow.env else job
        for name, job in workflow.jobs.items()
    }


async def all_of(tasks: Sequence[asyncio.Task[T]]) -> list[T]:
    """What they give, in their order. Where one raises, it is raised once all of them have ended: a Stop first."""
    try:
        done = await asyncio.gather(*tasks, return_exceptions=True)
    except asyncio.CancelledError:
        await asyncio.wait(tasks)
        raise
    raised = [one for one in done if isinstance(one, BaseException)]
    for error in (*(one for one in raised if isinstance(one, Stop)), *raised):
        raise error
    return [one for one in done if not isinstance(one, BaseException)]


def _known(ended: Mapping[str, Ended]) -> dict[str, Any]:
    """What expressions may say of jobs."""
    return {name: {"result": one.result, "outputs": one.outputs} for name, one in ended.items()}
