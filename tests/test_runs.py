"""`tutti runs`: what an installation's database holds of runs, as a list, a drawing, JSON, and as it happens."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console, RenderableType

from bot import cli
from bot.agents.task import AgentEvent
from bot.errors import UserError
from bot.operate import runs as looking
from bot.operate.graph_screen import drawing
from bot.operate.screen import Screen
from bot.operate.upkeep import database
from bot.settings import Settings
from bot.store import runs
from bot.store.db import Database
from bot.store.record import Run
from tests.scores import FEATURE, HALF_WAY, SWARM, a_run, entry, placed, row, stored, swarm


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings.database)
    await opened.migrate()
    yield opened
    await opened.close()


def printed(*shown: RenderableType, width: int = 100) -> list[str]:
    page = StringIO()
    Console(file=page, width=width).print(*shown)
    return [line.rstrip() for line in page.getvalue().splitlines()]


# ---- the list --------------------------------------------------------------------------------------------------------


async def test_the_list_has_the_newest_first_of_one_repository_or_of_all(db: Database, settings: Settings) -> None:
    await stored(db, a_run([], "done", id="a" * 36, delivery="1", ended_at=61.0, cost_usd=0.25))
    more = {"repo": "acme/till", "target": "acme/till#1", "started_at": None}
    await stored(db, a_run([], "queued", id="b" * 36, delivery="2", **more))
    assert printed(looking.table(await looking.newest(settings, None, 2))) == [
        "run       workflow         for          state   started           time       cost",
        "bbbbbbbb  Build a feature  acme/till#1  queued  -                 -          -",
        "aaaaaaaa  Build a feature  acme/shop#7  done    1970-01-01 00:00  1 min 1 s  $0.25",
    ]
    (only,) = json.loads(looking.as_json(await looking.newest(settings, "acme/shop", 2)))
    assert (only["id"], only["ended"], only["cost_usd"]) == ("a" * 36, "1970-01-01T00:01:01Z", 0.25)


async def test_an_id_may_be_cut_as_long_as_it_stays_the_only_one(db: Database, settings: Settings) -> None:
    for number, name in enumerate(("abc", "abcd", "x%y")):
        await stored(db, a_run([], "done", id=name, delivery=name, target=f"acme/shop#{number}"))
    assert (await looking.one(settings, "abc")).run.id == "abc"
    assert (await looking.one(settings, "x")).run.id == "x%y"
    with pytest.raises(UserError, match=r"Several runs begin with ab: abcd, abc\."):
        await looking.one(settings, "ab")
    with pytest.raises(UserError, match="There is no run whose id begins with %;"):
        await looking.one(settings, "%")


# ---- one run ---------------------------------------------------------------------------------------------------------


async def test_a_run_is_json_with_its_jobs_and_what_is_of_none(db: Database, settings: Settings) -> None:
    await stored(db, a_run(FEATURE, "failed", ended_at=90.0, reason="1 of 5 failed.", cost_usd=0.55), HALF_WAY)
    told = json.loads(looking.as_json(await looking.one(settings, "1f6e")))
    jobs = {job["name"]: job for job in told.pop("jobs")}
    assert [step["key"] for step in told.pop("steps")] == ["prepare", "publish"]
    assert told == {
        "id": "1f6e0b52",
        "workflow": "Build a feature",
        "repo": "acme/shop",
        "target": "acme/shop#7",
        "state": "failed",
        "reason": "1 of 5 failed.",
        "created": "1970-01-01T00:00:00Z",
        "started": "1970-01-01T00:00:00Z",
        "ended": "1970-01-01T00:01:30Z",
        "cost_usd": 0.55,
    }
    assert list(jobs) == ["analysis", "build", "build/api", "build/web", "docs", "ship"]
    steps = jobs["build/web"].pop("steps")
    assert jobs["build/web"] == {
        "name": "build/web",
        "state": "failed",
        "reason": "Failed after 3 tries: the tests fail.",
        "needs": ["analysis"],
        "agent": "developer",
        "phase": "",
        "seconds": 66.0,
        "cost_usd": 0.4,
    }
    test = {"title": "Run the tests: `sh check.sh`", "state": "failed", "reason": "1 failed"}
    assert steps[1] == {"key": "build/web.test.1", **test, "seconds": 20.0, "cost_usd": 0.0}
    assert jobs["ship"]["seconds"] is None


def test_a_graph_is_drawn_by_layers() -> None:
    assert printed(drawing(a_run(FEATURE), HALF_WAY, 100.0)) == [
        "Build a feature · acme/shop#7 · running · 1 min 40 s · $0.55",
        "   Read the issue                        done          2.0 s",
        "1  analysis                              done           12 s  $0.10",
        "2  build                                 running  1 min 26 s  $0.45  0 of 2 done, 1 running, 1 fail…",
        "     build/api                           running  1 min 26 s  $0.05  developer works",
        "     build/web                           failed    1 min 6 s  $0.40  Failed after 3 tries: the test…",
        "   docs                                  skipped                     Not played: if: inputs.docs do…",
        "3  ship                                  queued                      needs build, docs",
        "   Push the branch and open the pull r…  queued",
        *WHYS,
    ]


WHYS = [
    "build/web: Failed after 3 tries: the tests fail.",
    "docs: Not played: if: inputs.docs does not hold.",
]


def test_why_a_job_did_not_end_well_is_said_in_full_once_wherever_there_is_room() -> None:
    def below(run: Run, width: int, height: int = 0) -> list[str]:
        shown = printed(drawing(run, HALF_WAY, 100.0, height), width=width)
        return shown[1 + next(n for n, line in enumerate(shown) if "Push the branch" in line) :]

    assert below(a_run(FEATURE), 80) == WHYS
    assert below(a_run(FEATURE), 130) == [], "beside the jobs"
    assert below(a_run(FEATURE), 80, 30) == [], "where the height is bounded"
    told = "0 of 1 done, 1 failed:\n- `build/web`: Failed after 3 tries: the tests fail."
    ended = a_run(FEATURE, "failed", ended_at=100.0, reason=told)
    assert below(ended, 80) == WHYS[1:], "below, in the reason of the run"
    team = [entry("lead"), entry("api", "lead"), entry("lead/api", "lead")]
    rows = placed([row("lead", "failed", 1, 2, reason="Not accepted:\nno."), row("lead/api", "done", 1, 2)])
    assert printed(drawing(a_run(team), rows, 3.0))[-2:] == ["lead: Not accepted:", "no."]


def test_a_screen_of_few_lines_has_what_runs_and_what_failed() -> None:
    odd = {1_999: "failed", 1_998: "running"}
    shown = printed(drawing(a_run(SWARM), swarm(odd), 3.0, 20))
    assert [line.split()[:2] for line in shown[1:]] == [
        ["1", "sweep"],
        ["sweep/1998", "running"],
        ["sweep/1999", "failed"],
    ]
    graph = [entry(f"j{n}") for n in range(12)]
    states = ["done"] * 8 + ["running", "failed", "queued", "queued"]
    rows = placed([row(f"j{n}", state, 1, 2) for n, state in enumerate(states)])
    shown = printed(drawing(a_run(graph), rows, 3.0, 7))
    assert [line.split()[0] for line in shown[1:-1]] == ["j8", "j9", "j10", "j11"]
    assert shown[-1] == "and 8 more: 8 done"
    cramped = printed(drawing(a_run(graph), rows, 3.0, 4))
    assert [line.split()[0] for line in cramped[1:-1]] == ["j8"]
    assert cramped[-1] == "and 11 more: 8 done, 2 queued, 1 failed"


def test_no_name_gives_orders_to_the_terminal() -> None:
    graph = [entry("a\x1b[31m[red]", phase="\x1b]0;title\x07"), entry("b")]
    rows = placed([row("a\x1b[31m[red]", "failed", 1, 2, reason="\x1b[2J[bold]gone")])
    run = replace(a_run(graph, reason="\x1b[2J", ended_at=3.0), context={"workflow": {"name": "\x1b[2Ja\nb"}})
    seen = looking.Seen(run, rows, 3.0)
    shown = "\n".join(printed(looking.whole(seen), looking.table([seen])))
    assert "\x1b" not in shown
    assert len(re.findall(r"\ba b +(?:·|acme)", shown)) == 2, "in one line"
    assert "[red]" in shown
    assert "[bold]gone" in shown


# ---- as it happens ---------------------------------------------------------------------------------------------------


class Page(StringIO):
    """What a terminal shows; `written` once something of jobs stands there."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def write(self, words: str) -> int:
        if "build/web" in words:
            self.written.set()
        return super().write(words)


def console(*, terminal: bool) -> tuple[Console, Page]:
    page = Page()
    return Console(file=page, width=100, height=30, force_terminal=terminal, _environ={}), page


@pytest.mark.parametrize("terminal", [True, False])
async def test_a_run_is_watched_until_it_has_ended(db: Database, settings: Settings, *, terminal: bool) -> None:
    await stored(db, a_run(FEATURE), HALF_WAY)
    to, page = console(terminal=terminal)
    watching = asyncio.create_task(looking.watch(settings, to, "1f", pace=0.001))
    await asyncio.wait_for(page.written.wait(), 10)
    assert not watching.done()
    await db.write(lambda conn: runs.change(conn, "1f6e0b52", "build/api", state="done", ended_at=95.0))
    await db.write(lambda conn: runs.end(conn, "1f6e0b52", "failed", "1 of 5 failed."))
    assert (await watching).state == "failed"
    told = page.getvalue()
    assert told.count("build/api") > 1
    assert "Build a feature · acme/shop#7 · failed" in told
    assert told.rpartition("· failed ·")[2].count("1 of 5 failed.") == 1
    assert ("\x1b[" in told) == terminal


def test_each_line_of_many_jobs_begins_with_whose_it_is() -> None:
    to, page = console(terminal=False)
    with Screen(to) as screen:
        screen.show(a_run(FEATURE), HALF_WAY)
        screen.heard("1f", "build/api.agent.1", AgentEvent("text", "I look at\nthe API."))
        screen.heard("1f", "build/api.agent.1", AgentEvent("tool", "Read api.py"))
        screen.heard("1f", "build/api.agent.1", AgentEvent("plan", "[x] look\n[ ] write"))
        ended = [replace(one, state="done") if one.key == "build/api" else one for one in HALF_WAY]
        screen.show(a_run(FEATURE), ended)
    told, _, drawn = page.getvalue().partition("Build a feature · acme/shop#7 · running ·")
    assert re.search(r"build/api +done ", drawn), "as it stands in the end"
    assert [line[10:].rstrip() for line in told.splitlines()] == [
        "step       Read the issue: done",
        "analysis   done",
        "build      running",
        "build/api  running",
        "build/web  failed, Failed after 3 tries: the tests fail.",
        "build/web  Run the tests: `sh check.sh`: failed, 1 failed",
        "docs       skipped, Not played: `if: inputs.docs` does not hold.",
        "build/api  I look at",
        "build/api  1 of 2 done: look; write",
        "build/api  done",
    ]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('```json\n{"accepted": true, "summary": "It fits.\\nAll of it."}\n```', "It fits."),
        ('```json\n{"parts": [{"who": "api"}, {"who": "web"}]}\n```', "parts: 2"),
        ('{"safe": false,\n "why": "A\\nhole."}', "safe: false; why: A hole."),
        ("```\nHere is how:\n```", "Here is how:"),
        ("I looked.\n```json\n{}\n```", "I looked."),
        ("```json\n{not so", "{not so"),
        ("```json\n```", "```json"),
    ],
)
def test_an_answer_that_is_data_is_one_line_that_tells_something(said: str, shown: str) -> None:
    to, page = console(terminal=False)
    with Screen(to) as screen:
        screen.heard("1f", "a.agent.1", AgentEvent("text", said))
    assert page.getvalue()[10:].rstrip() == f"agent      {shown}"


def test_one_job_is_told_as_it_always_was() -> None:
    to, page = console(terminal=True)
    with Screen(to) as screen:
        screen.show(a_run([]), placed([row("implement.agent.1", "running", 1, title="developer works")]))
        screen.heard("1f", "implement.agent.1", AgentEvent("tool", "Read api.py"))
    words = [line.split("m", 4)[-1] for line in page.getvalue().splitlines()]
    assert len(words) == 2, "nothing is drawn"
    assert "developer works: running" in words[0]
    assert "Read api.py" in words[1]


def test_many_jobs_in_a_terminal_are_drawn_below_what_they_say() -> None:
    to, page = console(terminal=True)
    with Screen(to) as screen:
        screen.show(a_run(FEATURE), HALF_WAY)
    assert "\x1b[?25l" in page.getvalue()
    assert page.getvalue().rstrip("\n").endswith("\x1b[?25h"), "the cursor is back"


def test_the_commands_print_what_there_is_and_end_with_a_code(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fill() -> None:
        async with database(settings) as opened:
            await stored(opened, a_run(FEATURE, "done", ended_at=90.0, cost_usd=0.5), HALF_WAY)
            failed = {"id": "2a", "delivery": "2", "target": "acme/shop#8", "ended_at": 9.0, "reason": "Too late."}
            await stored(opened, a_run([], "failed", **failed))

    monkeypatch.setenv("TUTTI_DATA_DIR", str(settings.data_dir))
    cli.runs_list(None)
    assert capsys.readouterr().out == "No runs yet.\n"
    asyncio.run(fill())
    cli.runs_list(None, limit=1, as_json=True)
    assert [run["id"] for run in json.loads(capsys.readouterr().out)] == ["2a"]
    cli.runs_list(None, as_json=True)
    assert [run["id"] for run in json.loads(capsys.readouterr().out)] == ["2a", "1f6e0b52"]
    cli.runs_show("1f", as_json=True)
    assert len(json.loads(capsys.readouterr().out)["jobs"]) == 6
    for watched, code in (("1f", 0), ("2a", 1), ("3", 1)):
        with pytest.raises(typer.Exit) as ended:
            cli.runs_watch(watched)
        assert ended.value.exit_code == code
    told = capsys.readouterr()
    assert "Build a feature · acme/shop#7 · done · 1 min 30 s · $0.50" in told.out
    assert told.out.rstrip().endswith("Build a feature · acme/shop#8 · failed · 9.0 s · cost unknown\n\nToo late.")
    assert " ".join(told.err.split()) == "There is no run whose id begins with 3; `tutti runs list` lists the newest."
