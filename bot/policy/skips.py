"""The marks that keep a test from being run, or from counting."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bot.policy.cases import Case, ending
from bot.policy.content import names

Reach = Literal["next", "inside", "same", "file", "only"]


@dataclass(frozen=True)
class Mark:
    """`test` is empty where more than one test is meant; `only`: all others are the ones that do not run."""

    test: str
    line: int
    only: bool = False


def _marks(**patterns: str) -> tuple[tuple[Reach, re.Pattern[str]], ...]:
    return tuple((reach, re.compile(pattern, re.MULTILINE)) for reach, pattern in patterns.items())  # type: ignore[misc]


_PYTHON = _marks(
    next=r"^[ \t]*@(?:\w{1,40}\.){0,4}(?:skip|skipif|skipIf|skipUnless|xfail|expectedFailure)\b"
    r"|\bmarks[ \t]{0,3}=[ \t]{0,3}[\[(]?[ \t]{0,3}(?:pytest\.)?mark\.(?:skip|xfail)",
    inside=r"\bpytest\.(?:skip|xfail|importorskip)\(|\.skipTest\(|\braise[ \t]{1,3}(?:unittest\.)?SkipTest\b"
    r"|^[ \t]+if[ \t]{1,3}(?:False|0)[ \t]{0,3}:",
    file=r"^pytestmark\b.{0,200}?\b(?:skip|xfail)|^[ \t]*__test__[ \t]{0,3}=[ \t]{0,3}False|\ballow_module_level=True",
)
_SCRIPT = _marks(
    same=r"(?<![\w.$])(?:it|test|specify)\.(?:skip|todo|fails|failing|fixme)\b"
    r"|(?<![\w.$])x(?:it|test|specify)[ \t]{0,3}\(",
    inside=r"\bthis\.skip\(|\bctx\.skip\(|\bif[ \t]{0,3}\([ \t]{0,3}(?:false|0)[ \t]{0,3}\)",
    file=r"(?<![\w.$])(?:describe|context|suite|test\.describe)\.(?:skip|todo|fixme)\b"
    r"|(?<![\w.$])xdescribe[ \t]{0,3}\(",
    only=r"(?<![\w.$])(?:it|test|specify|describe|context|suite|test\.describe)\.only\b"
    r"|(?<![\w.$])f(?:it|describe)[ \t]{0,3}\([ \t]{0,3}['\"`]",
)
_JAVA = _marks(
    next=r"@(?:Disabled\w{0,40}|Ignore)\b|\[Ignore\b|\bSkip[ \t]{0,3}=[ \t]{0,3}\"|\benabled[ \t]{0,3}=[ \t]{0,3}false",
    inside=r"\bassume(?:True|False|That|Not)\w{0,20}[ \t]{0,3}\(|\bAssert\.(?:Ignore|Inconclusive)\(",
)
_RUBY = _marks(
    same=r"^[ \t]*x(?:it|specify|scenario|test|example)\b",
    inside=r"^[ \t]*(?:skip|pending)\b",
    file=r"^[ \t]*x(?:describe|context|feature)\b",
    only=r"^[ \t]*f(?:it|describe|context)\b|,[ \t]{0,3}:focus\b|\bfocus:[ \t]{0,3}true",
)
_MARKS = {
    "py": _PYTHON,
    "go": _marks(inside=r"\b[tbs]\.(?:T\(\)\.)?Skip(?:Now|f)?\("),
    "rs": _marks(next=r"\#\[(?:cfg_attr\([^)\n]{0,100},[ \t]{0,3})?ignore\b"),
    "rb": _RUBY,
    "php": _marks(inside=r"->markTest(?:Skipped|Incomplete)\(|->(?:skip|todo)\(", only=r"\)->only\("),
    "swift": _marks(inside=r"\bXCTSkip\b"),
    "exs": _marks(next=r"^[ \t]*@tag[ \t]{1,3}:?skip\b", file=r"^[ \t]*@moduletag[ \t]{1,3}:?skip\b"),
}
_MARKS |= dict.fromkeys(("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue"), _SCRIPT)
_MARKS |= dict.fromkeys(("java", "kt", "kts", "groovy", "scala", "cs"), _JAVA)
_MARKS |= dict.fromkeys(("c", "cc", "cpp", "cxx"), _marks(inside=r"\bGTEST_SKIP\b", next=r"\(\s{0,5}DISABLED_"))


# One of these is in every mark: most programs have none, and need no closer look.
_HINTS = names(
    "skip Skip SKIP xfail expectedFailure False false __test__ todo fail only fixme xit xtest xdescribe fit fdescribe "
    "Disabled Ignore Inconclusive assume pending focus xspecify xscenario xexample xcontext xfeature fcontext "
    "Incomplete ignore DISABLED"
)


def marks(path: str, program: str, found: tuple[Case, ...]) -> Iterator[Mark]:
    """Every mark in a bare program, with the test it is about."""
    if not any(hint in program for hint in (*_HINTS, "if 0", "if (0", "if(0")):
        return
    heads = [case.line for case in found]
    for reach, pattern in _MARKS.get(ending(path), ()):
        line, at = 1, 0
        for hit in pattern.finditer(program):
            start = hit.start() + len(hit[0]) - len(hit[0].lstrip())
            line, at = line + program.count("\n", at, start), start
            yield Mark(_about(reach, line, heads, found), line, reach == "only")


def _about(reach: Reach, line: int, heads: list[int], found: tuple[Case, ...]) -> str:
    if reach in ("file", "only") or not found:
        return ""
    index = bisect_right(heads, line)
    if reach == "next" and not (index and heads[index - 1] == line):
        return found[index].name if index < len(found) else found[-1].name
    return found[index - 1].name if index else ""
