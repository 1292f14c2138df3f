"""A run as it happens: line by line in the terminal, and, where it has several jobs, its graph below them."""

import json
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape

from bot.agents.task import AgentEvent
from bot.invisible import cleaned
from bot.operate.graph_screen import COLOURS, drawing
from bot.publish import text
from bot.publish.graph_view import WELL
from bot.store import runs
from bot.store.board import Board
from bot.store.db import Database
from bot.store.record import Node, Run

_SHOWN = 110
_WHAT, _NAME = 10, 36  # the least and the most room for what a line is about


class Screen:
    """Prints what changes, as a context for as long as it does. Of many jobs each line begins with whose it is."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()
        self._seen: dict[str, str] = {}
        self._said: set[str] = set()
        self._jobs: frozenset[str] = frozenset()
        self._last: tuple[Run, Sequence[Node]] | None = None
        self._live: Live | None = None
        self._pending: set[str] = set()

    def __enter__(self) -> "Screen":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        elif self._jobs:
            self.console.print(self._drawing())

    def line(self, what: str, words: str, style: str = "") -> None:
        """One line: seconds since the beginning, what it is about, the words."""
        words = cleaned(words)  # an agent's words give no orders to the terminal
        passed = time.monotonic() - self._began
        pad = max(_WHAT, min(_NAME, max(map(len, self._jobs), default=0)))
        room = max(20, self.console.width - pad - 13) if self.console.is_terminal else _SHOWN
        shown = escape(words if len(words) <= room else words[: room - 3] + "...")
        self.console.print(
            f"[dim]{passed:6.1f} s[/dim]  [bold]{escape(what):<{pad}}[/bold] [{style or 'default'}]{shown}[/]",
            soft_wrap=True,
        )

    def once(self, what: str, words: str) -> None:
        """A line that is not said again."""
        if words not in self._said:
            self._said.add(words)
            self.line(what, words)

    def heard(self, _run: str, key: str, event: AgentEvent) -> None:
        """One word of an agent; where there are many of them, what each does with its tools is not said."""
        job = key.partition(".")[0]
        many = job in self._jobs
        lines = [line for line in event.text.strip().splitlines() if line.strip()]
        if event.kind == "plan":
            done = sum(line.startswith("[x]") for line in lines)
            words = f"{done} of {len(lines)} done: " + "; ".join(line[4:] for line in lines)
            self.line(job if many else "plan", words, "dim")
        elif lines and event.kind in (("text", "retry") if many else ("text", "tool", "retry")):
            words = lines[0] if event.kind == "tool" else _gist(lines)
            self.line(job if many else "agent", words, "default" if event.kind == "tool" else "italic")

    def watch(self, db: Database, board: Board) -> None:
        """Print every step that begins or ends from now on."""

        async def look(run_id: str) -> None:
            self._pending.discard(run_id)
            run = await db.read(lambda conn: runs.get(conn, run_id))
            assert run is not None
            self.show(run, await db.read(lambda conn: runs.tree(conn, run_id)))

        def changed(run_id: str) -> None:
            if run_id not in self._pending:
                self._pending.add(run_id)
                board.later(look(run_id))

        board.listeners.append(changed)

    def show(self, run: Run, rows: Sequence[Node]) -> None:
        """What is new since it was last shown; where it can be drawn over, the graph as it stands is drawn below."""
        self._jobs = frozenset(str(entry["name"]) for entry in run.facts.get("graph", ()))
        self._last = run, rows
        for node in rows:
            self._show(node)
        if self._jobs and self._live is None and self.console.is_terminal:
            self._live = Live(get_renderable=self._drawing, console=self.console, refresh_per_second=2)
            self._live.start()

    def _drawing(self) -> RenderableType:
        assert self._last is not None
        run, rows = self._last
        return drawing(run, rows, time.time(), self.console.height // 2 if run.active else 0)

    def _show(self, node: Node) -> None:
        if node.state in ("queued", self._seen.get(node.key)):
            return
        self._seen[node.key] = node.state
        job = node.key.partition(".")[0]
        if job in self._jobs and node.key != job and node.state in (*WELL, "running"):
            return  # which the job's own row says
        reason = text.in_a_line(node.reason).splitlines()[0].strip("`") if node.reason else ""
        words = node.state if node.key in self._jobs else f"{node.title}: {node.state}"
        what = job if job in self._jobs else "step"
        self.line(what, words + (f", {reason}" if reason else ""), COLOURS.get(node.state, ""))


def _gist(lines: Sequence[str]) -> str:
    """The first line that tells something; of an answer that is data, what it says of itself."""
    plain = [line for line in lines if not line.lstrip().startswith("```")]
    if not plain or plain[0].lstrip()[:1] != "{":
        return plain[0] if plain else lines[0]
    try:
        said, _ = json.JSONDecoder().raw_decode("\n".join(plain).lstrip())
    except (ValueError, RecursionError):
        return plain[0]
    summary = said.get("summary")
    if isinstance(summary, str) and summary.strip():
        return summary.strip().splitlines()[0]
    return "; ".join(f"{key}: {_extent(value)}" for key, value in said.items()) or plain[0]


def _extent(value: Any) -> str:
    """A value of an answer, or how much of it there is."""
    if isinstance(value, list | dict):
        return str(len(value))
    return str(value).lower() if isinstance(value, bool | None) else " ".join(str(value).split())
