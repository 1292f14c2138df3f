"""The acts a played model knows, and how each becomes a call of the tools that a request offers."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Json = dict[str, Any]
_CWD = re.compile(r"[Ww]orking directory: (/[^\n\"\\]*)")


@dataclass(frozen=True)
class Say:
    """Words for people."""

    text: str


@dataclass(frozen=True)
class Read:
    """Look into a file; paths are relative to the working directory."""

    path: str


@dataclass(frozen=True)
class Write:
    """Make a file, or replace it."""

    path: str
    text: str


@dataclass(frozen=True)
class Edit:
    """Replace the one place where `old` stands."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Bash:
    """Run a command line."""

    command: str


@dataclass(frozen=True)
class Plan:
    """Show the plan: its items, of which the first `done` are done."""

    items: tuple[str, ...]
    done: int = 0


@dataclass(frozen=True)
class Answer:
    """Give the data that were asked for, where the client wants its answer as data."""

    data: Json


@dataclass(frozen=True)
class Fail:
    """Answer with an HTTP error instead, to the first `times` requests for this turn."""

    status: int
    message: str = "played failure"
    times: float = math.inf


@dataclass(frozen=True)
class Hang:
    """Never answer: the client has to give up."""


Act = Say | Read | Write | Edit | Bash | Plan | Answer | Fail | Hang
Turn = tuple[Act, ...]


@dataclass(frozen=True)
class Script:
    """Turn by turn what the model does in a conversation whose first user message has every text of `when`."""

    when: tuple[str, ...]
    turns: Sequence[Turn]


def calls(turn: Turn, body: Json) -> list[Json]:
    """The content blocks of a turn, by the tools of the request `body`. Raises LookupError for a tool not offered."""
    offered = {tool.get("name", "") for tool in body["tools"]}
    folder = _working_directory(body)
    step = len(body["messages"])
    blocks: list[Json] = []
    for act in turn:
        if isinstance(act, Fail):
            continue
        if isinstance(act, Say):
            blocks.append({"type": "text", "text": act.text})
            continue
        for name, arguments in _tool_calls(act, folder, offered):
            number = f"toolu_played_{step}_{len(blocks)}"
            blocks.append({"type": "tool_use", "id": number, "name": name, "input": arguments})
    return blocks


def _working_directory(body: Json) -> PurePosixPath:
    found = _CWD.search(json.dumps([body.get("system", ""), body["messages"]], ensure_ascii=False).replace("\\n", "\n"))
    return PurePosixPath(found[1].strip() if found else ".")


def _tool_calls(act: Act, folder: PurePosixPath, offered: set[str]) -> list[tuple[str, Json]]:
    ways = _WAYS[type(act)](act, folder)
    for way in ways:
        if all(name in offered for name, _ in way):
            return way
    raise LookupError(f"no tool for {type(act).__name__}: offered are {', '.join(sorted(offered))}")


Ways = list[list[tuple[str, Json]]]


def _read(act: Read, folder: PurePosixPath) -> Ways:
    return [[("Read", {"file_path": str(folder / act.path)})]]


def _write(act: Write, folder: PurePosixPath) -> Ways:
    return [[("Write", {"file_path": str(folder / act.path), "content": act.text})]]


def _edit(act: Edit, folder: PurePosixPath) -> Ways:
    return [[("Edit", {"file_path": str(folder / act.path), "old_string": act.old, "new_string": act.new})]]


def _bash(act: Bash, folder: PurePosixPath) -> Ways:
    return [[("Bash", {"command": act.command, "description": "Run a command"})]]


def _plan(act: Plan, folder: PurePosixPath) -> Ways:
    states = ["completed"] * act.done + ["in_progress"] + ["pending"] * len(act.items)
    todos = [
        {"content": item, "status": state, "activeForm": item} for item, state in zip(act.items, states, strict=False)
    ]
    tasks: list[tuple[str, Json]]
    if act.done:
        tasks = [("TaskUpdate", {"taskId": str(n), "status": "completed"}) for n in range(1, act.done + 1)]
    else:
        tasks = [("TaskCreate", {"subject": item, "description": item}) for item in act.items]
    return [[("TodoWrite", {"todos": todos})], tasks]


def _answer(act: Answer, folder: PurePosixPath) -> Ways:
    return [[("StructuredOutput", act.data)]]


_WAYS: dict[type, Callable[[Any, PurePosixPath], Ways]] = {
    Read: _read,
    Write: _write,
    Edit: _edit,
    Bash: _bash,
    Plan: _plan,
    Answer: _answer,
}
