"""Where each part of a run's work goes: the pull request that has its jobs' work already, or one of its own. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.publish.ground import Ground
from bot.store import parts
from bot.store.parts import Held
from bot.store.runs import Run


@dataclass(frozen=True)
class Places:
    """A place for each part, in their order, and the pull requests that are of no use any more."""

    held: tuple[Held, ...]
    spare: tuple[Held, ...] = ()


def known(run: Run, ground: Ground) -> Places:
    """The pull requests that the work is in already: those of the run itself, or those that it goes on with."""
    if own := parts.of(run.facts):
        return Places(own, parts.spare(run.facts))
    return Places(ground.parts, ground.spare)


def of(jobs: Sequence[tuple[str, ...]], run: Run, ground: Ground) -> Places:
    """The places of parts, each by the jobs whose work it holds: where it meets several, the first one has it all."""
    before, free, found = known(run, ground), Held(ground.branch, (), ground.expected, ground.pull), list[Held]()
    left = list(before.held)
    for number, mine in enumerate(jobs, start=1):
        meets = sorted((one for one in left if not set(mine).isdisjoint(one.jobs)), key=lambda one: one.pull is None)
        left = [one for one in left if one not in meets]
        place = replace(free, branch=f"{ground.branch}-{number}", head=None, pull=None)
        if meets:
            place = replace(meets[0], stands=tuple(commit for one in meets for commit in one.stands))
            left += meets[1:]
        elif number == 1:  # those with a pull request come first, so that no other has one
            place = left.pop(0) if left else free
        found.append(replace(place, jobs=mine))
    taken = {one.branch for one in found}
    spare = {one.branch: one for one in (*before.spare, *left) if one.branch not in taken and one.pull is not None}
    return Places(tuple(found), tuple(spare.values()))


def ground_of(ground: Ground, place: Held) -> Ground:
    """What a part starts from."""
    base = (place.stands or ground.joins or (ground.base,))[0]
    return replace(ground, base=base, branch=place.branch, expected=place.head, pull=place.pull)


def heir(spare: Held, held: Sequence[Held]) -> Held | None:
    """The pull request that has the work of a spare one now, or the first part of it; None where none has."""
    return next((one for one in held if not set(spare.jobs).isdisjoint(one.jobs)), None)
