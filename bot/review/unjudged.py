"""What is said of findings that the judge gave no verdict on: only what is grave or sure. Pure."""

from collections.abc import Mapping, Sequence

from bot.review.anchor import Dropped, Placed
from bot.review.answer import Verdict
from bot.review.finding import Finding, at_least
from bot.review.synthesis import Sifted, judged, numbered

SURE = 0.9  # confidence at which a finding is said that nobody checked
UNCHECKED = "nobody checked it"


def checked(kept: Sequence[Placed], verdicts: Mapping[str, Verdict]) -> Sifted:
    """As `judged`, and without what is neither judged nor grave nor sure: silence of the judge is no consent."""
    names = {id(one.placed): one.id for one in numbered(kept)}
    left, dropped = judged(kept, verdicts)
    said = [one for one in left if names[id(one)] in verdicts or _stands_alone(one.finding)]
    known = {id(one) for one in said}
    held = [Dropped(one.finding, "unsure", UNCHECKED, one.given) for one in left if id(one) not in known]
    return said, [*dropped, *held]


def _stands_alone(finding: Finding) -> bool:
    return at_least(finding.severity, "major") or finding.confidence >= SURE
