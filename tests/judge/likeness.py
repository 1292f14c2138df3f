"""Tells which values a description cannot tell apart: where one of them is well, all are."""

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from typing import Any

TELLING = frozenset({
    "$ref", "additionalProperties", "allOf", "anyOf", "enum", "items", "maxItems", "maxLength", "maximum", "minItems",
    "minLength", "minimum", "oneOf", "properties", "required", "type",
})  # fmt: skip
"""What a schema may say to tell values apart: by names, kinds, words that are listed, bounds. No pattern, for one."""
SILENT = frozenset(("default", "discriminator", "format", "x-github-breaking-changes"))
"""What it may say beside, which tells nothing apart for who asks for no formats."""


class Likeness:
    """By what the schemas in a description tell values apart."""

    def __init__(self, description: Any) -> None:
        self._listed = {(type(each), each) for enum in _said(description, "enum") for each in enum}
        self._lengths = _steps(description, "minLength", "maxLength")
        self._sizes = _steps(description, "minimum", "maximum")

    def __call__(self, value: Any) -> Hashable:
        """The same for all values that no schema tells apart."""
        if isinstance(value, dict):
            return frozenset((key, self(each)) for key, each in value.items())
        if isinstance(value, list):
            return tuple(self(each) for each in value)
        if isinstance(value, bool | float) or value is None or (type(value), value) in self._listed:
            return type(value), value
        if isinstance(value, str):
            return str, None, bisect_right(self._lengths, len(value))
        return type(value), None, bisect_right(self._sizes, value)


def _steps(description: Any, *words: str) -> list[int]:
    """Numbers below and from which a bound may hold or not."""
    bounds = {bound for word in words for bound in _said(description, word)}
    return sorted(bounds | {bound + 1 for bound in bounds})


def _said(description: Any, word: str) -> Iterator[Any]:
    """What is said under a word, anywhere; never a field of that name, whose schema is an object."""
    if isinstance(description, dict):
        if not isinstance(description.get(word, {}), dict):
            yield description[word]
        for each in description.values():
            yield from _said(each, word)
    elif isinstance(description, list):
        for each in description:
            yield from _said(each, word)
