"""A swarm or a hierarchy whose process dies at every checkpoint ends as if it had not, and pays no agent twice."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from bot.backends.rehearsal import Act, Say, Write
from bot.graph.expansion import instance_name
from bot.orchestra import crowd
from bot.store import runs
from bot.workflow.library import Shipped
from bot.workflow.spec import parse_workflow
from tests.graphs import HEAD, TAIL, rehearse
from tests.house import opened as house
from tests.orchestra.hall import Hall, Played, Script, opened, says
from tests.shelf import shipped

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

    def stage(self, script: Script, turns: Sequence[str], late: Mapping[str, str]) -> None:
        """As if nobody had played here; who is asked anew, having died at work, plays the same as before."""
        self.anew()
        for job, point in late.items():
            self.delay(f"{job}.agent.1", point)
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


async def dies(hall: Mortal, text: str, script: Script, turns: Sequence[str], **late: str) -> Played:
    """How it ends undisturbed; it ends the same where it dies at each point that was passed then, a life for each.

    `late` are jobs whose first agent works no sooner than a point was passed.
    """
    hall.stage(script, turns, late)
    whole = await hall.play(text)
    points, asked = list(dict.fromkeys(hall.points)), sorted(hall.cast.asked)
    hall.stage(script, turns, late)
    died = await hall.play(text, *points)
    same(died, whole)
    assert sorted({*hall.cast.asked}) == asked
    assert {key: hall.cast.asked.count(key) for key in hall.paid} == hall.paid  # what is kept is not asked for again
    return whole


# ---- the swarm -------------------------------------------------------------------------------------------------------

SAID = ["Break more", "Break it", "Write more", "Write it"]
TASKS = [instance_name("each", {"task": task}) for task in SAID]
FIRST, LATE, BROKEN, WORSE = TURNS = TASKS[::-1]
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

    The first of them is asked to mend that, and does not. They are done in another order than they are listed in, in
    which they come back after a crash.
    """
    monkeypatch.setattr(crowd, "ROUNDS", 1)
    whole = await dies(hall, SWARM, BUSY, TURNS)
    assert [key.partition(".")[0] for key in whole.merged] == [FIRST, BROKEN, WORSE, BROKEN, WORSE, LATE]
    assert (whole.state, whole.files) == ("done", {"shared": "first and late\n"})
    assert whole.states("tasks", "each", *TURNS) == [*["done"] * 4, "failed", "failed"]
    assert "2 of 4 done, 2 failed:" in whole.reason
    assert f"- `{BROKEN}`: Failed: the tests fail with its work" in whole.reason
    assert f"- `{WORSE}`: Failed: the tests fail with too many of the tasks to tell which" in whole.reason
    assert whole.rows[LATE].reason == "Conflicts in `shared` were resolved by an agent."


# ---- the hierarchy ---------------------------------------------------------------------------------------------------

TEAMS = """
pattern: hierarchy
limits: {agents: 2}
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
    "lead.plan": says(parts=[part("backend"), part("docs")]),
    "docs.agent.1": made("docs/a.md", "a\n"),
    "backend.plan": says(parts=[part("api")]),
    "backend/api.agent.1": made("src/a.py", "a\n"),
    "backend.review": WELL,
    "lead.review": RETURN,
    "backend.plan.2": says(parts=[part("api", "Add the date.")]),
    "backend/api.agent.73": made("src/a.py", "a, date, BROKEN\n"),
    "backend.review.2": WELL,
    "backend/api.agent.109": made("src/a.py", "a, date\n"),
    "lead.review.2": WELL,
}


async def test_teams_whose_work_is_returned_and_mended_end_the_same_wherever_they_die(hall: Mortal) -> None:
    """What is done anew breaks the tests, and is mended before its lead reads it. Two are at work at first."""
    turns = ["docs", "backend/api"]
    whole = await dies(hall, TEAMS, RETURNED, turns, docs="backend/api.agent.1:before")
    assert (whole.state, whole.files["src/a.py"]) == ("done", "a, date\n")
    assert whole.merged == ["docs.merge", "backend/api.merge", "backend/api.merge.2", "backend/api.merge.3"]
    assert sorted({*hall.cast.asked}) == sorted(RETURNED)
    assert "The date is missing." in hall.cast.task("backend.plan.2").prompt
    assert "Add the date." in hall.cast.task("backend/api.agent.73").prompt


# ---- on PostgreSQL, with GitHub --------------------------------------------------------------------------------------

BY_HAND = "name: Teams\non: {command: teams}\n"


async def test_a_swarm_and_a_hierarchy_on_postgresql_open_their_pull_requests_though_the_process_dies(
    tmp_path: Path, postgres_url: str
) -> None:
    agents = dict(shipped().agents)
    texts = {
        "auto-implement": f"{HEAD}{SWARM.replace('agents: 4', 'agents: 1')}{TAIL}",
        "teams": f"{BY_HAND}{TEAMS}{TAIL}",
    }
    both = {name: parse_workflow(f"{name}.yml", text, agents) for name, text in texts.items()}
    async with house(tmp_path, postgres_url, files=FILES, offered=Shipped(both, agents)) as shop:
        rehearse(
            shop,
            {
                "At most 50 tasks": [says(tasks=["tidy up", "write on"])],
                "tidy up": [[Write("tidy", "1\n")]],
                "write on": [[Write("on", "1\n")]],
                "It is merged, and the worktree": [WELL],
                "Who is in your team:": [says(parts=[part("docs")])],
                "Do docs.": [made("docs/a.md", "a\n")],
            },
        )
        shop.crash_at("tasks.read:done")
        issue = await shop.open_issue()
        await shop.label(issue)
        await shop.dies_at(["tasks.read:done", f"{instance_name('each', {'task': 'tidy up'})}.agent.1:done"])
        await shop.settle()
        assert "2 of 2 done." in shop.said(issue)[-1]
        assert len(shop.played) == 3

        shop.crash_at("docs.agent.1:done")
        issue = await shop.open_issue("Write it down")
        await shop.comment(issue, "/teams")
        await shop.dies_at(["docs.agent.1:done", "lead.review:done"])
        await shop.settle()
        assert "It is good." in shop.said(issue)[-1]
        assert await shop.file(shop.pulls()[-1].head, "docs/a.md") == "a\n"
        assert len(shop.played) == 6
