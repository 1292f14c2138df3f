"""The model's provider runs, fetches and looks up nothing for an agent, and its worst price is the worst."""

import json
from typing import Any

import pytest

from bot.sandbox.messages import ANSWERS, Question, RefusedError, checked, sent_on
from bot.sandbox.meter import Tokens, price

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
