"""What a review comes to: what is said and where, what is not and why, how the ledger stands afterwards."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from bot.agents.job import Step
from bot.agents.reader import Reading
from bot.github.review import Inline
from bot.publish.pull_ground import PullGround
from bot.publish.review import Remark
from bot.publish.review_text import Agent, Silent
from bot.publish.standing import entries, known_of
from bot.publish.study import Study
from bot.review import anchor, feedback, ledger, synthesis, unjudged
from bot.review.anchor import Dropped, Placed
from bot.review.answer import Verdict
from bot.review.finding import Finding
from bot.review.ledger import Known, Reconciled
from bot.review.likeness import fingerprint
from bot.review.said import Said


@dataclass(frozen=True)
class Sifted:
    """What is left to be judged, what is not said, and the ledger as it stands at this commit."""

    kept: tuple[Placed, ...]
    dropped: tuple[Dropped, ...]
    again: tuple[tuple[Known, Placed], ...]
    known: tuple[Said, ...]
    fixed: tuple[int, ...]

    @property
    def candidates(self) -> list[tuple[str, Finding]]:
        """What the judge is asked about, each with a short name."""
        return [(one.id, one.placed.finding) for one in synthesis.numbered(self.kept)]


SIFTED: TypeAdapter[Sifted] = TypeAdapter(Sifted)


@dataclass(frozen=True)
class Outcome:
    """What is to be done: remarks to make, threads to settle, and what the ledger holds then.

    `settled` and `reopened` are comments, of findings that are over and of those that were over and are back. Of what
    is `fixed` now, `applied` is what was mended by the very suggestion that was made.
    """

    remarks: tuple[Remark, ...]
    known: tuple[Said, ...]
    fixed: tuple[int, ...]
    settled: tuple[int, ...]
    reopened: tuple[int, ...]
    applied: tuple[int, ...]
    silent: tuple[Silent, ...]
    agents: tuple[Agent, ...]
    usable: bool


async def sift(ground: PullGround, study: Study, readings: Sequence[Reading], step: Step) -> Sifted:
    """Place what was found, take out noise and what was said before. The files that it is about are read first.

    What comes of it is recorded as a step: verdicts and comments go by its order, and after a restart the mirror may
    lack the commit that was reviewed before.
    """
    found, before = _found(readings), known_of(ground.known)
    await _load(study, [one for some in found.values() for one in some], before)

    async def effect() -> Any:
        return SIFTED.dump_python(await _sifted(ground, study, found, before), mode="json")

    return SIFTED.validate_python(await step("sift", effect))


async def _sifted(
    ground: PullGround, study: Study, found: Mapping[str, Sequence[Finding]], before: Sequence[Known]
) -> Sifted:
    sources, rules = study.sources, ground.rules
    at_head, at_base, at_before = sources.at_head, sources.at_base, sources.at_before

    def compared() -> tuple[list[Dropped], list[Known], Reconciled]:
        """Beside the loop: a thousand findings that agents were talked into take a while, and others go on."""
        kept, dropped = synthesis.gathered(found, study.files, at_head, at_base, rules.bars)
        followed = ledger.follow(before, study.files, at_head, at_base, at_before)
        return dropped, followed, ledger.reconcile(followed, kept)

    dropped, followed, made = await asyncio.to_thread(compared)
    known = entries(ground.known, _renewed(followed, made), time.time())
    was = {one.number for one in ground.known if one.state == "open" or (one.state == "declined" and one.resolved)}
    over = tuple(one.number for one in known if one.number in was and one.state in ("fixed", "outdated"))
    return Sifted(made.say, (*dropped, *made.dropped), (*made.again, *made.reopened), known, over)


def outcome(
    ground: PullGround, study: Study, readings: Sequence[Reading], sifted: Sifted, judged: Reading | None, most: int
) -> Outcome:
    """The review of what was sifted, by the judge's verdicts; `most` is how many inline comments it may have."""
    kept, refuted = (list(sifted.kept), []) if judged is None else unjudged.checked(sifted.kept, _verdicts(judged))
    told, beyond = synthesis.capped(kept, ground.rules.caps)
    told, over = _bounded(told, most)
    first, now = max((one.number for one in sifted.known), default=0) + 1, time.time()
    remarks = tuple(_remark(ground, one, number, now) for number, one in enumerate(told, start=first))
    known = (*sifted.known, *(remark.said for remark in remarks))
    left = [*sifted.dropped, *refuted, *beyond, *over]
    over_now = [one for one in sifted.known if one.number in sifted.fixed and not one.resolved]
    ended = {one.number for one in ground.known if one.state != "open"}
    back = [one.comment for one in sifted.known if one.number in ended and one.state == "open"]
    settled = [one.comment for one in over_now if one.comment is not None]
    return Outcome(
        remarks=remarks,
        known=known,
        fixed=sifted.fixed,
        settled=tuple(settled),
        reopened=tuple(comment for comment in back if comment is not None),
        applied=_applied(ground, study, sifted.fixed),
        silent=(*_unsaid(left), *_same(sifted.again, remarks, told)),
        agents=_agents(study, readings, judged),
        usable=not any(reading.failed for reading in readings),
    )


# ---- what was found --------------------------------------------------------------------------------------------------


def _found(readings: Sequence[Reading]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for reading in readings:
        said = [Finding(**{**one, "agents": tuple(one["agents"])}) for one in reading.said]
        found.setdefault(reading.agent, []).extend(said if not reading.failed else [])
    return found


async def _load(study: Study, findings: Iterable[Finding], known: Sequence[Known]) -> None:
    """Read the files that findings of now and before are about."""
    head, old = anchor.wanted(findings, study.files)
    more, more_old = ledger.wanted(known, study.files)
    await study.sources.load(head | more, old | more_old)


def _unsaid(dropped: Sequence[Dropped]) -> list[Silent]:
    """What is not said, whoever gave it: one that was united with others is told of by each of its titles."""
    return [Silent(given, one.reason) for one in dropped for given in _by_title(one.given or (one.finding,))]


def _same(again: Sequence[tuple[Known, Placed]], remarks: Sequence[Remark], told: Sequence[Placed]) -> list[Silent]:
    """What was taken for the same as something that is said: nobody has to trust that unseen."""
    before = [Silent(one, f"said already, as finding {known.id}") for known, placed in again for one in placed.given]
    united = [
        Silent(one, f"means the same as finding {remark.said.number}")
        for remark, placed in zip(remarks, told, strict=True)
        for one in _by_title(placed.given)
        if one.title != placed.finding.title
    ]
    return [*before, *united]


def _by_title(given: Sequence[Finding]) -> list[Finding]:
    return list({one.title: one for one in given}.values())


def _verdicts(judged: Reading | None) -> Mapping[str, Verdict]:
    """A judge that failed has judged nothing."""
    said = judged.said if judged is not None and not judged.failed else []
    return {str(one["id"]): Verdict(bool(one["refuted"]), str(one["reason"])) for one in said}


def _bounded(told: Sequence[Placed], most: int) -> tuple[list[Placed], list[Dropped]]:
    """As many inline comments as the workflow may post; the gravest stay."""
    inline = [one for one in told if one.inline is not None]
    over = {id(one) for one in inline[most:]}
    reason = f"beyond the {most} inline comments of one review"
    dropped = [Dropped(one.finding, "cap", reason, one.given) for one in inline[most:]]
    return [one for one in told if id(one) not in over], dropped


def _agents(study: Study, readings: Sequence[Reading], judged: Reading | None) -> tuple[Agent, ...]:
    parts = len(study.packing.parts)
    every = [*readings, *([judged] if judged is not None and judged.failed else [])]
    made: dict[str, Agent] = {}
    for reading in every:
        before = made.get(reading.agent, Agent(reading.agent))
        problem = before.problem or reading.problem
        made[reading.agent] = Agent(reading.agent, before.found + len(reading.said), problem if parts else "")
    return tuple(made.values())


# ---- the ledger ------------------------------------------------------------------------------------------------------


def _remark(ground: PullGround, placed: Placed, number: int, now: float) -> Remark:
    finding = replace(placed.finding, suggestion=placed.suggestion or placed.finding.suggestion)
    mark = fingerprint(finding, finding.evidence.split("\n"))
    said = Said(number, mark, "open", finding, placed.inline is not None, ground.head, now)
    inline = Inline(body="", **asdict(placed.inline)) if placed.inline is not None else None
    return Remark(said, inline, placed.suggestion)


def _applied(ground: PullGround, study: Study, fixed: Sequence[int]) -> tuple[int, ...]:
    """Those findings whose suggestion stands in the file now."""
    over = [one for one in ground.known if one.number in fixed and one.finding.suggestion]
    lines = {one.number: study.sources.at_head(one.finding.path) or [] for one in over}
    return tuple(
        one.number for one in over if feedback.applied(one.finding, one.finding.suggestion or "", lines[one.number])
    )


def _renewed(known: Sequence[Known], made: Reconciled) -> list[Known]:
    """The ledger with those findings open that were found again."""
    found = {one.id: ledger.renewed(one, placed) for one, placed in (*made.again, *made.reopened)}
    return [found.get(one.id, one) for one in known]
