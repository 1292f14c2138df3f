"""What agents say by name: of its kind, clean, and told in plain words where it is not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.graph.outputs import LONGEST, MOST, Kind, parse, schema

TYPES: dict[str, Kind] = {"parts": "list", "count": "number", "done": "boolean", "text": "string", "owner": "map"}
WELL: dict[str, Any] = {
    "parts": ["api", {"name": "web", "paths": ["web/", "x"], "note": None}, 3],
    "count": 2.5,
    "done": False,
    "text": "All of it.",
    "owner": {"api": "a", "n": 1},
}


@pytest.mark.parametrize(
    "words",
    [
        json.dumps(WELL),
        json.dumps({"outputs": WELL}),
        f"Done.\n```json\n{{}}\n```\nI found:\n```json\n{json.dumps({**WELL, 'more': 1}, indent=1)}\n```\nThat is all.",
    ],
)
def test_outputs_are_read_wherever_an_agent_puts_them(words: str) -> None:
    assert parse(words, TYPES) == (WELL, [])
    Draft202012Validator(schema(TYPES)).validate(WELL)


def test_an_output_may_itself_be_called_outputs() -> None:
    assert parse('{"outputs": {"a": 1}}', {"outputs": "map"}) == ({"outputs": {"a": 1}}, [])


def test_what_nobody_sees_is_taken_out() -> None:
    words = '{"text": " a\\u200b\\u202eb\\u0000\\ud800 ", "parts": ["\\u2066x", {"k\\u200b": "\\u0007"}]}'
    found, wrong = parse(words, TYPES)
    assert found == {"text": "ab\ufffd\ufffd", "parts": ["x", {"k": ""}]}
    assert [sentence.split(":")[0] for sentence in wrong] == [
        f"`{name}` is missing" for name in ("count", "done", "owner")
    ]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("count", "true", "`count`: a number is needed"),
        ("count", '"3"', "`count`: a number is needed"),
        ("count", "NaN", "`count`: a number is needed"),
        ("count", "1e999", "`count`: a number is needed"),
        ("count", "1" + "0" * 400, "`count`: a number is needed"),
        ("done", "1", "`done`: true or false is needed"),
        ("text", "null", f"`text`: a text of at most {LONGEST} characters is needed"),
        ("text", json.dumps("x" * (LONGEST + 1)), f"`text`: a text of at most {LONGEST} characters is needed"),
        ("parts", '{"a": 1}', f"`parts`: a list of at most {MOST} texts, numbers or maps is needed"),
        ("parts", json.dumps([1] * (MOST + 1)), f"`parts`: a list of at most {MOST} texts"),
        ("parts", '["a", [1]]', "`parts.1` is none of what may stand there"),
        ("parts", '["a", null]', "`parts.1` is none of what may stand there"),
        ("parts", '[{"a": {"b": 1}}]', "`parts.0.a` is none of what may stand there"),
        ("parts", '[{"a": [[1]]}]', "`parts.0.a` is none of what may stand there"),
        ("owner", "[]", "`owner`: a map of at most 100 keys is needed"),
        ("owner", '{"a": [{"b": 1}]}', "`owner.a` is none of what may stand there"),
        ("owner", '{"a": -Infinity}', "`owner.a` is none of what may stand there"),
    ],
)
def test_what_is_not_of_its_kind_is_told_and_the_rest_is_kept(name: str, value: str, sentence: str) -> None:
    words = json.dumps({**WELL, name: 0}).replace(f'"{name}": 0', f'"{name}": {value}')
    found, (wrong,) = parse(words, TYPES)
    assert wrong.startswith(sentence)
    assert found == {key: value for key, value in WELL.items() if key != name}


@pytest.mark.parametrize("words", ["", "I am done.", "```json\n{\n```", "[1, 2]", "[" * 5_000])
def test_words_without_them_are_asked_for_them(words: str) -> None:
    found, wrong = parse(words, {"parts": "list"})
    assert found == {}
    assert "`parts`" in wrong[0]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*TYPES, "more"]), VALUES), st.booleans())
def test_whatever_is_said_what_is_kept_is_what_the_schema_means_and_can_be_kept(
    said: dict[str, Any], below: bool
) -> None:
    found, wrong = parse(json.dumps({"outputs": said} if below else said), TYPES)
    assert len(found) + len(wrong) == len(TYPES)
    Draft202012Validator({**schema(TYPES), "required": []}).validate(found)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert parse(json.dumps(found), {name: TYPES[name] for name in found}) == (found, [])
