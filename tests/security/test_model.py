"""The provider runs, fetches and looks up nothing for an agent, a price is the worst, and secrets stay the bot's."""

import json
import os
import shutil
from typing import Any

import pytest

from bot import settings
from bot.emulator.model import Hang, Script
from bot.sandbox.messages import ANSWERS, Question, RefusedError, checked, sent_on
from bot.sandbox.meter import Tokens, price
from tests.town import KEY, SECRET, Town, tutti

URL = {"type": "url", "url": "https://collects.example/?d=the-code"}
FILE = {"type": "file", "file_id": "file_of_another"}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
PAPER = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}}


def asked(content: object = "hello", **more: Any) -> Question:
    body = {"model": "claude-opus-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": content}], **more}
    return checked(ANSWERS, json.dumps(body).encode())


def result(*content: object) -> list[object]:
    return [{"type": "tool_result", "tool_use_id": "x", "content": list(content)}]


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image", "source": URL}],
        [{"type": "document", "source": URL}],
        [{"type": "document", "source": FILE}],
        [{"type": "image", "source": {"url": "https://collects.example"}}],
        [{"type": "image", "source": "https://collects.example"}],
        result({"type": "image", "source": URL}),
        [{"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": URL}]}}],
        [{"type": "container_upload", "file_id": "file_of_another"}],
        [{"type": "server_tool_use", "id": "x", "name": "web_fetch", "input": {}}],
        [{"type": ["image"]}],
        [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": SEARCH}}],
    ],
)
def test_no_content_has_the_provider_fetch_or_run_anything(content: object) -> None:
    with pytest.raises(RefusedError) as refused:
        asked(content)
    assert refused.value.status == 403
    with pytest.raises(RefusedError):
        asked(system=content)


@pytest.mark.parametrize("key", ["fallbacks", "skills", "user_profile_id", "betas", "container", "mcp_servers", "new"])
def test_only_listed_keys_pass(key: str) -> None:
    with pytest.raises(RefusedError, match=f"^`{key}` is not to be had here$"):
        asked(**{key: None})


@pytest.mark.parametrize(
    "more",
    [
        {"tools": {"0": SEARCH}},
        {"tools": [[SEARCH]]},
        {"tools": [{"type": "bash_code_execution_20250825", "name": "x"}]},
        {"context_management": {"edits": [{"type": "compact_20260112"}]}},
        {"context_management": [{"type": "compact_20260112"}]},
        {"context_management": {"edits": {"type": "compact_20260112"}}},
    ],
)
def test_no_other_shape_brings_a_tool_or_a_summary(more: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        asked(**more)


def test_what_an_agent_needs_passes() -> None:
    call = {"type": "tool_use", "id": "x", "name": "Write", "input": {"type": "web", "source": URL}}
    found = {"type": "search_result", "source": "https://named.example", "title": "x", "content": []}
    clear = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    schema = {"type": "object", "properties": {"source": {"type": "string"}}}
    question = asked(
        [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}, call, found, *result(PICTURE, PAPER)],
        tools=[{"name": "Write", "input_schema": schema}],
        context_management=clear,
        thinking={"type": "adaptive"},
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert (question.pictures, question.papers) == (1, 1)


def test_deep_content_is_walked_to_its_end() -> None:
    deep = "[" * 500 + json.dumps({"type": "image", "source": URL}) + "]" * 500
    with pytest.raises(RefusedError, match="nothing is fetched"):
        asked(json.loads(deep))


def test_flags_pass_that_claude_code_needs_and_no_others() -> None:
    flags = "claude-code-20250219, files-api-2025-04-14,code-execution-2025-08-25,effort-2025-11-24,mcp-client-2025-04"
    assert sent_on({"anthropic-beta": flags}, "key")["anthropic-beta"] == "claude-code-20250219,effort-2025-11-24"
    assert "anthropic-beta" not in sent_on({"anthropic-beta": "skills-2025-10-02,web-fetch-2025-09-10"}, "key")


@pytest.mark.parametrize(
    ("content", "tokens"), [("1 " * 9000, 18_000), ([PICTURE] * 3, 15_000), ([PAPER], 1_000_000), ("x" * 5_000_000, 0)]
)
def test_no_question_costs_more_than_its_worst_price(content: object, tokens: int) -> None:
    known = price("claude-opus-5-5")
    assert known is not None
    worst = asked(content).worst
    assert worst >= known.of(Tokens(cache_write_1h=tokens, output=10))
    assert worst <= known.of(Tokens(cache_write_1h=1_000_000, output=10))


# ---- the bot's own secrets -------------------------------------------------------------------------------------------


def test_secrets_leave_the_environment_and_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_taken", {})
    monkeypatch.setattr(os, "environ", os.environ.copy())  # what is started gets the real one
    given = {
        "ANTHROPIC_API_KEY": "sk-canary",
        "tutti_private_key": "a canary",
        "TUTTI_DATABASE_URL": "sqlite:///canary",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        read = settings.read()
        assert read.anthropic_api_key is not None
        assert read.private_key is not None
        shown = (read.anthropic_api_key.get_secret_value(), read.private_key.get_secret_value(), read.database_url)
        assert shown == tuple(given.values())
        assert "canary" not in str(os.environ)


def test_passwords_in_addresses_are_secrets() -> None:
    read = settings.Settings(
        database_url="postgresql://tutti:database%2Dcanary@db/tutti?sslpassword=tls-canary",
        https_proxy="me:proxy-canary@proxy:3128",
        http_proxy="http://me:postgres@proxy:3128",  # a plain word, which stands in ordinary text
    )
    assert read.secrets == {"database%2Dcanary", "database-canary", "tls-canary", "proxy-canary"}


async def test_the_start_script_of_a_served_bots_claude_has_none_of_its_secrets(town: Town) -> None:
    seen, setsid = town.folder / "seen", shutil.which("setsid")
    teller = town.folder / "bin/setsid"  # the first that the script starts, with all that it has itself
    teller.parent.mkdir()
    teller.write_text(f'#!/bin/sh\nenv >>{seen}\nexec {setsid} "$@"\n')
    teller.chmod(0o755)
    key, database = town.emulator.private_key, f"sqlite:///{town.folder}/canary.db"
    path = f"{teller.parent}:{os.environ['PATH']}"
    given = town.environment("data", PATH=path, TUTTI_PRIVATE_KEY=key, TUTTI_DATABASE_URL=database)
    town.model.scripts = [Script((), ((Hang(),),))]
    async with tutti(given, "serve") as bot:
        port = int((await bot.until("serving"))["port"])
        town.emulator.hook_url = f"http://127.0.0.1:{port}/webhooks/github"
        await town.emulator.install(town.repo)
        issue = await town.emulator.open_issue(town.repo, "Say hello", "Please.", by="maintainer")
        await town.emulator.label(issue, "auto-implement")
        while not any(request.path == "/v1/messages" for request in town.model.requests):
            await town.model.another()
    told = seen.read_text()
    assert "CLAUDE_CODE_ENTRYPOINT=sdk-py" in told
    assert not [secret for secret in (key.splitlines()[1], SECRET, KEY, "canary.db") if secret in told]
