"""What jobs that end in another order do to each other: after a crash, on a second turn, in workflows in workflows."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.agents.task import Outcome
from bot.backends.rehearsal import Act, Delete, Fail, Write
from bot.operate.clone import Wish
from bot.orchestra.again import redone
from bot.orchestra.part import Part
from bot.orchestra.texts import filled
from bot.store.record import Node
from bot.workflow.job import Job
from tests.orchestra.hall import Hall, opened, says

FILES = {
    "check.sh": "! grep -qs bad x\n",
    ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: sh check.sh\n",
}
OWNERS = """
jobs:
  plan: {agent: analyst, outputs: {parts: list}}
  free: {agent: developer, tests: {tries: 2, each: false}}
  merged: {run: "true", needs: free}
  parts:
    agent: developer
    needs: plan
    owns: ["/{{ matrix.part }}/"]
    strategy: {matrix: {part: "{{ needs.plan.outputs.parts }}"}}
    tests: {tries: 1, each: false}
  last: {agent: developer, needs: [merged, parts], tests: {tries: 1, each: false}}
"""
FAST = """
limits: {agents: 2}
jobs:
  each: {agent: developer, tests: {tries: 1, each: false}, strategy: {matrix: {x: [a, b, c, d]}}}
  last: {agent: developer, needs: each, if: always(), tests: {tries: 1, each: false}}
"""
CLASH = """
jobs:
  a: {agent: developer, tests: {tries: 1, each: false}}
  b: {agent: developer, tests: {tries: 1, each: false}, retries: 1}
  c: {agent: developer, tests: {tries: 1, each: false}, needs: a}
  merged: {run: "true", needs: c}
"""
SIDES = """
jobs:
  a: {agent: developer, tests: {tries: 1, each: false}}
  b: {agent: developer, tests: {tries: 1, each: false}}
"""
INNER = """
name: Inner
on: {workflow_call: {inputs: {path: {type: string, required: true}}}}
jobs:
  one: {agent: developer, owns: ["{{ inputs.path }}"], outside: refuse, tests: {tries: 1, each: false}}
outputs: {pull-request: {}}
"""
FAILS = (Fail(Outcome("error", "", problem="it broke")),)
story = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with opened(tmp_path_factory.mktemp("replay"), FILES) as one:
        yield one


@pytest.fixture
def hall(whole: Hall) -> Hall:
    whole.anew()
    return whole


def writes(*paths: str) -> tuple[Act, ...]:
    return tuple(Write(path, f"{path}\n") for path in paths)


# ---- the same after a crash ------------------------------------------------------------------------------------------


@story
async def test_what_was_nobodys_when_a_job_changed_it_is_not_held_against_it_later(hall: Hall) -> None:
    """`free` is merged before `parts` turn out to own what it changed: who goes on after a crash knows both at once."""
    made = {"free": "docs/free.md", "parts/docs": "docs/part.md", "last": "last.txt"}
    hall.rehearse({f"{job}.agent.1": writes(path) for job, path in made.items()})
    hall.rehearse({"plan.read": says(parts=["docs"])})
    hall.delay("plan.read", "merged.run:done")
    played = await hall.play(OWNERS, "last.agent.1:before")
    assert (played.state, played.states(*made)) == ("done", ["done"] * 3)
    assert played.files.items() >= {path: f"{path}\n" for path in made.values()}.items()
    assert sorted(hall.cast.asked) == sorted([*(f"{job}.agent.1" for job in made), "plan.read"])


@story
async def test_what_was_done_before_another_failed_stays_done(hall: Hall) -> None:
    """`a` fails once `c` is done: whoever goes on after a crash knows at once that `a` failed."""
    hall.rehearse({f"each/{name}.agent.1": writes(name) for name in "bcd"})
    hall.rehearse({"each/a.agent.1": FAILS, "last.agent.1": writes("last")})
    hall.delay("each/a.agent.1", "each/c.agent.1:done")
    hall.delay("each/d.agent.1", "each/a.agent.1:done")
    played = await hall.play(FAST, "last.agent.1:before")
    assert played.states("each", *(f"each/{name}" for name in "abc"), "last") == ["failed"] * 2 + ["done"] * 3
    assert {"b", "c", "last"} <= {*played.files}
    assert len(hall.cast.asked) == len({*hall.cast.asked})


# ---- the same thing twice --------------------------------------------------------------------------------------------


@story
async def test_a_second_turn_whose_work_conflicts_too_goes_on_counting(hall: Hall) -> None:
    """`b` conflicts with `a`; nobody resolves that; it conflicts with `c` on its second turn, and that is resolved."""
    hall.rehearse({f"{job}.agent.1": (Write("x", f"{job}\n"),) for job in "abc"})
    hall.rehearse({"b.agent.2": (Write("x", "b again\n"),), "b.resolve.agent.4": (Write("x", "b and c\n"),)})
    hall.delay("b.agent.1", "c.agent.1:before")
    hall.delay("c.agent.1", "b.agent.2:before")
    hall.delay("b.agent.2", "merged.run:done")
    playing = await hall.play(CLASH)
    assert (playing.state, playing.files["x"]) == ("done", "b and c\n")
    mine = [key for key in hall.cast.asked if key.startswith("b.")]
    assert mine == ["b.agent.1", *(f"b.resolve.agent.{n}" for n in (1, 2, 3)), "b.agent.2", "b.resolve.agent.4"]


@story
async def test_a_mend_that_goes_back_to_what_was_red_already_ends_the_run_in_so_many_words(hall: Hall) -> None:
    hall.rehearse({"a.agent.1": (Write("x", "bad\n"),), "b.agent.1": writes("y")})
    hall.rehearse({"a.agent.2": writes("z"), "a.agent.3": (Delete("z"),)})
    played = await hall.play(SIDES)
    assert played.state == "failed"
    assert "the tests fail since the work of `a` was merged" in played.reason
    assert sorted(hall.cast.asked) == ["a.agent.1", "a.agent.2", "a.agent.3", "b.agent.1"]


@story
async def test_two_jobs_that_make_the_same_red_change_are_mended_by_one_of_them(hall: Hall) -> None:
    hall.rehearse({f"{job}.agent.1": (Write("x", "bad\n"),) for job in "ab"})
    hall.rehearse({f"{job}.agent.2": (Write("x", "good\n"),) for job in "ab"})
    played = await hall.play_at_once(SIDES, 2)
    assert (played.state, played.files["x"], played.states("a", "b")) == ("done", "good\n", ["done", "done"])
    assert len(hall.cast.asked) == 3


# ---- workflows in workflows ------------------------------------------------------------------------------------------


@story
async def test_a_workflow_is_used_for_each_value_of_a_matrix(hall: Hall) -> None:
    using = 'jobs: {u: {uses: inner, with: {path: "/{{ matrix.x }}"}, strategy: {matrix: {x: [one, two]}}}}\n'
    hall.rehearse({f"u/{name}/one.agent.1": writes(name) for name in ("one", "two")})
    played = await hall.play(using, used={"inner": INNER})
    assert (played.state, set(played.files) - {"check.sh"}) == ("done", {"one", "two"})
    assert played.states("u", "u/one/one", "u/two/one") == ["done"] * 3


@story
async def test_a_workflow_whose_jobs_own_what_is_anothers_fails_with_a_sentence(hall: Hall) -> None:
    using = """
jobs:
  a: {agent: developer, owns: [/src/], tests: {tries: 1}}
  u: {uses: fixed, needs: a}
  v: {uses: inner, needs: a, with: {path: "/s*/x.py"}}
"""
    hall.rehearse({"a.agent.1": writes("src/a.py")})
    fixed = INNER.replace("{{ inputs.path }}", "/src/x.py").replace("required: true", 'default: ""')
    played = await hall.play(using, used={"inner": INNER, "fixed": fixed})
    assert (played.state, played.states("a", "u", "v", "v/one")) == ("failed", ["done", *["failed"] * 3])
    assert "both own `src/x.py`: a path has one owner in a run" in played.rows["u"].reason
    assert "both own `src/x.py`: a path has one owner in a run" in played.rows["v/one"].reason
    assert "- `u`: " in played.reason


@story
async def test_what_an_agent_says_is_no_glob_in_the_workflow_that_it_is_given_to(hall: Hall) -> None:
    using = """
jobs:
  plan: {agent: analyst, outputs: {path: string}}
  u: {uses: inner, needs: plan, with: {path: "{{ needs.plan.outputs.path }}"}}
"""
    hall.rehearse({"plan.read": says(path="**"), "u/one.agent.1": writes("secret")})
    played = await hall.play(using, used={"inner": INNER})
    assert (played.states("u/one"), "secret" in played.files) == (["refused"], False)


def test_a_title_is_no_glob() -> None:
    part = Part("a", Job.model_validate({"agent": "developer", "owns": ["{{ issue.title }}", "/d/{{ issue.title }}"]}))
    names: dict[str, Any] = {"issue": {"title": "**"}, "needs": {}}
    assert filled(part, names, {}, trusted=True).spec.owns == (r"/\*\*", r"/d/\*\*")


# ---- a run of one job, and `/retry` ----------------------------------------------------------------------------------


@story
async def test_a_run_of_one_job_has_its_texts_filled_in_and_its_retries(hall: Hall) -> None:
    one = """
jobs:
  build:
    agent: developer
    focus: "About {{ issue.title }}"
    env: {NUMBER: "{{ issue.number }}"}
    retries: 2
    tests: {tries: 1}
"""
    hall.rehearse({"build.agent.1": FAILS, "build.agent.2": (Write("x", "bad\n"),), "build.agent.3": writes("x")})
    played = await hall.play(one, wish=Wish("Swans", "Please.", 12))
    assert (played.state, played.files["x"]) == ("done", "x\n")
    assert hall.cast.asked == [f"build.agent.{number}" for number in (1, 2, 3)]
    assert "About Swans" in hall.cast.tasks[0].prompt
    assert {task.environment["NUMBER"] for task in hall.cast.tasks} == {"12"}


def test_where_all_is_done_and_red_together_the_last_mend_is_done_anew() -> None:
    """`b` mended last, and its work is red with that of `a`."""
    keys = ["prepare", "a", "a.agent.1", "a.test.1", "b", "b.agent.1", "b.test.1", "b.agent.2", "b.test.2"]
    rows = [Node(key, place, key, "done", started_at=float(place)) for place, key in enumerate(keys)]
    red = [Node(f"trunk.test.{name}", 99, "", "failed", started_at=99.0) for name in ("x", "y")]
    graph = [{"name": "a", "needs": []}, {"name": "b", "needs": []}]
    again = redone(graph, [*rows, *red, Node("publish", 100, "", "skipped")], "")
    assert again == ["b", "b.agent.2", "b.test.2", "trunk.test.x", "trunk.test.y", "publish"]
