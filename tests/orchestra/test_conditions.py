"""Which jobs are played, and what is said of those that are not."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.backends.rehearsal import Write
from tests.orchestra.hall import Hall, opened, says

FILES = {
    "README.md": "# Shop\n",
    "check.sh": "! test -e broken\n",
    ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: sh check.sh\n",
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with opened(tmp_path_factory.mktemp("conditions"), FILES) as one:
        yield one


@pytest.fixture
def hall(whole: Hall) -> Hall:
    whole.anew()
    return whole


async def test_failure_holds_wherever_before_it_a_job_failed_and_reasons_name_what_decided(hall: Hall) -> None:
    played = await hall.play("""
jobs:
  bad: {run: "false"}
  good: {run: "true"}
  between: {run: "true", needs: bad}
  rescue: {run: "true", needs: between, if: failure()}
  idle: {run: "true", needs: good, if: failure()}
  choosy: {run: "true", needs: [bad, good], if: "always() && needs.good.result == 'failure'"}
  after: {agent: developer, needs: between}
""")
    names = ("bad", "good", "between", "rescue", "idle", "choosy")
    assert played.states(*names) == ["failed", "done", "skipped", "done", "skipped", "skipped"]
    assert played.rows["between"].reason == "Not played: it needs `bad`, which failed."
    assert played.rows["choosy"].reason == "Not played: `if: always() && needs.good.result == 'failure'` does not hold."


async def test_a_job_that_was_left_out_stops_no_later_phase(hall: Hall) -> None:
    hall.rehearse({"two.agent.1": (Write("two.txt", "2\n"),), "find.read": says(parts=[])})
    played = await hall.play("""
pattern: symphony
phases:
  - name: One
    jobs:
      find: {agent: analyst, outputs: {parts: list}}
      perhaps: {agent: developer, if: "issue.title == 'another'"}
      each: {agent: developer, needs: find, strategy: {matrix: {part: "{{ needs.find.outputs.parts }}"}}}
  - name: Two
    jobs:
      two: {agent: developer}
""")
    assert played.states("perhaps", "each", "two") == ["skipped", "skipped", "done"]
    assert (played.state, played.files["two.txt"]) == ("done", "2\n")


async def test_the_whole_is_tested_though_its_last_phase_is_not(hall: Hall) -> None:
    hall.rehearse({"one.agent.1": (Write("broken", "1\n"),)})
    played = await hall.play("""
pattern: symphony
phases:
  - name: One
    tests: false
    jobs:
      one: {agent: developer, tests: {each: false}}
""")
    assert played.state == "failed"
    assert "Failed: the tests fail since the work of `one`" in played.reason


async def test_an_agent_that_reads_changes_nothing_where_it_alone_is_played_too(hall: Hall) -> None:
    hall.rehearse({"find.read": (Write("mine.txt", "1\n"), *says(parts=["api"]))})
    played = await hall.play("""
jobs:
  find: {agent: analyst, outputs: {parts: list}}
  build: {agent: developer, needs: find, if: "needs.find.outputs.parts == []"}
""")
    assert (played.state, played.files) == ("no change", {})
    assert hall.cast.asked == ["find.read"]


async def test_all_who_are_told_an_answer_are_told_the_same_whoever_could_not_use_it(hall: Hall) -> None:
    """`each` cannot be played on what `find` says first; `first` and `second` never hear of that."""
    hall.rehearse({"find.read": says(parts=["src", "src/db"]), "find.read.2": says(parts=["web"])})
    hall.rehearse({"each/web.agent.1": (Write("web/a.txt", "1\n"),)})
    text = """
jobs:
  find: {agent: analyst, outputs: {parts: list}}
  first: {run: "true", needs: find, if: "needs.find.outputs.parts[0] == 'src'"}
  second: {run: "true", needs: find, if: "needs.find.outputs.parts[0] == 'web'"}
  each:
    agent: developer
    needs: find
    strategy: {matrix: {part: "{{ needs.find.outputs.parts }}"}}
    owns: ["{{ matrix.part }}"]
"""
    played = await hall.play(text, "find.read:done", "find.read.2:done", "each/web.agent.1:done")
    assert played.states("first", "second", "each") == ["skipped", "done", "done"]
    assert hall.cast.asked == ["find.read", "find.read.2", "each/web.agent.1"]


async def test_no_answer_is_asked_for_again_for_a_job_that_is_not_to_be_played(hall: Hall) -> None:
    hall.rehearse({"look.read": says(needed=False, path="../up"), "other.agent.1": (Write("o.txt", "1\n"),)})
    played = await hall.play("""
jobs:
  look: {agent: analyst, outputs: {needed: boolean, path: string}}
  build: {agent: developer, needs: look, if: needs.look.outputs.needed, owns: ["{{ needs.look.outputs.path }}"]}
  other: {agent: developer, owns: [/o.txt]}
""")
    assert (played.state, played.states("look", "build", "other")) == ("done", ["done", "skipped", "done"])
    assert sorted(hall.cast.asked) == ["look.read", "other.agent.1"]


async def test_what_comes_after_a_job_that_is_always_played_is_played_too(hall: Hall) -> None:
    hall.rehearse({"clean.agent.1": (Write("c.txt", "1\n"),)})
    played = await hall.play("""
jobs:
  bad: {run: "false"}
  clean: {agent: developer, needs: bad, if: always()}
  after: {run: "true", needs: clean}
  rescue: {run: "true", needs: clean, if: failure()}
""")
    assert played.states("bad", "clean", "after", "rescue") == ["failed", "done", "done", "done"]
