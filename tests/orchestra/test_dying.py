"""A swarm or a hierarchy whose process dies at every checkpoint ends as if it had not, and pays no agent twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from bot.backends.rehearsal import Act, Say, Write
from bot.graph.expansion import instance_name
from bot.orchestra import crowd
from bot.store import runs
from tests.orchestra.hall import Hall, Played, Script, opened, says

FILES = {
    "README.md": "# Shop\n",
    "shared": "old\n",
    ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: ['! grep -rqs BROKEN src']\n",
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Mortal(Hall):
    """A hall that knows which steps were paid for, and how often their agents had been asked by then.

    The first work of the jobs in `turns` is recorded once all of them have done it, in that order: of each once the one
    before is merged, or waits to be.
    """

    turns: Sequence[str] = ()
    paid: dict[str, int] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    bells: list[asyncio.Event] = field(default_factory=list)

    def stage(self, script: Script, turns: Sequence[str] = ()) -> None:
        """As if nobody had played here; who is asked anew, having died at work, plays the same as before."""
        self.anew()
        self.paid.clear()
        self.turns = turns
        self.rehearse(script)
        self.cast.otherwise = lambda task: script.get(task.key, ())
        self.bench.board.listeners.append(lambda _run: self._ring())

    async def _pass(self, dying: str, dead: asyncio.Event, point: str) -> None:
        await super()._pass(dying, dead, point)
        key, _, side = point.rpartition(":")
        if side == "made":
            self.paid.setdefault(key, self.cast.asked.count(key))
            await self._turn(key)
        self._ring()

    def _ring(self) -> None:
        for bell in self.bells:
            bell.set()

    async def _turn(self, key: str) -> None:
        firsts = [f"{job}.agent.1" for job in self.turns]
        if key not in firsts:
            return
        bell = asyncio.Event()
        self.bells.append(bell)
        self.ready.add(key)
        self._ring()
        try:
            while not await self._may(firsts, firsts.index(key)):
                await bell.wait()
        finally:
            self.bells.remove(bell)
            self.ready.discard(key)

    async def _may(self, firsts: Sequence[str], number: int) -> bool:
        for bell in self.bells:
            bell.clear()
        if not all(first in self.ready or f"{first}:done" in self.points for first in firsts):
            return False
        run = self.cast.tasks[-1].run
        rows = await self.bench.db.read(lambda conn: {row.key: row for row in runs.tree(conn, run)})
        before = rows[self.turns[number - 1]] if number else None
        return before is None or bool(before.ended_at or before.reason)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mortal]:
    async with opened(tmp_path_factory.mktemp("dying"), FILES) as one:
        yield Mortal(one.bench, one.clone, one.cast)


def same(died: Played, whole: Played) -> None:
    """But for the name of the branch, and for tests of halves: who is to blame is looked for among more, later on."""
    assert (died.state, died.files, died.merged) == (whole.state, whole.files, whole.merged)
    assert died.reason.partition("The work is on")[0] == whole.reason.partition("The work is on")[0]
    assert died.graph == whole.graph
    assert _rows(died) == _rows(whole)


def _rows(played: Played) -> dict[str, tuple[str, str, str, int]]:
    rows = {key: (row.state, row.reason, row.title, row.position) for key, row in played.rows.items()}
    return {key: row for key, row in rows.items() if not key.startswith("trunk.test.")}


async def dies(hall: Mortal, text: str, script: Script, turns: Sequence[str] = (), at: Sequence[str] = ()) -> Played:
    """How it ends undisturbed, which is as it ends where it dies at these points, or at all that were passed then.

    One process after the other goes on, each to the next point.
    """
    hall.stage(script, turns)
    whole = await hall.play(text)
    points, asked = list(dict.fromkeys(hall.points)), sorted(hall.cast.asked)
    hall.stage(script, turns)
    died = await hall.play(text, *(at or points))
    same(died, whole)
    assert sorted({*hall.cast.asked}) == asked
    assert {key: hall.cast.asked.count(key) for key in hall.paid} == hall.paid  # what is kept is not asked for again
    return whole


# ---- the swarm -------------------------------------------------------------------------------------------------------

SAID = ["Write it", "Write more", "Break it", "Break more"]
FIRST, LATE, BROKEN, WORSE = TASKS = [instance_name("each", {"task": task}) for task in SAID]
SWARM = """
pattern: swarm
limits: {agents: 4}
tasks: {agent: scout}
jobs:
  each: {agent: developer, tests: {each: false, tries: 1}}
"""
BUSY: Script = {
    "tasks.read": says(tasks=SAID),
    f"{FIRST}.agent.1": [Write("shared", "first\n")],
    f"{LATE}.agent.1": [Write("shared", "late\n")],
    f"{BROKEN}.agent.1": [Write("src/new.py", "BROKEN\n")],
    f"{WORSE}.agent.1": [Write("src/worse.py", "BROKEN\n")],
    f"{LATE}.resolve.agent.1": [Write("shared", "first and late\n")],
}


async def test_a_swarm_in_which_work_conflicts_and_breaks_the_tests_ends_the_same_wherever_it_dies(
    hall: Mortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tasks change one file, and the second comes too late; two break the tests, one more than is looked for.

    The first of them is asked to mend that, and does not.
    """
    monkeypatch.setattr(crowd, "ROUNDS", 1)
    whole = await dies(hall, SWARM, BUSY, TASKS)
    assert [key.partition(".")[0] for key in whole.merged] == [FIRST, BROKEN, WORSE, BROKEN, WORSE, LATE]
    assert (whole.state, whole.files) == ("done", {"shared": "first and late\n"})
    assert whole.states("tasks", "each", *TASKS) == [*["done"] * 4, "failed", "failed"]
    assert f"2 of 4 done, 2 failed:\n- `{BROKEN}`: Failed: the tests fail with its work" in whole.reason
    assert f"- `{WORSE}`: Failed: the tests fail with too many of the tasks to tell which" in whole.reason
    assert whole.rows[LATE].reason == "Conflicts in `shared` were resolved by an agent."


async def test_tasks_that_come_back_in_another_order_than_they_ended_make_the_same(hall: Mortal) -> None:
    """The last of the list is done first; whoever goes on after a crash has what is recorded at once, in its order."""
    turns = [WORSE, BROKEN, LATE, FIRST]
    at = [*(f"{task}.agent.1:done" for task in turns), "finish:before"]
    apart: Script = {f"{LATE}.agent.1": [Write("late", "late\n")], f"{WORSE}.agent.1": [Write("more", "more\n")]}
    whole = await dies(hall, SWARM, {**BUSY, **apart}, turns, at)
    assert [key.partition(".")[0] for key in whole.merged] == [*turns, BROKEN]
    assert whole.states(*TASKS) == ["done", "done", "failed", "done"]


# ---- the hierarchy ---------------------------------------------------------------------------------------------------

TEAMS = """
pattern: hierarchy
limits: {agents: %d}
team:
  lead: lead
  members:
    docs: {agent: developer, owns: [docs/**], tests: {each: false}}
  teams:
    backend:
      lead: lead
      owns: [src/**]
      members:
        api: {agent: developer, owns: [src/**], tests: {each: false}}
"""


def part(who: str, task: str = "") -> dict[str, str]:
    return {"who": who, "task": task or f"Do {who}."}


def made(path: str, words: str) -> Sequence[Act]:
    return (Write(path, words), Say(f"Made {path}."))


WELL = says(accepted=True, summary="It is good.", returns=[])
RETURN = says(accepted=False, summary="Not yet.", returns=[{"who": "backend", "remark": "The date is missing."}])
RETURNED: Script = {
    "lead.plan": says(parts=[part("docs"), part("backend")]),
    "docs.agent.1": made("docs/a.md", "a\n"),
    "backend.plan": says(parts=[part("api")]),
    "backend/api.agent.1": made("src/a.py", "a\n"),
    "backend.review": WELL,
    "lead.review": RETURN,
    "backend.plan.2": says(parts=[part("api", "Add the date.")]),
    "backend/api.agent.19": made("src/a.py", "a, date, BROKEN\n"),
    "backend.review.2": WELL,
    "backend/api.agent.28": made("src/a.py", "a, date\n"),
    "lead.review.2": WELL,
}


async def test_teams_whose_work_is_returned_and_mended_end_the_same_wherever_they_die(hall: Mortal) -> None:
    """What is done anew breaks the tests, and is mended before its lead reads it."""
    whole = await dies(hall, TEAMS % 1, RETURNED)
    assert (whole.state, whole.files["src/a.py"]) == ("done", "a, date\n")
    assert whole.merged == ["docs.merge", "backend/api.merge", "backend/api.merge.2", "backend/api.merge.3"]
    assert sorted({*hall.cast.asked}) == sorted(RETURNED)
    assert "The date is missing." in hall.cast.task("backend.plan.2").prompt
    assert "Add the date." in hall.cast.task("backend/api.agent.19").prompt


async def test_members_that_come_back_in_another_order_than_they_ended_make_the_same(hall: Mortal) -> None:
    turns = ["backend/api", "docs"]
    at = [*(f"{member}.agent.1:done" for member in turns), "lead.review:before", "finish:before"]
    whole = await dies(hall, TEAMS % 2, {**RETURNED, "lead.review": WELL}, turns, at)
    assert (whole.state, whole.merged) == ("done", ["backend/api.merge", "docs.merge"])
