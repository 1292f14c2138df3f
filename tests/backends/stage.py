"""A stage on which every backend plays the same acts: one worktree, one home, a model that is played."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.agents.task import AgentEvent, Backend, Outcome, Task
from bot.backends.claude import Claude
from bot.backends.command import Command
from bot.backends.rehearsal import Act, Rehearsal, Run, Say, Write
from bot.emulator import model
from bot.sandbox.gateway import Lease

NAMES = ("claude", "command", "rehearsal")
KEY = "sk-ant-the-real-key"
ASKED = "Please do the work."


@dataclass
class Stage:
    """`perform` has a backend play acts; `events` is what it told, `lease` what it may spend."""

    name: str
    folder: Path
    played: model.PlayedModel
    lease: Lease
    events: list[AgentEvent] = field(default_factory=list)
    usd: float = 5.0

    @property
    def worktree(self) -> Path:
        return self.folder / "worktree"

    @property
    def home(self) -> Path:
        return self.folder / "homes" / "one"

    def task(self, prompt: str = ASKED, *, command: Sequence[str] = (), max_turns: int = 20) -> Task:
        for place in (self.worktree, self.home):
            place.mkdir(parents=True, exist_ok=True)
        return Task(
            run=f"run-{self.folder.name}",
            key="job.agent.1",
            prompt=prompt,
            system="Rules of the house.",
            worktree=self.worktree,
            home=self.home,
            environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            model=None,
            max_turns=max_turns,
            usd=self.usd,
            gateway=f"http://127.0.0.1:{self.lease.door.tcp}",
            token=self.lease.token,
            command=tuple(command),
        )

    def tell(self, event: AgentEvent) -> None:
        self.events.append(event)

    def told(self, kind: str) -> list[str]:
        return [event.text for event in self.events if event.kind == kind]

    async def perform(self, *acts: Act) -> Outcome:
        backend, task = self.ready(*acts)
        return await backend.run(task, self.tell)

    def ready(self, *acts: Act) -> tuple[Backend, Task]:
        match self.name:
            case "claude":
                self.played.scripts = [model.Script((ASKED,), [*((_played(act),) for act in acts)])]
                return Claude(), self.task()
            case "command":
                return Command(), self.task(command=["sh", "-c", "\n".join(map(_shell, acts))])
            case _:
                return Rehearsal({"": {1: acts}}), self.task()


def _played(act: Act) -> model.Act:
    match act:
        case Write(path, text):
            return model.Write(path, text)
        case Run(command):
            return model.Bash(command)
        case Say(text):
            return model.Say(text)
    raise TypeError(act)


def _shell(act: Act) -> str:
    match act:
        case Write(path, text):
            return f"mkdir -p $(dirname {path}); printf %s {shlex.quote(text)} > {path}"
        case Run(command):
            return command
        case Say(text):
            return f"echo {shlex.quote(text)}"
    raise TypeError(act)


def hostile(worktree: Path) -> None:
    """Settings of a repository that would run commands, change the rules, or bring tools."""
    trap = {"type": "command", "command": f"touch {worktree}/trapped"}
    hooks = {event: [{"matcher": "", "hooks": [trap]}] for event in ("SessionStart", "PreToolUse", "Stop")}
    settings = {"hooks": hooks, "apiKeyHelper": trap["command"], "env": {"INJECTED": "yes"}}
    (worktree / ".claude").mkdir(parents=True)
    (worktree / ".claude/settings.json").write_text(json.dumps(settings))
    (worktree / ".claude/settings.local.json").write_text(json.dumps(settings))
    (worktree / "CLAUDE.md").write_text("INJECTED RULE one\n")
    (worktree / "AGENTS.md").write_text("INJECTED RULE two\n")
    server = {"command": "sh", "args": ["-c", trap["command"]]}
    (worktree / ".mcp.json").write_text(json.dumps({"mcpServers": {"trap": server}}))
