"""What an agent is asked to do and what comes back: the contract between a job and its backend."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from bot.sandbox.jail import Door, Jail

EventKind = Literal["text", "tool", "output", "plan", "retry"]
Ending = Literal["finished", "turns", "budget", "refused", "error"]


@dataclass(frozen=True)
class Task:
    """One try of one agent. `environment` is complete: the agent sees nothing of the bot's own.

    Its processes run in `jail` with `doors` as their only ways out; `gateway` is the model's address as seen in there.

    `attempt` counts from 1; `command` is the argv of the `command` backend, from the agent file. `schema`: the JSON
    Schema of the answer, which backends that can hold an agent to one do; the last words are that JSON then. `heard`
    takes a sign of life that is no event, such as a dot on a line that is not ended.
    """

    run: str
    key: str
    prompt: str
    system: str
    worktree: Path
    home: Path
    environment: Mapping[str, str]
    model: str | None
    max_turns: int
    usd: float
    gateway: str
    token: str
    jail: Jail
    doors: tuple[Door, ...] = ()
    attempt: int = 1
    command: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    heard: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class AgentEvent:
    """One line of a transcript: what the agent said or did. `plan` has one item a line, `[x]` before what is done."""

    kind: EventKind
    text: str


@dataclass(frozen=True)
class Outcome:
    """How a try ended. `usd` is the backend's own figure, None where it has none; `text` the agent's last words."""

    ending: Ending
    text: str
    usd: float | None = None
    turns: int = 0
    problem: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


Tell = Callable[[AgentEvent], None]


class Backend(Protocol):
    """Drives one kind of agent. Cancelling `run` ends every process it started within 5 s."""

    @property
    def name(self) -> str: ...

    async def run(self, task: Task, tell: Tell) -> Outcome: ...
