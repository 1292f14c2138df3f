"""The work of many becomes one: merged when it is ready, its conflicts resolved, and what is red together mended."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from bot.agents.task import Outcome, Task
from bot.backends.rehearsal import Act, Append, Delete, Fail, Run, Say, Write
from tests.orchestra.hall import Hall, Played, opened

FILES = {
    "README.md": "# Shop\n",
    "price.txt": "one\ntwo\nthree\n",
    "long.txt": "1\n2\n3\n4\n5\n6\n7\n",
    "check.sh": "! grep -qs broken price.txt && ! { test -e a.txt && test -e b.txt && ! test -e both.txt; }\n",
    ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: sh check.sh\n",
}
PAIR = """
name: A pair
on: {issues: {types: [labeled], labels: [auto-implement]}}
limits: {agents: 1}
jobs:
  api: {agent: developer, focus: say it in cents}
  web: {agent: developer, focus: say it in words}
outputs: {pull-request: {}}
"""
FOUR = PAIR.replace("jobs:\n", "jobs:\n  one: {agent: developer}\n  two: {agent: developer}\n")
MEANWHILE = PAIR.replace("jobs:\n", "jobs:\n  more: {agent: developer}\n  last: {agent: developer, needs: more}\n")
# Whoever begins before another has ended begins on the same files: these agents do nothing until both are at work.
CENTS, WORDS = (Run("sed -i 's/two/2 cents/' price.txt"),), (Run("sed -i 's/two/two dollars/' price.txt"),)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with opened(tmp_path_factory.mktemp("integration"), FILES) as one:
        yield one


@pytest.fixture
def hall(whole: Hall) -> Hall:
    whole.anew()
    return whole


async def together(hall: Hall, text: str = PAIR) -> Played:
    """Play it with all agents at work before the first of them has ended."""
    return await hall.play_at_once(text.replace("agents: 1", "agents: 4"), text.count("agent: developer"))


async def test_a_conflict_goes_to_an_agent_that_is_told_what_both_sides_meant(hall: Hall) -> None:
    hall.rehearse({"api.agent.1": CENTS, "web.agent.1": WORDS})
    resolved = (Write("price.txt", "one\n2 cents, two dollars\nthree\n"), Say("Both."))
    hall.rehearse({"web.resolve.agent.1": resolved, "api.resolve.agent.1": resolved})
    played = await together(hall)
    assert (played.state, played.files["price.txt"]) == ("done", "one\n2 cents, two dollars\nthree\n")
    last = next(key for key in hall.cast.asked if "resolve" in key).partition(".")[0]
    prompt = hall.cast.task(f"{last}.resolve.agent.1").prompt
    for words in ("+2 cents", "+two dollars", "say it in cents" if last == "api" else "say it in words"):
        assert words in prompt
    assert played.rows[f"{last}.resolve.test.1"].state == "done"
    assert "Conflicts in `price.txt` were resolved by an agent." in played.rows[last].reason


async def test_a_resolution_with_marks_or_that_is_red_is_asked_for_again(hall: Hall) -> None:
    hall.rehearse({"api.agent.1": CENTS, "web.agent.1": WORDS})
    for last in ("api", "web"):
        hall.rehearse(
            {
                f"{last}.resolve.agent.1": (Append("price.txt", "more\n"),),
                f"{last}.resolve.agent.2": (Write("price.txt", "broken\n"),),
                f"{last}.resolve.agent.3": (Write("price.txt", "well\n"),),
            }
        )
    played = await together(hall)
    assert (played.state, played.files["price.txt"]) == ("done", "well\n")
    last = next(key for key in hall.cast.asked if "resolve" in key).partition(".")[0]
    assert played.rows[f"{last}.resolve.agent.1"].state == "failed"
    assert "Conflict markers are left in: price.txt." in hall.cast.task(f"{last}.resolve.agent.2").prompt
    assert "The tests failed on your resolution." in hall.cast.task(f"{last}.resolve.agent.3").prompt


async def test_of_a_resolution_that_changes_more_only_what_conflicts_is_taken(hall: Hall) -> None:
    hall.rehearse({"api.agent.1": CENTS, "web.agent.1": WORDS})
    more = (Write("price.txt", "both\n"), Write("stray.txt", "mine\n"))
    hall.rehearse({f"{last}.resolve.agent.1": more for last in ("api", "web")})
    played = await together(hall)
    assert (played.state, played.files["price.txt"], "stray.txt" in played.files) == ("done", "both\n", False)


async def test_a_conflict_that_stays_fails_the_job_and_names_both(hall: Hall) -> None:
    hall.rehearse({"api.agent.1": CENTS, "web.agent.1": WORDS})
    played = await together(hall)
    assert played.state == "failed"
    assert "1 of 2 done, 1 failed" in played.reason
    assert "in `price.txt`. An agent did not resolve it in 3 tries." in played.reason


@pytest.mark.parametrize("dying", [(), ("web.resolve.begin.1:done", "web.agent.4:before", "web.test.4:done")])
async def test_what_no_agent_can_resolve_is_done_again_upon_what_others_did(hall: Hall, dying: tuple[str, ...]) -> None:
    hall.rehearse({"api.agent.1": (Delete("price.txt"),), "web.agent.1": WORDS})
    hall.rehearse({"web.agent.4": (Write("words.txt", "two dollars\n"), Say("Beside it."))})
    hall.delay("web.agent.1", "api.test.1:done")
    played = await hall.play_at_once(PAIR.replace("agents: 1", "agents: 4"), 2, *dying)
    assert (played.state, played.files.get("price.txt"), played.files["words.txt"]) == ("done", None, "two dollars\n")
    assert sorted(hall.cast.asked) == ["api.agent.1", "web.agent.1", "web.agent.4"]
    assert "+two dollars" in hall.cast.task("web.agent.4").prompt


async def test_who_does_nothing_when_it_is_to_do_its_part_again_has_failed(hall: Hall) -> None:
    """Its file stands where the other has a folder, which no agent is asked to resolve."""
    hall.rehearse(
        {"api.agent.1": (Run("mkdir thing; echo 1 > thing/part.txt"),), "web.agent.1": (Write("thing", "1"),)}
    )
    hall.rehearse({"web.agent.4": (Fail(Outcome("error", "", problem="no way")),)})
    hall.delay("web.agent.1", "api.test.1:done")
    played = await hall.play_at_once(PAIR.replace("agents: 1", "agents: 4"), 2)
    assert "web.resolve.begin.1:done" in hall.points
    assert (played.state, played.rows["web"].state) == ("failed", "failed"), played.reason


async def test_a_merge_that_breaks_the_tests_is_found_by_halving_and_mended_by_its_job(hall: Hall) -> None:
    a, b, mend = (Write("a.txt", "a\n"),), (Write("b.txt", "b\n"),), (Write("both.txt", "both\n"), Say("Mended."))
    hall.rehearse({"one.agent.1": a, "two.agent.1": b, "api.agent.1": CENTS, "web.agent.1": (Write("w.txt", "w\n"),)})
    hall.rehearse({"one.agent.4": mend, "two.agent.4": mend})
    played = await together(hall, FOUR)
    assert (played.state, played.files["both.txt"]) == ("done", "both\n")
    culprit = next(key for key in hall.cast.asked if key.endswith(".agent.4")).partition(".")[0]
    order = [key.partition(".")[0] for key in played.merged]
    assert culprit == max("one", "two", key=order.index)  # each passed alone; the later of them broke it
    tests = [key for key in played.rows if key.startswith("trunk.test.")]
    assert 2 <= len(tests) <= 4


LATER = """
limits: {agents: 4}
jobs:
  one: {agent: developer}
  two: {agent: developer}
  last: {agent: developer, needs: [one, two]}
"""


def mends(task: Task) -> Sequence[Act]:
    """What is done by those who mend what hinders others."""
    return (Write("both.txt", "both\n"),) if ".repair." in task.key else ()


def broken_together(hall: Hall) -> None:
    """`one` and `two` pass alone, and break it together: `last` is told at its first red test, and begins again."""
    hall.rehearse({"one.agent.1": (Write("a.txt", "a\n"),), "two.agent.1": (Write("b.txt", "b\n"),)})
    hall.rehearse({f"last.agent.{number}": (Write("z.txt", "z\n"),) for number in (1, 4)})
    hall.delay("one.agent.1", "two.test.1:done")
    hall.cast.otherwise = mends


async def test_who_is_hindered_by_what_others_broke_together_goes_on_once_that_is_mended(hall: Hall) -> None:
    broken_together(hall)
    undisturbed = await hall.play_at_once(LATER, 2)
    assert (undisturbed.state, undisturbed.states("one", "two", "last")) == ("done", ["done"] * 3)
    assert undisturbed.files.items() >= {"both.txt": "both\n", "z.txt": "z\n"}.items()
    (mended,) = [key for key in hall.cast.asked if ".repair." in key]
    asked, points = sorted(hall.cast.asked), hall.points[hall.points.index("last.agent.1:made") : -3]
    dying = [point for point in points if point.endswith(":done") or point == f"{mended}:before"]
    hall.anew()
    broken_together(hall)
    played = await hall.play_at_once(LATER, 2, *dying)
    assert (played.state, played.files, played.merged) == (undisturbed.state, undisturbed.files, undisturbed.merged)
    assert sorted(hall.cast.asked) == asked


async def test_tests_that_come_first_are_red_on_purpose(hall: Hall) -> None:
    """Nobody is blamed for them, and whoever is to make them green has all its tries."""
    hall.rehearse({"first.agent.1": (Write("a.txt", "a\n"), Write("b.txt", "b\n"))})
    hall.rehearse({"build.agent.1": (Write("z.txt", "z\n"),), "build.agent.2": (Write("both.txt", "both\n"),)})
    played = await hall.play("""
jobs:
  first: {agent: developer, tests: {each: false}}
  build: {agent: developer, needs: first}
""")
    assert (played.state, hall.cast.asked) == ("done", ["first.agent.1", "build.agent.1", "build.agent.2"])


async def test_a_conflict_is_resolved_on_files_that_pass_the_tests(hall: Hall) -> None:
    broken_together(hall)
    hall.rehearse({"api.agent.1": CENTS, "web.agent.1": WORDS, "web.resolve.agent.1": (Write("price.txt", "both\n"),)})
    hall.delay("api.agent.1", "one.test.1:done")
    hall.delay("web.agent.1", "api.test.1:done")
    played = await hall.play_at_once(FOUR.replace("agents: 1", "agents: 4"), 4)
    assert (played.state, played.files["price.txt"], played.files["both.txt"]) == ("done", "both\n", "both\n")
    assert hall.cast.asked.count("web.resolve.agent.1") == 1


async def test_who_is_hindered_and_cannot_be_helped_says_that_it_was_others(hall: Hall) -> None:
    hall.rehearse({"one.agent.1": (Write("a.txt", "a\n"),), "two.agent.1": (Write("b.txt", "b\n"),)})
    hall.rehearse({"last.agent.1": (Write("z.txt", "z\n"),)})
    played = await hall.play_at_once(LATER, 2)
    assert played.rows["last"].reason == "Failed: the tests fail on the work of the jobs before, too."
    assert "last.agent.2" not in hall.cast.asked


async def test_what_stays_red_together_fails_the_run_and_names_the_job(hall: Hall) -> None:
    hall.rehearse({"api.agent.1": (Write("a.txt", "a\n"),), "web.agent.1": (Write("b.txt", "b\n"),)})
    played = await together(hall)
    assert played.state == "failed"
    assert "Failed: the tests fail since the work of" in played.reason


async def test_tests_that_were_red_before_are_nobodys_fault(tmp_path: Path) -> None:
    red = {**FILES, "check.sh": "exit 1\n"}
    async with opened(tmp_path, red) as hall:
        each = PAIR.replace("focus:", "tests: {each: false}, focus:")
        hall.rehearse({"api.agent.1": (Write("a.txt", "a\n"),), "web.agent.1": (Write("b.txt", "b\n"),)})
        played = await hall.play(each)
    assert played.state == "failed"
    assert "Failed: the tests fail without any of these changes, too." in played.reason


@pytest.mark.parametrize("step", ["web.resolve.agent.1", "web.resolve.test.1", "web.agent.1"])
async def test_a_conflict_survives_a_crash_at_every_step(hall: Hall, step: str) -> None:
    resolved = (Write("price.txt", "one\nboth\nthree\n"),)
    hall.rehearse({"api.agent.1": CENTS, "web.agent.1": WORDS, "web.resolve.agent.1": resolved})
    hall.delay("web.agent.1", "api.test.1:done")
    text = PAIR.replace("agents: 1", "agents: 4")
    played = await hall.play_at_once(text, 2, f"{step}:made", f"{step}:done")
    assert (played.state, played.files["price.txt"]) == ("done", "one\nboth\nthree\n")
    assert sorted(hall.cast.asked) == ["api.agent.1", "web.agent.1", "web.resolve.agent.1"]


async def meanwhile(hall: Hall, *dying: str) -> Played:
    """`web` conflicts with `api`, and is resolved no sooner than `more` is merged and `last` begins."""
    hall.delay("web.agent.1", "api.test.1:done")
    hall.delay("more.agent.1", "web.resolve.agent.1:before")
    hall.delay("web.resolve.agent.1", "last.agent.1:before")
    return await hall.play_at_once(MEANWHILE.replace("agents: 1", "agents: 4"), 3, *dying)


async def test_others_are_merged_and_go_on_while_a_conflict_is_resolved(hall: Hall) -> None:
    hall.rehearse({"api.agent.1": CENTS, "web.agent.1": WORDS, "more.agent.1": (Write("more.txt", "more\n"),)})
    hall.rehearse({"web.resolve.agent.1": (Write("price.txt", "both\n"),), "last.agent.1": (Write("z.txt", "z\n"),)})
    played = await meanwhile(hall)
    assert (played.state, played.files["price.txt"], played.files["more.txt"]) == ("done", "both\n", "more\n")
    assert played.merged.index("more.merge") < played.merged.index("web.merge")


@pytest.mark.parametrize("dying", ["web.resolve.agent.1:done", "web.resolve.2.begin.1:done"])
async def test_a_conflict_met_again_while_it_was_resolved_is_resolved_upon_the_newest(hall: Hall, dying: str) -> None:
    one, other = (Run("sed -i s/1/one/ long.txt"),), (Run("sed -i s/1/first/ long.txt"),)
    hall.rehearse({"api.agent.1": one, "web.agent.1": other, "more.agent.1": (Run("sed -i s/7/seven/ long.txt"),)})
    hall.rehearse({"web.resolve.agent.1": (Write("long.txt", "short\n"),), "last.agent.1": (Write("z.txt", "z\n"),)})
    hall.rehearse({"web.resolve.2.agent.1": (Write("long.txt", "short, seven\n"),)})
    played = await meanwhile(hall, dying)
    assert (played.state, played.files["long.txt"]) == ("done", "short, seven\n")
    assert "+seven" in hall.cast.task("web.resolve.2.agent.1").prompt
    mine = [key for key in hall.cast.asked if key.startswith("web.")]
    assert mine == ["web.agent.1", "web.resolve.agent.1", "web.resolve.2.agent.1"]
    assert played.rows["web.resolve.2.test.1"].state == "done"
