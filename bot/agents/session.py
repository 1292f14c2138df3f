"""One conversation with an agent, in a place of its own, with its own way to the model; what it said and cost."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.agents import words
from bot.agents.spec import AgentSpec
from bot.agents.task import AgentEvent, Backend, Outcome, Task
from bot.agents.watch import Interrupted, Watch
from bot.agents.workshop import Order, Place, Workshop
from bot.errors import Stop, TryAgain, UserError
from bot.publish import settings_text, text
from bot.sandbox.gateway import Lease
from bot.sandbox.meter import price
from bot.sandbox.watchdog import LimitExceeded
from bot.store.record import total

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Talk:
    """How a conversation ended, the agent's last words, its cost in USD (None: unknown) and what counts of it."""

    ending: str
    words: str
    cost: float | None
    problem: str = ""
    counted: float = 0.0


@dataclass(frozen=True)
class Session:
    """A conversation for the step `key` of a run, for at most `usd`. `schema`: of the answer, where it is data.

    `before` is what earlier conversations of the step cost.
    """

    shop: Workshop
    order: Order
    spec: AgentSpec
    key: str
    usd: float
    number: int = 1
    schema: Mapping[str, Any] | None = None
    before: float | None = 0.0

    async def talk(
        self, place: Place, watch: Watch, message: str, planned: Callable[[str], None] = lambda plan: None
    ) -> Talk:
        """Have it; whatever stops it is in the answer. Raises Stop where the run was cancelled."""
        backend = self._backend()
        lease = await self._lease(place)
        try:
            task = self._task(place, message, lease, watch)
            outcome = await watch.over(backend.run(task, lambda event: self._hear(event, watch, planned)))
        except Interrupted as early:
            outcome = Outcome("error", "", details={"cause": early.cause})
        except LimitExceeded as limit:
            outcome = Outcome("error", "", problem=limit.sentence, details={"cause": "limits"})
        except (Stop, TryAgain):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the log has it
            outcome = Outcome("error", "", problem=unforeseen(error, self.order.run, self.key))
        finally:
            await self.shop.gateway.shut(lease)
        ending, cost = outcome.details.get("cause", outcome.ending), _cost(lease, outcome)
        if ending == "cancelled":  # what it has cost until now stays true
            await self.shop.board.note(self.order.run, self.key, cost_usd=total([self.before, cost]))
            raise Stop("cancelled", "")
        if ending == "budget" or (lease.stopped and ending == "error"):  # which limit it was, the lease knows
            ending, outcome = "budget", replace(outcome, problem="" if lease.spent else lease.stopped)
        said, problem = self.shop.clean(outcome.text), self.shop.clean(outcome.problem)
        return Talk(ending, said, cost, problem, _counted(lease, cost))

    def _backend(self) -> Backend:
        """Raises UserError where the operator has taken away what a good copy of the configuration names."""
        name = self.order.backend or self.spec.backend
        if name not in self.shop.backends:
            raise UserError(settings_text.no_backend(name, self.shop.backends))
        return self.shop.backends[name]

    async def _lease(self, place: Place) -> Lease:
        """The way to the model: for this place alone, and for one model where the agent file names it in full."""
        return await self.shop.gateway.open(
            self.order.run,
            self.usd,
            purse=self.shop.budget.purse(
                self.order.run, self.order.repo, *self.order.actor, own=self.order.custom.usd_a_day
            ),
            models=frozenset({model}) if (model := self.spec.model) and price(model) else None,
            uid=place.jail.uid,
            tcp=self.shop.walls.tier != "strong",
        )

    def _hear(self, event: AgentEvent, watch: Watch, planned: Callable[[str], None]) -> None:
        watch.hear()
        said = self.shop.clean(event.text)
        if event.kind == "plan":
            said = words.plan(said)
            planned(said)
        self.shop.tell(self.order.run, self.key, replace(event, text=said))

    def _task(self, place: Place, message: str, lease: Lease, watch: Watch) -> Task:
        return Task(
            run=self.order.run,
            key=self.key,
            prompt=message,
            system=self.spec.rules,
            worktree=place.path,
            home=place.home,
            environment=place.environment,
            jail=place.jail,
            doors=(lease.door,),
            model=self.spec.model,
            max_turns=self.spec.max_turns,
            usd=self.usd,
            gateway=place.jail.url(lease.door),
            token=lease.token,
            attempt=self.number,
            command=self.spec.command,
            schema=self.schema,
            heard=watch.hear,
        )


def unforeseen(error: Exception, run: str, key: str) -> str:
    """What people are told of an error that nobody foresaw; the log has it whole.

    Raises it where the work is being ended anyway: then it says nothing about the agent.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise error
    log.error("agent not heard", run=run, step=key, exc_info=error)
    return text.unforeseen(type(error).__name__)


def _cost(lease: Lease, outcome: Outcome) -> float | None:
    return lease.usage.usd if lease.usage.calls else outcome.usd


def _counted(lease: Lease, cost: float | None) -> float:
    """What counts against the limit: an unknown price as the dearest; what an agent pays by itself is not ours."""
    if cost is not None:
        return cost
    return lease.counted if lease.usage.calls else 0.0
