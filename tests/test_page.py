"""The page of a run: the same tree as the status comment, for whoever has its address, and harmless."""

import re

import aiohttp

from bot.backends.rehearsal import Plan, Say, Write
from tests.house import House


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
