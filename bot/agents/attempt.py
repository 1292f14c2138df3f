"""One try at a job: an agent's step in a fresh worktree, and what of it is recorded."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bot.agents import judgement, leftout, prompt, words
from bot.agents.judgement import suite_of
from bot.agents.session import Session
from bot.agents.spec import AgentSpec
from bot.agents.watch import Interrupted, Watch
from bot.agents.workshop import Order, Place, Workshop
from bot.check import suite
from bot.errors import State, Stop, UserError
from bot.git import changes, masks, merging
from bot.github.harmless import code
from bot.graph.outputs import Kind
from bot.policy.protected import is_agent_file
from bot.publish import text
from bot.sandbox.watchdog import LimitExceeded
from bot.store import runs


@dataclass(frozen=True)
class Try:
    """What one try of an agent left, as it is recorded: the files as a git tree, how it ended, its last words.

    `cost` in USD is None where nobody knows it; `counted` is what counts against the limit all the same. `plan` is
    there for an agent that showed none while it worked, `note` says what of its files was left out. `given` is the tree
    that it began with, `limit` the US dollars that its job had then, `strays` paths of others that it changed, with
    their owners.
    """

    tree: str
    ending: str
    words: str
    cost: float | None
    problem: str = ""
    counted: float = 0.0
    plan: str = ""
    note: str = ""
    given: str = ""
    limit: float = 0.0
    strays: Mapping[str, str | None] = field(default_factory=dict)


EVERYWHERE = ("*",)
Outside = Callable[[Collection[str]], Mapping[str, str | None]]


@dataclass(frozen=True)
class Job:
    """A job's name in the run's tree, where its steps stand there, who does it, how often it may try.

    Tries count from `first`: a job that is played again goes on counting. `judged`: its work alone is tested. `may`
    tells of a path whether its agent can write to it, to every one where it is not there; of a job with globs in `owns`
    no others fit. `outputs`: what its last words must hold.
    `outside` tells of paths those that are not the job's to change, and whose they are; `returns`: the agent is to put
    them back. `earlier`: what the tests printed that the first try is to mend. `suspect` tells of the files that it
    began with whether the tests fail on these alone.
    """

    name: str
    position: int
    agent: str
    tries: int
    first: int = 1
    judged: bool = True
    owns: tuple[str, ...] = ()
    may: Callable[[str], bool] | None = None
    outputs: Mapping[str, Kind] = field(default_factory=dict)
    outside: Outside | None = None
    returns: bool = True
    earlier: str = ""
    suspect: Callable[[str], Awaitable[bool]] | None = None

    def agent_node(self, attempt: int) -> runs.Node:
        nth = attempt - self.first + 1
        again = f", try {nth} of {self.tries}" if nth > 1 else ", again" if self.first > 1 else ""
        return runs.Node(f"{self.name}.agent.{attempt}", self.position + 2 * attempt, f"{self.agent} works{again}")

    def test_node(self, attempt: int, command: str) -> runs.Node:
        title = f"Run the tests: {code(command)}" if command else "Look for tests to run"
        return runs.Node(f"{self.name}.test.{attempt}", self.position + 2 * attempt + 1, title)


def stopped_by(made: Try, order: Order, spec: AgentSpec) -> tuple[State, str]:
    """The state and the sentence of a try that did not finish."""
    match made.ending:
        case "timed out":
            return "timed out", text.timed_out(order.minutes, order.whose("minutes"))
        case "silent":
            return "timed out", text.silent(order.silence / 60)
        case "budget":
            return "over budget", made.problem or text.over_budget(order.usd, order.whose("usd"))
        case "limits":
            return "resource limit", made.problem
        case "turns":
            return "failed", text.out_of_turns(spec.max_turns)
        case "no set-up" | "no harvest":
            return "failed", made.problem
        case _:
            return "failed", text.agent_failed(made.problem or made.ending)


@dataclass(frozen=True)
class Attempt:
    """One try: an agent in a place of its own, with the files of `tree` and so many `usd`.

    `earlier` is the end of what the tests printed on the try before, `start` the tree that its first one began with.
    """

    shop: Workshop
    order: Order
    job: Job
    spec: AgentSpec
    number: int
    tree: str
    usd: float
    earlier: str
    start: str = ""

    @property
    def node(self) -> runs.Node:
        return self.job.agent_node(self.number)

    async def agent(self) -> dict[str, Any]:
        """The agent's step. What it made is kept before this returns, so that it is never paid for twice."""
        if kept := await self.shop.board.take_up(self.order.run, self.node):
            return await self._kept(Try(**kept[0]), kept[1])
        made, pack = await self._work()
        made = replace(made, limit=self.order.usd, strays=await self._strays(made.tree))
        return await self._kept(made, pack)

    async def _strays(self, tree: str) -> Mapping[str, str | None]:
        """What of a job's changes so far is not its own, by what is owned now: later it is not judged anew."""
        start = self.start or self.tree
        if self.job.outside is None or tree == start:
            return {}
        return self.job.outside(await merging.changed(self.order.mirror, start, tree))

    async def _kept(self, made: Try, pack: bytes) -> dict[str, Any]:
        record = asdict(made)
        state: State = "done" if made.ending == "finished" else stopped_by(made, self.order, self.spec)[0]
        more = {"plan": made.plan} if made.plan else {}
        where, what = (self.order.run, self.node.key), (record, pack)
        await self.shop.board.keep(*where, what, state, made.note, cost_usd=made.cost, **more)
        return record

    async def _work(self) -> tuple[Try, bytes]:
        """What the try left, whatever stopped it; only a cancellation is raised."""
        watch, shown = self.shop.watch(self.order), list[str]()
        async with self.shop.place(self.order, await self._given(), part=self.node.key) as place:
            commands = await suite_of(self.order, self.tree)
            if stopped := await self._set_up(place, commands, watch):
                return replace(stopped, given=self.tree), b""
            narrow = await self._narrowed(place)
            ended = await self._let_work(narrow, commands.shown, watch, shown.append)
            return await self._harvested(place, ended, planned=bool(shown))

    async def _narrowed(self, place: Place) -> Place:
        """The place as the agent has it: it can write to what its job owns alone, or to what no other owns."""
        if self.job.may is None:
            return place
        files = [entry.path for entry in await self.order.mirror.listing(place.worktree.tree)]
        return await asyncio.to_thread(self.shop.narrowed, place, self.job.owns or EVERYWHERE, self.job.may, files)

    async def _given(self) -> str:
        """The files the agent gets: settings for agents are those of the trusted commit, whatever the branch says.

        What an agent makes of them itself it sees again on its next try, and no other agent does.
        """
        order = self.order
        if order.trusted in ("", order.base) and (self.start or self.tree) == order.base_tree:
            return self.tree
        return await masks.masked(order.mirror, self.tree, order.trusted or order.base, is_agent_file)

    async def _set_up(self, place: Place, commands: suite.Suite, watch: Watch) -> Try | None:
        """Make the place ready for the agent; the try as it is where that cannot be done."""
        try:
            ran = await judgement.set_up(self.shop, commands, place, self.order, watch)
        except Interrupted as early:
            if early.cause == "cancelled":
                raise Stop("cancelled", "") from None
            return Try(self.tree, early.cause, "", 0.0)
        except LimitExceeded as limit:
            return Try(self.tree, "limits", "", 0.0, limit.sentence)
        if not ran.failed:
            return None
        output = text.fence(text.tail(self.shop.clean(ran.output), 2_000))
        return Try(self.tree, "no set-up", "", 0.0, f"{text.setup_failed(ran.failed)}\n\n{output}")

    async def _let_work(self, place: Place, tests: str, watch: Watch, planned: Callable[[str], None]) -> Try:
        """What the agent said and cost, on the files it began with."""
        session = Session(self.shop, self.order, self.spec, self.node.key, self.usd, self.number)
        message = prompt.first_message(
            self.spec,
            self.order.asked,
            tests=tests,
            attempt=self.number - self.job.first + 1,
            tries=self.job.tries,
            earlier=self.earlier,
            language=self.order.custom.language,
        )
        talk = await session.talk(place, watch, message, planned)
        return Try(self.tree, talk.ending, talk.words, talk.cost, talk.problem, talk.counted, given=self.tree)

    async def _harvested(self, place: Place, ended: Try, *, planned: bool) -> tuple[Try, bytes]:
        """The try with the files that the agent made; with those it began with where git cannot take them."""
        mirror = self.order.mirror
        try:
            harvest = await changes.harvest(mirror, place.worktree, self.shop.walls, place.jail.uid)
            await changes.admit(mirror, harvest)
        except UserError as refusal:
            return replace(ended, ending="no harvest", problem=self.shop.clean(str(refusal))), b""
        tree, pack = await self._unmasked(harvest, place.worktree.tree)
        parts = await asyncio.to_thread(leftout.worth_telling, place.path, harvest.left_out)
        plan = "" if planned else await self._plan(ended.words, tree)
        return replace(ended, tree=tree, plan=plan, note=self.shop.clean(text.left_out(parts))), pack

    async def _unmasked(self, made: changes.Harvest, given: str) -> tuple[str, bytes]:
        """What the agent made with the branch's own settings for agents back in their place."""
        if given == self.tree:
            return made.tree, made.pack
        mirror = self.order.mirror
        tree = await masks.unmasked(mirror, made.tree, given, self.tree)
        return tree, await changes.packed(mirror, self.tree, tree)

    async def _plan(self, said: str, tree: str) -> str:
        changed = await changes.diff(self.order.mirror, self.tree, tree) if tree != self.tree else []
        return words.plan_after(said, [self.shop.clean(change.path) for change in changed])
