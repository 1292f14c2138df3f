"""Many small tasks at once: each merged as soon as it is clean, those that conflict last, what breaks the tests out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.agents.job import Product
from bot.check.trial import Verdict
from bot.git import merging
from bot.git.mirror import Mirror
from bot.orchestra.part import Ended, Part, together
from bot.orchestra.player import Player
from bot.orchestra.stage import Stage
from bot.orchestra.tasks import Found
from bot.publish import graph_text, swarm_text
from bot.store import runs

ROUNDS = 20  # tasks that are looked for one by one where the tests are red


@dataclass
class Crowd:
    """The tasks of one run, as a scene for their player. `whole` is the job that is done for each of them.

    `parts` are the tasks, by name, once they are known. `aside` has the work that conflicted when it was ready.
    """

    stage: Stage
    whole: Part
    parts: dict[str, Part] = field(default_factory=dict)
    aside: dict[str, tuple[Part, Product, Ended, int]] = field(default_factory=dict)

    async def play(self, found: Found) -> dict[str, Ended]:
        """Do the tasks, and merge what they made. Raises Stop where the run was cancelled or rests.

        The answer is how the job as a whole ended: `ended` has the tasks, of which there may be none.
        """
        job, stage = self.whole.spec, self.stage
        # What an expression gives is data: in `owns` it is no glob, and nothing in it is an expression again.
        tasks: Any = list(found.tasks) if found.trusted else "{{ tasks }}"
        strategy = job.strategy.model_copy(update={"matrix": {"task": tasks}, "fail_fast": False})
        each = job.model_copy(update={"strategy": strategy, "focus": job.focus or "{{ matrix.task }}"})
        names = {**stage.names, "tasks": list(found.tasks)}
        player = Player(self, stage.workflow.limits.agents, names, len(found.tasks), stage.used)
        return await player.play({self.whole.name: each})

    @property
    def ended(self) -> dict[str, Ended]:
        """How each task stands, by its name, once all of them have been played."""
        return {name: self.stage.ended[name] for name in self.parts}

    # ---- the scene ---------------------------------------------------------------------------------------------------

    async def announce(self, parts: Sequence[Part]) -> None:
        await self.stage.announce(parts)

    async def expand(self, whole: Part, parts: Sequence[Part]) -> None:
        await self.stage.expand(whole, parts)
        self.parts = {part.name: part for part in parts}

    async def perform(self, part: Part) -> Ended:
        ended = await self.stage.played(part, self._join, self._repair)
        if part.name not in self.aside:
            await self.stage.finish(part, ended)
        return ended

    def fate(self, part: Part) -> str:
        return self.stage.fate(part)

    def fits(self, parts: Sequence[Part]) -> None:
        self.stage.fits(parts)

    async def ask_again(self, name: str, why: str) -> Ended | None:
        return None

    async def refuse(self, part: Part, ended: Ended) -> None:
        await self.stage.refuse(part, ended)

    async def skip(self, part: Part, why: str) -> None:
        await self.stage.skip(part, why)

    async def conclude(self, whole: Part, ended: Ended) -> None:
        """Every task has been played: what was set aside is merged before the whole has ended."""
        if self.aside:
            await self._merge_aside(whole)
        await self.stage.conclude(whole, self._together() if self.parts else ended)

    async def _merge_aside(self, whole: Part) -> None:
        """Who resolves a conflict needs tests that can be green: what broke them is taken back before."""
        sifted = await self._sifted()
        for name in await self._order(whole):
            merged = await self._merged(name) if sifted.well else sifted
            await self.stage.finish(self.aside[name][0], merged)

    async def _merged(self, name: str) -> Ended:
        """What became of work that was set aside; what cannot be merged is done anew upon what the others did."""
        part, product, well, turn = self.aside[name]
        merged = await self.stage.merge(part, product, well, turn)
        if not merged.well and await self.stage.hindrances.outlook(name, self._repair) == "gone":
            self.stage.shares.expect(1)
            return await self.stage.played(part, self.stage.merge, self._repair)
        return merged

    def _together(self) -> Ended:
        """The job as a whole is done where one of its tasks is."""
        ended = self.ended
        bad = {name: one.reason for name, one in ended.items() if not one.well}
        said = together(list(ended.values()), graph_text.instances_failed(len(ended), bad))
        return Ended("done", said.reason, said.outputs) if len(bad) < len(ended) else said

    async def _join(self, part: Part, product: Product, ended: Ended, turn: int) -> Ended:
        merged = await self.stage.ready(part, product, ended)
        if merged.state == "waiting":
            self.aside[part.name] = part, product, ended, turn
            await self.stage.score.note(part, merged.reason)
        return merged

    async def _order(self, whole: Part) -> list[str]:
        """In which order to merge what was set aside: first who conflicts with the fewest others of it.

        It is a step, so that after a crash, when some of it is merged, the order is still the same.
        """
        known: list[str] = await self.stage.step(f"{whole.name}.order", self._by_conflicts)
        return [name for name in dict.fromkeys([*known, *self._waiting()]) if name in self.aside]

    def _waiting(self) -> list[str]:
        return [name for name in self.parts if name in self.aside]

    async def _by_conflicts(self) -> list[str]:
        sides = {name: (self.aside[name][1].start, self.aside[name][1].tree) for name in self._waiting()}
        return await by_conflicts(self.stage.order.mirror, self.stage.order.base_tree, sides)

    # ---- tests together ----------------------------------------------------------------------------------------------

    async def check(self) -> Ended:
        """The tests on everything together; a task that breaks them and does not mend that is taken back."""
        await self.stage.fulfil()
        checked = await self._sifted()
        if taken := self.stage.trunk.taken_back():
            for name in taken.keys() & self.parts.keys():
                self.stage.portions.pop(name, None)
                await self.stage.finish(self.parts[name], Ended("failed", taken[name]))
            await self.stage.conclude(self.whole, self._together())
        return checked

    async def _sifted(self) -> Ended:
        integrator, blame = self.stage.integrator, self.stage.integrator.blame
        while not (ended := await integrator.judged()):
            if await self._reds() > ROUNDS:
                return await self._cut_off()
            culprit = await blame.culprit()
            if culprit is None:
                return Ended("failed", graph_text.red_before())
            if not await self._repair(culprit, integrator.verdict, ""):
                return Ended("failed", graph_text.red_together(culprit))
        return Ended(*ended)

    async def _reds(self) -> int:
        """How many trees were red so far, the trunk's among them; those of earlier lives of the run count too.

        They are kept under the job's name: whoever has it done anew begins to count anew.
        """
        stage, name = self.stage, self.whole.name
        run, db = stage.order.run, stage.shop.db
        found = await db.read(lambda conn: runs.kept(conn, run, name))
        red = sorted({*(found[0]["red"] if found else ()), stage.trunk.tree})
        await db.write(lambda conn: runs.keep(conn, run, name, {"red": red}))
        return len(red)

    async def _repair(self, culprit: str, red: Verdict, tree: str) -> bool:
        """A task mends what it broke, once, or is taken back; `tree` is what is red, where others wait for that."""
        stage, trunk = self.stage, self.stage.trunk
        if culprit not in self.parts or not trunk.standing(culprit):
            return False
        first = len(trunk.standing(culprit)) == 1
        if first and await stage.mend(culprit, red, tree):
            return True
        return await stage.integrator.blame.take_back(culprit, swarm_text.broke())

    async def _cut_off(self) -> Ended:
        """Too many break the tests: what was merged since the first of them is taken back together."""
        blame, integrator = self.stage.integrator.blame, self.stage.integrator
        if ended := await integrator.judged():
            return Ended(*ended)
        culprit, jobs = await blame.culprit(), blame.jobs()
        for job in reversed(jobs[jobs.index(culprit) :] if culprit else []):
            if not await blame.take_back(job, swarm_text.not_parted()):
                return Ended("failed", graph_text.red_together(job))
        ended = await integrator.judged()
        return Ended(*ended) if ended else Ended("failed", graph_text.red_before())


async def by_conflicts(mirror: Mirror, base: str, sides: Mapping[str, tuple[str, str]]) -> list[str]:
    """Jobs, each with the tree it began with and the one it made: those first that conflict with the fewest others.

    All of them conflict with what is merged; what they do to each other is seen on the files before, those of `base`.
    """
    found = await merging.forecast(mirror, base, sides)
    clashes = Counter(name for pair in found.pairs for name in pair)
    return sorted(sides, key=clashes.__getitem__)
