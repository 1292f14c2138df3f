"""The graph of a run as a picture in Mermaid, as GitHub draws it: jobs, what each needs, phases, states. Pure.

Names are words of users: they stand in quotes, of letters, digits and few signs, and everything else goes by numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from bot.errors import State
from bot.publish.graph_view import Job, View, counted

MOST, MOST_ARROWS = 40, 300  # of more nothing would be seen, and beyond 500 arrows Mermaid draws nothing
_LONGEST = 48
_SIGNS = {"_": "#95;"}  # signs that would be marks of Markdown
_KEPT = frozenset(" -/,")
_COLOURS = {  # each with white words on it, so that both of GitHub's modes show them
    "done": "fill:#1a7f37,stroke:#1a7f37,color:#ffffff",
    "running": "fill:#0969da,stroke:#0969da,color:#ffffff",
    "failed": "fill:#cf222e,stroke:#cf222e,color:#ffffff,stroke-width:3px",
    "queued": "fill:#59636e,stroke:#59636e,color:#ffffff",
    "skipped": "fill:#59636e,stroke:#ffffff,color:#ffffff,stroke-dasharray:4 3",
    "ended": "fill:#9a6700,stroke:#9a6700,color:#ffffff",
}
Arrows = set[tuple[str, str]]


def picture(view: View) -> str:
    """The picture in a block of code; empty where there is nothing to see in it, or too much."""
    shown = _shown(view.jobs)
    if not 1 < len(shown) <= MOST:
        return ""
    ids = {job.name: f"n{number}" for number, job in enumerate(shown, start=1)}
    phases = list(dict.fromkeys(job.phase for job in shown if job.phase))
    arrows, between = _between(reduced(_arrows(view, ids)), [[j for j in shown if j.phase == p] for p in phases], ids)
    if len(arrows) > MOST_ARROWS:
        return ""
    drawn = [_node(job, ids) for job in shown if not job.phase]
    for number, phase in enumerate(phases, start=1):
        inside = [f"  {_node(job, ids)}" for job in shown if job.phase == phase]
        drawn += [f'  subgraph p{number}["{label(phase)}"]', "    direction LR", *inside, "  end"]
    drawn += [f"  {one} --> {other}" for one, other in sorted(arrows, key=_by_number)]
    drawn += [f"  p{one} --> p{one + 1}" for one in between]
    kinds = sorted({_kind(job.state) for job in shown})
    drawn += [f"  classDef {kind} {_COLOURS[kind]}" for kind in kinds]
    return "\n".join(["```mermaid", "flowchart LR", *drawn, "```"])


def label(words: str) -> str:
    """Words that are text in Mermaid and nothing else, whoever wrote them."""
    kept = "".join(sign if sign.isalnum() or sign in _KEPT or sign in _SIGNS else " " for sign in words)
    line = " ".join(kept.split()).lstrip("-/, ")
    line = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return "".join(_SIGNS.get(sign, sign) for sign in line) or "unnamed"


def _shown(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that have a node, in the order of the tree: groups are opened, small ones first, while there is room."""
    opened: set[str] = set()
    closed = [job for job in jobs if job.below]
    room = MOST - len(jobs)
    while closed:
        job = min(closed, key=lambda one: len(one.below))
        if len(job.below) > room:
            break
        opened.add(job.name)
        room -= len(job.below)
        closed = [one for one in (*closed, *job.below) if one.below and one.name not in opened]
    return _walked(jobs, opened)


def _walked(jobs: Iterable[Job], opened: set[str]) -> list[Job]:
    found: list[Job] = []
    for job in jobs:
        found += [job, *(_walked(job.below, opened) if job.name in opened else [])]
    return found


def _arrows(view: View, ids: Mapping[str, str]) -> Arrows:
    """What needs what. A job that is the sum of others comes after these, where they are shown."""
    place: dict[str, str] = {}
    for job in view.jobs:
        _placed(job, ids, ids[job.name], place)
    found: Arrows = set()
    for job in view.everybody():
        if job.joins and job.below[0].name in ids:
            needed = {need for one in job.below for need in one.needs}
            found |= {(place[one.name], place[job.name]) for one in job.below if one.name not in needed}
        else:
            found |= {(place[need], place[job.name]) for need in job.needs if need in place}
    return {(one, other) for one, other in found if one != other}


def _placed(job: Job, ids: Mapping[str, str], above: str, place: dict[str, str]) -> None:
    """Which node stands for each job: its own, or that of what it is a part of."""
    place[job.name] = ids.get(job.name, above)
    for one in job.below:
        _placed(one, ids, place[job.name], place)


def reduced(arrows: Arrows) -> Arrows:
    """The arrows without those that lead where others lead as well."""
    after: dict[str, set[str]] = {}
    for one, other in arrows:
        after.setdefault(one, set()).add(other)

    def beyond(start: str) -> set[str]:
        seen, left = set[str](), [start]
        while left:
            for there in after.get(left.pop(), set()) - seen:
                seen.add(there)
                left.append(there)
        return seen

    far = {name: beyond(name) for name in after}
    return {
        (one, other) for one, other in arrows if not any(other in far.get(via, set()) for via in after[one] - {other})
    }


def _between(arrows: Arrows, phases: Sequence[Sequence[Job]], ids: Mapping[str, str]) -> tuple[Arrows, list[int]]:
    """The arrows, with one from a phase to the next, by its number, in place of those from each to each."""
    left, found = set(arrows), list[int]()
    for number, (one, other) in enumerate(pairwise(phases), start=1):
        before, after = {ids[job.name] for job in one}, {ids[job.name] for job in other}
        across = {(a, b) for a, b in arrows if a in before and b in after}
        last = before - {a for a, b in arrows if b in before}
        first = after - {b for a, b in arrows if a in after}
        if len(across) > 1 and across == {(a, b) for a in last for b in first}:
            left -= across
            found.append(number)
    return left, found


def _node(job: Job, ids: Mapping[str, str]) -> str:
    closed = job.below and not any(one.name in ids for one in job.below)
    state = counted(job.below) if closed else job.state
    return f'  {ids[job.name]}["{label(job.name)}<br/>{state}"]:::{_kind(job.state)}'


def _kind(state: State) -> str:
    if state == "no change":
        return "done"
    return state if state in _COLOURS else "ended"


def _by_number(arrow: tuple[str, str]) -> tuple[int, int]:
    return int(arrow[0][1:]), int(arrow[1][1:])
