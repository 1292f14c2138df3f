"""Anthropic's Messages API as the gateway lets it pass: which paths, what of a question, and in which shape it refuses.

Pure. Another provider's API will be a file beside this one.
"""

import json
from collections.abc import Mapping
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
_OWN_TOOLS = ("custom", "bash_", "text_editor_", "memory_", "tool_search_tool_")
_REFUSED_KEYS = ("mcp_servers", "container", "speed", "service_tier", "inference_geo")
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

    @property
    def asked(self) -> int:
        """About how many tokens the question has."""
        return len(self.raw) // 4

    @property
    def worst(self) -> float:
        """US dollars that it may cost: the whole of it written to the cache, the longest answer."""
        return (price(self.model) or dearest()).of(Tokens(cache_write_5m=self.asked, output=self.most))


def checked(path: str, raw: bytes) -> Question:
    """What may pass of a body. It is written anew, for a key may stand twice in what was sent. Raises RefusedError."""
    if sum(map(raw.count, (b",", b"[", b"{"))) > _DENSEST:
        raise RefusedError(413, f"a request may have {_DENSEST:,} values")
    body, again = _decoded(raw)
    _refuse(body)
    model, most = body.get("model"), body.get("max_tokens", 0 if path == COUNTS else None)
    if not isinstance(model, str):
        raise RefusedError(400, "`model` is no text")
    if type(most) is not int or most < 0:
        raise RefusedError(400, "`max_tokens` is no number")
    if most > LONGEST:
        raise RefusedError(403, f"`max_tokens` may be {LONGEST:,} at most, not {most:,}")
    return Question(again, model, most, body.get("stream") is True)


def not_allowed(model: str) -> str:
    return f"the model `{model[:100]}` is not to be had here; the setting TUTTI_MODELS names those that are"


def sent_on(headers: Mapping[str, str], key: str | None) -> dict[str, str]:
    """The headers of a question as the provider gets them."""
    passed = {name: headers[name] for name in _PASSED_ON if name in headers}
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


def _refuse(body: Mapping[str, Any]) -> None:
    """Raise RefusedError for what runs at the provider's, reaches the network from there, or costs more than listed."""
    for key in _REFUSED_KEYS:
        if key in body:
            raise RefusedError(403, f"`{key}` is not to be had here")
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind is not None and not str(kind).startswith(_OWN_TOOLS):
            raise RefusedError(403, f"the tool `{kind}` runs at the provider's and is not to be had here")
