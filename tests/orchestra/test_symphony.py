"""Phases one after another: a contract, both sides of it built side by side, then put together and written down."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.backends.rehearsal import Run, Say, Write
from tests.orchestra.hall import Hall, Script, opened

FILES = {
    "README.md": "# Shop\n",
    "check.sh": "! grep -qs broken front.txt\n",
    ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: sh check.sh\n",
}
SCORE = """
name: Mock first
on: {issues: {types: [labeled], labels: [auto-implement]}}
pattern: symphony
limits: {agents: %s}
phases:
  - name: Contract
    jobs:
      contract: {agent: developer, owns: [/contract.txt]}
  - name: Build
    jobs:
      front: {agent: developer, owns: [/front.txt], tests: {each: false, tries: 1}}
      back: {agent: developer, owns: [/back.txt]}
  - name: Together
    jobs:
      together: {agent: developer, owns: [/whole.txt]}
      proof: {run: grep -q contract whole.txt, needs: together}
      docs: {agent: developer, needs: together, owns: [/README.md]}
outputs: {pull-request: {}}
"""
SCRIPT: Script = {
    "contract.agent.1": (Write("contract.txt", "contract\n"), Say("Agreed.")),
    "front.agent.1": (Run("cat contract.txt > front.txt"), Say("The front, on a mock.")),
    "back.agent.1": (Run("cat contract.txt > back.txt"), Say("The back.")),
    "together.agent.1": (Run("cat front.txt back.txt > whole.txt"), Say("Together.")),
    "docs.agent.1": (Run("cat whole.txt >> README.md"), Say("Written down.")),
}
JOBS = ("contract", "front", "back", "together", "proof", "docs")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with opened(tmp_path_factory.mktemp("symphony"), FILES) as one:
        yield one


@pytest.fixture
def hall(whole: Hall) -> Hall:
    whole.anew()
    whole.rehearse(SCRIPT)
    return whole


async def test_every_phase_builds_on_the_phases_before(hall: Hall) -> None:
    played = await hall.play(SCORE % 4)
    assert (played.state, played.states(*JOBS)) == ("done", ["done"] * len(JOBS))
    assert played.files["whole.txt"] == "contract\ncontract\n"
    assert [entry["phase"] for entry in played.graph] == ["Contract", "Build", "Build", *["Together"] * 3]
    assert "Agreed." in hall.cast.task("front.agent.1").prompt
    assert "The front, on a mock." in hall.cast.task("together.agent.1").prompt


async def test_the_next_phase_begins_once_all_of_this_one_have_ended(hall: Hall) -> None:
    await hall.play(SCORE % 4)
    asked = hall.cast.asked
    assert asked.index("together.agent.1") > max(asked.index("front.agent.1"), asked.index("back.agent.1"))


async def test_what_is_red_after_a_phase_is_mended_before_the_next(hall: Hall) -> None:
    hall.rehearse(
        {"front.agent.1": (Write("front.txt", "broken\n"),), "front.agent.2": (Write("front.txt", "mended\n"),)}
    )
    played = await hall.play(SCORE % 4)
    assert (played.state, played.files["whole.txt"]) == ("done", "mended\ncontract\n")
    assert "front.agent.2" in hall.cast.asked[: hall.cast.asked.index("together.agent.1")]


async def test_where_a_phase_stays_red_the_phases_after_it_are_not_played(hall: Hall) -> None:
    hall.rehearse({"front.agent.1": (Write("front.txt", "broken\n"),)})
    played = await hall.play(SCORE % 4)
    assert played.state == "failed"
    assert played.states("back", "together", "docs") == ["done", "skipped", "skipped"]
    assert "the tests fail since the work of `front` was merged" in played.reason
    assert played.rows["docs"].reason == "Not played: the tests fail after the phase `Build`."


async def test_a_symphony_that_dies_at_every_step_makes_the_same_and_pays_nothing_twice(hall: Hall) -> None:
    undisturbed = await hall.play(SCORE % 1)
    steps = list(dict.fromkeys(point.rpartition(":")[0] for point in hall.points))
    hall.anew()
    hall.rehearse(SCRIPT)
    played = await hall.play(SCORE % 1, *(f"{step}:{side}" for step in steps for side in ("made", "done")))
    assert (played.state, played.files, played.merged) == (undisturbed.state, undisturbed.files, undisturbed.merged)
    assert sorted(hall.cast.asked) == sorted(key for key in SCRIPT)
