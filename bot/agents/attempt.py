"""One try at a job: an agent's step in a fresh worktree, then the tests' step in another."""

from dataclasses import asdict, dataclass
from typing import Any

from bot.agents import prompt
from bot.agents.spec import AgentSpec
from bot.agents.task import AgentEvent, Outcome, Task
from bot.agents.watch import Interrupted, Watch
from bot.agents.workshop import Order, Place, Workshop
from bot.check import suite, trial
from bot.check.trial import Verdict
from bot.errors import State, Stop
from bot.git import changes
from bot.publish import text
from bot.store import runs


@dataclass(frozen=True)
class Try:
    """What one try of an agent left, as it is recorded: the files as a git tree, how it ended, its last words."""

    tree: str
    ending: str
    words: str
    cost: float | None
    problem: str = ""


@dataclass(frozen=True)
class Job:
    """A job's name in the run's tree, where its steps stand there, who does it, how often it may try."""

    name: str
    position: int
    agent: str
    tries: int

    def agent_node(self, attempt: int) -> runs.Node:
        again = f", try {attempt} of {self.tries}" if attempt > 1 else ""
        return runs.Node(f"{self.name}.agent.{attempt}", self.position + 2 * attempt, f"{self.agent} works{again}")

    def test_node(self, attempt: int, command: str) -> runs.Node:
        title = f"Run the tests: `{command}`" if command else "Look for tests to run"
        return runs.Node(f"{self.name}.test.{attempt}", self.position + 2 * attempt + 1, title)


def stopped_by(made: Try, order: Order, spec: AgentSpec) -> tuple[State, str]:
    match made.ending:
        case "timed out":
            return "timed out", text.timed_out(order.minutes)
        case "silent":
            return "timed out", text.silent(order.silence / 60)
        case "budget":
            return "over budget", text.over_budget(order.usd)
        case "turns":
            return "failed", text.out_of_turns(spec.max_turns)
        case _:
            return "failed", text.agent_failed(made.problem or made.ending)


@dataclass(frozen=True)
class Attempt:
    """One try: the agent's step and the tests' step, each in a place of its own."""

    shop: Workshop
    order: Order
    job: Job
    spec: AgentSpec
    number: int
    tree: str
    usd: float
    earlier: str

    @property
    def node(self) -> runs.Node:
        return self.job.agent_node(self.number)

    async def agent(self) -> dict[str, Any]:
        """The agent's step. What it made is kept before this returns, so that it is never paid for twice."""
        run, key = self.order.run, self.node.key
        if kept := await self.shop.db.read(lambda conn: runs.kept(conn, run, key)):
            return await self._recorded(Try(**kept[0]))
        await self.shop.board.begin(run, self.node)
        made, pack = await self._work()
        record = asdict(made)
        await self.shop.db.write(lambda conn: runs.keep(conn, run, key, record, pack))
        return await self._recorded(made)

    async def _recorded(self, made: Try) -> dict[str, Any]:
        state: State = "done" if made.ending == "finished" else stopped_by(made, self.order, self.spec)[0]
        await self.shop.board.end(self.order.run, self.node.key, state, cost_usd=made.cost)
        return asdict(made)

    async def _work(self) -> tuple[Try, bytes]:
        watch = self.shop.watch(self.order)
        async with self.shop.place(self.order, self.tree) as place:
            commands = await self._suite()
            await self._set_up(place, commands, watch)
            outcome, cost = await self._let_work(place, commands.shown, watch)
            harvest = await changes.harvest(self.order.mirror, place.worktree)
        await changes.admit(self.order.mirror, harvest)
        ending = outcome.details.get("cause", outcome.ending)
        return Try(harvest.tree, ending, outcome.text, cost, outcome.problem), harvest.pack

    async def tests(self) -> str:
        """The command line of the tests of these files; empty where there are none."""
        return (await self._suite()).shown

    async def _suite(self) -> suite.Suite:
        mirror, files = self.order.mirror, await self.order.mirror.listing(self.tree)
        wanted = ("pyproject.toml", "setup.cfg", "tox.ini", "package.json", "Makefile", "makefile", "GNUmakefile")
        texts = {path: await mirror.read(self.tree, path) for path in {e.path for e in files} & set(wanted)}
        read = {path: data.decode("utf-8", "replace") for path, data in texts.items() if data is not None}
        return suite.choose(self.order.setup, self.order.test, [entry.path for entry in files], read.get)

    async def _set_up(self, place: Place, commands: suite.Suite, watch: Watch) -> None:
        try:
            passed, _, output, failed = await watch.over(self._run(commands.setup, place, watch))
        except Interrupted as early:
            raise self._early_stop(early) from None
        if not passed:
            raise Stop("failed", text.setup_failed(failed) + "\n\n" + text.fence(text.tail(output, 2_000)))

    async def _run(self, commands: tuple[str, ...], place: Place, watch: Watch) -> tuple[bool, float, str, str]:
        return await trial.run(
            commands, cwd=place.path, environment=place.environment, run_id=self.order.run, heard=watch.hear
        )

    def _early_stop(self, early: Interrupted) -> Stop:
        if early.cause == "cancelled":
            return Stop("cancelled", "")
        if early.cause == "silent":
            return Stop("timed out", text.silent(self.order.silence / 60))
        return Stop("timed out", text.timed_out(self.order.minutes))

    async def _let_work(self, place: Place, tests: str, watch: Watch) -> tuple[Outcome, float | None]:
        lease = self.shop.gateway.open(self.order.run, self.usd)
        backend = self.shop.backends[self.order.backend or self.spec.backend]
        try:
            task = self._task(place, tests, lease.url, lease.token)
            outcome = await watch.over(backend.run(task, lambda event: self._hear(event, watch)))
        except Interrupted as early:
            outcome = Outcome("error", "", details={"cause": early.cause})
        finally:
            self.shop.gateway.shut(lease)
        cost = lease.usage.usd if lease.usage.calls else outcome.usd
        if outcome.details.get("cause") == "cancelled":  # what it has cost until now stays true
            await self.shop.board.note(self.order.run, self.node.key, cost_usd=cost)
            raise Stop("cancelled", "")
        return outcome, cost

    def _hear(self, event: AgentEvent, watch: Watch) -> None:
        watch.hear()
        self.shop.tell(self.order.run, self.node.key, event)

    def _task(self, place: Place, tests: str, gateway: str, token: str) -> Task:
        message = prompt.first_message(
            self.spec,
            self.order.asked,
            tests=tests,
            attempt=self.number,
            tries=self.job.tries,
            earlier=self.earlier,
        )
        return Task(
            run=self.order.run,
            key=self.node.key,
            prompt=message,
            system=self.spec.rules,
            worktree=place.path,
            home=place.home,
            environment=place.environment,
            model=self.spec.model,
            max_turns=self.spec.max_turns,
            usd=self.usd,
            gateway=gateway,
            token=token,
            attempt=self.number,
            command=self.spec.command,
        )

    async def judge(self) -> dict[str, Any]:
        """The tests' step, in a fresh worktree that holds exactly what would be published."""
        commands = await self._suite()
        node = self.job.test_node(self.number, commands.shown)
        await self.shop.board.begin(self.order.run, node)
        if not commands.test:
            await self.shop.board.end(self.order.run, node.key, "done", commands.origin)
            return asdict(Verdict("", None))
        verdict = await self._tested(commands)
        state: State = "done" if verdict.passed else "failed"
        await self.shop.board.end(self.order.run, node.key, state, _last_line(verdict))
        return asdict(verdict)

    async def _tested(self, commands: suite.Suite) -> Verdict:
        watch = self.shop.watch(self.order)
        async with self.shop.place(self.order, self.tree) as place:
            try:
                ready, _, output, failed = await watch.over(self._run(commands.setup, place, watch))
                if not ready:
                    return Verdict(commands.shown, None, output=output, broke=failed)
                passed, seconds, output, _ = await watch.over(self._run(commands.test, place, watch))
            except Interrupted as early:
                if early.cause == "cancelled":
                    raise Stop("cancelled", "") from None
                if early.cause == "silent":
                    said = f"[the tests printed nothing for {self.order.silence / 60:g} minutes and were ended]"
                    return Verdict(commands.shown, False, output=said)
                return Verdict(commands.shown, None, out_of_time=True)
        return Verdict(commands.shown, passed, seconds, output)


def _last_line(verdict: Verdict) -> str:
    lines = [line.strip() for line in verdict.output.splitlines() if line.strip()]
    return f"`{lines[-1][:160].strip('= ')}`".replace("``", "") if lines else ""
