"""The played model answers as the real one would, from a script."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.emulator.model import Bash, Edit, Fail, Plan, PlayedModel, Read, Say, Script, Write

Json = dict[str, Any]
TOOLS = ("Read", "Write", "Edit", "Bash", "TodoWrite")
EVENTS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"]


@pytest.fixture
async def model() -> AsyncIterator[PlayedModel]:
    async with PlayedModel([]) as model:
        yield model


async def ask(model: PlayedModel, *words: str, tools: tuple[str, ...] = TOOLS, **more: Any) -> tuple[int, Json]:
    """Ask with a conversation of these words, by user and assistant in turn."""
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(words)]
    offered = [{"name": name, "input_schema": {}} for name in tools]
    system = [{"type": "text", "text": "# Environment\n - Primary working directory: /somewhere/work\n - Platform: x"}]
    body = {"model": "claude-opus-5-5", "system": system, "messages": messages, "tools": offered, **more}
    async with aiohttp.ClientSession() as client, client.post(model.url + "/v1/messages", json=body) as answer:
        return answer.status, await answer.json()


def inputs(answer: Json) -> list[tuple[str, Json]]:
    return [(block["name"], block["input"]) for block in answer["content"] if block["type"] == "tool_use"]


async def test_each_answer_of_a_conversation_is_the_scripts_next(model: PlayedModel) -> None:
    model.scripts = [Script(("cart",), [(Say("first"),), (Say("second"),)])]
    said = [(await ask(model, *words))[1]["content"][0]["text"] for words in (["cart"], ["cart", "first", "go on"])]
    assert said == ["first", "second"]
    assert (await ask(model, "cart", "1", "x", "2", "y"))[1]["content"][0]["text"] == "Done."


async def test_the_first_script_whose_every_text_was_asked_is_played(model: PlayedModel) -> None:
    model.scripts = [Script(("cart", "try 2"), [(Say("again"),)]), Script(("cart",), [(Say("anew"),)])]
    assert (await ask(model, "the cart, try 2"))[1]["content"][0]["text"] == "again"
    assert (await ask(model, "the cart, try 1"))[1]["content"][0]["text"] == "anew"


async def test_acts_become_calls_of_the_tools_with_whole_paths(model: PlayedModel) -> None:
    acts = (
        Read("a.py"),
        Write("b.py", "x"),
        Edit("a.py", "1", "2"),
        Bash("make"),
        Plan(("one", "two", "three"), done=1),
    )
    model.scripts = [Script((), [acts])]
    status, answer = await ask(model, "go")
    assert (status, answer["stop_reason"]) == (200, "tool_use")
    calls = dict(inputs(answer))
    assert calls["Read"] == {"file_path": "/somewhere/work/a.py"}
    assert calls["Write"] == {"file_path": "/somewhere/work/b.py", "content": "x"}
    assert calls["Edit"] == {"file_path": "/somewhere/work/a.py", "old_string": "1", "new_string": "2"}
    assert calls["Bash"]["command"] == "make"
    assert [todo["status"] for todo in calls["TodoWrite"]["todos"]] == ["completed", "in_progress", "pending"]


async def test_a_plan_uses_tasks_where_there_is_no_list(model: PlayedModel) -> None:
    model.scripts = [Script((), [(Plan(("one", "two")),), (Plan(("one", "two"), done=1),)])]
    tools = ("TaskCreate", "TaskUpdate")
    assert [name for name, _ in inputs((await ask(model, "go", tools=tools))[1])] == ["TaskCreate", "TaskCreate"]
    again = inputs((await ask(model, "go", "created", "ok", tools=tools))[1])
    assert again == [("TaskUpdate", {"taskId": "1", "status": "completed"})]


async def test_what_it_cannot_play_is_a_problem_that_a_test_sees(model: PlayedModel) -> None:
    model.scripts = [Script(("cart",), [(Bash("make"),)])]
    assert (await ask(model, "cart", tools=("Read",)))[0] == 400
    assert (await ask(model, "something else"))[0] == 400
    assert len(model.problems) == 2
    assert "no tool for Bash" in model.problems[0]


async def test_failures_pass_after_as_many_as_it_says(model: PlayedModel) -> None:
    model.scripts = [Script((), [(Fail(529, times=2), Say("here"))])]
    answers = [await ask(model, "go") for _ in range(3)]
    assert [status for status, _ in answers] == [529, 529, 200]
    assert answers[0][1]["error"]["type"] == "overloaded_error"


async def test_a_stream_has_the_same_answer_in_pieces(model: PlayedModel) -> None:
    model.scripts = [Script((), [(Say("some words of it"), Bash("make"))])]
    _, whole = await ask(model, "go")
    body = {**model.requests[0].body, "stream": True}
    async with aiohttp.ClientSession() as client, client.post(model.url + "/v1/messages", json=body) as answer:
        events = [json.loads(line[5:]) for line in (await answer.text()).splitlines() if line.startswith("data:")]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == "some words of it"
    assert json.loads("".join(delta.get("partial_json", "") for delta in deltas)) == whole["content"][1]["input"]
    assert events[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]
    assert list(dict.fromkeys(event["type"] for event in events)) == [*EVENTS, "message_stop"]
