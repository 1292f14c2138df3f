"""A bot that dies at any moment of a review goes on with it: nothing is said twice, and no agent is paid for twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.git.mirror import Mirror
from tests.desk import BASE, ROUNDING, Desk, verdicts
from tests.house import chained, opened
from tests.shelf import only
from tests.test_review import FIXED, NEGATIVE

ONE_AGENT = "review:\n  tiers:\n    - name: one\n      agents: [correctness]\n"
STEPS = (
    "prepare",
    "begin",
    "correctness.1",
    "sift",
    "judge",
    "say",
    "ledger",
    "settle",
    "summary",
    "conclude",
    "finish",
)
POINTS = ["delivery:before", "delivery:done", "start:before"] + [
    f"{step}:{side}" for step in STEPS for side in ("before", "done")
]
NEGATIVE_NOW = {**NEGATIVE, "path": "shop/cart.py", "start_line": 11, "end_line": 11}


@pytest.fixture(params=["sqlite", "postgres"])
async def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """A pull request with a finding, before the push that mends it and brings another."""
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    files = {**BASE, ".github/tutti.yml": BASE[".github/tutti.yml"] + ONE_AGENT}
    async with opened(tmp_path, url, files=files, kind=Desk, offered=only("review")) as house:
        assert isinstance(house, Desk)
        house.begin()
        house.finds("correctness", ROUNDING)
        await house.reviewed()
        house.finds("correctness", NEGATIVE_NOW)
        house.points.clear()
        yield house


async def push_and_look(desk: Desk) -> None:
    (pull,) = desk.pulls()
    first, second = desk.remarks(pull)
    assert first.resolved_by is desk.emulator.bot
    assert second.body.startswith("**A discount above 100 makes the total negative**")
    assert len(desk.texts(pull)) == 2
    assert "1 new · 0 still open · 1 fixed" in desk.summary(pull)
    assert [check.conclusion for check in desk.checks()] == ["neutral", "neutral"]
    assert len(desk.checks()[1].annotations) == 1
    assert [task.key for task in desk.tasks].count("correctness.1") == 2
    assert [task.key for task in desk.tasks].count("judge") == 2


async def test_these_are_all_the_checkpoints(lasting: Desk) -> None:
    await lasting.push({"shop/cart.py": FIXED}, branch="topic")
    await lasting.settle()
    assert lasting.points == POINTS
    await push_and_look(lasting)


WRITING = [point for point in POINTS if point.startswith(("say", "ledger", "summary"))]  # what differs by database


@pytest.mark.parametrize(
    ("lasting", "points"),
    [*(("sqlite", points) for points in chained(POINTS)), *(("postgres", points) for points in chained(WRITING))],
    indirect=["lasting"],
    ids=lambda given: given if isinstance(given, str) else " ".join(given),
)
async def test_a_review_survives_a_crash(lasting: Desk, points: list[str]) -> None:
    lasting.crash_at(points[0])
    await lasting.push({"shop/cart.py": FIXED}, branch="topic")
    await lasting.dies_at(points)
    await lasting.settle()
    await push_and_look(lasting)


# ---- what was decided stays decided ----------------------------------------------------------------------------------

RATES = "".join(f"def rate_{n}(price: int) -> int:\n    rate = {n}\n    return price * {{}}\n\n\n" for n in range(20))
TWICE = RATES.format(*("rate" if n in (1, 15) else n for n in range(20)))  # lines 8 and 78 are equal
ONCE = TWICE.replace("    return price * rate\n", "    return price + 1\n", 1)


async def test_verdicts_are_of_what_was_judged_where_the_commit_reviewed_before_is_gone_at_the_restart(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {**ROUNDING, "path": "shop/rates.py", "evidence": "    return price * rate", "start_line": 8, "end_line": 8}
    other = {**NEGATIVE, "path": "shop/rates.py", "evidence": "    rate = 5", "start_line": 27, "end_line": 27}
    desk.finds("correctness", line)
    pull = await desk.reviewed({"shop/rates.py": TWICE})
    before = desk.repo.branches["topic"]
    desk.finds("correctness", {**line, "start_line": 78, "end_line": 78}, other)
    desk.says("judge", verdicts(_1="The rate is a whole number there."))
    desk.crash_at("judge:done")
    await desk.rebase({"shop/rates.py": ONCE})
    await desk.reached.wait()
    has = Mirror.has

    async def gone(mirror: Mirror, *shas: str) -> bool:
        return before not in shas and await has(mirror, *shas)

    await desk.down()
    monkeypatch.setattr(Mirror, "has", gone)
    await desk.restart()
    await desk.settle()
    titles = [remark.body.partition("\n")[0] for remark in desk.remarks(pull)]
    assert titles == ["**The total is no whole number any more**", "**A discount above 100 makes the total negative**"]
    assert "The rate is a whole number there." in desk.summary(pull)
