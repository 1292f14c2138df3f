"""What a lead says is taken at its word and no further: people that there are, paths that are its own."""

import json

import pytest

from bot.errors import ConfigError
from bot.graph.territory import claimed, outside
from bot.orchestra import lead
from bot.orchestra.crew import LONGEST, Crew, assemble
from bot.orchestra.lead import Assignment, Scope
from bot.review import glob
from bot.workflow.job import Member, Team
from bot.workflow.spec import parse_workflow
from bot.workflow.teams import MOST
from tests.orchestra.hall import HEAD
from tests.shelf import shipped

SRC = Scope(3, ("src/**", "!src/keys/**"), teams=False)


def plan(*parts: object) -> str:
    return json.dumps({"parts": parts})


def part(who: str, *owns: str, team: bool = False) -> dict[str, object]:
    return {"who": who, "task": "Do it.", "owns": owns, "team": team}


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("I would ask api.", "there is no JSON object"),
        (plan({"who": "api"}), "parts.0.task: Field required"),
        (plan({"who": "api", "task": " "}), "parts.0.task"),
        (plan(part("web")), "there is no `web` in your team: known are api, db"),
        (plan(part("api"), part("api")), "`api` is named twice"),
    ],
)
def test_a_plan_names_people_that_there_are_once_each(words: str, wrong: str) -> None:
    said, why = lead.plan(words, ["api", "db"])
    assert said == []
    assert wrong in why[0]


def test_a_plan_gives_tasks_and_nothing_else_to_people_that_there_are() -> None:
    said, wrong = lead.plan(plan({**part("api", "/etc", team=True), "usd": 1000, "agent": "root"}), ["api"])
    assert (said, wrong) == ([{"who": "api", "task": "Do it.", "owns": (), "team": False}], [])


@pytest.mark.parametrize(
    ("parts", "wrong"),
    [
        ([part(name, f"src/{name}") for name in "abcd"], "parts: 4 of them, and there may be 3 at most"),
        ([part("a", "src/a", team=True), part("b", "src/b")], "parts.0: `team`: nobody here may lead a team again"),
        ([part("a", "docs"), part("b", "src/b")], "parts.0: `docs` is not yours to give: you own src/**, !src/keys/**"),
        ([part("a", "src/keys/new")], "parts.0: `src/keys/new` is not yours to give"),
        ([part("a", "src/../docs")], "parts.0: `src/../docs` is no path"),
        ([part("a", "src/*.py")], "parts.0: `src/*.py` is a pattern"),
        ([part("a"), part("b", "src/b")], "parts.0: `owns` is empty"),
        ([part("A b", "src/a"), part("a-b", "src/b")], "`a-b` is named twice"),
        ([part("a", "src/a"), part("b", "src/a/b")], "parts: `a` and `b` both own `src/a/b"),
    ],
)
def test_a_lead_decides_within_what_it_may(parts: list[object], wrong: str) -> None:
    said, why = lead.decision(plan(*parts), SRC)
    assert said == []
    assert why[0].startswith(wrong)


def test_what_a_lead_gives_away_stays_without_what_was_taken_back_from_it() -> None:
    said, _ = lead.decision(plan(part("Keys & more", "src"), part("...", "src2")), Scope(3))
    assert [(one["who"], one["owns"]) for one in said] == [("keys-more", ("/src",)), ("member", ("/src2",))]
    (one,), _ = lead.decision(plan(part("lead", "src/")), Scope(3, SRC.owns, taken=frozenset({"lead"})))
    assert (one["who"], one["owns"]) == ("lead-1", ("/src/", "!src/keys/**"))
    (one,), _ = lead.decision(plan(part("all")), SRC)
    assert one["owns"] == SRC.owns


def test_nobody_may_own_something_in_a_team_that_owns_nothing_nor_one_alone() -> None:
    assert lead.decision(plan(part("a", "src")), Scope(3, free=False))[1] == [
        "parts.0: `owns`: your team owns nothing, and so does whoever is in it"
    ]
    assert lead.decision(plan(part("a", "src"), part("b")), Scope(3))[1] == [
        "parts: `b` owns nothing: where one of them owns something all do"
    ]


@pytest.mark.parametrize(
    ("review", "wrong"),
    [
        ({"accepted": "perhaps"}, "accepted"),
        ({"accepted": True, "returns": [{"who": "api", "remark": "No."}]}, "what you accept you do not return"),
        ({"accepted": False}, "say in `returns` whose work is to be done again"),
        ({"accepted": False, "returns": [{"who": "web", "remark": "No."}]}, "there is no `web`"),
        ({"accepted": False, "returns": [{"who": "api", "remark": ""}]}, "returns.0.remark"),
    ],
)
def test_a_review_says_whether_and_what_not(review: object, wrong: str) -> None:
    said, why = lead.review(json.dumps(review), ["api"])
    assert said == []
    assert wrong in why[0]


def test_names_stay_short_and_their_own_however_deep_a_team_is() -> None:
    crew = assemble(Team(lead="lead", agent="developer", depth=5))
    names: list[str] = []
    for _ in range(4):
        crew.decide([Assignment("x" * 30, "Do it.", team=True), Assignment("x" * 29 + "y", "Do it.", team=True)])
        names += [one.name for one in crew.parts[1:]]
        below = crew.people["x" * 30]
        assert isinstance(below, Crew)
        crew = below
    assert len(set(names)) == len(names) == 8
    assert max(map(len, names)) <= LONGEST
    assert not any("." in name for name in names)
    assert crew.team.depth == 1


def test_depth_times_breadth_is_no_more_people_than_a_run_may_have() -> None:
    top = assemble(Team(lead="lead", agent="developer", breadth=20, depth=5))
    crews = [top]
    while crews:
        crew = crews.pop()
        crew.decide([Assignment(f"p{number}", "Do it.", team=True) for number in range(crew.scope.breadth)])
        crews += [one for one in crew.people.values() if isinstance(one, Crew) and not one.full and one.team.depth > 1]
    assert len(top.parts) - 1 == MOST
    below = top.people["p0"]
    assert isinstance(below, Crew)
    assert below.scope.breadth == 4  # a twentieth of what was left


def test_who_is_named_has_room_before_who_is_decided_on() -> None:
    team = Team(lead="lead", agent="developer")
    members = {f"m{number}": Member(agent="developer") for number in range(MOST - 4)}
    top = assemble(Team(lead="lead", members=members, teams={"a": team, "b": team, "c": team}))
    assert [(one.scope.breadth, one.full) for one in top.people.values() if isinstance(one, Crew)] == [
        (1, False),
        (0, True),
        (0, True),
    ]


@pytest.mark.parametrize(
    ("globs", "of", "stray"),
    [
        (("src/api/**",), ("src/**",), ""),
        (("src/**",), ("src/**",), ""),
        (("src/*.py",), ("src/**",), ""),
        (("src/**/*.py",), ("src/**/*.py",), ""),
        (("src/api/",), ("src",), ""),
        (("docs/**", "src/a"), ("src/**", "docs"), ""),
        (("src/**",), ("src/api/**",), "src/**"),
        (("*.py",), ("src/**",), "*.py"),
        (("src/**/*.py",), ("src/*.py",), "src/**/*.py"),
        (("src/keys/**",), ("src/**", "!src/keys/**"), "src/keys/**"),
        (("anything",), (), ""),
    ],
)
def test_globs_that_lie_in_others(globs: tuple[str, ...], of: tuple[str, ...], stray: str) -> None:
    assert outside(globs, of) == stray


def test_what_an_agent_names_is_no_glob() -> None:
    own = glob.matcher(claimed("src/[id]/page.tsx", ()))
    assert own("src/[id]/page.tsx")
    assert not own("src/i/page.tsx")
    assert claimed(" /src/api/** ", ("src/**",)) == ("/src/api",)
    assert claimed("src", ("src/**",)) == ("/src/",)
    with pytest.raises(ValueError, match="is no path"):
        claimed("src//api", ())


TEAM = "pattern: hierarchy\nteam:\n  lead: lead\n"


@pytest.mark.parametrize(
    ("team", "wrong"),
    [
        ("  members: {lead: {agent: developer}}\n", "`lead` is the lead of all"),
        (
            "  depth: 2\n  teams:\n    a:\n      lead: lead\n      teams:\n        b: {lead: lead, agent: developer}\n",
            ":17: the team `b` is deeper than `depth` allows",
        ),
        ("  teams: {a: {lead: lead, agent: developer, breadth: 6}}\n", "the team above may be 5 wide"),
        ("  teams: {a: {lead: lead, agent: developer, depth: 3}}\n", "the teams above leave a depth of 2"),
        (
            "  owns: [src/**]\n  members: {a: {agent: developer, owns: [docs/**]}}\n",
            "`docs/**` does not lie in what its team owns",
        ),
        (
            "  owns: [src/**]\n  teams: {a: {lead: lead, agent: developer, owns: ['**']}}\n",
            "`**` does not lie in what the team above owns",
        ),
        (
            "  owns: [src/**]\n  members: {a: {agent: developer, owns: [src/a/**]}, b: {agent: developer}}\n",
            "say what `b` owns of its team's paths",
        ),
        (
            "  members: {a: {agent: developer}}\n  teams: {b: {lead: lead, agent: developer, owns: [b/**]}}\n",
            "say what `a` owns: beside a team",
        ),
        (
            "  members: {a: {agent: developer, owns: [b/c/**]}}\n"
            "  teams: {b: {lead: lead, agent: developer, owns: [b/**]}}\n",
            "both own `b/c",
        ),
        (
            "  members: {" + ", ".join(f"m{number}: {{agent: developer}}" for number in range(MOST + 1)) + "}\n",
            "101 people are named here, and a run has 100 at most",
        ),
    ],
)
def test_a_team_that_cannot_be_played_is_refused_with_its_line(team: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_workflow("score.yml", f"{HEAD}{TEAM}{team}", dict(shipped().agents))
    assert wrong in str(refused.value)
