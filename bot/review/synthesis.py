"""What of all that agents found is worth saying: one review, and why the rest is not said. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from bot.review import noise
from bot.review.anchor import Content, Dropped, Files, Kind, Placed, place
from bot.review.answer import Verdict
from bot.review.finding import SEVERITIES, Finding, graver
from bot.review.likeness import alike, family
from bot.review.rules import Bars, Caps
from bot.review.suggestion import checked

AGREEMENT = 0.1  # confidence that a finding wins when another agent found it too

REFUTED = "refuted: "

Sifted = tuple[list[Placed], list[Dropped]]  # what is left, and what is not said


@dataclass(frozen=True)
class Candidate:
    """A finding for the judge, with a short name."""

    id: str
    placed: Placed


def numbered(kept: Sequence[Placed]) -> list[Candidate]:
    return [Candidate(str(number), one) for number, one in enumerate(kept, 1)]


# ---- the steps -------------------------------------------------------------------------------------------------------


def gathered(
    found: Mapping[str, Sequence[Finding]], files: Files, content: Content, base: Content, bars: Bars
) -> Sifted:
    """What is placed, no noise, one for each defect and sure enough; the gravest first."""
    kept, misplaced = placed(found, files, content, base)
    kept, noisy = without_noise(kept)
    kept, unsure = above(merged(kept), bars)
    return ordered(kept), [*misplaced, *noisy, *unsure]


def placed(found: Mapping[str, Sequence[Finding]], files: Files, content: Content, base: Content) -> Sifted:
    """Each finding at the lines that it means, its suggestion checked by applying it there."""
    kept, dropped = list[Placed](), list[Dropped]()
    for agent, findings in found.items():
        for finding in findings:
            named = finding if finding.agents else replace(finding, agents=(agent,))
            there = place(named, files, content, base)
            if isinstance(there, Dropped):
                dropped.append(there)
            else:
                suggestion, doubt = checked(there, content(there.finding.path) or [])
                kept.append(replace(there, suggestion=suggestion, doubt=doubt))
    return kept, dropped


def without_noise(kept: Sequence[Placed]) -> Sifted:
    def why(one: Placed) -> tuple[Kind, str] | None:
        if noise.idle(one.finding):
            return "idle", "asks for nothing to be done"
        return ("linter", "a linter says that") if noise.of_a_linter(one.finding) else None

    return _sifted(kept, why)


def merged(kept: Sequence[Placed]) -> list[Placed]:
    """One of all that mean the same defect."""
    groups: list[list[Placed]] = []
    for one in sorted(kept, key=lambda one: -one.finding.confidence):
        same = (group for group in groups if any(alike(one.finding, other.finding) for other in group))
        group = next(same, None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return [_united(group) for group in groups]


def _united(group: Sequence[Placed]) -> Placed:
    """The words of the most confident, at the lines of the one whose suggestion can be applied, or that are inline."""
    best = group[0]
    if len(group) == 1:
        return best
    home = next((one for one in group if one.suggestion is not None), None)
    home = home or next((one for one in group if one.inline is not None), best)
    agents = tuple(dict.fromkeys(name for one in group for name in one.finding.agents))
    agreed = AGREEMENT if len(agents) > len(set(best.finding.agents)) else 0
    finding = replace(
        home.finding,
        title=best.finding.title,
        body=best.finding.body,
        category=best.finding.category,
        severity=reduce(graver, (one.finding.severity for one in group)),
        confidence=min(1.0, round(best.finding.confidence + agreed, 4)),
        agents=agents,
    )
    return replace(home, finding=finding, given=tuple(given for one in group for given in one.given))


def above(kept: Sequence[Placed], bars: Bars) -> Sifted:
    """What is sure enough to be said, by its severity; of style, by a bar of its own."""

    def why(one: Placed) -> tuple[Kind, str] | None:
        style = family(one.finding.category) == "style"
        bar: float = bars.style if style else getattr(bars, one.finding.severity)
        if one.finding.confidence >= bar:
            return None
        what = "style" if style else one.finding.severity
        return "unsure", f"not sure enough: {one.finding.confidence:.2f}, where {what} needs {bar:.2f}"

    return _sifted(kept, why)


def judged(kept: Sequence[Placed], verdicts: Mapping[str, Verdict]) -> Sifted:
    """What the judge did not refute; `verdicts` are by the names that `numbered` gives."""
    refuted = {id(one.placed): verdicts[one.id] for one in numbered(kept) if one.id in verdicts}

    def why(one: Placed) -> tuple[Kind, str] | None:
        verdict = refuted.get(id(one))
        return ("refuted", f"{REFUTED}{verdict.reason}") if verdict is not None and verdict.refuted else None

    return _sifted(kept, why)


def capped(kept: Sequence[Placed], caps: Caps) -> Sifted:
    """The most certain of each severity, at lines and in the text, as many as the rules let a review have of each."""
    used: dict[tuple[str, bool], int] = {}

    def why(one: Placed) -> tuple[Kind, str] | None:
        severity, inline = one.finding.severity, one.inline is not None
        used[severity, inline] = used.get((severity, inline), 0) + 1
        most: int = getattr(caps, severity)
        if used[severity, inline] <= most:
            return None
        return "cap", f"beyond the limit of {most} {severity} finding{'' if most == 1 else 's'} in one review"

    return _sifted(ordered(kept), why)


def ordered(kept: Sequence[Placed]) -> list[Placed]:
    """The gravest first, of these the most certain, of these in the order of the files."""

    def rank(one: Placed) -> tuple[int, float, str, int]:
        finding = one.finding
        return SEVERITIES.index(finding.severity), -finding.confidence, finding.path, finding.start

    return sorted(kept, key=rank)


def _sifted(kept: Sequence[Placed], why: Callable[[Placed], tuple[Kind, str] | None]) -> Sifted:
    left, dropped = list[Placed](), list[Dropped]()
    for one in kept:
        reason = why(one)
        if reason is None:
            left.append(one)
        else:
            dropped.append(Dropped(one.finding, *reason, one.given))
    return left, dropped
