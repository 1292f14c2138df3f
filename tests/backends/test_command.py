"""Any command line can be an agent."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agents.task import Outcome
from bot.backends.command import Command
from bot.emulator.model import PlayedModel, Say, Script
from bot.sandbox.gateway import Gateway
from tests.backends.stage import ASKED, PYTHON, Stage, built


@pytest.fixture
async def agent(tmp_path: Path, played: PlayedModel, gateway: Gateway) -> Stage:
    return await built("command", tmp_path, played, gateway)


async def run(stage: Stage, *argv: str) -> Outcome:
    return await Command().run(stage.task(command=argv), stage.tell)


async def test_gets_rules_and_prompt_on_standard_input(agent: Stage) -> None:
    outcome = await run(agent, "cat")
    assert outcome == Outcome("finished", f"Rules of the house.\n\n{ASKED}")


async def test_or_in_a_file_where_the_command_asks_for_one(agent: Stage) -> None:
    outcome = await run(agent, "sh", "-c", 'cat "$0"; cat', "{prompt_file}")
    assert outcome.text == f"Rules of the house.\n\n{ASKED}"
    assert list(agent.home.iterdir()) == []


async def test_a_dot_without_the_end_of_its_line_is_a_sign_of_life(agent: Stage) -> None:
    heard = asyncio.Event()
    task = replace(agent.task(command=["sh", "-c", "printf .; sleep 1000"]), heard=heard.set)
    work = asyncio.create_task(Command().run(task, agent.tell))
    await heard.wait()
    work.cancel()
    await asyncio.wait({work})


async def test_words_are_words_and_never_a_shells(agent: Stage) -> None:
    outcome = await run(agent, "printf", "%s|", "{worktree}", "$HOME; `id`", "{model}", "{other}")
    assert outcome.text == f"{agent.worktree}|$HOME; `id`||{{other}}|"


async def test_what_it_complains_of_is_told_but_not_its_last_words(agent: Stage) -> None:
    outcome = await run(agent, "sh", "-c", "echo working >&2; echo done")
    assert outcome.text == "done"
    assert sorted(agent.told("output")) == ["done", "working"]


async def test_an_exit_code_is_an_error(agent: Stage) -> None:
    outcome = await run(agent, "sh", "-c", "echo half; exit 3")
    assert outcome == Outcome("error", "half", problem="`sh` ended with exit code 3")


async def test_a_program_that_is_not_there_is_said(agent: Stage) -> None:
    outcome = await run(agent, "no-such-agent")
    assert outcome.problem == "`no-such-agent` ended with exit code 127, as where there is no such program"


async def test_an_agent_file_without_a_command_is_said(agent: Stage) -> None:
    assert (await run(agent)).problem == "the agent file gives no `command`"


async def test_reaches_the_model_through_the_gateway(agent: Stage) -> None:
    agent.played.scripts = [Script(("hello",), [(Say("Good day."),)])]
    asked = {"model": "claude-opus-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]}
    body = json.dumps({**asked, "tools": [{"name": "x"}]})
    client = (
        "import os, sys, urllib.request as u; url = os.environ['ANTHROPIC_BASE_URL'] + '/v1/messages';"
        "print(u.urlopen(u.Request(url, sys.argv[1].encode(), {'x-api-key': os.environ['ANTHROPIC_API_KEY']})).read())"
    )
    assert "Good day." in (await run(agent, PYTHON, "-c", client, body)).text
    assert agent.lease.usage.calls == 1
