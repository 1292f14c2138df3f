"""A stage on which every backend plays the same acts: one worktree, one home, walls, and a model that is played."""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.agents.task import AgentEvent, Backend, Outcome, Task
from bot.backends.claude import Claude
from bot.backends.command import Command
from bot.backends.rehearsal import Act, Rehearsal, Run, Say, Write
from bot.emulator import model
from bot.sandbox.gateway import Gateway, Lease
from bot.sandbox.jail import Jail, Limits, Walls
from tests.counter import Purse
from tests.walls import strong

NAMES = ("claude", "command", "rehearsal")
PYTHON = getattr(sys, "_base_executable", sys.executable)
ASKED = "Please do the work."


@dataclass
class Stage:
    """`perform` has a backend play acts; `events` is what it told, `lease` what it may spend.

    Without a network: the lease's door is the only way out.
    """

    name: str
    folder: Path
    played: model.PlayedModel
    jail: Jail
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
        self.jail.own(self.worktree, self.home, self.jail.tmp)
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
            gateway=self.jail.url(self.lease.door),
            token=self.lease.token,
            jail=self.jail,
            doors=(self.lease.door,),
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


async def built(
    name: str, folder: Path, played: model.PlayedModel, gateway: Gateway, walls: Walls | None = None
) -> Stage:
    """A stage with a place of its own."""
    worktree, home, tmp = folder / "worktree", folder / "homes/one", folder / "tmp"
    for place in (worktree, home, tmp):
        place.mkdir(parents=True)
    walls = walls or strong()
    jail = walls.jail(tmp, writable=(worktree, home))
    lease = await gateway.open("run", 5.0, purse=Purse(), uid=jail.uid, tcp=walls.tier != "strong")
    return Stage(name, folder, played, jail, lease)


def limited(stage: Stage, **limits: int) -> Stage:
    """The same stage with other limits of what its processes may use."""
    walls = replace(stage.jail.walls, limits=Limits(**limits))
    return replace(stage, jail=replace(stage.jail, walls=walls))


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
