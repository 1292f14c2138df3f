"""The hierarchy: a lead splits a task, members and teams do the parts side by side, the lead reviews what they made."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.agents import prompt
from bot.agents.job import Portion, Product
from bot.agents.reader import Reading
from bot.errors import State
from bot.git import merging
from bot.orchestra import lead
from bot.orchestra.crew import Crew, assemble, charged
from bot.orchestra.lead import Assignment, Review
from bot.orchestra.part import Ended, Part
from bot.orchestra.player import all_of
from bot.orchestra.shares import Shares
from bot.orchestra.stage import Stage
from bot.publish import team_text
from bot.store import runs
from bot.workflow.spec import Workflow
from bot.workflow.teams import MOST

ROUNDS = 2  # how often a lead may return work
PLANNING = 0.2  # of a team's money, for a plan
# Turns of a member from one review to the next: its work, what it does anew, what others ask of it, what it mends.
_TURNS = 12
_PATCH, _TOLD = 20_000, 8_000  # characters of what somebody changed, and of what they said, that their lead is told
_ENDINGS: Mapping[str, State] = {
    "timed out": "timed out",
    "silent": "timed out",
    "budget": "over budget",
    "limits": "resource limit",
}


class Hierarchy:
    """`name` is what a workflow's `pattern:` says."""

    name = "hierarchy"

    async def play(self, workflow: Workflow, stage: Stage) -> Product:
        """Every lead plans and reviews, everybody else works; who was given nothing is skipped."""
        assert workflow.team is not None
        playing, crew = _Playing(stage, asyncio.Semaphore(workflow.limits.agents)), assemble(workflow.team)
        await stage.show(crew.parts)
        await playing.lead(crew, crew.part, stage.shares)
        if playing.checked.well:  # after a crash nobody has asked yet what the tests said
            playing.checked = await stage.check()
        return stage.product(playing.ended, playing.checked)


@dataclass
class _Playing:
    """A run so far. `room` is for as many agents as work at once; `checked` is what the tests last said of it all.

    `reviews` counts those that were of somebody's work.
    """

    stage: Stage
    room: asyncio.Semaphore
    ended: dict[str, Ended] = field(default_factory=dict)
    checked: Ended = field(default_factory=lambda: Ended("done"))
    reviews: dict[str, int] = field(default_factory=dict)

    async def lead(self, crew: Crew, part: Part, shares: Shares) -> None:
        """Have a team do what its lead was charged with; how it ended is kept, for it and for everybody in it."""
        await self.stage.score.begin(part)
        self.ended[part.name] = ended = await self._led(crew, part, shares)
        await self.stage.finish(part, ended)

    async def _led(self, crew: Crew, part: Part, shares: Shares) -> Ended:
        plan = await self._planned(crew, part, shares)
        if isinstance(plan, Ended):
            await self._skip(list(crew.people.values()), team_text.without_plan(crew.name))
            return plan
        crew.tasks |= {one.who: one.task for one in plan}
        idle = [one for who, one in crew.people.items() if who not in crew.tasks]
        await self._skip(idle, team_text.not_named(crew.name))
        turn, said = {one.who: "" for one in plan}, Review(True, "", {})
        for round_ in range(ROUNDS + 1):
            await self._work(crew, turn, shares)
            if crew.top:
                self.checked = await self._checked(crew)
            if not self.checked.well or not self._paths(crew):
                return self._ended(crew, said)
            reviewed = await self._reviewed(crew, part, shares)
            if isinstance(reviewed, Ended):
                return reviewed
            said, turn = reviewed, dict(reviewed.returns)
            self._count_on(crew)
            if not turn or round_ == ROUNDS:
                break
        return self._ended(crew, said)

    async def _checked(self, crew: Crew) -> Ended:
        """The tests on everything together; that they passed is known where the review after them was done before.

        The trunk of a run that goes on after a crash may hold later work already.
        """
        stage, key = self.stage, f"{crew.name}.{crew.next('review')}"
        kept = await stage.shop.db.read(lambda conn: runs.kept(conn, stage.order.run, key))
        if kept is None:
            return await stage.check()
        read = (merge for merge in reversed(stage.trunk.merges) if merge.tree == kept[0]["tree"])
        if last := next(read, None):  # what was mended before that review, too
            stage.trunk.reach(last)
        return Ended("done")

    def _count_on(self, crew: Crew) -> None:
        """The next turns of a team are counted from a number that does not tell how often somebody had to mend."""
        for part in crew.parts:
            self.reviews[part.name] = self.reviews.get(part.name, 0) + 1
            self.stage.turns[part.name] = _TURNS * self.reviews[part.name]

    def _ended(self, crew: Crew, said: Review) -> Ended:
        """How a team ended by what its lead said in the end, what the tests said, and how its people ended."""
        if crew.top and not self.checked.well:
            return self.checked
        if not said.accepted:
            return Ended("failed", team_text.not_accepted(said.summary, said.returns), words=said.summary)
        if crew.top and said.summary:
            self._told(crew.part, said.summary)
        own = [_name(crew.people[who]) for who in crew.tasks]
        if failed := [name for name in own if not self.ended[name].well]:
            return Ended("failed", team_text.not_well(failed), words=said.summary)
        if not own:
            return Ended("no change", team_text.nothing_to_do())
        reason = team_text.accepted(said.summary) if crew.top else ""  # the others' leads are told it as words
        return Ended("done" if self._paths(crew) else "no change", reason, words=said.summary)

    def _told(self, part: Part, summary: str) -> None:
        """What the lead of all says of it stands before what each gave."""
        self.stage.portions[part.name] = Portion(part.name, part.spec.agent, summary, ())

    # ---- who does what -----------------------------------------------------------------------------------------------

    async def _planned(self, crew: Crew, part: Part, shares: Shares) -> list[Assignment] | Ended:
        """The lead's plan, for the people that there are or for those that it decides on; or why there is none."""
        people, scope = crew.people, crew.scope

        def of_all(words: str) -> lead.Parsed:
            return lead.plan(words, list(people))

        def decided(words: str) -> lead.Parsed:
            return lead.decision(words, scope)

        shares.expect(1)
        most = PLANNING * shares.usd
        if people:
            told = {"question": "plan", "candidates": self._told_of(crew)}
            made = await self._asked(crew, part, shares, "plan", of_all, lead.PLAN, told, most)
        else:
            limits = team_text.to_decide(scope.breadth, teams=scope.teams, owns=scope.owns, free=scope.free)
            told = {"question": "decide", "instructions": limits}
            made = await self._asked(crew, part, shares, "plan", decided, lead.DECISION, told, most)
        if isinstance(made, Ended):
            return made
        if made.failed:
            return Ended(_ENDINGS.get(made.ending, "failed"), team_text.no_plan(made.problem))
        plan = [Assignment(**{**one, "owns": tuple(one["owns"])}) for one in made.said]
        if not people:
            crew.decide(plan)
        return await self._shown(crew) or plan

    async def _shown(self, crew: Crew) -> Ended | None:
        try:
            await self.stage.show(crew.parts)
        except ValueError as twice:  # which its lead was to see
            crew.people.clear()
            return Ended("failed", str(twice))
        return None

    def _told_of(self, crew: Crew) -> str:
        said = []
        for who, one in crew.people.items():
            team, spec = isinstance(one, Crew), _part(one).spec
            owns = one.team.owns if isinstance(one, Crew) else spec.owns
            said.append(prompt.fence("of your team", team_text.person(who, spec.agent, team, spec.focus, owns)))
        return "\n\n".join(said)

    async def _asked(
        self,
        crew: Crew,
        part: Part,
        shares: Shares,
        kind: str,
        parse: Any,
        schema: Mapping[str, Any],
        told: Mapping[str, str],
        most: float | None = None,
    ) -> Reading | Ended:
        """What the lead says to one question, for `most` US dollars or its share."""
        usd = shares.take(most)
        if usd <= 0:
            return Ended("over budget", team_text.no_money())
        title = team_text.plans(part.spec.agent) if kind == "plan" else team_text.reviews(part.spec.agent)
        async with self.room:
            given = {"owns": "\n".join(crew.team.owns), **told}
            made = await self.stage.ask(part, usd, crew.ask(kind), parse, schema, title, **given)
        shares.settle(usd, made.counted)
        return made

    async def _skip(self, people: Sequence[Crew | Part], why: str) -> None:
        """Whoever was given nothing until now, and whoever is below."""
        for one in people:
            for part in one.parts if isinstance(one, Crew) else [one]:
                if part.name not in self.ended:
                    self.ended[part.name] = Ended("skipped", why)
                    await self.stage.score.skip(part, why)

    # ---- the work ----------------------------------------------------------------------------------------------------

    async def _work(self, crew: Crew, turn: Mapping[str, str], shares: Shares) -> None:
        """Those of the team work side by side, each with the remark on what it made before, for equal shares.

        The money is dealt out before anybody begins: whatever a crash repeats, everybody has the same.
        """
        shares.expect(len(turn) + 1)
        wishes = {who: _wish(crew.people[who]) for who in turn}
        ordered = sorted(turn, key=lambda who: wishes[who] is None)
        dealt = {who: Shares(shares.take(wishes[who])) for who in ordered}
        tasks = [asyncio.create_task(self._do(crew, who, remark, dealt[who])) for who, remark in turn.items()]
        await all_of(tasks)
        for one in dealt.values():
            shares.settle(one.usd, one.spent)

    async def _do(self, crew: Crew, who: str, remark: str, shares: Shares) -> None:
        one = crew.people[who]
        part = charged(_part(one), crew.tasks[who], remark)
        if isinstance(one, Crew):
            await (self._skip([one], team_text.too_many(MOST)) if one.full else self.lead(one, part, shares))
            return
        async with self.room:
            self.ended[part.name] = await self.stage.perform(part, shares)

    # ---- the review --------------------------------------------------------------------------------------------------

    async def _reviewed(self, crew: Crew, part: Part, shares: Shares) -> Review | Ended:
        names = list(crew.tasks)

        def parse(words: str) -> lead.Parsed:
            return lead.review(words, names)

        told = {"question": "review", "before": self._said(crew), "diff": await self._changed(crew)}
        made = await self._asked(crew, part, shares, "review", parse, lead.REVIEW, told)
        if isinstance(made, Ended):
            return Ended(made.state, team_text.no_review(made.reason))
        if made.failed:
            return Ended(_ENDINGS.get(made.ending, "failed"), team_text.no_review(made.problem))
        return Review(**made.said[0])

    def _said(self, crew: Crew) -> str:
        """How everybody's part ended, and their words."""
        found = []
        for who in crew.tasks:
            ended = self.ended[_name(crew.people[who])]
            words = team_text.ended(crew.tasks[who], ended.state, ended.reason, ended.words)
            found.append(prompt.fence(f"of {who}", words, _TOLD))
        return "\n\n".join(found)

    async def _changed(self, crew: Crew) -> str:
        """What everybody changed, as the files stand now."""
        mirror, trunk, found = self.stage.order.mirror, self.stage.trunk, []
        for who in crew.tasks:
            paths = self._paths(crew.people[who])
            if paths:
                own = {part.name for part in _parts(crew.people[who])}
                before = next(merge.before for merge in trunk.merges if merge.job in own)
                patch = await merging.patch_of(mirror, before, trunk.tree, paths)
                found.append(prompt.fence(f"changed by {who}", patch, _PATCH))
        return "\n\n".join(found)

    def _paths(self, one: Crew | Part) -> list[str]:
        """What is merged of somebody's work, or a team's."""
        own = {part.name for part in _parts(one)}
        return sorted({path for merge in self.stage.trunk.merges if merge.job in own for path in merge.paths})


def _part(one: Crew | Part) -> Part:
    return one.part if isinstance(one, Crew) else one


def _parts(one: Crew | Part) -> list[Part]:
    return one.parts if isinstance(one, Crew) else [one]


def _name(one: Crew | Part) -> str:
    return _part(one).name


def _wish(one: Crew | Part) -> float | None:
    return one.spec.usd if isinstance(one, Part) else None


PATTERN = Hierarchy()
