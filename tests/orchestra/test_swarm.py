"""Many small tasks: found, done side by side, merged so that few conflict; what fails or breaks sinks no other."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from bot.agents.task import Outcome, Task
from bot.backends.rehearsal import Act, Delete, Fail, Run, Say, Write
from bot.graph.expansion import instance_name
from bot.graph.ownership import literal
from bot.orchestra import crowd, tasks
from bot.orchestra.crowd import by_conflicts
from tests.actor import Gate
from tests.git.objects import LINK, Files, Objects
from tests.orchestra.hall import Hall, Played, opened, says

SEVEN = "".join(f"line {number}\n" for number in range(1, 8))
START = {
    "README.md": "# Shop\n",
    ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: ['! grep -rqs BROKEN src']\n",
    **{f"src/{name}.py": f"old({name!r})\n" for name in "abcd"},
    "src/notes.txt": "old(\n",
    "shared": SEVEN,
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with opened(tmp_path_factory.mktemp("swarm"), START) as one:
        yield one


@pytest.fixture
def hall(whole: Hall) -> Hall:
    """The hall as if nobody had played in it."""
    whole.cast.script.clear()
    whole.cast.tasks.clear()
    whole.cast.gate = Gate()
    whole.bench.board.listeners.clear()
    whole.points.clear()
    return whole


def swarm(tasks: str, more: str = "", agents: int = 1, outputs: str = "{}") -> str:
    return f"""
name: A swarm
on: {{issues: {{types: [labeled], labels: [auto-implement]}}}}
pattern: swarm
limits: {{agents: {agents}}}
tasks: {{{tasks}}}
jobs:
  each: {{agent: developer, tests: {{each: false, tries: 1}}{more}}}
outputs: {{pull-request: {outputs}}}
"""


def step(task: str, what: str = "agent.1") -> str:
    return f"{name(task)}.{what}"


def name(task: str) -> str:
    return instance_name("each", {"task": task})


def told(task: Task) -> str:
    """The task of an agent, as its prompt says it."""
    return task.prompt.partition("BEGIN DATA (your part)\n")[2].partition("\nEND DATA")[0]


def states(played: Played) -> dict[str, str]:
    """How each task stands, by its text."""
    return {entry["title"]: played.rows[entry["name"]].state for entry in played.graph if "/" in entry["name"]}


# ---- where tasks come from -------------------------------------------------------------------------------------------


async def test_the_tasks_of_a_list_are_done_and_those_that_fail_sink_no_other(hall: Hall) -> None:
    hall.rehearse(
        {
            step("Build the web"): [Write("web", "1\n")],
            step("Build the api"): [Write("api", "1\n")],
            step("Give up"): [Write("nothing", "1\n"), Fail(Outcome("error", "", problem="No idea"))],
        }
    )
    given = "list: [Build the web, Give up, Look around, Build the api, Build the web]"
    played = await hall.play(swarm(given, agents=3))
    assert (played.state, sorted(played.files)[-2:]) == ("done", ["src/notes.txt", "web"])
    assert (played.files["web"], played.files["api"], played.files.get("nothing")) == ("1\n", "1\n", None)
    ended = {"Build the web": "done", "Give up": "failed", "Look around": "no change", "Build the api": "done"}
    assert (states(played), played.states("each")) == (ended, ["done"])
    assert f"2 of 4 done, 1 failed, 1 without a change:\n- `{name('Give up')}`: " in played.reason


async def test_files_are_tasks_by_glob_so_many_at_a_time_and_no_more_than_may_be(hall: Hall) -> None:
    hall.cast.otherwise = lambda task: [Write(told(task), "new\n"), Write("docs/x", "not mine\n")]
    hall.cast.gate.most = 0
    more = ", owns: ['/{{ matrix.task }}'], outside: request"
    played = await hall.play(swarm("glob: 'src/*.py', max: 3", more, agents=2))
    hall.cast.otherwise = lambda task: ()
    first, second, third = [told(task) for task in hall.cast.tasks]
    assert ({first, second}, third) == ({"src/a.py", "src/b.py"}, "src/c.py")
    assert hall.cast.gate.most <= 2
    assert [played.files[f"src/{name}.py"] for name in "abcd"] == ["new\n"] * 3 + ["old('d')\n"]
    assert "docs/x" not in played.files
    assert "3 of 3 done.\n\n4 tasks were found, of which the first 3 were done (`tasks.max`)." in played.reason


async def test_what_an_agent_plans_is_data_and_asked_for_again_where_it_is_not_valid(hall: Hall) -> None:
    odd = "{{ issue.title }} in **"
    hall.rehearse({"tasks.read": says(tasks=["", 7]), "tasks.read#2": says(tasks=[odd, odd])})
    played = await hall.play(swarm("agent: scout", ", owns: ['/{{ matrix.task }}'], focus: 'Do {{ matrix.task }}.'"))
    assert [told(task) for task in hall.cast.tasks] == ["", "", f"Do {odd}."]
    assert "tasks.1: a text is needed" in hall.cast.tasks[1].prompt
    assert "At most 50 tasks" in hall.cast.tasks[0].prompt
    entry = next(entry for entry in played.graph if entry["name"] == name(odd))
    assert entry["owns"] == [f"/{literal(odd)}"]
    assert (played.state, played.states("tasks", name(odd))) == ("no change", ["done", "no change"])


async def test_a_task_that_no_agent_can_merge_is_done_again_upon_what_the_others_did(hall: Hall) -> None:
    hall.rehearse({step("one"): (Delete("shared"),), step("two"): (Run("sed -i 1d shared"),)})
    hall.rehearse({step("two", "agent.2"): (Write("words.txt", "2\n"),)})
    hall.delay(step("two"), f"{step('one')}:done")
    played = await hall.play(swarm("list: [one, two]", agents=2))
    assert (played.state, played.files.get("shared"), played.files["words.txt"]) == ("done", None, "2\n")
    assert "2 of 2 done." in played.reason


async def test_tasks_that_own_what_others_do_are_asked_for_again_and_else_left_out(hall: Hall) -> None:
    planned = says(tasks=["src", "docs", "src/a.py", "two\nlines"])
    hall.rehearse({"tasks.read": planned, "tasks.read#2": planned, "each/docs.agent.1": (Write("docs/new", "1\n"),)})
    played = await hall.play(swarm("agent: scout", ", owns: ['/{{ matrix.task }}'], focus: 'Do {{ matrix.task }}.'"))
    assert "both own" in hall.cast.tasks[1].prompt
    assert [told(task) for task in hall.cast.tasks[2:]] == ["Do src.", "Do docs."]
    assert "2 of the tasks were left out: " in played.reason
    assert "`src` and `src/a.py` both own `src/a.py" in played.reason


@pytest.mark.parametrize(
    ("given", "script", "state", "said"),
    [
        ("glob: '*.rs'", {}, "no change", "No change: no file fits `*.rs`."),
        ('grep: "a\\nb"', {}, "failed", "is no line of text to look for"),
        ("agent: scout", {"tasks.read": says(tasks=[])}, "no change", "No change: `scout` found nothing to do."),
        ("agent: scout", {"tasks.read": [Say("None.")]}, "failed", "Failed: `scout` found no tasks."),
    ],
)
async def test_where_nothing_is_found_nothing_is_done(
    hall: Hall, given: str, script: Mapping[str, Sequence[Act]], state: str, said: str
) -> None:
    hall.rehearse(script)
    played = await hall.play(swarm(given))
    assert (played.state, said in played.reason, played.files) == (state, True, {}), played.reason


async def test_files_are_found_by_a_plain_text_that_they_hold(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "shop.git")
    files: Files = {
        "a.py": "x = old(1)\n",
        "b.py": "x = o.d(1)\n",
        "d/c.py": "\n-e old(\n",
        "d/d.md": "old(\n",
        "e": b"\0old(",
    }
    tree = objects.tree({**files, "l": (LINK, "old("), "odd\n": "old(", "\udcff": "old("})
    assert await tasks.holding(objects.mirror, tree, "old(") == ["a.py", "d/c.py", "d/d.md", "odd\n", "\udcff"]
    assert await tasks.holding(objects.mirror, tree, "old(", ["*.py"]) == ["a.py", "d/c.py"]
    assert await tasks.holding(objects.mirror, tree, "-e old") == ["d/c.py"]
    assert await tasks.holding(objects.mirror, tree, "o.d") == ["b.py"]
    assert await tasks.fitting(objects.mirror, tree, ["*", "!*.py"]) == {"d/d.md", "e", "odd\n", "\udcff"}


# ---- what they make --------------------------------------------------------------------------------------------------


async def test_where_too_many_break_the_tests_what_came_before_them_is_kept(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "ROUNDS", 0)
    good, bad, late = tasks = ["src/a.py", "src/b.py", "src/c.py"]
    hall.rehearse({step(path): [Write(path, "BROKEN\n" if path == bad else "new\n")] for path in tasks})
    played = await hall.play(swarm("grep: 'old(', in: '/src/[abc].*'"), *(f"{step(path)}:made" for path in tasks))
    assert (played.state, states(played)) == ("done", {good: "done", bad: "failed", late: "failed"})
    assert [played.files[path] for path in tasks] == ["new\n", START[bad], START[late]]
    assert hall.cast.asked == [step(path) for path in tasks]
    assert "1 of 3 done, 2 failed:" in played.reason


async def test_what_waits_is_merged_in_the_order_of_who_conflicts_with_the_fewest_others(tmp_path: Path) -> None:
    objects, lines = Objects(tmp_path / "shop.git"), SEVEN.splitlines()
    base = objects.tree({"a": SEVEN})

    def made(word: str, *places: int) -> tuple[str, str]:
        words = [word if number in places else line for number, line in enumerate(lines, 1)]
        return base, objects.tree({"a": "".join(f"{line}\n" for line in words)})

    sides = {"both": made("both", 1, 7), "head": made("head", 1), "alone": made("alone", 4), "end": made("end", 7)}
    assert await by_conflicts(objects.mirror, base, sides) == ["alone", "head", "end", "both"]
