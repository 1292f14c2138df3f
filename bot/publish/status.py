"""The one status comment of a run, kept true: written once, edited when something changed."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import structlog

from bot.errors import TryAgain, UserError
from bot.github.client import GitHub
from bot.github.events import IssueEvent, load
from bot.github.writing import marked
from bot.publish import text
from bot.store import runs
from bot.store.board import Board
from bot.store.db import Database
from bot.store.runs import Run

log = structlog.get_logger(__name__)


def event_of(run: Run) -> IssueEvent:
    """The event that asked for a run."""
    event = load(run.context["event"])
    assert isinstance(event, IssueEvent)
    return event


class Herald:
    """Shows runs on GitHub. `pace` is the least number of seconds between two edits of one comment."""

    def __init__(self, db: Database, board: Board, github: GitHub, public_url: str | None, pace: float) -> None:
        self._db, self._board, self._github = db, board, github
        self._public_url, self._pace = public_url, pace
        self._locks: dict[str, asyncio.Lock] = {}
        self._shown: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}

    def page(self, run_id: str) -> str:
        """Where a run can be watched; empty where the bot has no public address."""
        return f"{self._public_url}/runs/{run_id}" if self._public_url else ""

    def changed(self, run_id: str) -> None:
        """Something about a run changed: show it soon, and no more often than `pace`."""
        if run_id not in self._waiting and run_id in self._shown:
            self._waiting[run_id] = asyncio.get_running_loop().create_task(self._soon(run_id))

    async def _soon(self, run_id: str) -> None:
        try:
            await asyncio.sleep(self._pace)
            del self._waiting[run_id]
            await self.show(run_id)
        except (TryAgain, UserError) as problem:
            log.warning("status not shown", run=run_id, reason=str(problem))

    async def show(self, run_id: str) -> None:
        """Make the comment say what is stored now. Raises what the GitHub client raises."""
        async with self._locks.setdefault(run_id, asyncio.Lock()):
            run, body = await self._db.read(lambda conn: self._compose(conn, run_id))
            if self._shown.get(run_id) != body:
                await self._write(run, body)
                self._shown[run_id] = body
        if not run.active:
            await self._forget(run_id)

    def _compose(self, conn: Any, run_id: str) -> tuple[Run, str]:
        run = runs.get(conn, run_id)
        assert run is not None
        place = runs.place(conn, run) if run.state == "queued" else 0
        workflow = run.context["workflow"]
        shown = text.Status(
            run=run,
            title=workflow["name"],
            steps=runs.tree(conn, run_id),
            now=time.time(),
            place=place,
            page=self.page(run_id),
            check=run.facts.get("check_url", ""),
            trigger=event_of(run).label or "",
        )
        return run, text.status(shown)

    async def _write(self, run: Run, body: str) -> None:
        event, marker = event_of(run), f"run:{run.id}"
        async with self._github.repository(event.repo, {"issues": "write"}) as repo:
            comment, fresh = run.facts.get("comment"), False
            if comment is None:
                since = datetime.fromtimestamp(run.created_at - 60, UTC)
                found = await repo.find_comment(event.issue.number, marker, since)
                comment = found.id if found else await repo.comment(event.issue.number, marked(body, marker))
                fresh = found is None
            if not (fresh or await repo.edit_comment(comment, body, marker)):
                comment = await repo.comment(event.issue.number, marked(body, marker))
            if event.label and not run.active and run.state != "cancelled":  # so that setting it again asks anew
                await repo.remove_label(event.issue.number, event.label)
        await self._db.write(lambda conn: runs.learn(conn, run.id, comment=comment, shown=run.state))

    async def _forget(self, run_id: str) -> None:
        self._locks.pop(run_id, None)
        self._shown.pop(run_id, None)
        if waiting := self._waiting.pop(run_id, None):
            waiting.cancel()

    async def stale(self) -> list[str]:
        """Ended runs whose comment does not say so yet."""
        return await self._db.read(runs.not_shown)

    async def close(self) -> None:
        for waiting in list(self._waiting.values()):
            waiting.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)
