"""The status of a run in words: one headline, why it stands so, and its steps as a tree. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import State
from bot.github.harmless import code, phrase
from bot.publish import graph_picture, job_text, reason_text
from bot.publish.graph_view import WELL, counted, view
from bot.publish.step_text import step_line as step_line
from bot.publish.text import duration, fence, folded, money, tail
from bot.store.record import Node, Run, busy, total_cost

ROOM = 60_000  # characters of a status: GitHub takes 65,536
_LEAST = 4_000  # for the jobs, whatever else there is to say
_SUMMARY = 40_000  # for the steps of a check run, which has what its tests printed below, and for those by name
_NAMED = 200  # steps by name


@dataclass(frozen=True)
class Status:
    """What a status shows: the run, its steps, where it stands in the queue, and where to look."""

    run: Run
    title: str
    steps: Sequence[Node]
    now: float
    place: int = 0
    page: str = ""
    check: str = ""
    trigger: str = ""


def status(shown: Status) -> str:
    """The one status comment of a run; once it has ended its steps are folded, below what came of it."""
    run = shown.run
    why = _why(shown)
    taken = [run.context.get("taken_as", ""), run.facts.get("again", "")]
    told = sum(map(len, (why, *taken)))
    count, steps = _steps(shown, max(ROOM - told, _LEAST))
    if not run.active and steps:
        steps = folded(count, steps)
    below = [why, steps] if not run.active else [steps, why]
    return "\n\n".join(part for part in (headline(shown), *taken, *below) if part).rstrip() + "\n"


def _steps(shown: Status, room: int) -> tuple[str, str]:
    """How many steps or jobs there are, and all of them; of jobs also a picture of what needs what."""
    seen = view(shown.run.facts.get("graph", ()), shown.steps, active=shown.run.active)
    if not seen.jobs:
        count = len(shown.steps)
        return f"{count} step{'s' if count != 1 else ''}", "\n".join(step_line(node, shown.now) for node in shown.steps)
    drawn = graph_picture.picture(seen)
    drawn = drawn if len(drawn) < room / 2 else ""
    listed = "\n".join(job_text.lines(seen, shown.now, min(job_text.ROOM, room - len(drawn))))
    return f"Jobs: {counted(seen.leaves())}", f"{drawn}\n\n{listed}".lstrip()


def _why(shown: Status) -> str:
    """Why the run stands as it does, or how it can be ended."""
    run = shown.run
    if run.reason or not run.active:
        return reason_text.told(run)
    if run.facts.get("pause"):
        return f"{run.facts['pause']} What is under way ends first."
    if shown.trigger:
        return f"Take the label {code(shown.trigger)} off, say `/cancel` or close the issue, to cancel."
    return "Say `/cancel` to end it."


def headline(shown: Status) -> str:
    run = shown.run
    facts = [f"**{phrase(shown.title)}**", state_words(run.state, shown.place)]
    if run.started_at is not None:
        whole = (run.ended_at or shown.now) - run.started_at
        facts.append(duration(busy(shown.steps) if run.life > 1 or run.state == "waiting" else whole))
        facts.append(money(run.cost_usd if not run.active else total_cost(shown.steps)))
    if shown.check:
        facts.append(f"[check]({shown.check})")
    if shown.page:
        facts.append(f"[run]({shown.page})")
    return " · ".join(facts)


def state_words(state: State, place: int = 0) -> str:
    return f"queued, place {place}" if state == "queued" and place else state


def named_steps(steps: Sequence[Node], now: float) -> str:
    """The steps with the names by which commands know them; of very many those that run or did not end well."""
    quiet = {*WELL, "queued", "skipped"}
    shown = [node for node in steps if len(steps) <= _NAMED or node.state not in quiet]
    return "\n".join(job_text.cut((step_line(node, now, name=node.key) for node in shown), len(shown), _SUMMARY))


def check_summary(steps: Sequence[Node], output: str, graph: Sequence[Mapping[str, Any]] = ()) -> str:
    """The run's steps, or the jobs of its graph, and the end of what its tests printed."""
    ended = [node for node in steps if node.ended_at]
    if graph:
        lines = job_text.lines(view(graph, ended, active=True), 0, _SUMMARY)
    else:
        lines = job_text.cut((step_line(node, node.ended_at or 0) for node in ended), len(ended), _SUMMARY)
    return "\n".join(lines) + ("\n\n" + fence(tail(output)) if output.strip() else "")
