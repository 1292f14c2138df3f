"""Which steps of a graph are done anew when its run is tried again: those that ended badly and what follows. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.orchestra.part import WELL
from bot.store.record import PAST, Node

_WHOLE = ("trunk", "publish", "judge")  # the steps that follow from all jobs
_AFTER = ("review", "resolve")  # a job's steps that follow from what others made


def redone(graph: Sequence[Mapping[str, Any]], steps: Sequence[Node], start: str) -> list[str]:
    """The keys of steps and jobs that are done anew, `start` being the step or job from which on (empty: what failed).

    Finished jobs stand, and so does what is merged of them: a job that is played again begins on that.
    """
    now = [node for node in steps if PAST not in node.key]
    needs = {str(entry["name"]): tuple(entry["needs"]) for entry in graph}
    first = _of(start, needs) if start else ""
    bad = {first} if start else {node.key for node in now if node.key in needs and node.state not in WELL}
    after = _following(bad, needs)
    return [node.key for node in now if _is_redone(node, now, needs, bad, after, start)]


def _is_redone(
    node: Node,
    now: Sequence[Node],
    needs: Mapping[str, Sequence[str]],
    bad: set[str],
    after: set[str],
    start: str,
) -> bool:
    job, step = _of(node.key, needs), node.key.rpartition(f"{_of(node.key, needs)}.")[2]
    if not job:
        return node.key.partition(".")[0] in _WHOLE and (node.state not in WELL or node.key == "publish" or bool(bad))
    if job in after - bad or (node.key == job and job in bad | _around(bad)):
        return True
    if job in bad:
        return node.position >= _from(job, now, needs, start) or step.startswith(_AFTER)
    return job in _around(bad) and step.startswith(_AFTER)


def _from(job: str, now: Sequence[Node], needs: Mapping[str, Sequence[str]], start: str) -> int:
    """The position of the first step of a job that is done anew: that of the agent whose work was not well."""
    own = [node for node in now if _of(node.key, needs) == job and node.key != job]
    if start:
        return next((node.position for node in own if node.key == start), 0)
    failed = [node for node in own if node.state not in WELL]
    if not failed:
        return 0 if not own else own[-1].position + 1
    wanted = failed[-1].key.replace(".test.", ".agent.")
    return next((node.position for node in own if node.key == wanted), failed[-1].position)


def _of(key: str, jobs: Iterable[str]) -> str:
    """The job that a key is of, or of one of its steps; empty where it is of none."""
    name = key.partition(".")[0]
    return name if name in jobs else ""


def _following(bad: set[str], needs: Mapping[str, Sequence[str]]) -> set[str]:
    """The jobs that need one of these, or one of those, or are a part of them."""
    found = set(bad)
    while True:
        whole = found | _around(found)
        more = {name for name, before in needs.items() if set(before) & whole or _around({name}) & (found - bad)}
        if more <= found:
            return found
        found |= more


def _around(names: Iterable[str]) -> set[str]:
    """The jobs that these are parts of: of `build/api` it is `build`."""
    found: set[str] = set()
    for name in names:
        while "/" in name:
            name = name.rpartition("/")[0]
            found.add(name)
    return found
