"""Teams: a lead splits the work, members and teams do it, and what came of it is reviewed, returned and accepted."""

from collections.abc import Sequence
from typing import Any

from bot.backends.rehearsal import Act, Delete, Say, Write
from tests.orchestra.hall import Hall, says

TEAMS = """
pattern: hierarchy
team:
  lead: lead
  members:
    docs: {agent: developer, focus: Write plainly., owns: [docs/**]}
  teams:
    backend:
      lead: lead
      owns: [src/**]
      members:
        api: {agent: developer, responsibilities: [routes], owns: [src/api/**]}
        db: {agent: developer, owns: [src/db/**]}
"""
SMALL = """
pattern: hierarchy
team: {lead: lead, members: {docs: {agent: developer}}}
"""
OPEN = """
pattern: hierarchy
team: {lead: lead, agent: developer, owns: [src/**], breadth: 2, depth: 2}
"""


def part(who: str, **more: Any) -> dict[str, Any]:
    return {"who": who, "task": f"Do {who}.", **more}


def made(path: str, words: str) -> Sequence[Act]:
    return (Write(path, words), Say(f"Made {path}."))


def returned(**remarks: str) -> Sequence[Act]:
    return says(
        accepted=False, summary="Not yet.", returns=[{"who": who, "remark": said} for who, said in remarks.items()]
    )


WELL = says(accepted=True, summary="It is good.", returns=[])
STORY: dict[str, Sequence[Act]] = {
    "lead.plan": says(parts=[part("docs"), part("backend")]),
    "backend.plan": says(parts=[part("api"), part("db")]),
    "docs.agent.1": made("docs/a.md", "a\n"),
    "backend/api.agent.1": made("src/api/a.py", "a\n"),
    "backend/db.agent.1": made("src/db/b.py", "b\n"),
    "backend.review": WELL,
    "lead.review": WELL,
}


async def test_a_tree_of_teams_does_its_parts_and_every_lead_hears_what_came_of_them(hall: Hall) -> None:
    hall.rehearse(STORY)
    played = await hall.play(TEAMS)
    assert played.state == "done"
    assert sorted(played.files) == ["docs/a.md", "src/api/a.py", "src/db/b.py"]
    assert played.rows["lead"].reason == "It is good."
    assert played.reason.index("- `lead`: It is good.") < played.reason.index("- `docs`: Made docs/a.md.")
    assert {entry["name"]: entry["needs"] for entry in played.graph} == {
        "lead": [],
        "docs": ["lead"],
        "backend": ["lead"],
        "backend/api": ["backend"],
        "backend/db": ["backend"],
    }
    assert set(played.states("lead", "docs", "backend", "backend/api", "lead.plan", "lead.review")) == {"done"}
    asked = hall.cast.asked
    assert asked.index("backend.review") > max(asked.index("backend/api.agent.1"), asked.index("backend/db.agent.1"))
    assert (asked[0], asked[-1]) == ("lead.plan", "lead.review")
    api = hall.cast.task("backend/api.agent.1").prompt
    assert "Do api.\n\nYou are responsible for:\n- routes" in api
    review = hall.cast.task("lead.review").prompt
    assert "They say: It is good." in review  # what the lead of the team below said
    assert "+++ b/src/db/b.py" in review
    assert "+++ b/docs/a.md" not in hall.cast.task("backend.review").prompt


async def test_whoever_a_plan_does_not_name_is_left_out_and_a_plan_that_names_nobody_known_is_asked_for_again(
    hall: Hall,
) -> None:
    hall.rehearse({**STORY, "lead.plan": says(parts=[part("bakcend")]), "lead.plan#2": says(parts=[part("docs")])})
    played = await hall.play(TEAMS)
    assert (played.state, sorted(played.files)) == ("done", ["docs/a.md"])
    assert played.states("docs", "backend", "backend/api") == ["done", "skipped", "skipped"]
    assert played.rows["backend/db"].reason == "Not played: the plan of `lead` has nothing for it."
    again = [task for task in hall.cast.tasks if task.key == "lead.plan"][1].prompt
    assert "there is no `bakcend` in your team: known are docs, backend" in again


async def test_a_lead_without_a_valid_plan_fails_and_nobody_works(hall: Hall) -> None:
    hall.rehearse({"lead.plan": says(parts=[{"who": "docs"}]), "lead.plan#2": (Say("I do not know."),)})
    played = await hall.play(SMALL)
    assert played.state == "failed"
    assert played.rows["lead"].reason.startswith("Failed: its lead made no plan.")
    assert played.rows["docs"].reason == "Not played: `lead` made no plan."
    assert hall.cast.asked == ["lead.plan", "lead.plan"]


async def test_a_lead_decides_who_is_needed_within_what_it_owns_and_as_deep_as_it_may(hall: Hall) -> None:
    hall.rehearse(
        {
            "lead.plan": says(parts=[part("The API!", owns=["src/api"]), part("store", owns=["src/db/"], team=True)]),
            "store.plan": says(parts=[part("lead", owns=["src/db/b.py"], team=True)]),
            "store.plan#2": says(parts=[part("rows")]),
            "the-api.agent.1": made("src/api/a.py", "a\n"),
            "store/rows.agent.1": made("src/db/b.py", "b\n"),
            "store.review": WELL,
            "lead.review": WELL,
        }
    )
    played = await hall.play(OPEN)
    assert (played.state, sorted(played.files)) == ("done", ["src/api/a.py", "src/db/b.py"])
    assert [entry["name"] for entry in played.graph] == ["lead", "the-api", "store", "store/rows"]
    again = [task for task in hall.cast.tasks if task.key == "store.plan"][1].prompt
    assert "nobody here may lead a team again" in again


async def test_a_team_that_the_run_has_no_room_for_is_left_out_and_its_lead_hears_why(hall: Hall) -> None:
    members = ", ".join(f"m{number}: {{agent: developer, owns: [m{number}/**]}}" for number in range(99))
    teams = "teams: {late: {lead: lead, agent: developer, owns: [late/**]}}"
    hall.rehearse({"lead.plan": says(parts=[part("m0"), part("late")]), "m0.agent.1": made("m0/a.md", "a\n")})
    hall.rehearse({"lead.review": WELL})
    played = await hall.play(f"pattern: hierarchy\nteam:\n  lead: lead\n  members: {{{members}}}\n  {teams}\n")
    assert played.states("m0", "late", "lead") == ["done", "skipped", "failed"]
    told = "Not played: a run has 100 people at most, and there is no room for this team's."
    assert played.rows["late"].reason == told
    assert told in hall.cast.task("lead.review").prompt
    assert "late.plan" not in hall.cast.asked


async def test_what_a_lead_does_not_accept_in_the_end_is_said(hall: Hall) -> None:
    hall.rehearse({key: returned(docs="Too long.") for key in ("lead.review", "lead.review.2")})
    hall.rehearse({"lead.plan": says(parts=[part("docs")]), "lead.review.3": returned(docs="Still @all too long.")})
    hall.rehearse({f"docs.agent.{number}": made("docs/a.md", f"{number}\n") for number in (1, 37, 73)})
    played = await hall.play(SMALL)
    assert played.state == "failed"
    assert "Not accepted by its lead: `docs`: Still @\u200ball too long." in played.reason
    assert played.files["docs/a.md"] == "73\n"


async def test_money_is_dealt_out_down_the_tree_and_what_is_left_goes_back_up(hall: Hall) -> None:
    hall.rehearse(STORY)
    hall.cast.usd |= {"lead.plan": 0.5, "docs.agent.1": 0.5, "backend.plan": 0.25, "backend/api.agent.1": 3.0}
    await hall.play(TEAMS.replace("owns: [docs/**]", "owns: [docs/**], usd: 1"))
    given = {task.key: round(task.usd, 2) for task in hall.cast.tasks}
    assert given["lead.plan"] == 1.0  # a fifth of five
    assert given["docs.agent.1"] == 1.0  # as the file says
    assert given["backend.plan"] == 0.35  # a fifth of its half of what was left then
    assert given["backend/api.agent.1"] == given["backend/db.agent.1"] == 0.5
    assert "backend.review" not in given  # api has used up the team's money
    assert given["lead.review"] == 0.75


async def test_a_member_puts_back_what_is_not_its_own_and_where_it_does_not_its_work_is_not_merged(hall: Hall) -> None:
    stray = (Write("src/api/b.py", "b\n"), Write("docs/a.md", "a\n"))
    hall.rehearse({**STORY, "docs.agent.1": stray, "docs.agent.2": (Delete("src/api/b.py"), Say("Put back."))})
    hall.rehearse({"backend/db.agent.1": (Write("other.py", "b\n"),)})
    played = await hall.play(TEAMS)
    assert played.states("docs", "backend/db", "backend", "lead") == ["done", "refused", "failed", "failed"]
    assert sorted(played.files) == ["docs/a.md", "src/api/a.py"]
    assert played.rows["backend"].reason == "Failed: `backend/db` did not end well."
