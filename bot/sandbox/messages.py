"""Anthropic's Messages API as the gateway lets it pass: which paths, what of a question, and in which shape it refuses.

Whatever has the provider fetch, run or look up something is a way out of the sandbox, so all that may pass is listed:
what Claude Code 2.1 sends, and what of the documented API does nothing there but answer. Pure. Another provider's API
will be a file beside this one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.meter import Tokens, dearest, price

ANSWERS, COUNTS = "/v1/messages", "/v1/messages/count_tokens"
PATHS = frozenset({ANSWERS, COUNTS})
BIGGEST = 32 << 20  # bytes of a question, as at the provider's
LONGEST = 128_000  # tokens of an answer, as many as any model gives
_DENSEST = 2_000_000  # values in a question: Python takes some seventy bytes for each
_PASSED_ON = ("content-type", "accept", "user-agent", "anthropic-version", "anthropic-beta")
_HANDED_BACK = ("content-type", "retry-after", "request-id", "x-should-retry")
_OWN_TOOLS = re.compile(r"custom|(bash|text_editor|memory|tool_search_tool_(regex|bm25))(_\d{8})?")
_REQUEST = "model max_tokens messages system stream metadata temperature top_k top_p stop_sequences thinking"
_SETTINGS = "tools tool_choice cache_control context_management output_config output_format"
_KEYS = frozenset(f"{_REQUEST} {_SETTINGS}".split())
_SOURCES = ("base64", "text", "content")
_CONTENT = "text image document search_result tool_use tool_result thinking redacted_thinking"
_CHANGES = "tool_reference tool_addition tool_removal tool_definition"
_PARTS = "base64 content ephemeral char_location page_location content_block_location search_result_location"
_TYPES = frozenset(f"{_CONTENT} {_CHANGES} {_PARTS}".split())
_UNREAD = {"tool_use": ("input",), "tool_definition": ("definition",)}  # a tool's arguments; a tool is checked as one
_FLAGS = re.compile(
    r"(claude-code|interleaved-thinking|context-management|per-turn-control|mid-conversation-tool-changes"
    r"|mid-conversation-system|thinking-token-count|thinking-display-updates|redact-thinking|effort|prompt-caching"
    r"|prompt-caching-scope|extended-cache-ttl|context-1m|structured-outputs|token-counting|tool-search-tool"
    r"|fine-grained-tool-streaming|token-efficient-tools|output-128k)-\d{4}-?\d\d-?\d\d"
)
_WINDOW = 1_000_000  # tokens that any model reads; of more it says no
_PREAMBLE = 2_000  # tokens that the provider adds, as about the tools
_IMAGE = 10_000  # tokens of a picture, however few bytes it has
_ERRORS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
_ERRORS |= {413: "request_too_large"}


class RefusedError(Exception):
    """The question may not pass; for whoever asked, with HTTP's status."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status, self.sentence = status, sentence
        super().__init__(sentence)


@dataclass(frozen=True)
class Question:
    """A question that may pass: as it is sent on, of which model, with how many tokens of answer at most."""

    raw: bytes
    model: str
    most: int
    stream: bool
    pictures: int = 0
    papers: int = 0

    @property
    def asked(self) -> int:
        """As many tokens as the question may have: a token has a byte at least, but a PDF unfolds to any size."""
        return _WINDOW if self.papers else min(len(self.raw) + _PREAMBLE + self.pictures * _IMAGE, _WINDOW)

    @property
    def worst(self) -> float:
        """US dollars that it may cost at most: the whole of it written to the cache for an hour, the longest answer."""
        return (price(self.model) or dearest()).of(Tokens(cache_write_1h=self.asked, output=self.most))


def checked(path: str, raw: bytes) -> Question:
    """What may pass of a body. It is written anew, for a key may stand twice in what was sent. Raises RefusedError."""
    if sum(map(raw.count, (b",", b"[", b"{"))) > _DENSEST:
        raise RefusedError(413, f"a request may have {_DENSEST:,} values")
    body, again = _decoded(raw)
    pictures, papers = _refuse(body)
    model, most = body.get("model"), body.get("max_tokens", 0 if path == COUNTS else None)
    if not isinstance(model, str):
        raise RefusedError(400, "`model` is no text")
    if type(most) is not int or most < 0:
        raise RefusedError(400, "`max_tokens` is no number")
    if most > LONGEST:
        raise RefusedError(403, f"`max_tokens` may be {LONGEST:,} at most, not {most:,}")
    return Question(again, model, most, body.get("stream") is True, pictures, papers)


def not_allowed(model: str) -> str:
    return f"the model `{model[:100]}` is not to be had here; the setting TUTTI_MODELS names those that are"


def sent_on(headers: Mapping[str, str], key: str | None) -> dict[str, str]:
    """The headers of a question as the provider gets them."""
    passed = {name: headers[name] for name in _PASSED_ON if name in headers}
    flags = [flag.strip() for flag in passed.pop("anthropic-beta", "").split(",")]
    if flags := [flag for flag in flags if _FLAGS.fullmatch(flag)]:
        passed["anthropic-beta"] = ",".join(flags)
    return {**passed, "accept-encoding": "identity", **({"x-api-key": key} if key else {})}


def handed_back(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer as the agent gets them."""
    return {name: value for name, value in headers.items() if _is_handed_back(name.lower())}


def token(headers: Mapping[str, str]) -> str:
    """What whoever asks shows as a key."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (bearer if scheme.lower() == "bearer" else "")


def environment(url: str, token: str) -> dict[str, str]:
    """The variables that Anthropic's clients read."""
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": token}


def error(status: int, sentence: str) -> dict[str, Any]:
    """A refusal's body."""
    return {"type": "error", "error": {"type": _ERRORS.get(status, "api_error"), "message": sentence}}


def _is_handed_back(name: str) -> bool:
    return name in _HANDED_BACK or name.startswith("anthropic-ratelimit-")


def _decoded(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """A body's value, and that value as a body."""
    try:
        body = json.loads(raw)
        again = json.dumps(body).encode()
    except (ValueError, RecursionError):
        body, again = None, b""
    if not isinstance(body, dict):
        raise RefusedError(400, "the body is no JSON object")
    return body, again


def _refuse(body: Mapping[str, Any]) -> tuple[int, int]:
    """Raise RefusedError for what runs at the provider's, reaches the network from there, or costs more than listed.

    How many pictures and PDFs the question has, otherwise.
    """
    for key in body:
        if key not in _KEYS:
            raise RefusedError(403, f"`{key[:100]}` is not to be had here")
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        raise RefusedError(400, "`tools` is no list")
    for tool in tools:
        _refuse_tool(tool)
    managed = body.get("context_management") or {}
    edits = managed.get("edits") if isinstance(managed, dict) and managed.keys() <= {"edits"} else managed
    for edit in (edits or []) if isinstance(edits, list | None) else [edits]:
        if not isinstance(edit, dict) or not str(edit.get("type")).startswith("clear_"):
            raise RefusedError(403, "`context_management` may only clear here; a summary is not to be had")
    return _refuse_blocks([body.get("messages"), body.get("system")])


def _refuse_tool(tool: object) -> None:
    kind = tool.get("type") if isinstance(tool, dict) else ""
    if kind is not None and not _OWN_TOOLS.fullmatch(str(kind)):
        raise RefusedError(403, f"the tool `{str(kind)[:100]}` runs at the provider's and is not to be had here")


def _refuse_blocks(content: object) -> tuple[int, int]:
    pictures = papers = 0
    for block in _objects(content):
        kind, source = block.get("type"), block.get("source")
        if kind is not None and (not isinstance(kind, str) or kind not in _TYPES):
            raise RefusedError(403, f"content of the type `{str(kind)[:100]}` is not to be had here")
        if kind == "tool_definition":
            _refuse_tool(block.get("definition"))
        if isinstance(source, str) and kind == "search_result":
            continue  # the name of where it is from
        if source is not None and (not isinstance(source, dict) or source.get("type") not in _SOURCES):
            raise RefusedError(403, f"a `source` may be of the types {', '.join(_SOURCES)} here: nothing is fetched")
        if isinstance(source, dict) and source["type"] == "base64":
            pictures, papers = (pictures + 1, papers) if kind == "image" else (pictures, papers + 1)
    return pictures, papers


def _objects(content: object) -> Iterator[dict[str, Any]]:
    """Every object in it, however deep, but for what is only handed to a tool."""
    rest = [content]
    while rest:
        value = rest.pop()
        if isinstance(value, list):
            rest += (part for part in value if isinstance(part, dict | list))
        elif isinstance(value, dict):
            yield value
            unread = _UNREAD.get(str(value.get("type")), ())
            rest += (part for key, part in value.items() if isinstance(part, dict | list) and key not in unread)
