"""One job: an agent changes the repository's files, its tests judge the change, the agent tries again."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bot.agents import answer
from bot.agents.attempt import Attempt, Job, Try, stopped_by
from bot.agents.judgement import Judgement, cut_short
from bot.agents.workshop import Order, Workshop
from bot.check.trial import Verdict
from bot.errors import State, Stop
from bot.graph import outputs
from bot.publish import graph_text, settings_text, text

Step = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]

_UNTESTED = Verdict("", None)


@dataclass(frozen=True)
class Portion:
    """What one job of many gave to a run's work: who did it, its last words, and the paths that it changed.

    `resolved`: those of the paths whose conflicts an agent resolved. `focus` is its part of the work, in words.
    """

    job: str
    agent: str
    words: str
    paths: tuple[str, ...]
    resolved: tuple[str, ...] = ()
    focus: str = ""


@dataclass(frozen=True)
class Slice:
    """A part of a run's work that is published by itself: the tree with the changes of these jobs, and their words.

    No path is changed in two slices. `verdict` is what the tests say of it by itself, None where nothing is new in it.
    """

    tree: str
    words: str
    jobs: tuple[str, ...]
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Product:
    """What a job made, and where it stopped short of its goal (`state` is `done` when it did not).

    `attempt` is the try whose tests `verdict` tells of, 0 for none. `start` is the tree that it began with, `spent`
    what its tries count for in US dollars, `outputs` what its agent said by name. `parts` tells of those of a run that
    many made together, `slices` are its pull requests where it is too much for one. `held` says why nothing of it is
    published, where its workflow's own condition for that does not hold.
    """

    tree: str
    words: str
    verdict: Verdict
    attempt: int
    state: State = "done"
    reason: str = ""
    start: str = ""
    spent: float = 0.0
    outputs: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Portion, ...] = ()
    whole: bool = True
    slices: tuple[Slice, ...] = ()
    held: str = ""


async def play(shop: Workshop, order: Order, job: Job, tree: str, step: Step) -> Product:
    """Do the job, starting from the files of `tree`; every try is a step of the run.

    Whatever stops a try, the work of those before it is in the product. Raises Stop where the run was cancelled.
    """
    playing = _Playing(shop, order, job, step, tree)
    for attempt in range(job.first, job.first + job.tries):
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
    wrong: tuple[str, ...] = ()
    strays: Mapping[str, str | None] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start, self.limit = self.tree, self.order.usd
        self.verdict = replace(self.verdict, output=self.job.earlier)

    def ends(self, state: State, reason: str = "") -> Product:
        made = (self.tree, self.words, self.verdict, self.tested)
        return Product(*made, state, reason, self.start, self.spent, self.outputs)

    def red(self) -> Product:
        """The end after the last try."""
        red, tries = self.verdict.red, self.job.tries
        if self.strays:
            return self.ends("refused", graph_text.refused_outside(self.strays))
        if self.wrong:
            return self.ends("failed", graph_text.still_wrong(self.wrong, tries))
        if red in self.order.custom.lint and red not in self.order.test:
            return self.ends("failed", settings_text.lint_red(red, tries))
        return self.ends("failed", text.tests_red(tries))

    async def attempt(self, number: int) -> Product | None:
        """One try; the product unless there is to be another."""
        if self.spent >= self.limit:
            used = text.over_budget(self.limit, self.order.whose("usd"))
            return self.ends("over budget", text.cost_unknown(self.limit) if self.unknown else used)
        try:
            return await self._agent(number) or await self._tests(number)
        except Stop as stop:
            if stop.state in ("cancelled", "waiting"):
                raise
            return await self._stopped(stop.state, stop.sentence)

    async def _stopped(self, state: State, reason: str) -> Product:
        """It ends before these files were tested, unless those of an earlier try are the same."""
        if not self.verdict.command and self.tree != self.start:
            self.verdict = await self._judgement().untested()
        return self.ends(state, reason)

    async def _agent(self, number: int) -> Product | None:
        order, spec = self.shop.engaged(self.order, self.job.agent)
        left = self.limit - self.spent
        earlier = "\n".join(self.wrong) or self.verdict.output
        work = Attempt(self.shop, order, self.job, spec, number, self.tree, left, earlier, self.start)
        made = Try(**await self.step(work.node.key, work.agent))
        self._take(made, first=number == self.job.first)
        if made.ending != "finished":
            return await self._stopped(*stopped_by(made, self.order, spec))
        if self.job.outputs:
            found, wrong = outputs.parse(made.words, self.job.outputs)
            self.outputs, self.wrong = found, tuple(wrong)
        if stopped := self._kept_to_its_own(made.strays):
            return stopped
        if self.tree == self.start and not self.wrong:
            return self.ends("no change", text.no_change(answer.read(made.words).summary))
        return None

    def _kept_to_its_own(self, strays: Mapping[str, str | None]) -> Product | None:
        """A job that changed what is not its own is to put it back on the next try, or ends here."""
        self.strays = strays
        if strays and not self.job.returns:
            return self.ends("refused", graph_text.refused_outside(strays))
        self.wrong += (graph_text.outside(strays),) if strays else ()
        return None

    def _take(self, made: Try, *, first: bool) -> None:
        self.wrong, self.limit = (), made.limit or self.limit
        if first and made.given:  # on a replay the files may have moved on since
            self.start = self.tree = made.given
        if made.tree != self.tree:
            self.tree, self.verdict = made.tree, _UNTESTED
        self.words = made.words or self.words
        self.spent += made.counted
        self.unknown = self.unknown or made.cost is None

    def _judgement(self) -> Judgement:
        return Judgement(self.shop, self.order, self.tree)

    async def _tests(self, number: int) -> Product | None:
        if self.wrong:
            return None
        if not self.job.judged:
            self.verdict = await self._judgement().untested()
            return self.ends("done")
        described = partial(self.job.test_node, number)
        tests = partial(self._judgement().step, described)
        self.verdict = verdict = Verdict(**await self.step(described("").key, tests))
        self.tested = number
        if stopped := cut_short(verdict, self.order):
            return self.ends(*stopped)
        if verdict.passed is not False:
            return self.ends("done")
        others = self.job.suspect is not None and await self.job.suspect(self.start)
        return self.ends("failed", graph_text.red_without_it()) if others else None
