"""What is wrong with the teams of a workflow: names, how deep they go, and who owns what in whose paths. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.graph.ownership import Owners
from bot.graph.territory import outside, within
from bot.workflow import owning
from bot.workflow.job import Member, Team
from bot.workflow.node import Flaw, Place

LEAD = "lead"  # the row of the lead of all
MOST = 100  # people of one run, leads of teams among them, without the lead of all


@dataclass(frozen=True)
class _Worker:
    """Who changes files, a member or a team whose lead decides on members: name in the run, place, globs."""

    name: str
    place: Place
    owns: tuple[str, ...]
    decided: bool


def flaws(team: Team, place: Place) -> Iterator[Flaw]:
    """Everything that is wrong with the team of a workflow, which stands at `place`."""
    for key, found in _below(team, place):
        if found == LEAD:
            yield Flaw(key, f"`{LEAD}` is the lead of all: give it another name")
    if (named := _count(team)) > MOST:
        yield Flaw(place, f"{named} people are named here, and a run has {MOST} at most")
    yield from _limits(team, place, team.depth)
    for at, one in _everybody(team, place):
        yield from _plain(one, at)
        yield from owning.globs((*at, "owns"), one.owns)
    try:
        yield from _within(team, place, ())
        yield from _shared(list(_workers(team, place, "", ())))
    except ValueError as wrong:
        yield Flaw((*place, "owns"), str(wrong))


def asked(team: Team, place: Place) -> list[tuple[Place, float | None]]:
    """The US dollars that members may use, with the places where that is said."""
    return [((*at, "usd"), one.usd) for at, one in _everybody(team, place) if isinstance(one, Member)]


def _everybody(team: Team, place: Place) -> Iterator[tuple[Place, Member | Team]]:
    yield place, team
    yield from (((*place, "members", name), member) for name, member in team.members.items())
    for name, below in team.teams.items():
        yield from _everybody(below, (*place, "teams", name))


def _plain(one: Member | Team, place: Place) -> Iterator[Flaw]:
    """Expressions, which nobody fills in here."""
    for key, text in (("focus", one.focus), *(("responsibilities", line) for line in one.responsibilities)):
        if "{{" in text:
            yield Flaw((*place, key), "nothing fills in an expression in a team", "its lead knows the issue")
    if any("{{" in glob for glob in one.owns):
        yield Flaw((*place, "owns"), "nothing fills in an expression in a team", "name paths as they are")


def _count(team: Team) -> int:
    return len(team.members) + sum(1 + _count(below) for below in team.teams.values())


def _below(team: Team, place: Place) -> Iterator[tuple[Place, str]]:
    yield from (((*place, "members", name), name) for name in team.members)
    yield from (((*place, "teams", name), name) for name in team.teams)


def _people(team: Team) -> Mapping[str, Member | Team]:
    return {**team.members, **team.teams}


def _limits(team: Team, place: Place, depth: int) -> Iterator[Flaw]:
    """Teams that are deeper, or would be, than the one above lets them; `depth` is what that leaves."""
    for name, below in team.teams.items():
        at = (*place, "teams", name)
        if depth < 2:
            yield Flaw(at, f"the team `{name}` is deeper than `depth` allows")
            return
        if "depth" in below.model_fields_set and below.depth > depth - 1:
            yield Flaw((*at, "depth"), f"the teams above leave a depth of {depth - 1}")
        if "breadth" in below.model_fields_set and below.breadth > team.breadth:
            yield Flaw((*at, "breadth"), f"the team above may be {team.breadth} wide")
        yield from _limits(below, at, min(below.depth, depth - 1))


def _within(team: Team, place: Place, of: tuple[str, ...]) -> Iterator[Flaw]:
    """Those who own what their team does not; and those who do not say what of their team's paths is theirs."""
    if stray := outside(team.owns, of):
        yield Flaw((*place, "owns"), f"`{stray}` does not lie in what the team above owns")
    owns, people = within(team.owns, of), _people(team)
    for name, one in people.items():
        at = (*place, "members" if isinstance(one, Member) else "teams", name)
        if owns and not one.owns and len(people) > 1:
            yield Flaw(at, f"say what `{name}` owns of its team's paths")
        elif isinstance(one, Team):
            yield from _within(one, at, owns)
        elif stray := outside(one.owns, owns):
            yield Flaw((*at, "owns"), f"`{stray}` does not lie in what its team owns")


def _workers(team: Team, place: Place, name: str, of: tuple[str, ...]) -> Iterator[_Worker]:
    owns, people = within(team.owns, of), _people(team)
    if not people:
        yield _Worker(name, place, owns, decided=True)
    for who, one in people.items():
        whole = f"{name}/{who}" if name else who
        if isinstance(one, Team):
            yield from _workers(one, (*place, "teams", who), whole, owns)
        else:
            yield _Worker(whole, (*place, "members", who), within(one.owns, owns), decided=False)


def _shared(workers: list[_Worker]) -> Iterator[Flaw]:
    """Paths that two own; and whoever owns nothing beside a team that says what it owns only as it plays."""
    owned = {one.name: one for one in workers if one.owns}
    for one, other, shared in Owners({name: worker.owns for name, worker in owned.items()}).conflicts():
        yield Flaw((*owned[other].place, "owns"), owning.two_owners(one, other, shared))
        return
    nothing = next((one for one in workers if not one.owns), None)
    if nothing and len(workers) > 1 and any(one.decided for one in workers):
        yield Flaw(
            nothing.place,
            f"say what `{nothing.name}` owns: beside a team whose lead decides who is in it everybody owns something",
        )
