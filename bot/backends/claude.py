"""Claude Code, driven through its SDK: the real CLI, without the bot's environment or the repository's settings.

Its own permissions are off: what it may do is decided by the jail it runs in. What each setting is for was found by
experiment with Claude Code 2.1.330; the tests hold every one that safety rests on.
"""

import asyncio
import json
import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import claude_agent_sdk as sdk

from bot.agents.task import AgentEvent, Ending, Outcome, Task, Tell
from bot.sandbox import gateway, process
from bot.sandbox.jail import Jail
from bot.sandbox.output import SECONDS, Rate
from bot.sandbox.watchdog import LimitExceeded

TOOLS = ["Agent", "Bash", "Edit", "Glob", "Grep", "NotebookEdit", "Read", "TodoWrite", "Write"]
_ANSWER = "StructuredOutput"  # the tool that it answers with where it is held to a schema
_SHOWN = 4000  # characters of a tool's output that a transcript gets
_MESSAGES = 2000  # in any 5 seconds
_ROUNDS = 30  # of trying to end it, in about 3 seconds
_ENVIRONMENT = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_MAX_RETRIES": "4",  # by itself it repeats for minutes, even what never passes
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_ENABLE_TASKS": "0",  # the plan as one list, TodoWrite, instead of a tool call for each item
    "ENABLE_TOOL_SEARCH": "false",
    "IS_SANDBOX": "1",  # without it, it refuses as root to run any command it is asked to
    "CLAUDE_CODE_ENTRYPOINT": "sdk-py",  # the SDK sets these two, but the start script begins with nothing
    "CLAUDE_CODE_SDK_READS_SESSION_STATE": "1",
}
_MODELS = ("ANTHROPIC_SMALL_FAST_MODEL", *(f"ANTHROPIC_DEFAULT_{kind}_MODEL" for kind in ("HAIKU", "SONNET", "OPUS")))
_ENDINGS: Mapping[str, tuple[Ending, str]] = {
    "error_max_turns": ("turns", "it used all its turns"),
    "error_max_budget_usd": ("budget", "it used all its money"),
    "error_max_structured_output_retries": ("finished", ""),  # whoever reads its last answer says what is wrong with it
}


class Claude:
    """The backend. `cli` is another Claude Code than the one that the SDK brings."""

    name = "claude"

    def __init__(self, cli: Path | None = None) -> None:
        self._cli = cli

    async def run(self, task: Task, tell: Tell) -> Outcome:
        """One conversation with one prompt, in the task's jail. Raises LimitExceeded where it used too much."""
        cli = self._cli or find_cli()
        if cli is None:
            return Outcome("error", "", problem="Claude Code is not installed beside claude-agent-sdk or on PATH")
        with tempfile.TemporaryDirectory(dir=task.home.parent, prefix="start-") as folder, _rules(task) as rules:
            start = _Start(task, Path(folder), rules)
            start.write(cli.resolve())
            story = _Story(task, tell)
            if sentence := await _watched(start, story):
                raise LimitExceeded(sentence)
            return story.outcome(start.complaint())


BACKEND = Claude()


def find_cli() -> Path | None:
    """The Claude Code that the SDK brings, or the one on PATH."""
    bundled = Path(sdk.__file__).with_name("_bundled") / "claude"
    if bundled.is_file():
        return bundled
    found = shutil.which("claude")
    return Path(found) if found else None


@contextmanager
def _rules(task: Task) -> Iterator[Path]:
    """The system prompt as a file that can be read inside; an argument may not have more than 128 kB."""
    handle, name = tempfile.mkstemp(dir=task.home, prefix="rules-", suffix=".md")
    with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is open already
        file.write(task.system)
    task.jail.own(Path(name))
    try:
        yield Path(name)
    finally:
        with suppress(OSError):  # an agent may have put a folder there
            Path(name).unlink(missing_ok=True)


@dataclass(frozen=True)
class _Start:
    """How one CLI is started: by scripts that drop the bot's environment, which the SDK would hand down.

    They are in a folder that is not to be seen inside, for they hold the task's token: no argument may, as every user
    of the machine can read those.
    """

    task: Task
    folder: Path
    rules: Path

    @property
    def mark(self) -> str:
        return f"{self.task.run}/{self.task.key}"

    @property
    def script(self) -> Path:
        return self.folder / "claude"

    @property
    def errors(self) -> Path:
        return self.folder / "errors"

    def write(self, cli: Path) -> None:
        """`cli` is its real path."""
        inside = self.folder / "inside"
        setsid = shutil.which("setsid")
        words = [*([setsid] if setsid else []), "/usr/bin/env", "-i", "/bin/sh", str(inside)]
        self._put(self.script, f'exec {shlex.join(words)} "$@"')
        exports = [f"export {name}={shlex.quote(value)}" for name, value in self._environment().items()]
        jail = replace(self.task.jail, readable=(*self.task.jail.readable, cli))
        line = shlex.join(jail.wrap([str(cli)], cwd=self.task.worktree, doors=self.task.doors))
        pid, errors = (shlex.quote(str(self.folder / name)) for name in ("pid", "errors"))
        self._put(inside, f"echo $$ >{pid}", *exports, f'exec {line} "$@" 2>{errors}')

    def _put(self, path: Path, *lines: str) -> None:
        path.touch(mode=0o700)
        path.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        task = self.task
        return {
            **task.environment,
            "HOME": str(task.home),
            "PWD": str(task.worktree),
            "CLAUDE_CODE_TMPDIR": "/tmp" if task.jail.walls.tier == "strong" else str(task.jail.tmp),
            **_ENVIRONMENT,
            **(dict.fromkeys(_MODELS, task.model) if task.model else {}),  # the gateway refuses others
            **gateway.environment(task.gateway, task.token),
            process.MARK: self.mark,
        }

    def options(self) -> sdk.ClaudeAgentOptions:
        task = self.task
        return sdk.ClaudeAgentOptions(
            cwd=task.worktree,
            cli_path=self.script,
            system_prompt={"type": "preset", "preset": "claude_code"},
            extra_args={"append-system-prompt-file": str(self.rules)},
            setting_sources=[],  # a repository's settings run commands
            strict_mcp_config=True,
            verbatim_prompts=True,  # else `@/any/file` and `/command` in an issue are obeyed
            settings=json.dumps({"includeCoAuthoredBy": False}),
            tools=TOOLS,
            permission_mode="bypassPermissions",
            model=task.model,
            max_turns=task.max_turns,
            max_budget_usd=task.usd,
            max_buffer_size=64 << 20,
            output_format={"type": "json_schema", "schema": dict(task.schema)} if task.schema else None,
        )

    def group(self) -> int | None:
        with suppress(OSError, ValueError):
            return int((self.folder / "pid").read_text())
        return None

    def complaint(self) -> str:
        """The end of what the CLI wrote to standard error."""
        with suppress(OSError), self.errors.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
            return file.read(2000).decode("utf-8", "replace").strip()
        return ""


async def _watched(start: _Start, story: "_Story") -> str:
    """Have the conversation; a sentence where its processes used too much. Nothing of it lives afterwards."""
    talk = asyncio.create_task(_converse(start.task, start, story))
    guard = asyncio.create_task(_guard(start, start.task.jail))
    flood = asyncio.create_task(story.flooded.wait())
    try:
        await asyncio.wait({talk, guard, flood}, return_when=asyncio.FIRST_COMPLETED)
        if guard.done() and not guard.result():
            await asyncio.wait({talk, flood}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        guard.cancel()
        flood.cancel()
        await process.finish(asyncio.create_task(_leave(talk, start, drain=bool(story.flood))))
    if guard.done() and not guard.cancelled() and (sentence := guard.result()):
        return sentence
    if story.flood:
        return story.flood
    talk.result()
    return ""


async def _guard(start: _Start, jail: Jail) -> str:
    """Until it uses too much, in a sentence; nothing when it has ended."""
    while (pid := start.group()) is None:  # noqa: ASYNC110 - a script writes it
        await asyncio.sleep(0.05)
    process.lower(pid)
    return await process.breach(pid, jail, start.folder)


async def _converse(task: Task, start: _Start, story: "_Story") -> None:
    stream = sdk.query(prompt=task.prompt, options=start.options())
    while True:
        try:
            message = await anext(stream)
        except StopAsyncIteration:
            return
        except Exception as error:  # noqa: BLE001 - the SDK raises bare Exception, and again after a failed result
            story.broke(error)
            return
        story.take(message)


async def _leave(talk: "asyncio.Task[None]", start: _Start, *, drain: bool) -> None:
    """End the CLI if it still runs, and whatever it left; with `drain` its words are read to their end first.

    Of a full pipe that nobody reads, the end is never seen.
    """
    forced = not talk.done()
    if forced and not drain:
        talk.cancel()
        if not process.walled(start.task.jail):
            await _signal(start, signal.SIGTERM)
            await asyncio.wait({talk}, timeout=process.GRACE)
    for _ in range(_ROUNDS):  # it may be on the way to the first line of its script still, where nobody knows it
        await _signal(start, signal.SIGKILL)
        await process.sweep(start.mark, start.task.jail)
        if talk.done():
            break
        await asyncio.wait({talk}, timeout=0.1)
    if not talk.done():
        talk.cancel()
    if forced:
        await asyncio.sleep(0.05)  # the end of its pipes comes after its own


async def _signal(start: _Start, number: signal.Signals) -> None:
    await asyncio.sleep(0)  # the SDK stops listening first, and does not take the end for a failure
    if (group := start.group()) is not None:
        process.signal_group(group, number)


@dataclass
class _Story:
    """One conversation as events for people, and how it ended."""

    task: Task
    tell: Tell
    _words: str = ""
    _answer: object = None
    _result: sdk.ResultMessage | None = None
    _problem: str = ""
    flood: str = ""  # a sentence, once it has said too much
    flooded: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._rate = Rate(self.task.jail.walls.limits.output, _MESSAGES)

    def take(self, message: sdk.Message) -> None:
        """Tell of a message; of none after too many or too big ones, for then it is about to be ended."""
        if not self.flood and self._rate.too_much(f"{message!r}\n".encode("utf-8", "replace"), time.monotonic()):
            self.flood = f"Resource limit: it said more than anybody can follow in {SECONDS} seconds."
            self.flooded.set()
        if not self.flood:
            self._take(message)

    def _take(self, message: sdk.Message) -> None:
        match message:
            case sdk.AssistantMessage():
                for block in message.content:
                    self._said(block)
            case sdk.UserMessage(content=list() as blocks):
                for block in blocks:
                    if isinstance(block, sdk.ToolResultBlock):
                        self.tell(AgentEvent("output", _clipped(_text(block.content))))
            case sdk.SystemMessage(subtype="api_retry"):
                self.tell(
                    AgentEvent("retry", f"the model API answered {message.data.get('error_status') or 'nothing'}")
                )
            case sdk.ResultMessage():
                self._result = message

    def broke(self, error: Exception) -> None:
        """The stream ended with an error; after a failed result it says nothing new."""
        if self._result is None:
            self._problem = f"{type(error).__name__}: {error}"

    def outcome(self, complaint: str) -> Outcome:
        """How it ended; `complaint`, from standard error, explains an end without a result."""
        result = self._result
        if result is None:
            problem = f"{self._problem or 'Claude Code ended without a result'}\n{complaint}".strip()
            return Outcome("error", self._words, problem=problem)
        ending, problem = _ending(result)
        return Outcome(
            ending,
            self._last(result) if ending == "finished" else self._words,
            usd=result.total_cost_usd,
            turns=result.num_turns,
            problem=problem,
            details={"api_status": str(result.api_error_status)} if result.api_error_status else {},
        )

    def _last(self, result: sdk.ResultMessage) -> str:
        """Its last words: the data it was asked for, valid or the best it could do; without any, what it said."""
        answer = result.structured_output
        if answer is None and result.subtype != "success":
            answer = self._answer
        if answer is not None:
            return f"```json\n{json.dumps(answer, ensure_ascii=False)}\n```"
        return self._words if result.result is None else result.result

    def _said(self, block: object) -> None:
        match block:
            case sdk.TextBlock(text=text) if text.strip():
                self._words = text
                self.tell(AgentEvent("text", text))
            case sdk.ToolUseBlock(name="TodoWrite", input={"todos": list() as todos}):
                self.tell(AgentEvent("plan", "\n".join(_todo(todo) for todo in todos)))
            case sdk.ToolUseBlock(name=name, input=arguments):
                self._answer = arguments if name == _ANSWER else self._answer
                self.tell(AgentEvent("tool", _described(name, arguments, self.task.worktree)))


def _ending(result: sdk.ResultMessage) -> tuple[Ending, str]:
    if result.subtype in _ENDINGS:
        return _ENDINGS[result.subtype]
    said = "; ".join([*([result.result] if result.result else []), *(result.errors or [])])
    if result.is_error:
        return ("budget", said) if gateway.SPENT in said else ("error", said or result.subtype)
    if result.stop_reason == "refusal":
        return "refused", said or "the model refused"
    return "finished", ""


def _described(name: str, arguments: Mapping[str, Any], worktree: Path) -> str:
    """A tool call in one line: its name and the argument that says most."""
    keys = ("command", "file_path", "notebook_path", "pattern", "description")
    said = next((str(arguments[key]) for key in keys if key in arguments), "")
    return f"{name} {said.replace(f'{worktree}/', '')}".strip()


def _todo(todo: Mapping[str, Any]) -> str:
    mark = "x" if todo.get("status") == "completed" else " "
    return f"[{mark}] " + " ".join(str(todo.get("content", "")).split())


def _text(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", f"[{part.get('type')}]")) for part in content)
    return content or ""


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n[{len(text) - _SHOWN} characters left out]"
