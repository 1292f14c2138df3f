"""What a test demands: its assertions, and whether one of them demands less than another did."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.policy.content import names

_MOST = 400
_ASSERTS = re.compile(
    r"\bassert\w{0,40}\b|\bexpect\w{0,40}[ \t]{0,3}[({]|\brequire\.\w|\.should\b|\.must_|\b[tb]\.(?:Error|Fatal|Fail)"
    r"|\bpytest\.(?:raises|warns)|\b_?(?:check|verify)\w{0,40}\("
    r"|\b(?:EXPECT|ASSERT|CHECK|REQUIRE)(?:_\w{1,30})?[ \t]{0,3}\(|\bXCT\w{1,40}\(|\bAssert\.\w|\bthen\(",
)
_STRING = re.compile(r""""(?:\\.|[^"\\\n])*+"|'(?:\\.|[^'\\\n])*+'|`(?:\\.|[^`\\\n])*+`""")
_EXPECT = re.compile(
    r"\bexpect\((?P<about>.{0,300}?)\)\s{0,3}\.(?P<not>not(?:\.|_to\b)|to_not\b)?(?:\w+\.){0,3}?(?P<how>\w+)\("
)
_CALL = re.compile(
    r"\b(?:(?:self|Assert|Assertions|assert|require|t|this)[.>-]{1,2})?"
    r"(?P<how>\w{1,60})!?[ \t]{0,3}\((?P<rest>.{1,600})"
)
_RAISES = re.compile(r"\b(?:raises|assertRaises)\(\s{0,5}(?P<what>[\w.]{1,80})(?P<match>.{0,300})")
_TOLERANCE = re.compile(
    r"\b(?P<key>abs|rel|rtol|atol|delta|tolerance|epsilon|places|decimal|precision)[ \t]{0,3}[=:][ \t]{0,3}"
    r"(?P<number>\d{1,9}(?:\.\d{1,9})?(?:e-?\d{1,3})?)"
)
_CLOSE = re.compile(r"\.toBeCloseTo\((?P<rest>.{1,200}),\s{0,3}(?P<number>\d{1,3})\s{0,3}\)")
_FINER = {"places", "decimal", "precision"}
_NEVER_FAILS = re.compile(
    r"(?:assert|expect\(|assert!\(|(?:self\.)?assertTrue\(|assert\.(?:True|ok|isTrue)\((?:t,\s?)?)\s{0,3}"
    r"(?:True|true|1|not False|not None|!false|\"[^\"]*\"|(?P<same>\w{1,60})\s{0,3}===?\s{0,3}(?P=same))\s{0,3}"
    r"(?:$|,|\)\s{0,3};?$|\)\.(?:toBe\(true\)|toBeTruthy\(\)|toEqual\(true\)|to\.be\.true))"
    r"|\bassert\b.*\bor[ \t]+(?:True|1)\s{0,3}\)?$|\|\|[ \t]{0,3}true\s{0,3}\)"
)
_SWALLOWS = re.compile(
    r"\bexcept\b[^\n:]{0,100}\bAssertionError\b|\bsuppress\([^)\n]{0,200}\b(?:AssertionError|Exception|BaseException)\b"
    r"|\bexcept(?:[ \t]+(?:Base)?Exception\b[^\n:]{0,40})?[ \t]*:\s{0,5}(?:pass|\.\.\.|return|continue)\b"
    r"|\bcatch[ \t]{0,3}(?:\([^)\n]{0,60}\))?[ \t]{0,3}\{\s{0,5}\}"
)
_RETURNS = re.compile(r"(?:.{0,200}[:{]\s*)?(?:return|yield)(?:\s+(?:None|True|true|undefined|null|nil|0))?\s*;?\s*\}?")
_EXACT = frozenset(
    names(
        "assertequal assertequals assert_equal assert_eq equal equalf eq exactly deepequal strictequal deepstrictequal "
        "assertis assertlistequal assertdictequal assertsetequal assertcountequal assertsame assertarrayequals "
        "assertjsonequal areequal tobe toequal tostrictequal tohavelength tohavebeencalledwith tohavebeencalledtimes "
        "tomatchsnapshot tomatchinlinesnapshot expect_eq assert_streq xctassertequal jsoneq elementsmatch be_eql "
        "eql"
    )
)
_WEAK = frozenset(
    names(
        "asserttrue assertfalse assertisnotnone assertnotnull assertnonnull assertisinstance assertnotequal "
        "tobefalsy tobedefined tobenull tobeundefined true false notnil notnull notempty ok istrue isnotnull "
        "noerror error assert be_truthy be_present expect_true xctasserttrue xctassertnotnil assert_ne ne "
        "assert_predicate assert_not_null assert_not_nil tobetruthy assert_true"
    )
)


@dataclass(frozen=True)
class Demand:
    """`strength`: 3 one value, 2 a range or a part, 1 that there is something; about what, without spaces."""

    about: str
    strength: int


def assertions(lines: Iterable[str]) -> list[str]:
    """The assertions among a test's lines, each as one line; those of many lines are put together."""
    found, left = list[str](), iter(lines)
    for line in left:
        if _ASSERTS.search(line):
            found.append(_whole(line, left))
        if len(found) >= _MOST:
            break
    return found


def _whole(line: str, left: Iterator[str]) -> str:
    depth = _depth(line)
    for _ in range(30):
        more = next(left, None) if depth > 0 else None
        if more is None:
            break
        line, depth = f"{line} {more[:500]}", depth + _depth(more[:500])
    return " ".join(line.split())


def _depth(line: str) -> int:
    bare = _STRING.sub("", line)
    return sum(bare.count(letter) for letter in "([{") - sum(bare.count(letter) for letter in ")]}")


def empty(assertion: str) -> bool:
    """Whether it holds whatever happens."""
    return _NEVER_FAILS.search(assertion) is not None


def swallows(lines: Iterable[str]) -> int:
    """How many places in a test forget that an assertion failed."""
    return len(_SWALLOWS.findall("\n".join(lines)))


def returns(lines: Iterable[str]) -> int:
    """How many places before a test's first assertion end it."""
    count = 0
    for line in lines:
        if _ASSERTS.search(line) and not _RETURNS.fullmatch(line[:300]):
            break
        count += _RETURNS.fullmatch(line[:300]) is not None
    return count


def looser(old: str, new: str) -> bool:
    """Whether the new assertion is about the same thing as the old one and demands less of it."""
    if _wider(old, new):
        return True
    before, after = demand(old), demand(new)
    if before is None or after is None or after.strength >= before.strength:
        return _caught_more(old, new)
    return _same(before.about, after.about)


def _same(old: str, new: str) -> bool:
    """`result.value` and `len(result)` are about `result`, too."""
    return bool(new) and (old == new or old == f"len({new})" or (old.startswith(new) and old[len(new)] in ".[(?"))


def demand(assertion: str) -> Demand | None:
    """What it demands; None where that cannot be told."""
    if assertion.startswith("assert "):
        return _compared(assertion.removeprefix("assert "))
    if hit := _EXPECT.search(assertion):
        how = hit["how"].lower()
        known = 1 if hit["not"] or how in _WEAK else 3 if how in _EXACT else 2
        return Demand(_tight(hit["about"]), known)
    hit = _CALL.search(assertion)
    if hit is None:
        return None
    how, first = hit["how"].lower(), _argument(hit["rest"])
    if how in _EXACT:
        return Demand(_tight(first), 3)
    if how in _WEAK:
        return (
            _compared(first) if how in ("asserttrue", "true", "assert", "xctasserttrue") else Demand(_tight(first), 1)
        )
    return Demand(_tight(first), 2) if how.startswith(("assert", "expect")) else None


def _argument(rest: str) -> str:
    """The first argument that is not Go's `t`."""
    rest = re.sub(r"^t,\s{0,3}", "", rest)
    depth = 0
    for at, letter in enumerate(rest):
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0 or (letter == "," and depth == 0):
            return rest[:at]
    return rest


def _compared(words: str) -> Demand:
    """A condition in Python's writing, or near to it."""
    for operator, strength in ((" == ", 3), (" is not ", 1), (" is ", 3), (" not in ", 1), (" in ", 2), (" != ", 1)):
        left, found, _ = words.partition(operator)
        if found:
            return Demand(_tight(left), strength)
    if hit := re.search(r" (?:[<>]=?) ", words):
        return Demand(_tight(words[: hit.start()]), 2)
    if hit := re.match(r"isinstance\((\w[\w.]{0,80}),", words):
        return Demand(hit[1], 1)
    return Demand(_tight(_argument(words).removeprefix("not ")), 1)


def _tight(words: str) -> str:
    return "".join(words.split())


def _wider(old: str, new: str) -> bool:
    """The same words with a larger tolerance."""
    for pattern, finer in ((_TOLERANCE, _FINER), (_CLOSE, None)):
        before, after = [*pattern.finditer(old)], [*pattern.finditer(new)]
        if not before or len(before) != len(after) or _numberless(old, pattern) != _numberless(new, pattern):
            continue
        for was, now in zip(before, after, strict=True):
            fine = finer is None or was["key"] in finer
            if (float(now["number"]) < float(was["number"])) if fine else (float(now["number"]) > float(was["number"])):
                return True
    return False


def _numberless(words: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda hit: hit[0].replace(hit["number"], "#"), words)


def _caught_more(old: str, new: str) -> bool:
    """An exception of any kind, or with any words, where one of a kind was expected."""
    was, now = _RAISES.search(old), _RAISES.search(new)
    if was is None or now is None:
        return False
    broader = now["what"] in ("Exception", "BaseException") and was["what"] not in ("Exception", "BaseException")
    return broader or (was["what"] == now["what"] and "match=" in was["match"] and "match=" not in now["match"])
