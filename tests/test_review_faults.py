"""One agent that fails, in whatever way, loses nothing but its own reading."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.backends.rehearsal import Write
from bot.errors import TryAgain, UserError
from bot.git.worktree import Pool
from bot.publish.outcome import SIFTED, Sifted
from bot.review.anchor import Dropped, Inline, Placed
from bot.review.finding import Finding
from bot.review.ledger import Known
from bot.review.said import Said
from bot.sandbox.gateway import Gateway
from bot.store import runs
from tests.desk import ROUNDING, Desk


def breaking(monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception], times: int) -> None:
    """The first worktrees cannot be had."""
    taken, left = Pool.take, [error] * times

    async def take(pool: Pool, *args: Any, **more: Any) -> Any:
        if left:
            raise left.pop()()
        return await taken(pool, *args, **more)

    monkeypatch.setattr(Pool, "take", take)


async def said_in_part(desk: Desk, problem: str) -> None:
    """One agent of five failed, and what another one found is said all the same."""
    (pull,) = desk.pulls()
    assert len(desk.remarks(pull)) == 1
    summary = desk.summary(pull)
    assert "read in part only" in summary
    assert problem in summary
    (run,) = await desk.runs()
    steps = await desk.bot.bench.db.read(lambda conn: runs.tree(conn, run.id))
    assert [step.state for step in steps].count("failed") == 1
    assert "/secret/path" not in summary


@pytest.mark.parametrize("error", [OSError, KeyError])
async def test_a_disk_that_fails_one_agent_leaves_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    for agent in ("security", "performance", "style", "correctness", "tests"):  # which of them fails is chance
        desk.finds(agent, ROUNDING)
    breaking(monkeypatch, lambda: error("/secret/path"), 1)
    desk.expected_log |= {"agent not heard"}
    await desk.reviewed()
    await said_in_part(desk, f"{error.__name__}, of which the log says more")


async def test_a_refusal_meant_for_people_is_told_and_leaves_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for agent in ("security", "performance", "style", "correctness", "tests"):  # which of them fails is chance
        desk.finds(agent, ROUNDING)
    breaking(monkeypatch, lambda: UserError("There is no room."), 1)
    await desk.reviewed()
    await said_in_part(desk, "There is no room.")


async def test_a_passing_trouble_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for agent in ("security", "performance", "style", "correctness", "tests"):  # which of them fails is chance
        desk.finds(agent, ROUNDING)
    breaking(monkeypatch, lambda: TryAgain("The disk is busy", 0), 5)
    pull = await desk.reviewed()
    assert len(desk.remarks(pull)) == 1
    assert "read in part only" not in desk.summary(pull)


async def test_a_passing_trouble_that_stays_leaves_the_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.finds("tests", ROUNDING)
    opened = Gateway.open

    async def never(gateway: Gateway, run: str, usd: float, **more: Any) -> Any:
        if usd == pytest.approx(0.9):  # the first agent's share
            raise TryAgain("The door is stuck", 0)
        return await opened(gateway, run, usd, **more)

    monkeypatch.setattr(Gateway, "open", never)
    monkeypatch.setattr("bot.publish.panel.AT_ONCE", 1)
    await desk.reviewed()
    await said_in_part(desk, "The door is stuck (tried 5 times)")


async def test_a_backend_that_breaks_is_a_failed_reading(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    desk.says("security", Write("/secret/path", ""))
    desk.expected_log |= {"agent not heard"}
    await desk.reviewed()
    await said_in_part(desk, "ValueError, of which the log says more")


def test_what_was_sifted_is_the_same_after_it_was_recorded() -> None:
    finding = Finding("a.py", 1, 2, "minor", 0.8, "correctness", "A title", agents=("one", "two"))
    placed = Placed(finding, Inline("a.py", "RIGHT", 2, 1), True, (finding, finding), "x", "y")
    known = Known("1", "open", finding, "mark")
    said = Said(1, "mark", "open", finding, True, "a" * 40, 1.5, 7)
    sifted = Sifted((placed,), (Dropped(finding, "cap", "why", (finding,)),), ((known, placed),), (said,), (1, 2))
    assert SIFTED.validate_python(SIFTED.dump_python(sifted, mode="json")) == sifted
