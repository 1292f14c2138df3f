"""What a person means who answers a finding, and whether its suggestion was taken. Pure."""

import re
from collections.abc import Sequence
from typing import Literal

from bot.review.finding import Finding
from bot.review.quote import fold

Meant = Literal["declined", "accepted", "fixed", "question", "none"]
READ = 2_000  # characters: who answers a finding says what they mean at once
NEAR = 40  # lines around a finding in which its suggestion is looked for

_NOT_THEIRS = (
    re.compile(r"^[ ]{0,3}(`{3,}|~{3,}).*?(?:^[ ]{0,3}\1[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE),
    re.compile(r"^[ ]{0,3}>.*$", re.MULTILINE),
    re.compile(r"``[^\n]*?``|`[^`\n]*`"),
    re.compile(r"<!--.*?(?:-->|\Z)|<[^<>\n]{1,200}>", re.DOTALL),
)
_NOT = r"(?:not|isn'?t|wasn'?t|ain'?t|aren'?t|don'?t think (?:this|it|that)(?: is|'s)|hardly)"

_EVER = r"(?:really |actually |just |simply |fully |quite |entirely |totally |absolutely |completely )?"
_OTHER = r"(?:separate|another|different|later|future|follow[- ]?up)"
_MENDED = r"(?:fixed|addressed|resolved|corrected|changed|updated|adjusted|applied|added|removed|reworked)"

# One expression a line. Who has mended it all the same says so; then who declines it; then who has mended it.
_ANYWAY = rf"""
    \b(?:{_MENDED}|done) (?:it |this |that )?(?:anyway|nevertheless|nonetheless|regardless|all the same)\b
"""
_DECLINED = rf"""
    \bwo(?:n'?|nt| ?no)t[- ]?fix\b
    \b(?:won'?t|will not|not going to|no plans to|not gonna) (?:do|fix|change|address|touch|implement)\b
    \bby design\b
    \b(?:is|it'?s|was|this|that'?s|are|be) {_EVER}(?:intentional|intended|deliberate|on purpose)\b(?! to\b)
    ^\W*{_EVER}(?:intentional|intentionally|intended|deliberate|deliberately|on purpose|as intended|as designed)\b
    \b(?:work(?:s|ing)|behav(?:es|ing)) (?:as|like) (?:intended|designed|expected)\b
    \b(?:done|did|left|kept) (?:this |it |that )?(?:so |like this |here )?(?:on purpose|intentionally|deliberately)\b
    \b{_NOT} {_EVER}(?:a |an )?(?:real )?(?:bug|issue|problem|defect|concern|vulnerability|risk)\b
    \b{_NOT} {_EVER}(?:correct|right|true|valid|applicable|relevant|needed|necessary|required)\b
    \b{_NOT} {_EVER}(?:worth (?:it|doing|fixing|changing)|possible|reachable|exploitable)\b
    \bno (?:bug|issue|problem|need|change needed|action needed)\b(?! to worry)
    \bfalse[- ]?(?:positive|alarm)\b
    \bdisagree\b
    \b(?:you|bot|finding|remark|suggestion|review)(?: is|'?s| are|'re) {_EVER}(?:wrong|incorrect|mistaken)\b
    ^\W*(?:this|that|it)(?: is|'?s) {_EVER}(?:wrong|incorrect)\b(?!.{{0,60}}\b(?:fix|change|correct|update))
    \b(?:this|that|it)(?: is|'?s) {_EVER}(?:nonsense|noise|bogus)\b
    ^\W*(?:incorrect|nonsense|noise|nope|bogus|irrelevant|invalid|disagreed?)\b
    \b(?:ignoring|skipping|dismiss(?:ing|ed)?)(?: this| it| that)?(?: one)?(?: for now| here)?\W*$
    \b(?:out of|not in) scope\b
    \b(?:in|for|to|as) (?:an? |the )?{_OTHER} (?:pr|pull request|issue|ticket|change|task)\b
    \b(?:can'?t|can ?not|can never|never|could(?:n'?t| not)) (?:ever )?{_EVER}(?:happen|occur|be reached)\b
    \b(?:can'?t|can ?not|can never|is never|never|could(?:n'?t| not)) (?:be )?(?:null|none|nil|undefined)\b
    \b(?:can'?t|can ?not|can never|is never|never|could(?:n'?t| not)) (?:be )?(?:empty|negative|zero)\b
    \balready (?:being )?(?:handled|checked|validated|escaped|covered|guaranteed|done|saniti[sz]ed|tested)\b
    \b(?:handled|checked|validated|escaped|covered|guaranteed) (?:elsewhere|upstream|by the caller|further up|above)\b
    \b(?:leav(?:e|ing)|keep(?:ing)?) (?:this |it |that )?(?:as is|as it is|like this|like that|for now)\b
    \b(?:acceptable|accepted|known) (?:risk|trade-?off|limitation)\b
    \b(?:fine|ok|okay|good) (?:as (?:it )?is|like this|the way it is|for now|with me as)\b
    \b(?:nit-?pick\w*|too nitpicky|overkill|over-?engineer\w*|premature optimi[sz]ation|yagni)\b
    \bhallucinat\w*
    \b(?:makes no sense|do(?:es)?n'?t make (?:any )?sense|does not make (?:any )?sense)\b
    \b(?:this|it|that) (?:doesn'?t|does not) {_EVER}(?:apply|matter|happen|hold)\b
"""
_FIXED = rf"""
    ^\W*(?:{_MENDED}|done|renamed|refactored|pushed a fix)\b(?! (?:by|for|on) )
    \b(?:{_MENDED}|done) (?:this |it |that |now )*(?:in|with|via|by|at) \W?(?:[0-9a-f]{{7,40}}\b|#\d|commit|my|the)
    \b(?:thanks?|thank you|thx|ty|catch|right|agreed|yes|yep|oops|spotted)\b[^?\n]{{0,30}}\b(?:{_MENDED}|done)\b
    \b(?:i|we)(?:'ve| have)? (?:just |now |already )?(?:{_MENDED}|pushed a fix)\b
    \bshould be (?:{_MENDED}|good|better) now\b
    \b(?:is|it'?s|has been|been|got) (?:now )?(?:fixed|addressed|resolved|corrected)\b
    \b(?:fixed|addressed|corrected) (?:now|it|this|that)\b
"""
_ACCEPTED = rf"""
    \b(?:good|nice|great|excellent|fair|valid|solid) (?:catch|point|find|spot|call|idea|suggestion|one|eye)\b
    \b(?:well|nicely) spotted\b
    \b(?:will|'ll|going to|gonna|let me|about to|happy to) {_EVER}(?:fix|change|update|address|do|correct|add|remove)\b
    \b(?:will|'ll|going to|gonna|let me|about to|happy to) {_EVER}(?:look into|take care|adjust|apply|rework|handle)\b
    \b(?:you'?re|you are|it'?s|this is|that'?s|bot is) {_EVER}(?:right|correct|true)\b
    \bagreed?\b
    ^\W*(?:right|true|correct|yes|yep|yeah|oops|ouch|indeed|ack|acknowledged|sounds good)\b(?!,? but)
    ^\W*(?:sure|absolutely|exactly|on it|whoops|my bad|ok|okay|will do)\b(?!,? but)
    \b(?:makes sense|the catch|for (?:catching|spotting|finding)|my (?:bad|mistake)|missed (?:that|this|it|one))\b
    \b(?:is|was) (?:indeed )?a (?:real )?(?:bug|problem|mistake)\b
    ^\W*(?:thanks|thank you|thx|ty|cheers)\W*$
    ^\s*(?:\U0001f44d|\+1|:\+1:|:thumbsup:)
"""
_LESS = re.compile(rf"\b(?:{_NOT}|don'?t|no|never|can'?t be|cannot be|why) (?:a |an |{_EVER})?$", re.IGNORECASE)
_ASKED = re.compile(r"[^.!?\n;]{0,200}\?")
_ASKS = re.compile(r"\W*(?:why|how|what|when|where|which|can you|could you|do you|is it|are you)\b", re.IGNORECASE)


def _patterns(lines: str) -> list[re.Pattern[str]]:
    return [re.compile(line.strip(), re.IGNORECASE | re.MULTILINE) for line in lines.strip().split("\n")]


_READINGS: list[tuple[Meant, list[re.Pattern[str]]]] = [
    ("fixed", _patterns(_ANYWAY)),
    ("declined", _patterns(_DECLINED)),
    ("fixed", _patterns(_FIXED)),
    ("accepted", _patterns(_ACCEPTED)),
]


def read(words: str) -> Meant:
    """What an answer to a finding means; "none" where that cannot be told."""
    said = theirs(words)
    for meant, patterns in _READINGS:
        if any(_says(pattern, said) for pattern in patterns):
            return meant
    return "question" if "?" in said or _ASKS.match(said) else "none"


def theirs(words: str) -> str:
    """A person's own words: without code, quotations and tags; apostrophes are plain."""
    text = words.replace("\r\n", "\n").replace("\u2019", "'")
    for pattern in _NOT_THEIRS:
        text = pattern.sub(" ", text)
    return text[:READ].strip()


def _says(pattern: re.Pattern[str], said: str) -> bool:
    """Whether the words are said, and neither denied just before nor asked."""
    return any(
        not _LESS.search(said[max(0, hit.start() - 40) : hit.start()]) and not _ASKED.match(said, hit.end())
        for hit in pattern.finditer(said)
    )


def applied(finding: Finding, suggestion: str, now: Sequence[str]) -> bool:
    """Whether the suggestion stands in the file's lines, at about the place of the finding, and its lines do not."""
    wanted = [fold(line) for line in suggestion.split("\n") if line.strip()]
    before = [fold(line) for line in finding.evidence.split("\n") if line.strip()]
    first = max(0, finding.start - 1 - NEAR)
    page = [line for line in (fold(line) for line in now[first : finding.end + NEAR + len(wanted)]) if line]
    if not wanted or wanted == before:
        return False
    return _holds(page, wanted) and (not _holds(page, before) or _holds(wanted, before))


def _holds(page: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return False
    return any(list(page[at : at + len(wanted)]) == list(wanted) for at in range(len(page) - len(wanted) + 1))
