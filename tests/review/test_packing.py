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
