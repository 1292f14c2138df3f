"""Teams: a lead splits the work, members and teams do it, and what came of it is reviewed, returned and accepted."""

from bot.backends.rehearsal import Say, Write
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


def part(who: str, **more: object) -> dict[str, object]:
    return {"who": who, "task": f"Do {who}.", **more}


WELL = says(accepted=True, summary="It is good.", returns=[])
STORY = {
    "lead.plan": says(parts=[part("docs"), part("backend")]),
    "backend.plan": says(parts=[part("api"), part("db")]),
    "docs.agent.1": (Write("docs/a.md", "a\n"), Say("Wrote it.")),
    "backend/api.agent.1": (Write("src/api/a.py", "a\n"), Say("Made the route.")),
    "backend/db.agent.1": (Write("src/db/b.py", "b\n"), Say("Made the table.")),
    "backend.review": WELL,
    "lead.review": WELL,
}


async def test_teams(hall: Hall) -> None:
    hall.rehearse(STORY)
    played = await hall.play(TEAMS)
    assert played.state == "done"
    assert sorted(played.files) == ["docs/a.md", "src/api/a.py", "src/db/b.py"]
