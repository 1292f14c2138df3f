"""What became of a test that was written anew: assertions that moved, and tests that have another name."""

import re
from collections import Counter
from collections.abc import Iterable

from bot.policy.assertions import assertions
from bot.policy.cases import Case

_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|function|func|fn)[ \t]+(\w{1,100})[ \t]*\(", re.MULTILINE)
_CALLED = re.compile(r"\b(\w{1,100})\(")
_COMPARED = re.compile(r" (?:==|is) ")
_SEGMENT = 4_000


def gained(pairs: Iterable[tuple[Case, Case]], new: Iterable[Case]) -> Counter[str]:
    """The assertions in tests that are not those of the same tests before."""
    found = Counter(said for case in new for said in assertions(case.lines))
    for before, after in pairs:
        found.subtract(Counter(assertions(before.lines)) & Counter(assertions(after.lines)))
    return found


def helpers(old: str, new: str) -> dict[str, int]:
    """The functions of a program that are new, and how many assertions each has."""
    before, hits = set(_DEFINED.findall(old)), [*_DEFINED.finditer(new)]
    ends = [hit.start() for hit in hits[1:]] + [len(new)]
    return {
        hit[1]: len(assertions(new[hit.end() : min(end, hit.end() + _SEGMENT)].split("\n")))
        for hit, end in zip(hits, ends, strict=False)
        if hit[1] not in before and not hit[1].lower().startswith("test")
    }


def explained(missing: list[str], added: list[str], now: Case, moved: Counter[str], made: dict[str, int]) -> int:
    """How many of a test's missing assertions stand in another test, in a tuple, or in a new function it calls."""
    called = {name for line in now.lines for name in _CALLED.findall(line)}
    count = sum(made.get(name, 0) for name in called)
    for said in missing:
        if moved[said] > 0:
            moved[said] -= 1
            count += 1
        elif _merged(said, added):
            count += 1
    return count


def _merged(said: str, added: list[str]) -> bool:
    parts = [_tight(part) for part in _COMPARED.split(said.removeprefix("assert "), maxsplit=1)]
    return len(parts) == 2 and any(
        one.startswith("assert (") and all(part in _tight(one) for part in parts) for one in added
    )


def _tight(words: str) -> str:
    return "".join(words.split())


def likeness(old: str, new: str) -> float:
    """The share of a text's words that stand in another one, 0 to 1."""
    words = Counter(re.findall(r"\w+", old[:_SEGMENT]))
    return (words & Counter(re.findall(r"\w+", new[: 5 * _SEGMENT]))).total() / max(1, words.total())
