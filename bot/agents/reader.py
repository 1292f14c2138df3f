"""A reviewing agent's step: it reads a part of a change in a worktree it cannot write to, and answers with data."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bot.agents import prompt
from bot.agents.session import Session, Talk, unforeseen
from bot.agents.spec import AgentSpec
from bot.agents.workshop import Order, Workshop
from bot.errors import State, Stop, TryAgain, UserError
from bot.git import masks
from bot.policy.protected import is_agent_file
from bot.publish import text
from bot.store import runs
from bot.store.record import total

TRIES = 2
Parsed = tuple[list[dict[str, Any]], list[str]]
Parse = Callable[[str], Parsed]


@dataclass(frozen=True)
class Reading:
    """What a step of reading left, as it is recorded.

    `said` is the valid part of the answer, `wrong` says what of it was not, after it was asked for once more. `problem`
    is a sentence where the agent did not end well: then nothing it said counts. `tree` is what it read.
    """

    agent: str
    said: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ending: str = "finished"
    problem: str = ""
    cost: float | None = 0.0
    counted: float = 0.0
    tree: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.problem)


@dataclass(frozen=True)
class Reader:
    """One agent and what it reads. `parse` takes its last words apart: what is valid, and what is wrong with the rest.

    `given` fills the agent file's prompt. `salvage` takes the second answer where that is not valid either. `noun` is
    what it gives one or more of. `reserve`: the last seconds of the run's time, which are not for it.
    """

    shop: Workshop
    order: Order
    node: runs.Node
    agent: str
    spec: AgentSpec
    given: Mapping[str, Any]
    parse: Parse
    salvage: Parse
    schema: Mapping[str, Any]
    usd: float
    noun: str = "finding"
    reserve: float = 0.0

    async def step(self) -> dict[str, Any]:
        """The step's result as a record. What was said is kept before this returns: it is never paid for twice."""
        board, run = self.shop.board, self.order.run
        kept = await board.take_up(run, self.node)
        made = Reading(**kept[0]) if kept else replace(await self._read(), tree=self.order.base_tree)
        record = asdict(made)
        state: State = "failed" if made.failed else "done"
        said = made.problem or text.reading_left(len(made.said), made.wrong, self.noun)
        await board.keep(run, self.node.key, (record, b""), state, said, cost_usd=made.cost)
        return record

    async def _read(self) -> Reading:
        """What it read; an error that nobody foresaw is a failed reading, for the others' shall not be lost by it.

        Raises Stop where the run was cancelled, and TryAgain only where nothing was paid for yet.
        """
        talks = list[Talk]()
        try:
            return await self._answer(talks)
        except Stop:
            raise
        except TryAgain as again:
            if not talks:
                raise
            problem = str(again)
        except UserError as refusal:
            problem = str(refusal)
        except Exception as error:  # noqa: BLE001 - whatever it is, the log has it
            problem = unforeseen(error, self.order.run, self.node.key)
        return replace(self._made(talks, problem=text.agent_failed(self.shop.clean(problem))), ending="error")

    async def _answer(self, costs: list[Talk]) -> Reading:
        """The same, with every conversation put in `costs` as soon as it is over."""
        watch = self.shop.watch(replace(self.order, deadline=self.order.deadline - self.reserve))
        wrong: list[str] = []
        last = ""
        async with self.shop.place(self.order, await self._tree(), part=self.node.key, writable=False) as place:
            for number in range(1, TRIES + 1):
                left = self.usd - sum(talk.counted for talk in costs)
                if number > 1 and left <= 0:
                    break
                before = total(talk.cost for talk in costs)
                session = Session(self.shop, self.order, self.spec, self.node.key, left, number, self.schema, before)
                talk = await session.talk(place, watch, self._message(wrong, last))
                costs.append(talk)
                if talk.ending != "finished":
                    return self._made(costs, problem=self._problem(talk))
                last = talk.words
                said, wrong = self.parse(last)
                if not wrong:
                    return self._made(costs, said)
        said, wrong = self.salvage(last)
        if not said:
            return self._made(costs, wrong=wrong, problem=text.answer_not_valid(wrong))
        return self._made(costs, said, wrong)

    def _made(
        self,
        talks: list[Talk],
        said: list[dict[str, Any]] | None = None,
        wrong: list[str] | None = None,
        problem: str = "",
    ) -> Reading:
        cost, counted = total(talk.cost for talk in talks), sum(talk.counted for talk in talks)
        ending = talks[-1].ending if talks else "error"
        return Reading(self.agent, said or [], wrong or [], ending, problem, cost, counted)

    def _message(self, wrong: list[str], last: str) -> str:
        listed = "\n".join(f"- {line}" for line in wrong)
        again = f"{prompt.fence('what is wrong', listed)}\n\n{prompt.fence('your answer', last)}" if wrong else ""
        return prompt.review_message(self.spec, {**self.given, "wrong": again})

    async def _tree(self) -> str:
        """What it reads: settings for agents are those of the trusted commit, whatever branch or other agents say."""
        order, tree = self.order, self.order.base_tree
        if order.trusted in ("", order.base) and tree == await order.mirror.tree(order.base):
            return tree
        return await masks.masked(order.mirror, tree, order.trusted or order.base, is_agent_file)

    def _problem(self, talk: Talk) -> str:
        order = self.order
        match talk.ending:
            case "timed out":
                used = text.timed_out(order.minutes, order.whose("minutes"))
                return text.reading_timed_out(order.minutes) if self.reserve else used
            case "silent":
                return text.silent(order.silence / 60)
            case "budget":
                whole = self.usd >= order.usd
                used = text.over_budget(order.usd, order.whose("usd"))
                return talk.problem or (used if whole else text.share_used(self.usd, order.usd))
            case "turns":
                return text.out_of_turns(self.spec.max_turns)
            case "limits":
                return talk.problem
            case _:
                return text.agent_failed(talk.problem or talk.ending)
