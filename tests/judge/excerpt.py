"""Cuts from GitHub's OpenAPI description what the emulator plays, as plain JSON Schema."""

import json
import lzma
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.emulator.ground import ALWAYS, EVENTS
from bot.emulator.server import ROUTES

FILE = Path(__file__).with_name("github.json.xz")
DROPPED = frozenset(
    {"description", "example", "examples", "externalDocs", "x-github", "x-octokit", "deprecated", "title", "xml"}
)
MORE_EVENTS = ("create", "delete")


def shape(template: str) -> str:
    """A path without the names of its variables."""
    return re.sub(r"\{\w+\}", "{}", template)


def cut(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Operations by `METHOD /path/{}` and webhooks by `event` or `event.action`, with the schemas they need."""
    wanted = {f"{route.method} {shape(route.template)}" for route in ROUTES}
    operations = {
        f"{method.upper()} {shape(path)}": _operation(whole, each)
        for path, methods in whole["paths"].items()
        for method, each in methods.items()
        if f"{method.upper()} {shape(path)}" in wanted
    }
    events = {*EVENTS, *ALWAYS, *MORE_EVENTS}
    webhooks = {name: schema for name, schema in _webhooks(whole) if name.partition(".")[0] in events}
    schemas = whole["components"]["schemas"]
    needed = _closure({"operations": operations, "webhooks": webhooks}, schemas)
    return {
        "version": whole["info"]["version"],
        "operations": plain(operations),
        "webhooks": plain(webhooks),
        "schemas": {name: plain(schemas[name]) for name in sorted(needed)},
    }


def _operation(whole: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = [_resolve(whole, each) for each in operation.get("parameters", [])]
    body = operation.get("requestBody", {})
    answers = {status: _json(_resolve(whole, each)) for status, each in operation["responses"].items()}
    return {
        "path": {each["name"]: each["schema"] for each in parameters if each["in"] == "path"},
        "query": {each["name"]: each["schema"] for each in parameters if each["in"] == "query"},
        "body": _json(body),
        "body_required": bool(body.get("required")),
        "answers": answers,
    }


def _resolve(whole: Mapping[str, Any], each: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in each:
        return each
    _, _, kind, name = each["$ref"].split("/")
    found: Mapping[str, Any] = whole["components"][kind][name]
    return found


def _json(part: Mapping[str, Any]) -> Any:
    """The schema of its JSON content; None when it has none."""
    return part.get("content", {}).get("application/json", {}).get("schema")


def _webhooks(whole: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, each in whole["x-webhooks"].items():
        post = each["post"]
        event = next(p["example"] for p in post["parameters"] if p["name"].lower() == "x-github-event")
        event = event.replace("-", "_")
        action = key.replace("-", "_").removeprefix(event).strip("_")
        yield event + (f".{action}" if action else ""), _json(post["requestBody"])


def _closure(start: Any, schemas: Mapping[str, Any]) -> set[str]:
    """The names of all schemas that are reached from here."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(waiting.pop()))) - found
        found |= names
        waiting += [schemas[name] for name in names]
    return found


def plain(schema: Any) -> Any:
    """JSON Schema instead of OpenAPI 3.0: `nullable` becomes a type, prose goes away, references are shortened."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": "#/schemas/" + schema["$ref"].rpartition("/")[2]}
    kept = {name: plain(value) for name, value in schema.items() if name not in (DROPPED - set(_names(schema)))}
    if kept.pop("nullable", False) is True:
        return {"anyOf": [{"type": "null"}, kept]}
    return kept


def _names(schema: Mapping[str, Any]) -> Iterator[str]:
    """Where a schema's own words are names of properties: a map of schemas only."""
    if schema and all(isinstance(value, dict) for value in schema.values()):
        yield from schema


def write(description: Path, to: Path = FILE) -> int:
    """Writes the excerpt of a whole description; answers its size in bytes."""
    excerpt = cut(json.loads(description.read_text(encoding="utf-8")))
    text = json.dumps(excerpt, separators=(",", ":"), sort_keys=True).encode()
    to.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    return to.stat().st_size
