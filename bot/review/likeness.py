"""Whether two findings mean the same defect, and what a finding is known by when its lines move. Pure."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from bot.review.defect import kinds
from bot.review.finding import Finding
from bot.review.quote import fold

NEAR = 3  # lines between two findings that may still be one
REACH = 8  # lines between two that are told in nearly the same words by two agents
# Shares of words: the very same; nearly the same; the same thing; maybe the same, at one line.
_VERY, _SAME, _CLOSE, _AKIN = 0.8, 0.6, 0.34, 0.3
_CODE = re.compile(r"`([^`\n]+)`|\b([a-z]+(?:_[a-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]*)+|[A-Za-z_]\w*(?=\(\)))")
_NAME = re.compile(r"[A-Za-z_]\w+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SMALL = """
    a about after again all also an and any are as at be because been before but by call called calls can change
    code could do does done each even every for from function get gets had has have here how if in instead into is
    it its just line lines made make makes may method might more most must never new no not of on once one only or
    other out over same should since so some such than that the their them then there these they this those through
    to too under until up use used uses using value very was we were what when where which while who why will with
    without would you your
"""  # words that stand in any remark
_STOP = frozenset(_SMALL.split())
_ENDINGS = ("ations", "ation", "ions", "ion", "ures", "ure", "ings", "ing", "edly", "ed", "ies", "es", "s", "e", "ly")

_FAMILIES = (
    ("security", r"secur|auth|inject|xss|csrf|crypt|secret|privacy|permission"),
    ("performance", r"perf|efficien|memory|speed|scal|complexity-time|queries"),
    ("tests", r"test|coverage"),
    ("style", r"style|nam|readab|format|doc|comment|convention|maintain|clarity|typo|clean|duplicat|complexity|design"),
)


def family(category: str) -> str:
    """The kind of remark that a category belongs to: agents have many words for few of them."""
    for name, pattern in _FAMILIES:
        if re.search(pattern, category):
            return name
    return "correctness"


@lru_cache(maxsize=4096)
def words(text: str) -> frozenset[str]:
    """The words that carry meaning, in lower case and without endings; names in code are split into theirs."""
    parts = (part.lower() for part in _PARTS.findall(text))
    return frozenset(_stem(part) for part in parts if part not in _STOP and (len(part) > 1 or part.isdigit()))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def alike(one: Finding, other: Finding) -> bool:
    """Whether two findings are the same defect: at one place, and nothing says that they are two."""
    if one.path != other.path:
        return False
    if one.side != other.side:  # what is said of a line taken away and what is said of the line in its place
        return share(one, other) >= _SAME and not apart(one, other)
    return not apart(one, other) and not parallel(one, other) and _at_one_place(one, other)


def near(one: Finding, other: Finding, reach: int = NEAR) -> bool:
    """Whether the lines overlap, or lie at most so many apart."""
    return one.start <= other.end + reach and other.start <= one.end + reach


def parallel(one: Finding, other: Finding) -> bool:
    """Whether two findings are said of two lines that do the same with different things: two defects of one kind.

    Not so where one of them speaks of what only the other's lines have.
    """
    if not one.evidence.strip() or near(one, other, 0) or _shape(one.evidence) != _shape(other.evidence):
        return False
    mine, others = _names(one.evidence), _names(other.evidence)
    return not ((mine - others) & _names(_said(other)) or (others - mine) & _names(_said(one)))


def _shape(code: str) -> str:
    return re.sub(r"\w+", "w", "\n".join(folded(code)))


def share(one: Finding, other: Finding) -> float:
    """How much of the shorter text's words stand in the other, 0 to 1; titles alone count where they agree more."""
    titles = _overlap(words(one.title), words(other.title))
    return max(titles, _overlap(words(_said(one)), words(_said(other))))


def apart(one: Finding, other: Finding) -> bool:
    """Whether two findings at one place are surely two defects: of other kinds, or of other things in the code."""
    here, there = kinds(one.title), kinds(other.title)
    if here and there and not _common(one, other) and share(one, other) < _VERY:
        return True
    mine, others = _named(one.title), _named(other.title)
    told = bool(mine and others) and not (mine & _names(_said(other)) or others & _names(_said(one)))
    overlapping = one.side == other.side and near(one, other, 0)
    quoted = overlapping and _quote_alike(one, other)
    return told and not (quoted and here & there)


def agree(one: Finding, other: Finding) -> bool:
    """Whether two findings speak of one defect, wherever they stand: of one kind, or in much the same words."""
    return bool(_common(one, other)) or share(one, other) >= _SAME


def _common(one: Finding, other: Finding) -> frozenset[str]:
    return kinds(one.title) & kinds(_said(other)) or kinds(other.title) & kinds(_said(one))


def _at_one_place(one: Finding, other: Finding) -> bool:
    """The farther the lines, the more the words have to agree; an agent that says two things at one place means two."""
    overlapping, much = near(one, other, 0), share(one, other)
    if set(one.agents) & set(other.agents):
        return near(one, other) and much >= (_CLOSE if _common(one, other) else _SAME)
    if not near(one, other):
        return near(one, other, REACH) and much >= (_AKIN if _common(one, other) else _SAME)
    families = {family(one.category), family(other.category)}
    least = _AKIN if overlapping else _CLOSE if families <= {"correctness", "security"} else _SAME
    return bool(_common(one, other)) or much >= least or (len(families) == 1 and _quoted_within(one, other))


def _quote_alike(one: Finding, other: Finding) -> bool:
    return bool(one.evidence.strip()) and folded(one.evidence) == folded(other.evidence)


def _quoted_within(one: Finding, other: Finding) -> bool:
    """Whether one quotes a part of the few lines that the other quotes."""
    shorter, longer = sorted((folded(one.evidence), folded(other.evidence)), key=len)
    return len(shorter) > 0 and len(longer) <= NEAR and set(shorter) <= set(longer)


def _said(finding: Finding) -> str:
    return f"{finding.title}\n{finding.body}"


def _overlap(some: frozenset[str], others: frozenset[str]) -> float:
    """The share of the shorter one; one word in common is chance, and two short titles agree only in three."""
    common = len(some & others)
    return common / max(min(len(some), len(others)), 3) if common > 1 else 0


def _named(title: str) -> frozenset[str]:
    """The names of things in code that a title speaks of."""
    found = (first or second for first, second in _CODE.findall(title))
    return frozenset(name.lower() for text in found for name in _NAME.findall(text))


@lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[str]:
    return frozenset(name.lower() for name in _NAME.findall(text))


# ---- what stays when lines move --------------------------------------------------------------------------------------


def folded(text: str) -> tuple[str, ...]:
    """The lines that are not blank, each with its white space folded."""
    return tuple(fold(line) for line in text.split("\n") if line.strip())


def fingerprint(finding: Finding, anchored_lines: Sequence[str]) -> str:
    """16 hex digits over the kind of remark and the code it is about.

    The same when the code moves, is indented otherwise, or its file gets another name; the ledger looks at paths.
    """
    about = folded("\n".join(anchored_lines)) or sorted(words(finding.title))
    told = "\n".join([family(finding.category), *about])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
