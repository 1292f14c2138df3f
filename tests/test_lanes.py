"""Lanes of the queue: what goes before everything else, and groups of which one run is under way at a time."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store import groups, runs
from bot.store.db import Database
from bot.store.record import ABOVE_ALL
from bot.store.runs import Run
from bot.workflow.bounds import Bounds
from bot.workflow.configuration import WORKFLOWS
from bot.workflow.lane import lane
from bot.workflow.library import Library
from tests.graphs import FILES, offered
from tests.house import opened
from tests.shelf import shipped

JOB = "jobs: {api: {agent: developer, focus: build it}}\n"


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/a.db"
    made = Database(url)
    await made.migrate()
    yield made
    await made.close()


def queued(name: str, **more: Any) -> Run:
    given = {"delivery": f"d-{name}", "workflow": "w", "repo": "a/b", "target": f"a/b#{name}", "state": "queued"}
    return Run(id=name, created_at=1.0, context={}, **{**given, **more})


def places(conn: sa.Connection) -> list[str]:
    """The runs that wait, by the places that people are told."""
    waits = [run for run in runs.active(conn) if run.state == "queued"]
    assert sorted(runs.place(conn, run) for run in waits) == list(range(1, len(waits) + 1))
    return [run.id for run in sorted(waits, key=lambda run: runs.place(conn, run))]


async def put(db: Database, *some: Run) -> None:
    await db.write(lambda conn: [runs.create(conn, run) for run in some])


async def test_what_is_above_all_goes_before_everything_and_has_one_place_more(db: Database) -> None:
    await put(db, *(queued(name) for name in "abc"), *(queued(name, priority=ABOVE_ALL) for name in "xyz"))

    shown = await db.read(places)
    begun = [await db.write(lambda conn: runs.claim(conn, 2, 2.0)) for _ in range(5)]
    assert (begun, shown) == (["x", "y", "z", None, None], ["x", "y", "z", "a", "b", "c"])
    for name in "xy":
        await db.write(partial(runs.end, run_id=name, state="done", reason=""))
    assert [await db.write(lambda conn: runs.claim(conn, 2, 2.0)) for _ in range(2)] == ["a", None]
    await put(db, queued("later", priority=ABOVE_ALL))
    assert await db.write(lambda conn: runs.claim(conn, 2, 2.0)) == "later"
    assert await db.read(places) == ["b", "c"]


@pytest.mark.parametrize(
    ("come", "begin"),
    [
        ("a1 b1 a2 b2", "a1 b1 a2 b2"),
        ("a1 b1 a2! b2", "a2! b1 a1 b2"),  # it takes the turn of its repository's oldest, and gives that its own
        ("b1 a1! a2!", "b1 a1! a2!"),
        ("a1 b1 a2 b2 a3! a4! b3", "a3! b1 a4! b2 a1 a2 b3"),
        ("a1 b1! b2 a2!", "a2! b1! b2 a1"),
        ("a1 b1 a2! c1!!", "c1!! a2! b1 a1"),
        ("c1!! a1 b1 a2! c2!!", "c1!! c2!! a2! b1 a1"),  # two of one repository may be ours and its own
        ("a1 a2!! b1 a3!", "a2!! a3! b1 a1"),
    ],
)
async def test_what_has_priority_in_its_repository_lets_nobody_else_wait(db: Database, come: str, begin: str) -> None:
    """`a1` is a run of repository a, `a1!` one of priority there, `a1!!` one above all."""
    await put(db, *(queued(name, repo=name[0], priority=name.count("!")) for name in come.split()))
    assert await db.read(places) == begin.split()
    begun = [await db.write(lambda conn: runs.claim(conn, 9, 2.0)) for _ in begin.split()]
    assert begun == begin.split()


async def test_whoever_was_overtaken_once_is_not_overtaken_again_at_the_cost_of_others(db: Database) -> None:
    await put(db, queued("a1", repo="a"), queued("b1", repo="b"), queued("a2", repo="a", priority=1))
    assert await db.write(lambda conn: runs.claim(conn, 1, 2.0)) == "a2"
    await put(db, queued("a3", repo="a", priority=1))
    assert await db.read(places) == ["b1", "a3", "a1"]
    assert await db.write(lambda conn: runs.claim(conn, 1, 2.0)) is None  # it has no place beside the others
    await db.write(lambda conn: runs.end(conn, "a2", "done", ""))
    assert await db.write(lambda conn: runs.claim(conn, 1, 2.0)) == "b1"


async def test_of_a_group_one_is_under_way_and_whoever_rests_does_not_hinder(db: Database) -> None:
    await put(db, queued("a", concurrency="g"), queued("b", concurrency="g"), queued("c", concurrency="other"))

    async def claim() -> str | None:
        return await db.write(lambda conn: runs.claim(conn, 9, 2.0))

    assert [await claim() for _ in range(3)] == ["a", "c", None]
    await db.write(lambda conn: runs.pause(conn, "a", "paused"))
    await db.write(lambda conn: runs.rest(conn, "a", 1))
    assert await claim() == "b"
    await db.write(lambda conn: runs.resume(conn, "a"))
    assert await claim() is None
    await db.write(lambda conn: runs.end(conn, "b", "done", ""))
    assert await claim() == "a"


async def entered(db: Database, run: Run, *, cancels: bool = False) -> list[str]:
    await put(db, run)
    say = "for {0.id}".format
    return sorted(await db.write(lambda conn: groups.enter(conn, run, say, cancels=cancels)))


async def test_the_newest_of_a_group_takes_the_place_of_what_waits_there(db: Database) -> None:
    await put(db, queued("at work", concurrency="g", state="running", started_at=1.0), queued("alien"))
    assert await entered(db, queued("first", concurrency="g")) == []
    assert await entered(db, queued("second", concurrency="g")) == ["first"]
    assert await entered(db, queued("alone")) == []
    assert await entered(db, queued("same comment", concurrency="g", delivery="d-second", workflow="v")) == []
    assert await entered(db, queued("last", concurrency="g"), cancels=True) == ["at work", "same comment", "second"]
    words = {run.id: run.cancel for run in await db.read(runs.active) if run.cancel}
    assert (words["first"], words["at work"]) == ("for second", "for last")


async def test_the_name_of_a_group_is_the_repositorys_own_in_any_case() -> None:
    def named(group: str, repo: int = 1, number: int = 7) -> Any:
        text = f"concurrency: {{group: '{group}'}}\n{JOB}"
        (flow,) = offered(text).workflows.values()
        return lane(flow, (repo, "a/b"), (number, "Title"), ours=True)["concurrency"]

    assert named("Deploy") == named("deploy") != named("deploy", repo=2)
    assert named("x-{{ issue.number }}") == named("x-7") != named("x-{{ issue.number }}", number=8)
    assert named("{{ repo.name }}/{{ issue.title }}") == named("a/b/title")


def test_only_what_is_shipped_goes_before_everything() -> None:
    def priority(more: str, *, ours: bool) -> int:
        (flow,) = offered(f"{more}{JOB}").workflows.values()
        return int(lane(flow, (1, "a/b"), (7, "Title"), ours=ours)["priority"])

    for more, own, ours in (("", 0, 0), ("priority: high\n", 1, ABOVE_ALL), ("worktrees: hot-fix\n", 1, ABOVE_ALL)):
        assert (priority(more, ours=False), priority(more, ours=True)) == (own, ours)


async def test_a_file_that_replaces_ours_is_the_repositorys_own_until_it_is_gone(db: Database) -> None:
    library, path = Library(db, shipped(), frozenset(), Bounds(5, 60, agents=2)), f"{WORKFLOWS}/hot-fix.yml"
    words = f"name: Mine\non: {{command: hot-fix}}\nworktrees: hot-fix\n{JOB}outputs: {{pull-request: {{}}}}\n"
    for text, ours in ((words, False), (None, True)):
        assert await library.adopt("a/b", path, "c1", text) == ""
        assert await library.ships("a/b", "hot-fix") == ours
        assert await library.ships("a/b", "review")
    assert {flow.limits.agents for flow in (await library.workflows("a/b")).values()} == {2}


# ---- as people see it ------------------------------------------------------------------------------------------------


async def test_a_group_lets_one_run_at_a_time_and_the_newest_wait(tmp_path: Path) -> None:
    async with opened(tmp_path, files=FILES, offered=offered(f"concurrency: {{group: deploy}}\n{JOB}")) as shop:
        shop.gate.close()
        issues = [await shop.open_issue(f"Number {number}") for number in range(3)]
        await shop.label(issues[0])
        await shop.gate.reached(1)
        for issue in issues[1:]:
            await shop.label(issue)
            await shop.shows(issue, "queued")
        await shop.gate.open()
        await shop.settle()
        first, second, third = await shop.runs()
        assert [run.state for run in (first, second, third)] == ["no change", "cancelled", "no change"]
        assert f"run `{third.id[:8]}`" in second.reason
        assert (third.started_at or 0) >= (first.ended_at or 0)
        assert "took its place" in [shop.status(issue) for issue in issues][1]


async def test_one_that_cancels_what_is_in_progress_begins_at_once_on_its_own_issue_too(tmp_path: Path) -> None:
    text = f"concurrency: {{group: deploy, cancel-in-progress: true}}\n{JOB}"
    async with opened(tmp_path, files=FILES, offered=offered(text)) as shop:
        shop.gate.close()
        issue, other = [await shop.open_issue(title) for title in ("One", "Other")]
        await shop.label(issue)
        await shop.gate.reached(1)
        await shop.comment(issue, "/implement", by="stranger")  # who may not, ends nothing
        await shop.comment(issue, "/implement")
        again = 'Cancelled: @maintainer asked for "Build a feature" again, and it begins anew.'
        await shop.shows(issue, again)
        await shop.gate.reached(1)
        await shop.label(other)
        await shop.shows(issue, "took its place")
        await shop.gate.open()
        await shop.settle()
        first, second, third = await shop.runs()
        assert (first.state, second.state, third.state) == ("cancelled", "cancelled", "no change")
        assert first.reason == again
        assert f"run `{third.id[:8]}`" in second.reason
        assert len(shop.said(issue)) == 3
        shop.status(other)


async def test_a_hot_fix_does_not_wait_for_a_long_run(tmp_path: Path) -> None:
    house = offered(f"priority: high\n{JOB}", "urgent")
    plain = offered(JOB)
    urgent = house.workflows["urgent"]
    only = urgent.model_copy(update={"on": urgent.on.model_copy(update={"issues": None, "command": "hurry"})})
    both = type(plain)({**plain.workflows, "urgent": only}, plain.agents)
    async with opened(tmp_path, files=FILES, offered=both, extra={"max_runs": 1}) as shop:
        shop.gate.close()
        long, waits, hot = [await shop.open_issue(title) for title in ("Long", "Waits", "Hot")]
        await shop.label(long)
        await shop.gate.reached(1)
        await shop.label(waits)
        await shop.shows(waits, "queued, place 1")
        await shop.comment(hot, "/hurry")
        await shop.gate.reached(2)
        await shop.gate.open()
        await shop.settle()
        began = {run.target.rpartition("#")[2]: run.started_at or time.time() for run in await shop.runs()}
        assert began[str(hot.number)] < began[str(waits.number)]
        assert all("no change" in shop.status(issue) for issue in (long, waits, hot))
