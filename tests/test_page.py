"""The page of a run: the same tree as the status comment, for whoever has its address, and harmless."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.backends.rehearsal import Plan, Say, Write
from bot.store.db import Database
from bot.store.record import Node
from bot.web.page import RunPage
from tests.house import House
from tests.scores import FEATURE, HALF_WAY, SWARM, Graph, a_run, entry, placed, row, stored, swarm


async def _page(house: House, path: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(house.url + path) as answer:
        return answer.status, await answer.text(), answer.headers["Content-Security-Policy"]


async def test_it_shows_the_tree_of_the_run(house: House) -> None:
    house.rehearse((Plan(("look", "<svg onload=x>"), done=1), Write("greeting.txt", "hello\n"), Say("Done.")))
    house.status(await house.implement("Say <script>alert(1)</script>"))
    (run,) = await house.runs()
    status, words, policy = await _page(house, f"/runs/{run.id}")
    assert (status, policy.split(";")[0]) == (200, "default-src 'none'")
    assert '<li class="ticked">look</li>' in words
    assert "&lt;svg onload=x&gt;" in words
    assert "Run the tests: <code>sh check.sh</code>" in words
    assert "<script" not in words


async def test_nothing_on_it_acts(house: House) -> None:
    items = ("[x](javascript:alert(1))", "</li></script><script>alert(1)</script>", "\x1b[31mred\x1b[0m \u202etxet")
    spoken = (
        "<img src=x onerror=alert(1)> [x](https://spy.example) ![y](https://spy.example/y.png) `</code><svg onload=x>`"
    )
    house.rehearse((Plan(items, done=1), Say(spoken)))
    house.status(await house.implement("<svg onload=alert(1)>"))
    (run,) = await house.runs()
    _, words, policy = await _page(house, f"/runs/{run.id}")
    assert "script-src" not in policy
    assert not re.search(r"<(?:script|svg|img|a)\b|\x1b|\u202e| on[a-z]+=[^&]*>", words)
    assert ">[x](javascript:alert(1))<" in words
    assert ">red txet<" in words


async def test_an_unknown_address_shows_nothing(house: House) -> None:
    status, words, _ = await _page(house, "/runs/unknown")
    assert (status, "No such run" in words) == (404, True)


# ---- many jobs -------------------------------------------------------------------------------------------------------


async def _graph(folder: Path, graph: Graph, rows: Sequence[Node], name: str = "Build a feature") -> str:
    """The page of a run of many jobs, its words alone with `[` and `]` for a list's beginning and end."""
    db = Database(f"sqlite:///{folder}/tutti.db")
    await db.migrate()
    shown = a_run(graph, ended_at=100.0, state="cancelled")
    await stored(db, replace(shown, context={"workflow": {"name": name}}), rows)
    app = web.Application()
    app.add_routes(RunPage(db).routes())
    async with TestServer(app) as server, aiohttp.request("GET", server.make_url("/runs/1f6e0b52")) as answer:
        page = await answer.text()
    await db.close()
    return page


def _words(page: str) -> str:
    lists = page.partition("</header>")[2].replace("<ol>", " [ ").replace("</ol>", " ] ")
    return " ".join(re.sub(r"<[^>]+>", " ", lists).split())


async def test_jobs_have_their_steps_and_parts_below_them(tmp_path: Path) -> None:
    page = await _graph(tmp_path, FEATURE, HALF_WAY)
    words = _words(page)
    assert words.startswith(
        "[ Read the issue done 2.0 s analysis done 12 s $0.10 1 step [ architect reads done 12 s $0.10 ]"
    )
    assert "0 of 2 done, 1 running, 1 failed [ build/api running" in words
    assert (
        "build/web failed 1 min 6 s $0.40 Failed after 3 tries: the tests fail. 2 steps [ developer works done" in words
    )
    assert re.findall(r"<details( open)?>", page) == ["", " open", " open"], "of jobs that run or failed"


async def test_of_a_swarm_only_those_are_named_that_need_to_be_seen(tmp_path: Path) -> None:
    page = await _graph(tmp_path, SWARM[:100], swarm({7: "failed", 8: "running"})[:100])
    assert len(re.findall(r"sweep/\d+", page)) == 2
    assert "97 of 99 done, 1 running, 1 failed" in page


async def test_no_name_of_a_job_or_workflow_acts(tmp_path: Path) -> None:
    name = "<svg onload=alert(1)>\x1b[31m"
    rows = placed([row(name, "failed", 1, 2, reason="<script>alert(1)</script>"), row(f"{name}.agent.1", "done", 1, 2)])
    again = [row(key, "done", 1, 2, title="Push") for key in ("publish", "publish~1")]
    page = await _graph(tmp_path, [entry(name, name, phase=name), entry("b", name)], [*rows, *placed(again)], name)
    assert not re.search(r"<(?:script|svg)\b|\x1b", page)
    assert "<h1>&lt;svg onload=alert(1)&gt;" in page
    assert re.findall(r"Push[^<]*", page) == ["Push", "Push (before it was tried again)"]
