"""The jobs of a run as a list: a line for each, its steps only while it runs or where it failed, many as one. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.github.harmless import code, phrase
from bot.publish.graph_view import SWARM, Job, View, counted, named
from bot.publish.step_text import step_line
from bot.publish.text import duration, money
from bot.store.record import PAST, Node

ROOM = 40_000  # characters
_NAMED = 60  # jobs on the top level that are named, whatever their state
_WHOLE = 4  # tests of everything together that are shown where there were more
_REASON = 300  # characters
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_/-]*")


def lines(view: View, now: float, room: int = ROOM) -> list[str]:
    """The list, as full as there is room for: first steps go, then jobs are counted instead of named."""
    for steps, most in ((True, _NAMED), (False, _NAMED), (False, SWARM)):
        whole = [*_steps(view.before, now), *_level(view.jobs, now, steps=steps, most=most, depth=0)]
        whole += _steps(_recent(view.after), now)
        if sum(len(line) + 1 for line in whole) <= room:
            return whole
    return cut(whole, len(whole), room)


def cut(whole: Iterable[str], count: int, room: int) -> list[str]:
    """As many of the lines as there is room for, and how many of `count` are left out; no others are made."""
    kept, used = list[str](), 60
    for line in whole:
        used += len(line) + 1
        if used > room:
            return [*kept, f"- and {count - len(kept):,} more lines, left out here"]
        kept.append(line)
    return kept


def _level(jobs: Sequence[Job], now: float, *, steps: bool, most: int, depth: int) -> list[str]:
    """The jobs of one level; below the top, where there are more than a dozen, only those that need to be seen."""
    shown, left = named(jobs, most if depth == 0 else SWARM)
    found: list[str] = []
    if depth == 0 and len(shown) < len(jobs):
        found.append(f"- {counted(jobs)}")
    for job in shown:
        found += job_line(job, now).split("\n")
        if steps and not job.joins and (job.state == "running" or job.bad):
            found += [f"  {line}" for line in _inner(job, now)]
        found += [f"  {line}" for line in _level(job.below, now, steps=steps, most=most, depth=depth + 1)]
    return [*found, *(f"- and {words}" for words in left)]


def job_line(job: Job, now: float) -> str:
    """A job: its name, its state where that is not plain from the box, how those below stand, time, cost, and why."""
    words = [f"**{name(job.name)}**"]
    if job.state not in ("done", "queued") and not (job.joins and job.state in ("running", "failed")):
        words.append(f"**{job.state}**" if job.bad else job.state)
    if job.below:
        words.append(counted(job.below))
    if (seconds := job.seconds(now)) is not None and job.state != "skipped":
        words.append(duration(seconds))
        words += [money(job.cost_usd)] if job.cost_usd != 0 else []
    line = f"- [{'x' if job.state in ('done', 'no change') else ' '}] " + " · ".join(words)
    told = job.reason and not any(one.bad for one in job.below)
    return f"{line}\n  {phrase(job.reason, _REASON)}" if told else line


def name(words: str) -> str:
    """The name of a job in Markdown."""
    return words.replace("_", r"\_") if _PLAIN.fullmatch(words) else code(words, 100)


def _inner(job: Job, now: float) -> list[str]:
    """The steps of a job; its own reason is not said again below it, nor what it did in a life before."""
    found = []
    for step in job.steps:
        if PAST in step.key:
            continue
        reason = "" if step.reason == job.reason else phrase(step.reason, _REASON)
        found.append(replace(step, reason=reason, plan=step.plan if step.state == "running" else ""))
    return _steps(found, now)


def _steps(steps: Sequence[Node], now: float) -> list[str]:
    return "\n".join(step_line(step, now) for step in steps).split("\n") if steps else []


def _recent(after: Sequence[Node]) -> list[Node]:
    """The steps of the whole, of many that went well (where one was looked for that broke the tests) the last."""
    tests = [step for step in after if ".test." in step.key]
    spared = {step.key for step in tests[:-_WHOLE]}
    return [step for step in after if step.key not in spared]
