"""A YAML file as plain data that remembers its lines; strict, small and without surprises."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from bot.errors import ConfigError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 30
Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans only, so that the key `on` stays a word."""


_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_NOT_OURS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag not in _NOT_OURS]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


@dataclass(frozen=True)
class Document:
    """`data` is the file's content; `lines` the 1-based line of every key and item by its path."""

    name: str
    data: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, path: Path, message: str, hint: str = "") -> ConfigError:
        return ConfigError(self.name, self.line(path), message, hint)


class _Reader:
    def __init__(self, name: str, first_line: int) -> None:
        self.name, self.first_line = name, first_line
        self.lines: dict[Path, int] = {}
        self.loader = _Loader("")

    def fail(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError(self.name, node.start_mark.line + self.first_line, message)

    def plain(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + self.first_line)
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
            raise self.fail(node, f"the tag {node.tag} is not supported")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, (*path, index)) for index, item in enumerate(node.value)]
        if not node.tag.startswith("tag:yaml.org,2002:"):
            raise self.fail(node, f"the tag {node.tag} is not supported")
        return self.scalar(node)

    def scalar(self, node: yaml.Node) -> Any:
        try:
            return self.loader.construct_object(node)
        except (ValueError, yaml.YAMLError):
            raise self.fail(node, f"{str(node.value)[:60]!r} is not a valid value") from None

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                raise self.fail(key_node, "a key must be a plain word")
            if key in result:
                raise self.fail(key_node, f"the key `{key}` is here twice")
            self.lines[(*path, key)] = key_node.start_mark.line + self.first_line
            result[key] = self.plain(value_node, (*path, key))
        return result


def load(name: str, text: str, *, first_line: int = 1) -> Document:
    """`text` as a Document; `name` is used in errors. Raises ConfigError with the line."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ConfigError(name, 1, f"larger than {MAX_BYTES // 1024} KB")
    reader = _Reader(name, first_line)
    try:
        _look_over(name, text, first_line)
        node = yaml.compose(text, Loader=_Loader)
        data = reader.plain(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line if mark is not None else 0
        raise ConfigError(name, line + first_line, f"not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(name, first_line, f"not valid YAML: {str(error).splitlines()[0][:200]}") from None
    return Document(name, data, reader.lines)


def _look_over(name: str, text: str, first_line: int) -> None:
    """Refuse what would make more of a text than stands in it, before anything is built of it."""
    depth = 0
    for parsed in yaml.parse(text, Loader=_Loader):
        line = first_line + (parsed.start_mark.line if parsed.start_mark is not None else 0)
        if isinstance(parsed, yaml.AliasEvent):
            raise ConfigError(name, line, "aliases (*name) are not supported")
        depth += isinstance(parsed, yaml.CollectionStartEvent) - isinstance(parsed, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(name, line, f"nested deeper than {MAX_DEPTH} levels")


def kebab(name: str) -> str:
    return name.replace("_", "-")


# Words of the language whose feature is still to come: refused by name, never accepted and ignored.
PLANNED = frozenset({"permissions", "schedule", "steps", "workflow_dispatch"})


class Strict(BaseModel):
    """A part of a file: kebab-case keys, and every unknown key an error with a suggestion."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=kebab, validate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise PydanticCustomError("shape", "must be a mapping of keys to values")
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in data:
            if key not in known:
                raise _unknown(str(key), known)
        return data


def _unknown(key: str, known: list[str]) -> PydanticCustomError:
    if key in PLANNED:
        return PydanticCustomError("unknown_key", "`{key}` is not available yet", {"key": key, "hint": ""})
    close = get_close_matches(key, known, n=1, cutoff=0.6)
    hint = f"did you mean `{close[0]}`?" if close else "known here: " + ", ".join(sorted(known))
    return PydanticCustomError("unknown_key", "unknown key `{key}`", {"key": key, "hint": hint})


M = TypeVar("M", bound=BaseModel)


def validate(document: Document, model: type[M]) -> M:
    """The document as a `model`. Raises ConfigError for the first thing that is wrong, in the file's order."""
    try:
        return model.model_validate(document.data if document.data is not None else {})
    except ValidationError as error:
        raise min((_located(document, e) for e in error.errors()), key=_rank) from None


def _rank(error: ConfigError) -> tuple[bool, int]:
    """What is there and wrong comes before what is missing."""
    return error.message.endswith("field required"), error.line


def _located(document: Document, error: Any) -> ConfigError:
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    context = error.get("ctx") or {}
    if error["type"] == "unknown_key":
        where = (*path, context["key"])
        shown = ".".join(str(part) for part in where)
        message = error["msg"].replace(f"`{context['key']}`", f"`{shown}`")
        return document.error(where, message, str(context["hint"]))
    name = ".".join(str(part) for part in path)
    message = error["msg"].removeprefix("Value error, ")
    return document.error(path, f"`{name}`: {message[:1].lower()}{message[1:]}" if name else message)
