"""One job: an agent changes the repository's files, its tests judge the change, the agent tries again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.agents import answer
from bot.agents.attempt import Attempt, Job, Try, stopped_by
from bot.agents.judgement import Judgement
from bot.agents.workshop import Order, Workshop
from bot.check.trial import Verdict
from bot.errors import State, Stop
from bot.publish import settings_text, text

Step = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]

_UNTESTED = Verdict("", None)


@dataclass(frozen=True)
class Product:
    """What a job made, and where it stopped short of its goal (`state` is `done` when it did not).

    `attempt` is the try whose tests `verdict` tells of, 0 for none.
    """

    tree: str
    words: str
    verdict: Verdict
    attempt: int
    state: State = "done"
    reason: str = ""


async def play(shop: Workshop, order: Order, job: Job, tree: str, step: Step) -> Product:
    """Do the job, starting from the files of `tree`; every try is a step of the run.

    Whatever stops a try, the work of those before it is in the product. Raises Stop where the run was cancelled.
    """
    playing = _Playing(shop, order, job, step, tree)
    for attempt in range(1, job.tries + 1):
        if product := await playing.attempt(attempt):
            return product
    return playing.red()


@dataclass
class _Playing:
    """A job so far: the files as they are, what the tests said of these, the last words, what the tries have cost."""

    shop: Workshop
    order: Order
    job: Job
    step: Step
    tree: str
    verdict: Verdict = _UNTESTED
    words: str = ""
    spent: float = 0.0
    unknown: bool = False
    tested: int = 0

    def ends(self, state: State, reason: str = "") -> Product:
        return Product(self.tree, self.words, self.verdict, self.tested, state, reason)

    def red(self) -> Product:
        """The end after the last try."""
        red, tries = self.verdict.red, self.job.tries
        if red in self.order.custom.lint and red not in self.order.test:
            return self.ends("failed", settings_text.lint_red(red, tries))
        return self.ends("failed", text.tests_red(tries))

    async def attempt(self, number: int) -> Product | None:
        """One try; the product unless there is to be another."""
        if self.spent >= self.order.usd:
            sentence = text.cost_unknown if self.unknown else text.over_budget
            return self.ends("over budget", sentence(self.order.usd))
        try:
            return await self._agent(number) or await self._tests(number)
        except Stop as stop:
            if stop.state in ("cancelled", "waiting"):
                raise
            return await self._stopped(stop.state, stop.sentence)

    async def _stopped(self, state: State, reason: str) -> Product:
        """It ends before these files were tested, unless those of an earlier try are the same."""
        if not self.verdict.command and self.tree != self.order.base_tree:
            self.verdict = await self._judgement().untested()
        return self.ends(state, reason)

    async def _agent(self, number: int) -> Product | None:
        order, spec = self.shop.engaged(self.order, self.job.agent)
        left = self.order.usd - self.spent
        work = Attempt(self.shop, order, self.job, spec, number, self.tree, left, self.verdict.output)
        made = Try(**await self.step(work.node.key, work.agent))
        self._take(made)
        if made.ending != "finished":
            return await self._stopped(*stopped_by(made, self.order, spec))
        if self.tree == self.order.base_tree:
            return self.ends("no change", text.no_change(answer.read(made.words).summary))
        return None

    def _take(self, made: Try) -> None:
        if made.tree != self.tree:
            self.tree, self.verdict = made.tree, _UNTESTED
        self.words = made.words or self.words
        self.spent += made.counted
        self.unknown = self.unknown or made.cost is None

    def _judgement(self) -> Judgement:
        return Judgement(self.shop, self.order, self.tree)

    def _not_runnable(self, verdict: Verdict) -> str:
        lint = verdict.not_there in self.order.custom.lint
        sentence = settings_text.lint_not_runnable if lint else text.tests_not_runnable
        return sentence(verdict.not_there, verdict.code)

    async def _tests(self, number: int) -> Product | None:
        described = partial(self.job.test_node, number)
        tests = partial(self._judgement().step, described)
        self.verdict = verdict = Verdict(**await self.step(described("").key, tests))
        self.tested = number
        if verdict.broke:
            return self.ends("failed", text.setup_failed(verdict.broke))
        if verdict.not_there:
            return self.ends("failed", self._not_runnable(verdict))
        if verdict.limit:
            return self.ends("resource limit", verdict.limit)
        if verdict.out_of_time:
            return self.ends("timed out", text.timed_out(self.order.minutes))
        return self.ends("done") if verdict.passed is not False else None
