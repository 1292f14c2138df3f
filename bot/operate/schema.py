"""The JSON Schemas of what people write, made of the models that read it, for editors."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bot.agents.spec import AgentSpec
from bot.errors import UserError
from bot.workflow.configuration import Configuration
from bot.workflow.spec import Workflow

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PAGE = Path(__file__).parents[2] / "docs/workflows.md"  # says what each key means
_MODELS: dict[str, tuple[type[BaseModel], str, str]] = {
    "configuration": (Configuration, "Repository configuration", "tutti.schema.json"),
    "workflow": (Workflow, "Workflow", "workflow.schema.json"),
    "agent": (AgentSpec, "Agent", "agent.schema.json"),
}
KINDS = tuple(_MODELS)


def file_of(kind: str) -> str:
    """The name of the file under docs/schemas that holds it."""
    return _MODELS[kind][2]


def schema(kind: str) -> str:
    """A schema's text, `kind` being one of KINDS; of an agent file it is that of the front matter. Raises UserError."""
    if kind not in _MODELS:
        raise UserError(f"There is no schema `{kind}`: say one of {', '.join(KINDS)}.")
    model, heading, _ = _MODELS[kind]
    found = model.model_json_schema(by_alias=True)
    if kind == "agent":
        del found["properties"]["prompt"]
        found["required"].remove("prompt")
    _describe(found, _meanings(heading))
    return json.dumps({"$schema": DIALECT, **_plain(found)}, indent=2, ensure_ascii=False) + "\n"


def _describe(found: dict[str, Any], meanings: dict[str, str]) -> None:
    """Give keys the words of the documentation; what is used at several places keeps those of the first."""
    told: set[int] = set()
    for path, place in _keys(found, found.get("$defs", {}), ""):
        if path in meanings and id(place) not in told:
            place["description"] = meanings[path]
        told.add(id(place))


def _keys(
    part: dict[str, Any], definitions: dict[str, Any], before: str, around: tuple[int, ...] = ()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key with its place, but for what stands in itself again."""
    for key, place in part.get("properties", {}).items():
        yield f"{before}{key}", place
        inner, way = _inner(place, definitions)
        if inner is not None and id(inner) not in around:
            yield from _keys(inner, definitions, f"{before}{key}.{way}", (*around, id(inner)))


def _inner(place: dict[str, Any], definitions: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The part of the schema that a key's value is, and what stands between both names."""
    if "$ref" in place:
        return definitions[place["$ref"].rpartition("/")[2]], ""
    if isinstance(place.get("additionalProperties"), dict):
        return _inner(place["additionalProperties"], definitions)[0], "<name>."
    if "items" in place:
        return _inner(place["items"], definitions)
    found = (_inner(choice, definitions) for choice in place.get("anyOf", ()))
    return next((one for one in found if one[0] is not None), (None, ""))


def _meanings(heading: str) -> dict[str, str]:
    """What the page says of each key below a heading, and of the rules of reviews; nothing where there is no page."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    rules = {f"review.{key}": meaning for key, meaning in _rows(page, "Rules of reviews").items()}
    return {**_rows(page, heading), **rules}


def _rows(page: str, heading: str) -> dict[str, str]:
    _, *parts = re.split(r"^#{2,3} (.+)\n", page, flags=re.MULTILINE)
    text = dict(zip(parts[::2], parts[1::2], strict=True)).get(heading, "")
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \| [^|]+ \|$", text, re.MULTILINE)
    found: dict[str, str] = {}
    for key, meaning in rows:
        found[key] = next(reversed(found.values())) if meaning == "The same" else _bare(meaning)
    return found


def _bare(meaning: str) -> str:
    """The words of a cell, without where its links lead."""
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", meaning)


def _plain(part: Any) -> Any:
    """Without the titles that repeat the keys."""
    if isinstance(part, dict):
        return {
            key: {name: _plain(one) for name, one in value.items()} if key in ("properties", "$defs") else _plain(value)
            for key, value in part.items()
            if key != "title" or not isinstance(value, str)
        }
    return [_plain(one) for one in part] if isinstance(part, list) else part
