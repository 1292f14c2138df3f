"""The tests' step of a try: the repository's tests, in a fresh worktree that holds exactly what would be published."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.agents.watch import Interrupted, Watch
from bot.agents.workshop import Order, Place, Workshop
from bot.check import suite, trial
from bot.check.trial import Ran, Verdict
from bot.errors import State, Stop
from bot.publish import settings_text, text
from bot.sandbox import egress, process
from bot.sandbox.jail import Door
from bot.sandbox.watchdog import LimitExceeded
from bot.store import runs

_TOLD_BY = ("pyproject.toml", "setup.cfg", "tox.ini", "package.json", "Makefile", "makefile", "GNUmakefile")
NOT_THERE = (126, 127)  # how a shell ends that finds no such program, or one it may not start


async def suite_of(order: Order, tree: str) -> suite.Suite:
    """The set-up and test commands of the files of `tree`."""
    mirror, files = order.mirror, await order.mirror.listing(tree)
    texts = {path: await mirror.read(tree, path) for path in {e.path for e in files} & set(_TOLD_BY)}
    read = {path: data.decode("utf-8", "replace") for path, data in texts.items() if data is not None}
    return suite.choose(order.setup, order.test, [entry.path for entry in files], read.get, order.custom.lint)


async def run(
    commands: tuple[str, ...], place: Place, order: Order, watch: Watch, doors: tuple[Door, ...] = (), **more: str
) -> Ran:
    """Run command lines in a place for as long as the watch allows; raises Interrupted and LimitExceeded."""
    work = trial.run(
        commands,
        cwd=place.path,
        environment={**place.environment, **more},
        jail=place.jail,
        doors=doors,
        run_id=place.environment[process.MARK],
        heard=watch.hear,
    )
    return await watch.over(work)


async def set_up(shop: Workshop, commands: suite.Suite, place: Place, order: Order, watch: Watch) -> Ran:
    """Run the set-up, the one step that reaches a network: those of the operator's hosts that the repository wants."""
    if not commands.setup:
        return Ran()
    hosts = order.custom.setup_hosts
    door = await shop.egress.open(uid=place.jail.uid, tcp=shop.walls.tier != "strong", hosts=hosts)
    refused: list[str] = []
    try:
        more = egress.environment(place.jail.url(door))
        ran = await run(commands.setup, place, order, watch, (door,), **more)
    finally:
        refused += await shop.egress.shut(door)
    return replace(ran, output="\n".join([ran.output.rstrip("\n"), *refused, ""])) if refused else ran


@dataclass(frozen=True)
class Judgement:
    """The tests of the files of `tree`."""

    shop: Workshop
    order: Order
    tree: str

    async def untested(self) -> Verdict:
        """The verdict where the tests are not run: it names them."""
        return Verdict((await suite_of(self.order, self.tree)).shown, None)

    async def step(self, described: Callable[[str], runs.Node]) -> dict[str, Any]:
        """The tests' step, which `described` names once the command line is known; the verdict as a record."""
        commands = await suite_of(self.order, self.tree)
        node = described(commands.shown)
        await self.shop.board.begin(self.order.run, node)
        if not commands.judging:
            await self.shop.board.end(self.order.run, node.key, "done", commands.origin)
            return asdict(Verdict("", None))
        verdict = await self.of(commands)
        state: State = "done" if verdict.passed else "failed"
        await self.shop.board.end(self.order.run, node.key, state, last_line(verdict))
        return asdict(verdict)

    async def of(self, commands: suite.Suite) -> Verdict:
        """What these commands say of the files, whatever ended them. Raises Stop where the run was cancelled."""
        try:
            return await self._tested(commands)
        except Interrupted as early:
            if early.cause == "cancelled":
                raise Stop("cancelled", "") from None
            if early.cause == "silent":
                said = f"[the tests printed nothing for {self.order.silence / 60:g} minutes and were ended]"
                return Verdict(commands.shown, False, output=said)
            return Verdict(commands.shown, None, out_of_time=True)
        except LimitExceeded as limit:
            return Verdict(commands.shown, None, limit=limit.sentence)

    async def _tested(self, commands: suite.Suite) -> Verdict:
        watch = self.shop.watch(self.order)
        async with self.shop.place(self.order, self.tree) as place:
            ready = await set_up(self.shop, commands, place, self.order, watch)
            if ready.failed:
                return Verdict(commands.shown, None, output=self.shop.clean(ready.output), broke=ready.failed)
            ran = await run(commands.judging, place, self.order, watch)
        output = self.shop.clean(ran.output)
        if ran.code in NOT_THERE:
            return Verdict(commands.shown, None, ran.seconds, output, not_there=ran.failed, code=ran.code)
        return Verdict(commands.shown, not ran.failed, ran.seconds, output, red=ran.failed)


def cut_short(verdict: Verdict, order: Order) -> tuple[State, str] | None:
    """The state and the sentence where commands did not come to a verdict; None where they did."""
    if verdict.broke:
        return "failed", text.setup_failed(verdict.broke)
    if verdict.not_there:
        lint = verdict.not_there in order.custom.lint
        sentence = settings_text.lint_not_runnable if lint else text.tests_not_runnable
        return "failed", sentence(verdict.not_there, verdict.code)
    if verdict.limit:
        return "resource limit", verdict.limit
    if verdict.out_of_time:
        return "timed out", text.timed_out(order.minutes, order.whose("minutes"))
    return None


def last_line(verdict: Verdict) -> str:
    """The end of what commands printed, as a reason."""
    lines = [line.strip() for line in verdict.output.splitlines() if line.strip()]
    return f"`{lines[-1][:160].strip('= ')}`".replace("``", "") if lines else ""
