"""An agent that plays acts from a script, without any CLI or model: for fast tests, and for trying a workflow out."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

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
class Wait:
    """Do nothing for so many seconds, as an agent that thinks."""

    seconds: float


@dataclass(frozen=True)
class Hang:
    """Do nothing more, until somebody ends it."""


Act = Write | Append | Delete | Run | Say | Plan | Fail | Wait | Hang
Tries = Mapping[int, Sequence[Act]]


class Rehearsal:
    """The backend. `scripts` has, by a text that stands in the prompt, the acts of each try; the first that fits is
    played, and `""` fits always. A try that is not there plays nothing."""

    name = "rehearsal"

    def __init__(self, scripts: Mapping[str, Tries] | None = None) -> None:
        self._scripts = scripts or {}

    def acts(self, task: Task) -> Sequence[Act]:
        """What is played for a task; it is asked once for each."""
        tries = next((tries for text, tries in self._scripts.items() if text in task.prompt), {})
        return tries.get(task.attempt, ())

    async def run(self, task: Task, tell: Tell) -> Outcome:
        words = ""
        for act in self.acts(task):
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
            with _folder(task, path) as folder:
                _write(task, folder, Path(path).name, text, os.O_TRUNC if isinstance(act, Write) else os.O_APPEND)
        case Delete(path):
            tell(AgentEvent("tool", f"Delete {path}"))
            with _folder(task, path) as folder:
                os.unlink(Path(path).name, dir_fd=folder)
        case Run(command):
            tell(AgentEvent("tool", f"Run {command}"))
            await _run(command, task, tell)
        case Say(text):
            tell(AgentEvent("text", text))
        case Plan(items, done):
            lines = (f"[{'x' if number < done else ' '}] {item}" for number, item in enumerate(items))
            tell(AgentEvent("plan", "\n".join(lines)))
        case Wait(seconds):
            await asyncio.sleep(seconds)
        case Hang():
            await asyncio.Event().wait()


@contextmanager
def _folder(task: Task, path: str) -> Iterator[int]:
    """The folder of a file in the worktree, open; folders that are not there are made, for the place's user.

    No link is followed, for what ran before may have put one there. Raises OSError, ValueError for a path out of it.
    """
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError(f"{path!r} is not in the worktree")
    with ExitStack() as opened:
        folder = _open(task.worktree)
        opened.callback(os.close, folder)
        for name in Path(path).parts[:-1]:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=folder)
                _own(task, name, folder)
            folder = _open(name, folder)
            opened.callback(os.close, folder)
        yield folder


def _open(name: str | Path, folder: int | None = None) -> int:
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)


def _write(task: Task, folder: int, name: str, text: str, how: int) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | how, 0o666, dir_fd=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    _own(task, name, folder)


def _own(task: Task, name: str, folder: int) -> None:
    if task.jail.uid is not None:
        os.chown(name, task.jail.uid, task.jail.uid, dir_fd=folder, follow_symlinks=False)


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
