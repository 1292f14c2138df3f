"""What agents say is bounded and can be stored; who shows no plan gets one from the last words or from the change."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.agents.words import LONGEST_LINE, MOST_LINES, plan, plan_after
from bot.backends.rehearsal import Plan, Run, Say, Write
from bot.storable import storable
from tests.house import FILES, House, opened

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))


def bounded(text: str) -> bool:
    lines = text.split("\n")
    return len(lines) <= MOST_LINES and max(map(len, lines)) <= LONGEST_LINE and "\0" not in text


@given(st.text())
def test_whatever_is_said_can_be_stored(text: str) -> None:
    assert "\0" not in storable(text)
    storable(text + "\ud800").encode()


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=200), max_size=20))
def test_every_plan_is_bounded(items: list[str]) -> None:
    assert bounded(plan("\n".join(items)))
    assert bounded(plan_after("", [f"{n}/{item}" for n, item in enumerate(items)]))
    assert bounded(plan_after(f"```json\n{json.dumps({'plan': items})}\n```", []))


def test_a_long_plan_says_how_much_more_there_is() -> None:
    assert plan("\n".join(f"step {n}" for n in range(20))).splitlines()[-2:] == ["step 10", "and 9 more"]
    assert plan("[x] one\n\n  [ ]  two ") == "[x] one\n[ ] two"


def test_the_last_words_have_the_plan_or_else_the_change_has() -> None:
    said = 'Done.\n\n```json\n{"plan": ["Read the cart", "Add\\na discount"]}\n```'
    assert plan_after(said, ["shop/cart.py"]) == "Read the cart\nAdd a discount"
    paths = ["shop/order.py", "tests/test_cart.py", "shop/cart.py", "README.md"]
    assert plan_after("Done.", paths) == "docs: README.md\nfeat: shop/cart.py, shop/order.py\ntest: tests/test_cart.py"
    many = plan_after("", [f"shop/{n:03}_{'x' * 20}.py" for n in range(30)])
    assert many.startswith("feat: shop/000_xxxxxxxxxxxxxxxxxxxx.py, shop/001_")
    assert many.endswith(" and 27 more")


# ---- in the run's tree ---------------------------------------------------------------------------------------------


async def test_the_plan_of_the_last_words_stands_under_the_step(house: House) -> None:
    house.rehearse([RIGHT[0], Say('Done.\n\n```json\n{"plan": ["Read it", "Change it"]}\n```')])
    issue = await house.implement()
    assert "- [x] developer works · 0.1 s\n  - Read it\n  - Change it\n- [x] Run" in house.told(issue)


async def test_the_plan_that_was_shown_stays(house: House) -> None:
    items = tuple(f"Step {n}" for n in range(20))
    house.rehearse([Plan(items, done=1), RIGHT[0], Say('```json\n{"plan": ["Another"]}\n```')])
    issue = await house.implement()
    told = house.told(issue)
    assert "developer works · 0.1 s\n  - [x] Step 0\n  - [ ] Step 1\n" in told
    assert "  - [ ] Step 10\n  - and 9 more\n- [x] Run" in told
    assert "Another" not in told


async def test_nothing_that_is_printed_breaks_the_record(tmp_path: Path, postgres_url: str) -> None:
    files = {**FILES, "check.sh": "printf 'a\\000b\\n'; exit 1\n"}
    async with opened(tmp_path, postgres_url, files) as house:
        spoken = (Plan(("One\0two",)), RIGHT[0], Run("printf '\\000'"), Say("It\0 says \ud800 hello."))
        house.rehearse(spoken, spoken, spoken)
        issue = await house.implement()
        assert "Failed: the tests still fail after 3 tries." in house.told(issue)
        assert "\0" not in house.told(issue) + (house.pull.body or "")
        assert "One\ufffdtwo" in house.told(issue)
        assert "`a\ufffdb`" in house.told(issue)


# ---- what is left out ----------------------------------------------------------------------------------------------


async def test_what_was_left_out_is_told_unless_it_is_a_cache(house: House) -> None:
    caches = [Write(path, "x\n") for path in ("node_modules/a/b.js", "__pycache__/x.pyc", ".pytest_cache/v")]
    house.rehearse(
        [*RIGHT, Write("package.json", "{}\n"), *(Write(f"build/{n}.js", "x\n") for n in range(12)), *caches]
    )
    issue = await house.implement()
    step = "developer works · 0.1 s\n  Left out as build leftovers: `build/` (12 files).\n  - feat: greeting.txt\n"
    assert step in house.told(issue)


async def test_an_agent_whose_whole_work_is_left_out(house: House) -> None:
    house.rehearse([Write("main.o", "x\n"), Say("I have built it.")])
    issue = await house.implement()
    assert "· no change ·" in house.told(issue)
    assert "- [x] developer works · 0.1 s\n  Left out as build leftovers: `main.o`.\n" in house.told(issue)


async def test_virtual_environments_and_caches_by_any_name_are_not_worth_a_word(house: House) -> None:
    house.rehearse([*RIGHT, Write("env/pyvenv.cfg", "x\n"), Write("kept/CACHEDIR.TAG", "x\n"), Write(".venv/x", "x\n")])
    issue = await house.implement()
    assert "Left out" not in house.told(issue)
