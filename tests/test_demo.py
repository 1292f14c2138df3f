"""The demo, as a stranger runs it: from a label to a pull request, with the real Claude Code and without an account."""

import os
import re
import signal
from pathlib import Path

import aiohttp

from bot import sample
from bot.emulator.model import PlayedModel
from tests.town import KEY, told, tutti


def plain(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "160", **more}


async def test_it_shows_a_run_from_the_label_to_the_pull_request_and_spends_nothing(tmp_path: Path) -> None:
    """With --keep GitHub and the bot stay up until told; without it the demo ends by itself, as `--real` does."""
    async with PlayedModel(sample.SCRIPTS, key=KEY) as paid:  # a key alone never spends money
        environment = plain(tmp_path, ANTHROPIC_API_KEY=KEY, TUTTI_MODEL_URL=paid.url)
        async with tutti(environment, "demo", "--keep") as one:
            assert one.process.stdout is not None
            shown = (await one.process.stdout.readuntil(b"Ctrl-C")).decode()
            await _stays_up(shown)
            one.process.send_signal(signal.SIGINT)
            await one.process.communicate()
    assert (one.process.returncode, paid.requests) == (0, [])
    words = " ".join(shown.split())
    order = [
        "which costs nothing",
        "no network but the way to the model",
        "maya sets the label auto-implement",
        "maya has write access and may start this",
        "Read the issue and fetch the repository: running",
        "a fresh git worktree of acme/shop at ",
        "Edit shop/cart.py",
        "Run the tests: `python -m pytest -q`: failed, 1 failed, 2 passed",
        "developer works, try 2 of 3: running",
        "Run the tests: `python -m pytest -q`: done, 3 passed",
        "the branch is there",
        "the pull request is open",
        "Diff of #2",
        "#2: Add a discount to the cart's total",
        "Closes #1.",
        "Status comment on #1",
        "Done: #2 is open and closes #1 when it is merged.",
        "Review of #2, shop/cart.py:13",
        "A discount above 100 makes the total negative",
    ]
    places = [words.find(part) for part in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


async def _stays_up(shown: str) -> None:
    page = re.search(r"played GitHub: (\S+)", shown)
    health = re.search(r"The bot: (\S+)", shown)
    assert page is not None
    assert health is not None
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as session:
        async with session.get(f"{page[1]}/pull/2") as answer:
            assert "Add a discount" in await answer.text()
        async with session.get(health[1]) as answer:
            assert await answer.json() == {"status": "ok"}


async def test_real_says_first_what_it_may_cost_and_pays_with_the_key(tmp_path: Path) -> None:
    async with PlayedModel(sample.SCRIPTS, key=KEY) as model:
        environment = plain(tmp_path, ANTHROPIC_API_KEY=KEY, TUTTI_MODEL_URL=model.url)
        code, words = await told(environment, "demo", "--real", "--usd", "0.5")
    assert code == 0, words
    assert "the real model, for at most $0.50" in words[:200]
    assert "docs/install.md" in words
    assert {request.headers["x-api-key"] for request in model.requests} == {KEY}


async def test_real_without_a_key_says_so(tmp_path: Path) -> None:
    code, words = await told(plain(tmp_path), "demo", "--real")
    assert (code, words.endswith("which needs a key: set ANTHROPIC_API_KEY.")) == (1, True)
