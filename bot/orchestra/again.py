"""Which steps of a graph are done anew when its run is tried again: those that ended badly and what follows. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count, takewhile
from typing import Any

from bot.orchestra.part import REPAIR, WELL, around
from bot.store.record import PAST, Node

_WHOLE = ("trunk", "slice", "publish", "judge")  # the steps that follow from all jobs
_ANEW = ("slice", "publish")  # those of them that no result of before stands for
_AFTER = ("review", "resolve")  # a job's steps that follow from what others made


def redone(
    graph: Sequence[Mapping[str, Any]], steps: Sequence[Node], start: str, pattern: str = "pipeline"
) -> list[str]:
    """The keys of steps and jobs that are done anew, `start` being the step or job from which on (empty: what failed).

    Finished jobs stand, and so does what is merged of them: a job that is played again begins on that. Of teams the
    first plans stand, and the work that nobody had returned yet.
    """
    if pattern == "hierarchy" and not start:
        return _of_teams([node for node in steps if PAST not in node.key], {str(entry["name"]) for entry in graph})
    now = [node for node in steps if PAST not in node.key]
    needs = {str(entry["name"]): tuple(entry["needs"]) for entry in graph}
    first = _of(start, needs) if start else ""
    bad = {first} if start else {node.key for node in now if node.key in needs and node.state not in WELL}
    if not bad and (mend := _last_mend(now, needs)):
        return [*mend, *(node.key for node in now if node.key.partition(".")[0] in _WHOLE)]
    after = _following(bad, needs)
    return [node.key for node in now if _is_redone(node, now, needs, bad, after, start)]


def _last_mend(now: Sequence[Node], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Where all jobs are done and the whole is red: the agent that worked last, its tests, and the job's row."""
    if not any(node.key.startswith("trunk.test.") and node.state not in WELL for node in now):
        return []
    agents = [node for node in now if ".agent." in node.key and _of(node.key, needs) and node.started_at]
    if not agents:
        return []
    last = max(agents, key=lambda node: node.started_at or 0)
    tests = last.key.replace(".agent.", ".test.")
    return [node.key for node in now if node.key in (_of(last.key, needs), last.key, tests)]


def _is_redone(
    node: Node,
    now: Sequence[Node],
    needs: Mapping[str, Sequence[str]],
    bad: set[str],
    after: set[str],
    start: str,
) -> bool:
    if _is_repair(node):  # what it did is merged, and what it could not do may be done now
        return True
    job, step = _of(node.key, needs), node.key.rpartition(f"{_of(node.key, needs)}.")[2]
    if not job:
        head = node.key.partition(".")[0]
        return head in _WHOLE and (node.state not in WELL or head in _ANEW or bool(bad))
    if job in after - bad or (node.key == job and job in bad | around(bad)):
        return True
    if job in bad:
        return node.position >= _from(job, now, needs, start) or step.startswith(_AFTER)
    return job in around(bad) and step.startswith(_AFTER)


def _from(job: str, now: Sequence[Node], needs: Mapping[str, Sequence[str]], start: str) -> int:
    """The position of the first step of a job that is done anew: that of the agent whose work was not well."""
    own = [node for node in now if _of(node.key, needs) == job and node.key != job]
    if start:
        return next((node.position for node in own if node.key == start), 0)
    failed = [node for node in own if node.state not in WELL]
    if not failed:  # it was not merged, or taken back
        after = [node for node in own if ".resolve." in node.key] or [node for node in own if ".agent." in node.key]
        return after[0 if ".resolve." in after[0].key else -1].position if after else 0
    wanted = failed[-1].key.replace(".test.", ".agent.")
    return next((node.position for node in own if node.key == wanted), failed[-1].position)


def _of_teams(now: Sequence[Node], jobs: set[str]) -> list[str]:
    own: dict[str, list[Node]] = {}
    for node in now:
        if (job := _of(node.key, jobs)) and node.key != job and not _is_repair(node):
            own.setdefault(job, []).append(node)
    rows = {node.key: node for node in now}
    stand = {"prepare"} | {key for job, steps in own.items() for key in _standing(rows.get(job), steps)}
    return [node.key for node in now if node.key not in stand]


def _standing(row: Node | None, steps: Sequence[Node]) -> set[str]:
    """The steps of a lead, or of whoever works, that need not be done anew."""
    plans = {node.key for node in steps if node.key.endswith(".plan") and node.state in WELL}
    numbered = {int(number): node for node in steps if (number := node.key.rpartition(".agent.")[2]).isdigit()}
    first = list(takewhile(lambda number: number in numbered, count(1)))  # work that was returned counts on from later
    tried = [node for node in steps if node.key.rpartition(".")[2] in {str(number) for number in first}]
    if row is not None and row.state not in WELL and tried and len(first) == len(numbered):
        bad = first[-1]
        tried = [node for node in tried if node.key.rpartition(".")[2] != str(bad)]
    return plans | {node.key for node in tried}


def _is_repair(node: Node) -> bool:
    return f".{REPAIR}." in node.key


def _of(key: str, jobs: Iterable[str]) -> str:
    """The job that a key is of, or of one of its steps; empty where it is of none."""
    name = key.partition(".")[0]
    return name if name in jobs else ""


def _following(bad: set[str], needs: Mapping[str, Sequence[str]]) -> set[str]:
    """The jobs that need one of these, or one of those, or are a part of them."""
    found = set(bad)
    while True:
        whole = found | around(found)
        more = {name for name, before in needs.items() if set(before) & whole or around({name}) & (found - bad)}
        if more <= found:
            return found
        found |= more
