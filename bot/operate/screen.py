"""A run as it happens, line by line in the terminal."""

import time

from rich.console import Console
from rich.markup import escape

from bot.agents.task import AgentEvent
from bot.invisible import cleaned
from bot.store import runs
from bot.store.board import Board
from bot.store.db import Database
from bot.store.record import Node

_COLOURS = {"done": "green", "failed": "red", "running": "cyan", "timed out": "red", "over budget": "yellow"}
_SHOWN = 110


class Screen:
    """Prints what changes. `since` is the moment that times are counted from."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()
        self._seen: dict[str, str] = {}
        self._said: set[str] = set()

    def line(self, what: str, words: str, style: str = "") -> None:
        """One line: seconds since the beginning, what it is about, the words."""
        words = cleaned(words)  # an agent's words give no orders to the terminal
        passed = time.monotonic() - self._began
        room = max(20, self.console.width - 23) if self.console.is_terminal else _SHOWN
        shown = escape(words if len(words) <= room else words[: room - 3] + "...")
        self.console.print(
            f"[dim]{passed:6.1f} s[/dim]  [bold]{what:<10}[/bold] [{style or 'default'}]{shown}[/]", soft_wrap=True
        )

    def once(self, what: str, words: str) -> None:
        """A line that is not said again."""
        if words not in self._said:
            self._said.add(words)
            self.line(what, words)

    def heard(self, _run: str, _key: str, event: AgentEvent) -> None:
        """One word of an agent."""
        lines = [line for line in event.text.strip().splitlines() if line.strip()]
        if event.kind == "plan":
            done = sum(line.startswith("[x]") for line in lines)
            self.line("plan", f"{done} of {len(lines)} done: " + "; ".join(line[4:] for line in lines), "dim")
        elif lines and event.kind in ("text", "tool", "retry"):
            self.line("agent", lines[0], "default" if event.kind == "tool" else "italic")

    def watch(self, db: Database, board: Board) -> None:
        """Print every step that begins or ends from now on."""

        async def show(run_id: str) -> None:
            for node in await db.read(lambda conn: runs.tree(conn, run_id)):
                self._show(node)

        board.listeners.append(lambda run_id: board.later(show(run_id)))

    def _show(self, node: Node) -> None:
        if node.state in ("queued", self._seen.get(node.key)):
            return
        self._seen[node.key] = node.state
        reason = node.reason.splitlines()[0].strip("`") if node.reason else ""
        words = f"{node.title}: {node.state}" + (f", {reason}" if reason else "")
        self.line("step", words, _COLOURS.get(node.state, ""))
