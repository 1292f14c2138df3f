"""The shipped scores: each plays on the sample that it is for, by the command that its file names, without a model."""

import io
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from bot.app import Seams
from bot.operate import local, sample_repository
from bot.operate.clone import Wish
from bot.operate.local import Result
from bot.sandbox.jail import Walls
from bot.settings import Settings
from bot.workflow.library import SHIPPED
from bot.workflow.spec import parse_workflow
from tests.orchestra.hall import git
from tests.shelf import shipped
from tests.test_cli import plain
from tests.town import told

FOLDER = SHIPPED / "examples"
SCORES = sorted(path for path in FOLDER.glob("*.yml") if ".rehearsal" not in path.name)
BY_COMMAND = FOLDER / "onboarding.yml"
COMMANDS = (
    r"#   tutti sample (\w+) (\w+)\n"
    r"#   tutti run (workflows/examples/[\w-]+\.yml) --repo (\w+) --backend rehearsal\n"
)

# What the branch has in the end that only all of the agents together could make.
MADE: Mapping[str, Mapping[str, str]] = {
    "analytics": {"reports/report.md": "All: 54.00", "public/index.html": "<td>cake</td><td>19.20</td>"},
    "legacy-rebuild": {"ledger.py": "from club.report import report", "README.md": "small modules with tests"},
    "onboarding": {"backend/answer.py": '"GET /steps": steps', "frontend/page.py": '"/steps": steps'},
    "refactoring-swarm": {"tickets/clock.py": "return (begins - BEFORE) % DAY", "tickets/price.py": "PRICES ="},
    "three-level-team": {"shop.py": "discounted(ITEMS, percent(code))", "infra/services.json": '"sale"'},
}
SUBJECTS = re.compile(r"(feat|test|docs|refactor)(\([\w-]+\))?: [a-z]")


def sample_of(score: Path) -> str:
    found = re.search(COMMANDS, score.read_text())
    assert found, "its first lines name the commands"
    assert (found[3], found[2]) == (f"workflows/examples/{score.name}", found[4])
    return found[1]


async def play(score: Path, clone: Path) -> tuple[Result, str]:
    """What `tutti run` does with it, and what the terminal shows; the agents have no walls."""
    terminal = Console(file=io.StringIO(), width=200)
    seams = Seams(offered=shipped(), walls=Walls("none"))
    wish = Wish("", "", backend="rehearsal", bare=True)
    result = await local.show(Settings(), terminal, str(score), clone, wish, seams)
    assert isinstance(terminal.file, io.StringIO)
    return result, terminal.file.getvalue()


def made(score: Path, clone: Path, branch: str) -> None:
    """The branch has what only all of them together could make, in commits of one concern each."""
    for path, words in MADE[score.stem].items():
        assert words in git(clone, "show", f"{branch}:{path}")
    subjects = git(clone, "log", "--format=%s", f"main..{branch}").splitlines()
    assert [subject for subject in subjects if not SUBJECTS.match(subject)] == []
    assert len(subjects) >= 5


@pytest.mark.parametrize("score", [score for score in SCORES if score != BY_COMMAND], ids=lambda score: score.stem)
async def test_it_plays_to_its_end_and_what_it_makes_is_whole(score: Path, tmp_path: Path) -> None:
    await sample_repository.make(sample_of(score), tmp_path / "clone")
    result, shown = await play(score, tmp_path / "clone")
    assert result.state == "done", shown
    made(score, tmp_path / "clone", result.branch)


async def test_the_command_line_plays_one_behind_real_walls(tmp_path: Path) -> None:
    name, environment = sample_of(BY_COMMAND), plain(tmp_path)
    code, words = await told(environment, "sample", name, "desk", cwd=tmp_path)
    assert (code, words) == (0, f"desk has the sample {name}: a git repository with one commit.")
    asked = ("--repo", "desk", "--backend", "rehearsal")
    code, words = await told(environment, "run", f"workflows/examples/{BY_COMMAND.name}", *asked, cwd=tmp_path)
    assert code == 0, words
    branch = "feature/onboarding-0-lead-new-members-through-their-first-steps"
    assert f"The work is on the branch `{branch}`." in words
    assert "Write the branch: done" in words
    made(BY_COMMAND, tmp_path / "desk", branch)


def test_every_pattern_of_many_jobs_has_one_and_none_starts_by_itself() -> None:
    assert [score.stem for score in SCORES] == sorted(MADE)
    assert not {score.stem for score in SCORES} & set(shipped().workflows)
    found = [parse_workflow(score.name, score.read_text(), dict(shipped().agents)).pattern for score in SCORES]
    assert set(found) == {"pipeline", "symphony", "swarm", "hierarchy"}
