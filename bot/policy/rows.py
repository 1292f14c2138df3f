"""The rows of tables that tests are run over, and what else of a test file is seen only in the whole of it."""

import re
from dataclasses import dataclass

from bot.policy.content import text

_TABLE = re.compile(r"\bparametrize[ \t]{0,3}\(|\b(?:it|test|describe)\.each[ \t]{0,3}\(")
_HEAD = re.compile(r"def[ \t]+(test\w{0,200})")
_NAME = re.compile(r"[\"'\]),\s]*([A-Za-z_]\w{0,80})(?:\.(?:items|values|keys)\(\))?[\s,)]")
_LISTS = re.compile(
    r"^(?:export |const |let |var )?([A-Za-z_]\w{0,80})(?:[ \t]*:[^=\n]{0,100})?[ \t]*=[ \t]*(?=[\[({])",
    re.MULTILINE,
)
_TOKEN = re.compile(r"\"(?:\\.|[^\"\\\n])*+\"|'(?:\\.|[^'\\\n])*+'|[\[({]|[\])}]|,|[^\s,\[\](){}\"']+|[\"']")
_MOST, _LONGEST = 400_000, 20_000
_NEVER = re.compile(
    r"^//go:build\b.{0,200}|^// \+build\b.{0,200}|^[ \t]*\#!?\[cfg\((?:any\(\)|never|FALSE|false)\)\]"
    r"|^[ \t]*\#[ \t]*if[ \t]+0\b",
    re.MULTILINE,
)
_CLASS = re.compile(r"^class[ \t]+(\w{1,200})[ \t]*(\([^)\n]{0,300}\))?[ \t]*:", re.MULTILINE)


@dataclass(frozen=True)
class Table:
    """How many rows, and the words of them."""

    rows: int
    words: str


def tables(program: str) -> dict[str, Table]:
    """The tables of a bare program by the test that stands after each; of scripts all together, under no name."""
    found, lists = dict[str, Table](), {hit[1]: hit.end() for hit in _LISTS.finditer(program)}
    spent = 0
    for hit in _TABLE.finditer(program):
        if spent > _MOST:
            break  # with fewer rows than there are
        near = program[hit.end() : hit.end() + _LONGEST]
        one, end = _table(near, hit[0].startswith("param"), program, lists)
        spent += end + len(one.words) + 1_000
        head = _HEAD.search(near, end, end + 3_000) if hit[0].startswith("param") else None
        name = head[1] if head else ""
        was = found.get(name, Table(0, ""))
        found[name] = Table(was.rows + one.rows, f"{was.words} {one.words}")
    return found


def _table(near: str, second: bool, program: str, lists: dict[str, int]) -> tuple[Table, int]:
    """The first list in a call, or the second argument's, with where it ends; one row where it is not to be seen."""
    start = _argument(near) if second else 0
    if name := _NAME.match(near, start):
        if at := lists.get(name[1]):
            rows, length = _rows(program[at : at + _LONGEST])
            return Table(rows, program[at : at + length]), name.end()
        return Table(1, ""), name.end()
    begin = re.compile(r"[\s\w=]{0,60}").match(near, start)
    at = begin.end() if begin else start
    rows, length = _rows(near[at:])
    return Table(rows, near[at : at + length]), at + length


def _argument(words: str) -> int:
    depth = 0
    for hit in _TOKEN.finditer(words):
        depth += (hit[0] in "[({") - (hit[0] in "])}")
        if hit[0] == "," and depth == 0:
            return hit.end()
        if depth < 0:
            break
    return len(words)


def _rows(words: str) -> tuple[int, int]:
    """How many entries a list in brackets has, and how long it is."""
    depth, rows, filled = 0, 0, False
    for hit in _TOKEN.finditer(words):
        if hit[0] in "])}":
            depth -= 1
            if depth <= 0:
                return rows + filled, hit.end()
            continue
        if hit[0] == "," and depth == 1:
            rows, filled = rows + filled, False
        elif depth:
            filled = True
        depth += hit[0] in "[({"
        if not depth:
            return 1, hit.end()
    return rows + filled, len(words)


def never_built(old: bytes | None, new: bytes | None) -> str:
    """A new line that keeps a whole file from being built; empty for none."""
    before = set(_NEVER.findall(text(old)))
    return next((line.strip() for line in _NEVER.findall(text(new)) if line not in before), "")


def uncollected(old: str, new: str) -> str:
    """A class of tests in Python that is there no more, where one that nothing looks for is new; empty for none."""
    before, after = ({hit[1]: hit[2] or "" for hit in _CLASS.finditer(program)} for program in (old, new))
    fresh = any(
        name not in before and not name.startswith("Test") and "Test" not in bases for name, bases in after.items()
    )
    for name, bases in before.items():
        if name.startswith("Test") and name not in after and fresh:
            return name
        if not name.startswith("Test") and "TestCase" in bases and name in after and "Test" not in after[name]:
            return name
    return ""
