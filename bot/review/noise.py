"""Remarks that are not worth a person's time: a linter says them too, or there is nothing to do. Pure."""

import re

from bot.review.defect import kinds
from bot.review.finding import Finding, at_least
from bot.review.likeness import family

_DOC = r"(?:doc-?strings?|(?:java|js|ts|k|go)docs?|doc comments?|rustdocs?|xml (?:docs?|comments?))"
_MISSING = r"(?:missing|no|add|lacks?|needs?|without|undocumented)"
_FEW = r"(?:\w+ ){0,3}"

# One expression a line, for titles. What is not used may be a defect, so that a grave remark on it is no linter's.
_UNUSED = r"""
    \bunused (?:import|variable|parameter|argument|constant|local|function|private|dependenc|exception|label)
    \b(?:import|variable|parameter|argument)s? \S{0,40} ?(?:is|are) (?:\w+ but )?(?:unused|not used|never used)
    ^\S{1,40} (?:is|are) (?:imported|declared|assigned|defined)(?: to)?,? but (?:unused|not used|never used)
    ^(?:remove|drop|delete) (?:the |this |these )?(?:unused|unneeded|dead)\b
"""
_COSMETIC = rf"""
    \bimport(?:s|ed)?\b.{{0,40}}\b(?:unused|not (?:be )?used|never used|unnecessary|redundant|duplicate)
    ^(?:remove|drop|delete) (?:the |this )?(?:unnecessary|redundant|duplicate) (?:import|white|semi|parenthes|blank)
    \b(?:import|include)s?\b.{{0,40}}\b(?:order|sort|group|alphabetical)
    \b(?:sort|order|group|reorder|organi[sz]e) (?:the |your |these )?import
    \btrailing (?:white ?space|comma|blank|newline|space)
    \blines? (?:\S{{1,6}} )?(?:is |are )?(?:too long|longer than|exceed|over \d)
    \b(?:exceeds|over|longer than|more than|beyond) (?:the )?(?:maximum )?(?:line length|\d{{2,3}} (?:char|column))
    \bline[- ]length\b
    \b{_MISSING} {_FEW}(?:newline|blank line|semi-?colon|white ?space|trailing comma)s?\b
    \b(?:extra|unnecessary|too many) (?:newline|blank line|semi-?colon|white ?space|parenthes\w+)s?\b
    \b(?:does not|doesn't) end (?:with|in) a (?:new ?line|line feed)
    \b{_MISSING} {_FEW}{_DOC}
    \b{_DOC} (?:\S+ )?(?:is|are)? ?(?:missing|absent|lacking|incomplete|lacks?|without|has no|omits?)
    \b(?:has|have|with) no (?:documentation|{_DOC})$
    \bdocumentation\b.{{0,30}}\b(?:does not|doesn't) (?:describe|mention|list)\b.{{0,30}}\b(?:parameter|argument|return)
    \b{_MISSING} {_FEW}(?:type (?:hint|annotation)s?|return types?|annotations? for)
    \btype (?:hint|annotation)s? (?:is |are )?(?:missing|absent|lacking)
    \bindent(?:ation|ed)\b.{{0,30}}\b(?:inconsistent|wrong|mixed|spaces|tabs|off)\b
    \b(?:inconsistent|wrong|mixed|incorrect) (?:indentation|quotes|quote style|spacing|formatting|code style)
    \b(?:single|double) quotes\b
    \bformatting\b.{{0,30}}\b(?:issue|problem|inconsisten\w*|off|nit|wrong|conform\w*|match\w*)
    \b(?:not|run|use|apply|with|by) (?:black|prettier|gofmt|rustfmt|clang-format|isort|ruff|the formatter|autopep8)\b
    \b(?:pep ?-?8|pep ?257|e?slint|pylint|flake8|rubocop|checkstyle|golint|clippy|shellcheck|ktlint|hadolint)\b
    \b(?:go ?vet|staticcheck|errcheck|mypy|pyright|phpstan|spotbugs|detekt)\b
    ^[A-Z]{{1,4}}\d{{3,5}}:
    \((?:[EWFCDN]|SC|CA|DL|SA|RUF|PL[CEWR])\d{{3,5}}\)$
    \b(?:camel|snake|pascal|kebab|screaming[-_ ]snake)[-_ ]?case\b
    \bnam(?:e|es|ing)\b.{{0,30}}\b(?:upper|lower)[-_ ]?case\b
    \bnaming (?:convention|style|scheme)
    \bnam(?:e|es|ing)\b.{{0,30}}\b(?:too (?:short|long|generic|vague)|descriptive|unclear|single[- ]letter)
    \b(?:more |non-?)descriptive\b.{{0,20}}\bnam(?:e|es|ing)
    \b(?:better|clearer|more meaningful) (?:variable |function |method |parameter |class )?nam(?:e|es|ing)\b
    \bmagic (?:number|string|value|constant)
    ^(?:prefer|use) (?:const|let|f-strings?|template literals?|arrow functions?|list comprehensions?)\b
    ^(?:prefer|use) (?:optional chaining|destructuring|string interpolation|early returns?)\b
    \b(?:spaces?|blank) (?:before|after|around|between|inside) (?:the )?(?:operator|comma|brace|paren|colon)
    \b(?:spelling|typo)\b.{{0,20}}\bcomment
    \bcommented[- ]out code
"""
_BUT = r"(?!.{0,60}\b(?:but|however|except|though|until|fails?|breaks?)\b)"
_FINE = r"(?:nice|great|good|excellent|clean|solid|lovely|neat|clever|thorough)"
_MAY = r"(?:would|might|could|may)"
_WISH = rf"(?:please )?(?:consider|maybe|perhaps|could|should we|might be|it {_MAY} be|you {_MAY})"
_CHECK = r"(?:double[- ]check|make sure|ensure|verify|confirm|check)"
_GOOD = r"(?:good|great|fine|correct|clean|nice|ok|solid|sensible|reasonable)"
_PRAISE = rf"""
    ^{_FINE}(?: \w+){{0,2}}!?$
    ^{_FINE} to (?:see|have)\b{_BUT}
    ^{_FINE} (?:\w+ )?(?:use|usage|work|job|idea|call|choice|structure|refactoring|cleanup|improvement|addition)\b{_BUT}
    ^(?:lgtm|looks? {_GOOD})\b{_BUT}
    ^no (?:issues?|problems?|findings?|concerns?|changes?)(?: (?:found|here|needed|required|with this))*[.!]?$
    ^(?:this|the|these) (?:\w+ ){{1,3}}(?:looks?|is|are|seems?) (?:very )?{_GOOD}\b{_BUT}
    ^(?:thanks|thank you|kudos|well done|\+1|\U0001f44d)
"""
_IDLE = rf"""
    ^{_WISH}\b.{{0,40}}\b(?:comment|document|explain|docs|readme|changelog|logging|log message|debug)
    ^(?:add|consider adding|missing|needs?|could use|would benefit from|write) {_FEW}(?:comments?|documentation|docs)\b
    ^(?:complex|this|the) (?:\w+ ){{1,2}}.{{0,30}}\b(?:needs?|deserves?|could use|without) {_FEW}(?:comment|documentat)
    ^(?:please )?{_CHECK}\b.{{0,80}}\b(?:intended|intentional|correct|works?|expected|desired|up to date)\b
    ^(?:fyi|for (?:your )?information|no action)\b
    ^{_WISH}\b.{{0,20}}\b(?:renam|refactor|extract|split|simplif|reorgani[sz]|clean|restructur|reformat)\w*
"""
_CLAIM = re.compile(
    r"\b(?:crash|fail|throw|raise|panic|leak|lose|lost|wrong|incorrect|break|broken|never|always|twice|race|deadlock|hang"
    r"|overflow|inject|vulnerab|expos|corrupt|bypass|swallow|cannot|can't|doesn't|does not|will|no longer)\w*",
    re.IGNORECASE,
)
_DEFECT = re.compile(
    r"\b(?:crash|throw|raise|panic|race|leak|deadlock|lock|mutex|transaction|password|secret|token|inject|await|wrong"
    r"|data loss|lost|security|never (?:released|closed|freed|committed)|overwrit\w*|shadow\w*|connection|shell"
    r"|word splitting)\b",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(r"(?:is|are|does|do|did|should|would|will|can|could|has|have|was|were)\b", re.IGNORECASE)
_LABELS = "nit|minor|style|question|suggestion|praise|optional"
_LABEL = re.compile(rf"^(?:\[(?:{_LABELS})\][:,]? ?|(?:{_LABELS})(?: ?\(\S+\))?[:,] ?)+", re.IGNORECASE)


def _pattern(lines: str) -> re.Pattern[str]:
    return re.compile("|".join(line.strip() for line in lines.strip().split("\n")), re.IGNORECASE)


_UNUSEDS, _COSMETICS, _PRAISES, _IDLES = map(_pattern, (_UNUSED, _COSMETIC, _PRAISE, _IDLE))


def of_a_linter(finding: Finding) -> bool:
    """Whether a linter, a formatter or a compiler says it too; a title that names a defect is none of theirs."""
    title = _plain(finding.title)
    if _DEFECT.search(title):
        return False
    if _COSMETICS.search(title) or finding.category in ("lint", "linter", "linting"):
        return family(finding.category) == "style" or not kinds(title)
    grave = at_least(finding.severity, "major") and family(finding.category) != "style"
    return not grave and _UNUSEDS.search(title) is not None


def idle(finding: Finding) -> bool:
    """Whether there is nothing to do: praise, a wish for a comment, a question that claims nothing."""
    title = _plain(finding.title)
    if _PRAISES.search(title) or (finding.category == "praise" and not at_least(finding.severity, "major")):
        return True
    if _IDLES.search(title):
        return not kinds(title)
    if not title.endswith("?"):
        return False
    said = finding.body if _YES_OR_NO.match(title) else f"{title}\n{finding.body}"  # what is asked is not claimed
    return not _CLAIM.search(said) and not kinds(f"{title}\n{finding.body}")


def _plain(title: str) -> str:
    """The title without marks of code and emphasis, and without a label before it."""
    return _LABEL.sub("", re.sub(r"[`*]", "", title).strip())
