"""The life of findings from push to push: what stands, what is mended, what is never said again. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bot.review.anchor import Content, Dropped, Files, Placed
from bot.review.defect import kinds
from bot.review.finding import Finding
from bot.review.likeness import agree, alike, apart, family, fingerprint, folded, near, parallel, share
from bot.review.quote import Place, fold, stands
from bot.review.said import RESOLVED

State = Literal["open", "fixed", "declined", "outdated"]
AROUND = 3  # lines above and below by which one of several equal places is known
BESIDE = 1  # agents are off by a line, also where they quote
FAR = 30  # lines between a finding whose code was changed and the same one in the new code
_Around = tuple[list[str], list[str]]  # what stands above (the nearest first) and below
LETTERS = 12  # of code by which a file is known that got another name


@dataclass(frozen=True)
class Known:
    """A finding that was said. `finding` has the path, the lines and their text as they stand now.

    `why` tells who declined it. `inline` is False for what stands in a review's text. `changed`: in the push that
    was followed last its lines were changed.
    """

    id: str
    state: State
    finding: Finding
    fingerprint: str
    why: str = ""
    inline: bool = True
    changed: bool = False

    @property
    def resolved(self) -> bool:
        """Whether its thread was resolved, without a word that would decline it."""
        return self.why.startswith(RESOLVED)


@dataclass(frozen=True)
class Reconciled:
    """What of new findings is said. Only `say` and `dropped` are news: the rest belongs to threads that there are.

    `again` are said already, with lines as they were; `reopened` are known ones that were followed to an end and are
    found again (their lines changed in this push and the defect is still there, or their file is back in the diff).
    """

    say: tuple[Placed, ...]
    again: tuple[tuple[Known, Placed], ...]
    reopened: tuple[tuple[Known, Placed], ...]
    dropped: tuple[Dropped, ...]


def renewed(known: Known, placed: Placed) -> Known:
    """A known finding that is open (again), at the lines where it was found now; name and words stay."""
    there = placed.finding
    finding = replace(
        known.finding, path=there.path, start=there.start, end=there.end, side=there.side, evidence=there.evidence
    )
    return replace(known, state="open", finding=finding, fingerprint=_mark(finding), why="", changed=False)


def _mark(finding: Finding) -> str:
    return fingerprint(finding, finding.evidence.split("\n"))


# ---- where known findings stand after a push -------------------------------------------------------------------------


def follow(
    known: Sequence[Known], files: Files, content: Content, base: Content, before: Content | None = None
) -> list[Known]:
    """Each finding as it stands now, found by the text of its lines, wherever they went.

    `files`, `content` and `base` are those of the new head. `before` gives files at the head for which the findings'
    lines are known: by what stands around them equal lines are told apart. Open ones whose lines changed are fixed
    until somebody finds them again, and so are those whose thread was resolved; declined ones are forgotten then.
    """
    return [_followed(replace(one, changed=False), files, content, base, before) for one in known]


def wanted(known: Iterable[Known], files: Files) -> tuple[set[str], set[str]]:
    """The paths that `follow` asks for at the new head and at the merge base; of `before`, those of the findings."""
    head, old = set[str](), set[str]()
    for one in known:
        path = one.finding.path
        named = {new for new, patch in files.items() if patch.old_path == path}
        head |= {path, *named}
        if path not in files and not named:
            head |= {new for new, patch in files.items() if patch.status == "A"}
        old |= {patch.old_path for patch in files.values() if patch.path == path or patch.path in named}
    return head, old


def _followed(one: Known, files: Files, content: Content, base: Content, before: Content | None) -> Known:
    if one.state not in ("open", "declined"):
        return one
    finding = one.finding
    path = _path(finding, files, content)
    there = path in files
    if finding.side == "old":
        spot = _old_spot(finding, path, files, base)
    else:
        spot = _new_spot(finding, content(path) or [], before(finding.path) if before else None)
    if spot is not None:
        moved = replace(one, finding=replace(finding, path=path, start=spot[0], end=spot[1]))
        left = one.state == "open" and one.inline and not there
        return replace(moved, state="outdated") if left else moved
    if one.state == "declined" and not one.resolved:
        return replace(one, state="outdated", changed=True)
    return replace(one, state="fixed" if there or not one.inline else "outdated", changed=there)


def _path(finding: Finding, files: Files, content: Content) -> str:
    """Where the file is now: under its name, under the one that the diff gives it, or where its code stands."""
    path = finding.path
    if path in files or content(path) is not None:
        return path
    renamed = [new for new, patch in files.items() if patch.old_path == path]
    if len(renamed) == 1:
        return renamed[0]
    if sum(map(str.isalnum, finding.evidence)) < LETTERS:
        return path
    holding = [
        new for new, patch in files.items() if patch.status == "A" and stands(content(new) or [], finding.evidence)
    ]
    return holding[0] if len(holding) == 1 else path


def _old_spot(finding: Finding, path: str, files: Files, base: Content) -> Place | None:
    """Lines that the pull request takes away, for as long as it does."""
    patch = files.get(path)
    if patch is None:
        return None
    taken = [spot for spot in stands(base(patch.old_path) or [], finding.evidence) if patch.changed(*spot, "old")]
    return min(taken, key=lambda spot: abs(spot[0] - finding.start), default=None)


def _new_spot(finding: Finding, now: Sequence[str], before: Sequence[str] | None) -> Place | None:
    if not finding.evidence.strip():
        return (finding.start, finding.end) if finding.end <= len(now) else None
    found = stands(now, finding.evidence)
    was = stands(before, finding.evidence) if before else []
    if not found or not was or before is None:
        return min(found, key=lambda spot: abs(spot[0] - finding.start), default=None)
    own = min(was, key=lambda spot: abs(spot[0] - finding.start))
    if len(found) == len(was):
        return found[was.index(own)]
    return _best(found, now, _around(before, own), own, lost=len(found) < len(was))


def _best(found: Sequence[Place], now: Sequence[str], around: _Around, own: Place, *, lost: bool) -> Place | None:
    """Of several equal places the one with the same lines around it; none where those are gone with one of them."""
    scores = {spot: _score(_around(now, spot), around) for spot in found}
    best = max(found, key=lambda spot: (scores[spot], -abs(spot[0] - own[0])))
    return None if lost and not scores[best] else best


def _around(lines: Sequence[str], spot: Place) -> _Around:
    above = [line for line in map(fold, lines[max(0, spot[0] - 1 - 3 * AROUND) : spot[0] - 1]) if line]
    below = [line for line in map(fold, lines[spot[1] : spot[1] + 3 * AROUND]) if line]
    return above[::-1][:AROUND], below[:AROUND]


def _score(one: _Around, other: _Around) -> int:
    return sum(a == b for mine, others in zip(one, other, strict=True) for a, b in zip(mine, others, strict=False))


# ---- what of new findings is news ------------------------------------------------------------------------------------


def reconcile(known: Sequence[Known], new: Sequence[Placed]) -> Reconciled:
    """New findings against those that were said; `known` as `follow` gives it."""
    said = list[Placed]()
    again, reopened, dropped = list[tuple[Known, Placed]](), list[tuple[Known, Placed]](), list[Dropped]()
    for one in new:
        match = _match(known, one)
        if match is None:
            said.append(one)
        elif match.state == "declined":
            reason = match.why or "declined before"
            dropped.append(Dropped(one.finding, "declined", reason, one.given))
        elif match.state == "open":
            again.append((match, one))
        else:
            reopened.append((match, one))
    return Reconciled(tuple(said), tuple(again), tuple(reopened), tuple(dropped))


def _match(known: Sequence[Known], new: Placed) -> Known | None:
    """The known finding that this one is: one whose lines are as they were before one whose lines changed."""
    standing = [one for one in known if one.state in ("open", "declined") and _same_lines(one, new)]
    ended = [one for one in known if _ended(one) and _same_defect(one, new)]
    for some in (standing, ended):
        if some:
            return max(some, key=lambda one: share(one.finding, new.finding))
    return None


def _same_lines(one: Known, new: Placed) -> bool:
    """Whether it was said of these very lines, in whatever words."""
    here, there = one.finding, replace(new.finding, agents=())  # an agent that reads again may say the same again
    if (here.path, here.side) != (there.path, there.side):
        return alike(here, there)
    if near(here, there) and one.fingerprint == _mark(there):
        return True
    same_kind = _kin(here) == _kin(there) or folded(here.evidence) == folded(there.evidence)
    kindred = same_kind and near(here, there, BESIDE)
    two = apart(here, there) or parallel(here, there) or _another(here, there)
    return (kindred and not two) or alike(here, there)


def _kin(finding: Finding) -> str:
    """What a remark is about: the code's doing, which agents call by many names, its tests, or its looks."""
    found = family(finding.category)
    return found if found in ("tests", "style") else "doing"


def _another(here: Finding, there: Finding) -> bool:
    """Whether a new finding at known lines names a defect that nobody spoke of there."""
    named = kinds(there.title) - kinds(f"{here.title}\n{here.body}")
    return bool(named) and family(here.category) != family(there.category) and not share(here, there)


def _ended(one: Known) -> bool:
    """Whether a known finding is over only as long as nobody finds it again; what somebody declined is forgotten."""
    forgotten = one.why and not one.resolved
    return not forgotten and (one.state == "outdated" or (one.state == "fixed" and one.changed))


def _same_defect(one: Known, new: Placed) -> bool:
    here, there = one.finding, new.finding
    if here.path != there.path or apart(here, there):
        return False
    same_place = near(here, there, FAR) if one.changed else one.fingerprint == _mark(there)
    return same_place and (agree(here, there) or one.fingerprint == _mark(there))
