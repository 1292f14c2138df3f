"""The one status comment of a run, kept true: written once, edited when something changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bot.errors import TryAgain, UserError
from bot.github.api import Repository
from bot.github.client import GitHub
from bot.github.events import CommentEvent
from bot.github.writing import marked
from bot.publish import status_text
from bot.publish.reply import Replies, post, rights_for, threaded
from bot.publish.subject import event_of, issue_of, label_of
from bot.store import runs
from bot.store.db import Database
from bot.store.runs import Run

Leave = Callable[[Run], Awaitable[None]]
log = structlog.get_logger(__name__)
WRITING_SECONDS = 60.0
WELL = frozenset({"done", "no change", "skipped", "needs approval"})  # how a run ends that did what it was asked for


class Herald:
    """Shows runs on GitHub. `pace` is the least number of seconds between two edits of one comment.

    A review shows itself by its steps; `leave` tells of one that ended before it came to a verdict.
    """

    def __init__(
        self, db: Database, github: GitHub, owner: str, public_url: str | None, pace: float, leave: Leave
    ) -> None:
        self._db, self._github, self._owner, self._leave = db, github, owner, leave
        self._replies = Replies(github)
        self._public_url, self._pace = public_url, pace
        self._locks: dict[str, asyncio.Lock] = {}
        self._shown: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}

    def page(self, run_id: str) -> str:
        """Where a run can be watched; empty where the bot has no public address."""
        return f"{self._public_url}/runs/{run_id}" if self._public_url else ""

    def changed(self, run_id: str) -> None:
        """Something about a run changed: show it soon, and no more often than `pace`."""
        if run_id not in self._waiting:
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
        if await self._is_review(run_id):
            return
        async with self._locks.setdefault(run_id, asyncio.Lock()):
            run, body = await self._db.read(lambda conn: self._compose(conn, run_id))
            if self._shown.get(run_id) != body:
                await self._write(run, body)
                self._shown[run_id] = body
        if not run.active:
            await self._react(run)
            await self._forget(run_id)

    async def _react(self, run: Run) -> None:
        """Show by a reaction to the command how the run that it asked for ended."""
        event = event_of(run)
        if isinstance(event, CommentEvent) and not run.facts.get("reacted"):
            await self._replies.ended(event, well=run.state in WELL)
            await self._db.write(lambda conn: runs.learn(conn, run.id, reacted=True))

    async def _is_review(self, run_id: str) -> bool:
        """Whether it is a review; one that has ended, rests or goes on is shown as that."""
        run = await self._db.read(lambda conn: runs.get(conn, run_id))
        if run is None or run.context["workflow"].get("pattern") != "review":
            return False
        rested = "waiting" in (run.state, run.facts.get("shown"))
        if (rested or not run.active) and run.facts.get("shown") != run.state:
            await self._leave(run)
            if not run.active:
                await self._react(run)
            await self._db.write(lambda conn: runs.learn(conn, run_id, shown=run.state))
        return True

    def _compose(self, conn: Any, run_id: str) -> tuple[Run, str]:
        run = runs.get(conn, run_id)
        assert run is not None
        place = runs.place(conn, run) if run.state == "queued" else 0
        workflow = run.context["workflow"]
        shown = status_text.Status(
            run=run,
            title=workflow["name"],
            steps=runs.tree(conn, run_id),
            now=time.time(),
            place=place,
            page=self.page(run_id),
            check=run.facts.get("check_url", ""),
            trigger="" if "approves" in run.context else label_of(run),
        )
        return run, status_text.status(shown)

    async def _write(self, run: Run, body: str) -> None:
        marker = f"run:{run.id}"
        known = await self._comment_of(run)
        event, at_diff = event_of(run), run.facts.get("at_diff", threaded(event_of(run)))
        async with self._github.repository(event.repo, rights_for(event)) as repo:
            edit = repo.edit_remark if at_diff else repo.edit_comment
            if known is None or not await edit(known, body, marker):
                known, at_diff = await self._post(repo, run, body, marker)
            if await self._may_unlabel(run):
                await repo.remove_label(issue_of(run).number, label_of(run))
        facts = {"comment": known, "at_diff": at_diff, "shown": run.state, "writing": None}
        await self._db.write(lambda conn: runs.learn(conn, run.id, **facts))

    async def _comment_of(self, run: Run) -> int | None:
        """The run's comment; None when it is for this process to write it, and for no other to do so meanwhile."""
        while True:
            comment, mine = await self._db.write(partial(_claim, run_id=run.id, owner=self._owner))
            if comment is not None or mine:
                return comment
            await asyncio.sleep(0.2)

    async def _post(self, repo: Repository, run: Run, body: str, marker: str) -> tuple[int, bool]:
        """The new comment, and whether it stands in the thread at a line that the command stands in."""
        number, event = issue_of(run).number, event_of(run)
        if isinstance(event, CommentEvent) and threaded(event):
            return await post(repo, event, body, marker)
        found = await repo.find_comment(number, marker)
        if found is None:
            return await repo.comment(number, marked(body, marker)), False
        await repo.edit_comment(found.id, body, marker)
        return found.id, False

    async def _may_unlabel(self, run: Run) -> bool:
        """Once a run has ended its label comes off, so that setting it again asks anew: unless somebody did already."""
        if run.active or run.state == "cancelled" or not label_of(run):
            return False
        later = await self._db.read(lambda conn: runs.recent(conn, run.target))
        return not any(other.active and other.workflow == run.workflow for other in later)

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


def _claim(conn: sa.Connection, run_id: str, owner: str) -> tuple[int | None, bool]:
    """The comment's id where it is known, and whether `owner` may write it: one process at a time, for a minute."""
    run = runs.get(conn, run_id, lock=True)
    assert run is not None
    writing = run.facts.get("writing")
    if run.facts.get("comment") is not None:
        return int(run.facts["comment"]), False
    if writing and writing[0] != owner and time.time() - writing[1] < WRITING_SECONDS:
        return None, False
    runs.learn(conn, run_id, writing=[owner, time.time()])
    return None, True
