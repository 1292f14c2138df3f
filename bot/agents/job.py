"""One job: an agent changes the repository's files, its tests judge the change, the agent tries again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from bot.agents import answer
from bot.agents.attempt import Attempt, Job, Try, stopped_by
from bot.agents.workshop import Order, Workshop
from bot.check.trial import Verdict
from bot.errors import State
from bot.publish import text

Step = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]


@dataclass(frozen=True)
class Product:
    """What a job made, and where it stopped short of its goal (`state` is `done` when it did not)."""

    tree: str
    words: str
    verdict: Verdict
    attempt: int
    state: State = "done"
    reason: str = ""


async def play(shop: Workshop, order: Order, job: Job, tree: str, step: Step) -> Product:
    """Do the job, starting from the files of `tree`; every try is a step of the run."""
    spec = shop.agents[job.agent]
    spent, earlier, verdict = 0.0, "", Verdict("", None)
    made = Try(tree, "finished", "", 0.0)
    for attempt in range(1, job.tries + 1):
        if spent >= order.usd:
            return Product(made.tree, made.words, verdict, attempt - 1, "over budget", text.over_budget(order.usd))
        work = Attempt(shop, order, job, spec, attempt, made.tree, order.usd - spent, earlier)
        made = Try(**await step(work.node.key, work.agent))
        spent += made.cost or 0.0
        if made.ending != "finished":
            state, reason = stopped_by(made, order, spec)
            untested = Verdict(await work.tests(), None)
            return Product(made.tree, made.words, untested, attempt, state, reason)
        if made.tree == order.base_tree:
            return Product(made.tree, made.words, verdict, attempt, "no change", _nothing(made))
        verdict = Verdict(**await step(f"{job.name}.test.{attempt}", replace(work, tree=made.tree).judge))
        if verdict.broke:
            return Product(made.tree, made.words, verdict, attempt, "failed", text.setup_failed(verdict.broke))
        if verdict.out_of_time:
            return Product(made.tree, made.words, verdict, attempt, "timed out", text.timed_out(order.minutes))
        if verdict.passed is not False:
            return Product(made.tree, made.words, verdict, attempt)
        earlier = verdict.output
    return Product(made.tree, made.words, verdict, job.tries, "failed", text.tests_red(job.tries))


def _nothing(made: Try) -> str:
    return text.no_change(answer.read(made.words).summary)
