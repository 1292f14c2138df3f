"""The page of a run: the same tree as the status comment, for whoever has its address, and harmless."""

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


async def test_an_unknown_address_shows_nothing(house: House) -> None:
    status, words, _ = await _page(house, "/runs/unknown")
    assert (status, "No such run" in words) == (404, True)
