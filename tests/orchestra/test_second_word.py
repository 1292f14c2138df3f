"""Agents whose word decides or splits the work are asked again: where the files changed, or their answer is no use."""

from pathlib import Path

from bot.backends.rehearsal import Write
from tests.orchestra.hall import opened, says

FILES = {
    "README.md": "# Shop\n",
    "check.sh": "! grep -qs broken price.txt\n",
    ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: sh check.sh\n",
}
GATED = """
name: A gated fix
on: {issues: {types: [labeled], labels: [auto-implement]}}
jobs:
  fix: {agent: developer, tests: {each: false}}
  security: {agent: security-gate, needs: fix, outputs: {safe: boolean, why: string}}
outputs: {pull-request: {if: needs.security.outputs.safe}}
"""
SPLIT = """
jobs:
  find: {agent: analyst, outputs: {parts: list}}
  build:
    agent: developer
    needs: find
    strategy: {matrix: {part: "{{ needs.find.outputs.parts }}"}}
    owns: ["{{ matrix.part }}"]
"""


async def test_what_is_mended_after_the_gate_has_read_it_is_read_again(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as hall:
        hall.rehearse(
            {
                "fix.agent.1": (Write("price.txt", "broken\n"),),
                "fix.agent.4": (Write("price.txt", "1\n"), Write("evil.py", "import os\n")),
                "security.read": says(safe=True, why="It is one line."),
                "security.read.2": says(safe=False, why="What does evil.py do?"),
            }
        )
        played = await hall.play(GATED)
        assert (played.state, played.files) == ("refused", {})
        assert "What does evil.py do?" in played.reason
        assert hall.cast.asked == ["fix.agent.1", "security.read", "fix.agent.4", "security.read.2"]


async def test_a_split_that_is_no_use_is_asked_for_again_with_the_reason(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as hall:
        hall.rehearse({"find.read": says(parts=["src", "src/db"]), "find.read.2": says(parts=["src", "db"])})
        hall.rehearse({f"build/{name}.agent.1": (Write(f"{name}/a.txt", "1\n"),) for name in ("src", "db")})
        played = await hall.play(SPLIT)
        assert played.states("find", "build", "build/src", "build/db") == ["done"] * 4
        prompt = hall.cast.task("find.read.2").prompt
        assert "your answer cannot be used: `build/src` and `build/src-db" in prompt


async def test_where_nothing_is_found_nothing_is_done(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as hall:
        hall.rehearse({"find.read": says(parts=[])})
        played = await hall.play(SPLIT)
        assert (played.state, played.states("find", "build")) == ("no change", ["done", "skipped"])
        assert "nothing was found that it is to be done for" in played.reason
