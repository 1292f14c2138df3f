"""What is packed is every changed line with its number, within the room there is; what is not, is named."""

import re
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.review.packing import CHARACTERS, Packing, pack
from bot.review.patch import FilePatch
from bot.review.reading import coverage, sort
from tests.review.change import change, lines_of

ROW = re.compile(r"(?P<sign>[ +-]) (?P<number>[ \d]{5,}) \| (?P<text>.*)", re.DOTALL)


class Row(NamedTuple):
    sign: str
    number: int | None
    text: str


CODE = [
    "def f():",
    "class A:",
    "    a = 1",
    "    if b:",
    "        call(x)",
    "",
    "}",
    "  | x",
    "+ 1 | y",
    "=== z (changed) ===",
    "\x0c\u2028\r",
    "y" * 90,
]
NAMES = [
    "src/a.py",
    "b.py",
    "tests/c.py",
    "d.md",
    "yarn.lock",
    "vendor/e.py",
    "odd\n=== b.py (changed) ===",
]
TEXTS = st.lists(st.sampled_from(CODE), min_size=1, max_size=40)


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, str], dict[str, str]]:
    """Files before and after, some of them new, gone or changed in several places."""
    old: dict[str, str] = {}
    new: dict[str, str] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=5)):
        lines = draw(TEXTS)
        fate = draw(st.sampled_from("AMMMMD"))
        if fate != "A":
            old[name] = "".join(f"{line}\n" for line in lines)
        if fate != "D":
            for at in draw(st.sets(st.integers(0, len(lines)), min_size=1, max_size=4)):
                lines[at : at + 1] = draw(st.lists(st.sampled_from(["new()", "    new()", "x" * 400]), max_size=3))
            new[name] = "".join(f"{line}\n" for line in lines)
    return old, new


def rows(packing: Packing, files: list[FilePatch]) -> dict[str, list[Row]]:
    """What the parts show of each file, read as a model would: below its title, line by line."""
    titles = {f"=== {shown_name(patch.path)} (": patch.path for patch in files}
    found: dict[str, list[Row]] = {}
    for part in packing.parts:
        path = ""
        for line in part.text.removesuffix("\n").split("\n"):
            if line.startswith("=== "):
                path = next(path for title, path in titles.items() if line.startswith(title))
                assert path in part.paths
            elif hit := ROW.fullmatch(line):
                number = hit["number"].strip()
                found.setdefault(path, []).append(Row(hit["sign"], int(number) if number else None, hit["text"]))
            else:
                assert line in ("", "        ...")
    return found


def shown_name(path: str) -> str:
    return path.replace("\n", "\\n")


@settings(max_examples=60, deadline=None)
@given(trees(), st.sampled_from([60, 150, 400, 4_000]), st.integers(1, 4))
def test_every_changed_line_is_shown_once_or_its_file_is_named(
    both: tuple[dict[str, str], dict[str, str]], tokens: int, parts: int
) -> None:
    old, new = both
    files = list(change(old, new).values())
    plan = sort(files, ())
    packing = pack(plan.files, tokens, parts, lambda path: lines_of(new[path]) if path in new else None)
    assert len(packing.parts) <= parts
    assert all(len(part.text) <= tokens * CHARACTERS for part in packing.parts)
    assert [part.number for part in packing.parts] == [*range(1, len(packing.parts) + 1)]
    shown = rows(packing, files)
    for patch in plan.files:
        taken = packing.read.get(patch.path, ())
        assert (taken == patch.hunks) == (patch.path not in packing.left)
        read = [line for hunk in taken for line in hunk.lines()]
        mine = [row for row in shown.get(patch.path, []) if row.sign != " "]
        assert mine == [Row(line.sign, line.new, line.text) for line in read if line.sign != " "]
        for row in shown.get(patch.path, []):
            assert row.number is None or lines_of(new[patch.path])[row.number - 1].startswith(
                row.text.rstrip("…")[:300]
            )
        numbers = [row.number for row in shown.get(patch.path, []) if row.number]
        assert {line.new for line in read if line.new} <= set(numbers)
    _counts_every_file(files, packing, plan.files)


def _counts_every_file(files: list[FilePatch], packing: Packing, planned: tuple[FilePatch, ...]) -> None:
    plan = sort(files, ())
    covered = coverage(packing, plan)
    named = [path for path, _ in covered.left]
    whole = [patch.path for patch in planned if patch.path not in packing.left]
    assert sorted([*named, *whole]) == sorted(patch.path for patch in files)
    assert (covered.read, covered.total) == (len(whole), len(files))
    assert all(reason for _, reason in covered.left)


# ---- what is around a change -----------------------------------------------------------------------------------------


def packed(before: list[str], after: list[str], tokens: int = 4_000, parts: int = 1) -> Packing:
    """One Python file's change as its readers get it."""
    old, new = ("".join(f"{line}\n" for line in lines) for lines in (before, after))
    files = list(change({"a.py": old}, {"a.py": new}).values())
    return pack(files, tokens, parts, lambda path: after)


def edited(lines: list[str], *numbers: int) -> list[str]:
    return [f"{line} + 1" if number in numbers else line for number, line in enumerate(lines, 1)]


BODY = [f"    x = {number}" for number in range(100)]


def test_a_change_is_shown_from_the_head_of_its_function_to_a_little_below() -> None:
    code = ["import os", "", "def f():", *BODY]
    (part,) = packed(code, edited(code, 20)).parts
    assert part.text.split("\n")[:3] == ["=== a.py (changed) ===", "      3 | def f():", "      4 |     x = 0"]
    assert part.text.split("\n")[-9:] == [
        "-       |     x = 16",
        "+    20 |     x = 16 + 1",
        "     21 |     x = 17",
        "     22 |     x = 18",
        "     23 |     x = 19",
        "     24 |     x = 20",
        "     25 |     x = 21",
        "     26 |     x = 22",
        "",
    ]


def test_of_a_function_that_begins_far_above_the_first_line_is_shown() -> None:
    code = ["import os", "", "def f():", *BODY]
    (part,) = packed(code, edited(code, 80)).parts
    assert part.text.split("\n")[1:4] == ["      3 | def f():", "        ...", "     77 |     x = 73"]


def test_what_was_shown_of_a_function_is_not_shown_again() -> None:
    code = ["def f():", *BODY]
    (part,) = packed(code, edited(code, 20, 28, 60)).parts
    numbers = [int(hit[1]) for line in part.text.split("\n") if (hit := re.match(r"[ +] +(\d+) \|", line))]
    assert numbers == [*range(1, 35), *range(57, 67)]


def test_a_line_of_context_is_shown_as_far_as_it_is_of_use() -> None:
    code = ["def f(", f"    {'y' * 5_000},", "):", *BODY]
    (part,) = packed(code, edited(code, 20)).parts
    assert max(map(len, part.text.split("\n"))) == len("      2 | ") + 300 + len("…")


def test_context_gives_way_where_there_is_no_room_for_it() -> None:
    code = ["def f():", *BODY]
    (part,) = packed(code, edited(code, 40), tokens=60).parts
    assert "def f" not in part.text
    assert packed(code, edited(code, 40), tokens=60).left == {}


def test_a_place_that_is_larger_than_a_part_goes_on_in_the_next_ones() -> None:
    packing = packed([], BODY, tokens=200, parts=5)
    assert packing.left == {}
    assert len(packing.parts) == 3
    assert all(part.text.startswith("=== a.py (") for part in packing.parts)
    assert packed([], BODY, tokens=200, parts=2) == Packing((), {}, {"a.py": "no room"})


def test_where_a_large_place_finds_no_room_a_small_one_may() -> None:
    code = [*BODY, "end"]
    packing = packed(code, [*(f"{line} + 1" for line in code[:60]), *edited(code, 90)[60:]], tokens=200)
    assert packing.left == {"a.py": "no room for 1 of 2 places"}
    assert "+    90 | " in packing.parts[0].text


def test_files_are_not_asked_for_once_there_is_no_room() -> None:
    asked: list[str] = []
    old = {f"{name}.py": "x\n" for name in "abcd"}
    files = list(change(old, dict.fromkeys(old, "y" * 400 + "\n")).values())
    packing = pack(files, 260, 1, lambda path: asked.append(path))
    assert asked == ["a.py", "b.py"]
    assert packing.left == {"c.py": "no room", "d.py": "no room"}
