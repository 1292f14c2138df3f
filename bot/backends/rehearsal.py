"""An agent that plays acts from a script, without any CLI or model: for fast tests, and for trying a workflow out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.agents.task import AgentEvent, Outcome, Task, Tell
from bot.sandbox import process


@dataclass(frozen=True)
class Write:
    """Make a file with this text, or replace it; its folders are made."""

    path: str
    text: str


@dataclass(frozen=True)
class Append:
    """Add to a file's end."""

    path: str
    text: str


@dataclass(frozen=True)
class Delete:
    """Remove a file."""

    path: str


@dataclass(frozen=True)
class Run:
    """Run a command line in the worktree, whatever its exit code."""

    command: str


@dataclass(frozen=True)
class Say:
    """Words; the last are the agent's last words."""

    text: str


@dataclass(frozen=True)
class Plan:
    """Show the plan: its items, of which the first `done` are done."""

    items: tuple[str, ...]
    done: int = 0


@dataclass(frozen=True)
class Fail:
    """End here with this outcome."""

    outcome: Outcome


@dataclass(frozen=True)
class Hang:
    """Do nothing more, until somebody ends it."""


Act = Write | Append | Delete | Run | Say | Plan | Fail | Hang
Tries = Mapping[int, Sequence[Act]]


class Rehearsal:
    """The backend. `scripts` has, by a text that stands in the prompt, the acts of each try; the first that fits is
    played, and `""` fits always. A try that is not there plays nothing."""

    name = "rehearsal"

    def __init__(self, scripts: Mapping[str, Tries] | None = None) -> None:
        self._scripts = scripts or {}

    async def run(self, task: Task, tell: Tell) -> Outcome:
        tries = next((tries for text, tries in self._scripts.items() if text in task.prompt), {})
        words = ""
        for act in tries.get(task.attempt, ()):
            if isinstance(act, Fail):
                return act.outcome
            words = act.text if isinstance(act, Say) else words
            await _play(act, task, tell)
        return Outcome("finished", words, usd=0.0)


BACKEND = Rehearsal()


async def _play(act: Act, task: Task, tell: Tell) -> None:
    match act:
        case Write(path, text) | Append(path, text):
            tell(AgentEvent("tool", f"{type(act).__name__} {path}"))
            file = task.worktree / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w" if isinstance(act, Write) else "a", encoding="utf-8") as out:
                out.write(text)
        case Delete(path):
            tell(AgentEvent("tool", f"Delete {path}"))
            (task.worktree / path).unlink()
        case Run(command):
            tell(AgentEvent("tool", f"Run {command}"))
            await _run(command, task, tell)
        case Say(text):
            tell(AgentEvent("text", text))
        case Plan(items, done):
            lines = (f"[{'x' if number < done else ' '}] {item}" for number, item in enumerate(items))
            tell(AgentEvent("plan", "\n".join(lines)))
        case Hang():
            await asyncio.Event().wait()


async def _run(command: str, task: Task, tell: Tell) -> None:
    await process.run(
        ["/bin/sh", "-c", command],
        cwd=task.worktree,
        env={**task.environment, "HOME": str(task.home)},
        run_id=f"{task.run}/{task.key}",
        on_line=lambda line: tell(AgentEvent("output", line)),
        heard=task.heard,
        jail=task.jail,
        doors=task.doors,
    )
