"""Runs of this installation at the terminal: a list of them, one as a drawing or as JSON, one as it happens."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bot.errors import UserError
from bot.invisible import cleaned
from bot.operate.graph_screen import drawing, headline, one_line, seconds
from bot.operate.screen import Screen
from bot.operate.upkeep import database
from bot.publish import text
from bot.publish.graph_view import Job, view
from bot.settings import Settings
from bot.store import listing, runs
from bot.store.db import Database
from bot.store.record import Node, Run, total_cost

_SHORT = 8  # characters of an id in a list
_NAMED = 5  # runs that an id could mean


@dataclass(frozen=True)
class Seen:
    """A run, its rows, and when that was, in seconds since the epoch."""

    run: Run
    rows: Sequence[Node]
    now: float


# ---- looking ---------------------------------------------------------------------------------------------------------


async def newest(settings: Settings, repo: str | None, most: int) -> list[Seen]:
    """The newest runs of a repository, or of all; no more than `most`."""
    async with database(settings) as db:
        found = await db.read(lambda conn: listing.newest(conn, repo, most))
        return [await _seen(db, run) if run.active or run.life > 1 else Seen(run, (), time.time()) for run in found]


async def one(settings: Settings, beginning: str) -> Seen:
    """The run whose id begins so. Raises UserError where there is none, or more than one."""
    async with database(settings) as db:
        return await _seen(db, await _find(db, beginning))


async def watch(settings: Settings, console: Console, beginning: str, pace: float = 1.0) -> Run:
    """Show a run until it has ended, looking every `pace` seconds; as it ended. Raises UserError as `one`."""
    async with database(settings) as db:
        run_id = (await _find(db, beginning)).id
        return await (_drawn if console.is_terminal else _told)(db, console, run_id, pace)


async def _drawn(db: Database, console: Console, run_id: str, pace: float) -> Run:
    with Live(console=console, auto_refresh=False) as live:
        while True:
            seen = await _look(db, run_id)
            live.update(drawing(seen.run, seen.rows, seen.now, console.height), refresh=True)
            if not seen.run.active:
                live.update(whole(seen), refresh=True)
                return seen.run
            await asyncio.sleep(pace)


async def _told(db: Database, console: Console, run_id: str, pace: float) -> Run:
    """Where nothing can be drawn over: a line for each change, and the drawing and the reason once it has ended."""
    with Screen(console) as screen:
        while True:
            seen = await _look(db, run_id)
            screen.show(seen.run, seen.rows)
            if not seen.run.active:
                break
            await asyncio.sleep(pace)
    if not seen.run.facts.get("graph"):
        console.print(headline(seen.run, seen.rows, seen.now))
    for why in _why(seen.run):
        console.print(why)
    return seen.run


async def _look(db: Database, run_id: str) -> Seen:
    run = await db.read(lambda conn: runs.get(conn, run_id))
    assert run is not None
    return await _seen(db, run)


async def _seen(db: Database, run: Run) -> Seen:
    return Seen(run, await db.read(lambda conn: runs.tree(conn, run.id)), time.time())


async def _find(db: Database, beginning: str) -> Run:
    found = await db.read(lambda conn: listing.beginning(conn, beginning, _NAMED + 1))
    if not found:
        raise UserError(f"There is no run whose id begins with {beginning}; `tutti runs list` lists the newest.")
    if len(found) > 1:
        more = ", ..." if len(found) > _NAMED else ""
        raise UserError(f"Several runs begin with {beginning}: {', '.join(run.id for run in found[:_NAMED])}{more}.")
    return found[0]


# ---- saying ----------------------------------------------------------------------------------------------------------


def table(found: Sequence[Seen]) -> Table:
    """The runs as a table for the terminal."""
    shown = Table("run", "workflow", "for", "state", "started", "time", "cost", box=None, pad_edge=False)
    for seen in found:
        run = seen.run
        took = text.duration(seconds(run, seen.rows, seen.now)) if run.started_at is not None else "-"
        began, cost = (_minute(run.started_at), text.money(_cost(seen))) if run.started_at is not None else ("-", "-")
        name = one_line(run.context["workflow"]["name"])
        words = (run.id[:_SHORT], name, run.target, run.state, began, took, cost)
        shown.add_row(*map(escape, words))
    return shown


def whole(seen: Seen) -> RenderableType:
    """One run, drawn, and why it stands so."""
    return Group(drawing(seen.run, seen.rows, seen.now), *_why(seen.run))


def _why(run: Run) -> list[Text]:
    return [Text(f"\n{cleaned(run.reason)}")] if run.reason else []


def as_json(found: Seen | Sequence[Seen]) -> str:
    """A run with its jobs and steps, or a list of runs without these."""
    told = described(found) if isinstance(found, Seen) else [_outline(seen) for seen in found]
    return json.dumps(told, ensure_ascii=False, indent=2)


def described(seen: Seen) -> dict[str, Any]:
    """One run as docs/operate.md has it: times in UTC by ISO 8601, money in US dollars, None where unknown."""
    jobs = view(seen.run.facts.get("graph", ()), seen.rows, active=seen.run.active)
    steps = [*jobs.before, *jobs.after]
    return {
        **_outline(seen),
        "jobs": [_job(job, seen.now) for job in jobs.everybody()],
        "steps": [_step(step, seen.now) for step in steps],
    }


def _outline(seen: Seen) -> dict[str, Any]:
    run = seen.run
    return {
        "id": run.id,
        "workflow": run.context["workflow"]["name"],
        "repo": run.repo,
        "target": run.target,
        "state": run.state,
        "reason": run.reason,
        "created": _moment(run.created_at),
        "started": _moment(run.started_at),
        "ended": _moment(run.ended_at),
        "cost_usd": _cost(seen),
    }


def _job(job: Job, now: float) -> dict[str, Any]:
    took = job.seconds(now)
    return {
        "name": job.name,
        "state": job.state,
        "reason": job.reason,
        "needs": list(job.needs),
        "agent": job.agent,
        "phase": job.phase,
        "seconds": None if took is None else round(took, 3),
        "cost_usd": job.cost_usd,
        "steps": [_step(step, now) for step in job.steps],
    }


def _step(step: Node, now: float) -> dict[str, Any]:
    took = None if step.started_at is None else round((step.ended_at or now) - step.started_at, 3)
    said = {"key": step.key, "title": step.title, "state": step.state, "reason": step.reason}
    return {**said, "seconds": took, "cost_usd": step.cost_usd}


def _cost(seen: Seen) -> float | None:
    return total_cost(seen.rows) if seen.run.active else seen.run.cost_usd


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _minute(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
