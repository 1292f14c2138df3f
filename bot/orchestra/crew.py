"""A team as it plays: who is in it by name, what each of them is told, and what their lead may decide. Pure."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bot.graph.territory import within
from bot.orchestra.lead import Assignment, Scope
from bot.orchestra.part import Part
from bot.publish import team_text
from bot.workflow.job import RESERVED, Job, Member, Team
from bot.workflow.teams import LEAD, MOST

LONGEST = 90  # characters of a row's name
TAKEN = RESERVED | {LEAD}


@dataclass
class Crew:
    """A team; `part` is its lead, `people` are by the names that the lead knows them by: members, and teams again.

    `asked` counts what its lead was asked, by kind; `tasks` are what it gave to whom. `room` is for how many people its
    lead may decide on, or those below it: dealt out beforehand, it is the same in whatever order their plans come.
    """

    part: Part
    team: Team
    people: "dict[str, Crew | Part]" = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    room: int = 0

    @property
    def name(self) -> str:
        return self.part.name

    @property
    def top(self) -> bool:
        """Whether it is the lead of all."""
        return not self.part.needs

    @property
    def scope(self) -> Scope:
        """What its lead may decide, where nobody is named."""
        team, taken = self.team, TAKEN if self.top else frozenset[str]()
        return Scope(min(team.breadth, self.room), team.owns, team.depth > 1, self.top or bool(team.owns), taken)

    @property
    def full(self) -> bool:
        """Whether nobody may be in it, for the run has as many people as there may be."""
        return not self.people and self.room < 1

    def next(self, kind: str) -> str:
        """The step at which its lead is asked next: `plan`, `plan.2` ..."""
        number = self.asked.get(kind, 0) + 1
        return kind if number == 1 else f"{kind}.{number}"

    def ask(self, kind: str) -> str:
        """The same, and it is asked."""
        step = self.next(kind)
        self.asked[kind] = self.asked.get(kind, 0) + 1
        return step

    @property
    def parts(self) -> list[Part]:
        """The rows of the crew: its lead's, then those of everybody below."""
        return [self.part, *(one.part if isinstance(one, Crew) else one for one in self.everybody())]

    def everybody(self) -> "Iterator[Crew | Part]":
        """All below it, each team before its people."""
        for one in self.people.values():
            yield one
            if isinstance(one, Crew):
                yield from one.everybody()

    def decide(self, plan: Sequence[Assignment]) -> None:
        """Take in whom its lead decided on."""
        for one in plan:
            name = _named(self, one.who)
            if one.team:
                less = {"depth": self.team.depth - 1, "owns": one.owns, "focus": "", "responsibilities": ()}
                self.people[one.who] = _crew(name, self.team.model_copy(update=less), (self.name,))
            else:
                self.people[one.who] = _member(name, Member(agent=self.team.agent), one.owns, (self.name,))
        _deal(self.room - len(plan), [one for one in self.people.values() if isinstance(one, Crew)])


def assemble(team: Team) -> Crew:
    """The crew of a workflow's team, with everybody that it names; what is left is for those who are decided on."""
    top = _crew(LEAD, team, ())
    crews = [top, *(one for one in top.everybody() if isinstance(one, Crew))]
    _deal(MOST - len(top.parts) + 1, [one for one in crews if not one.people])
    return top


def _deal(room: int, crews: Sequence[Crew]) -> None:
    """Equal parts of the room for people; what does not divide goes to those who were named first."""
    for number, crew in enumerate(crews):
        crew.room = max(0, room // len(crews) + (number < room % len(crews)))


def _crew(name: str, team: Team, needs: tuple[str, ...]) -> Crew:
    spec = Job(agent=team.lead).model_copy(update={"focus": team_text.charge("", team.focus, team.responsibilities)})
    crew = Crew(Part(name, spec, needs, ready=True), team)
    for who, member in team.members.items():
        owns = within(member.owns, team.owns)
        crew.people[who] = _member(_named(crew, who), member, owns, (name,))
    for who, below in team.teams.items():
        limits = {"depth": min(below.depth, team.depth - 1), "breadth": min(below.breadth, team.breadth)}
        inside = below.model_copy(update={**limits, "owns": within(below.owns, team.owns)})
        crew.people[who] = _crew(_named(crew, who), inside, (name,))
    return crew


def _member(name: str, member: Member, owns: tuple[str, ...], needs: tuple[str, ...]) -> Part:
    job = Job(agent=member.agent, owns=owns, usd=member.usd, tests=member.tests)
    focus = team_text.charge("", member.focus, member.responsibilities)
    return Part(name, job.model_copy(update={"focus": focus}), needs, ready=True)


def _named(crew: Crew, who: str) -> str:
    """The row of somebody in a team, unique in the run; what is too long is cut, with a mark of the whole."""
    whole = who if crew.top else f"{crew.name}/{who}"
    if len(whole) <= LONGEST:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{whole[: LONGEST - 9]}-{mark}"


def charged(part: Part, task: str, remark: str = "") -> Part:
    """The part with what its lead asks of it, before what its file says of it."""
    focus = team_text.charge(task, part.spec.focus, (), remark)
    return replace(part, spec=part.spec.model_copy(update={"focus": focus}))
