"""The status of a run in words: one headline, why it stands so, and its steps as a tree. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from bot.errors import State
from bot.github.harmless import code, harmless
from bot.publish.text import duration, fence, folded, money, tail
from bot.store.record import Node, Run, busy, total, total_cost


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
    steps = "\n".join(tree(shown))
    if not run.active and steps:
        count = len(shown.steps)
        steps = folded(f"{count} step{'s' if count != 1 else ''}", steps)
    why = _why(shown)
    below = [why, steps] if not run.active else [steps, why]
    taken = [run.context.get("taken_as", ""), run.facts.get("again", "")]
    return "\n\n".join(part for part in (headline(shown), *taken, *below) if part).rstrip() + "\n"


def _why(shown: Status) -> str:
    """Why the run stands as it does, or how it can be ended."""
    run = shown.run
    if run.reason or not run.active:
        return run.reason
    if run.facts.get("pause"):
        return f"{run.facts['pause']} What is under way ends first."
    if shown.trigger:
        return f"Take the label `{shown.trigger}` off, say `/cancel` or close the issue, to cancel."
    return "Say `/cancel` to end it."


def headline(shown: Status) -> str:
    run = shown.run
    facts = [f"**{shown.title}**", state_words(run.state, shown.place)]
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


def tree(shown: Status) -> list[str]:
    """A line for each step; where there are several jobs, below a line for its job."""
    jobs = list(shown.run.context["workflow"].get("jobs", {}))
    lines = []
    for job, found in groupby(shown.steps, lambda node: _job(node, jobs)):
        steps = list(found)
        inner = [step_line(node, shown.now) for node in steps]
        if job:
            lines.append(job_line(job, steps, shown.now))
            inner = ["\n".join(f"  {line}" for line in one.split("\n")) for one in inner]
        lines += inner
    return lines


def _job(node: Node, jobs: Sequence[str]) -> str:
    """The job that a step belongs to, where there are several to tell apart."""
    name = node.key.partition(".")[0]
    return name if len(jobs) > 1 and name in jobs and "." in node.key else ""


def job_line(job: str, steps: Sequence[Node], now: float) -> str:
    """A job as its steps are: done once all of them are, else the state of the last one that began."""
    begun = [node for node in steps if node.started_at is not None]
    state = "done" if steps and all(node.state == "done" for node in steps) else begun[-1].state if begun else "queued"
    words = [f"**{job}**", *([state] if state not in ("done", "queued") else [])]
    if begun:
        ends = [node.ended_at or now for node in begun]
        words.append(duration(max(ends) - min(node.started_at or now for node in begun)))
        words.append(money(total(node.cost_usd for node in begun)))
    return f"- [{'x' if state == 'done' else ' '}] " + " · ".join(words)


def step_line(node: Node, now: float, name: str = "") -> str:
    """A step, what it says, and its plan; with `name` for who has to name it."""
    box = "x" if node.state == "done" else " "
    words = [node.title]
    if node.state not in ("done", "queued"):
        words.append(f"**{node.state}**")
    if node.started_at is not None:
        words.append(duration((node.ended_at or now) - node.started_at))
    if node.cost_usd is None or node.cost_usd > 0:
        words.append(money(node.cost_usd))
    words += [code(name)] if name else []
    line = f"- [{box}] " + " · ".join(words)
    if node.reason:
        line += f"\n  {harmless(node.reason)}"
    return line + "".join(f"\n  - {harmless(item)}" for item in node.plan.splitlines())


def check_summary(steps: Sequence[Node], output: str) -> str:
    """The run's steps, and the end of what its tests printed."""
    lines = "\n".join(step_line(node, node.ended_at or 0) for node in steps if node.ended_at)
    return lines + ("\n\n" + fence(tail(output)) if output.strip() else "")
