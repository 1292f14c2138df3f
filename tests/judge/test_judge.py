"""The judge itself: it knows every operation and webhook that is played, and it sees what is wrong."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.emulator.fault import Exchange
from bot.emulator.ground import ALWAYS, EVENTS
from bot.emulator.hooks import Delivery
from bot.emulator.server import ROUTES
from tests.judge.excerpt import plain
from tests.judge.judge import judge
from tests.judge.likeness import SILENT, TELLING, Likeness

PULLS = "/repos/{owner}/{repo}/pulls"


def asked(method: str, template: str, body: object = None, path: str = "", **query: str) -> Exchange:
    return Exchange(method, path or template, query, {}, body, template)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.template}")
def test_every_route_that_is_played_is_one_of_githubs(route: object) -> None:
    """When this fails for a new route: scripts/refresh-openapi."""
    method, template = vars(route)["method"], vars(route)["template"]
    assert judge().operation(asked(method, template)) in judge().description["operations"]


@pytest.mark.parametrize("event", [*EVENTS, *ALWAYS])
def test_every_event_that_is_played_is_one_of_githubs(event: str) -> None:
    assert any(name.partition(".")[0] == event for name in judge().description["webhooks"])


@pytest.mark.parametrize(
    ("exchange", "complaint"),
    [
        (asked("POST", PULLS, {"title": "T", "base": "main"}), "'head' is a required property"),
        (asked("POST", PULLS, {"title": "T", "head": "x", "base": 7}), "base: 7 is not of type 'string'"),
        (asked("POST", PULLS, {"title": "T", "head": "x", "base": "main", "reviewer": "a"}), "no field 'reviewer'"),
        (asked("POST", PULLS), "has no body"),
        (asked("GET", PULLS, {"a": 1}), "has a body, and GitHub takes none"),
        (asked("GET", PULLS, heads="acme:x"), "no query parameter 'heads'"),
        (asked("GET", PULLS, state="merged"), "'merged' is not one of"),
        (asked("GET", PULLS, per_page="many"), "'many' is not of type 'integer'"),
        (asked("GET", f"{PULLS}/{{number}}", path="/repos/a/b/pulls/x"), "is no number"),
        (asked("GET", "/repos/{owner}/{repo}/nonsense"), "GitHub has no such operation"),
    ],
)
def test_a_wrong_request_is_seen(exchange: Exchange, complaint: str) -> None:
    assert any(complaint in line for line in judge().request(exchange))


def test_a_right_request_is_let_through() -> None:
    body = {"title": "T", "head": "acme:x", "base": "main", "body": None, "draft": True}
    assert judge().request(asked("GET", PULLS, head="acme:x", per_page="100")) == []
    assert [line for line in judge().request(asked("POST", PULLS, body)) if "body" not in line] == []


def test_a_wrong_answer_and_a_wrong_webhook_are_seen() -> None:
    answered = asked("GET", PULLS)
    answered.status, answered.answer = 200, [{"number": "one"}]
    assert any("'one' is not of type 'integer'" in line for line in judge().answer(answered))
    answered.status = 299
    assert judge().answer(answered) == ["GET /repos/{}/{}/pulls: answers 299"]
    sent = Delivery(1, "g", "issues", "labeled", {"action": "labeled"}, 0.0)
    assert any("'issue' is a required property" in line for line in judge().webhook(sent))
    sent.action = "sung"
    assert judge().webhook(sent) == ["issues.sung: GitHub sends no such webhook"]


def test_openapi_becomes_plain_json_schema() -> None:
    schema = {"type": "object", "title": "Thing", "properties": {"title": {"type": "string", "nullable": True}}}
    assert plain(schema) == {
        "type": "object",
        "properties": {"title": {"anyOf": [{"type": "null"}, {"type": "string"}]}},
    }
    assert "title" in judge().description["schemas"]["issue"]["properties"]


def test_nothing_in_the_description_tells_values_apart_that_are_taken_for_alike() -> None:
    told = judge().description
    answers = [schema for each in told["operations"].values() for schema in each["answers"].values() if schema]
    asked_for = [schema for each in told["operations"].values() for schema in (each["body"], *each["query"].values())]
    schemas = [*answers, *filter(None, asked_for), *told["webhooks"].values(), *told["schemas"].values()]
    assert {word for schema in schemas for word in words(schema)} - SILENT <= TELLING


def words(schema: Any) -> Iterator[str]:
    """What a schema says, and what those inside it say."""
    yield from schema
    inside = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    inside += [each for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, [])]
    for each in inside:
        if isinstance(each, dict):
            yield from words(each)


@pytest.mark.parametrize(
    ("one", "another", "alike"),
    [
        ("some words", "other words", True),
        ("", "some words", False),
        ("open", "closed", False),
        ("open", "opened at night", False),
        ("four", "x" * 21, False),
        (7, 8, True),
        (0, 1, False),
        (-1, 0, False),
        (5, 500, False),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        (7, 7.5, False),
        (7, "7", False),
        ([], {}, False),
        (["a"], ["a", "b"], False),
        (["a", 7], ["b", 8], True),
        ({"a": 7, "b": "x"}, {"b": "y", "a": 8}, True),
        ({"a": 7}, {"b": 7}, False),
        ({"a": None}, {}, False),
        ({"a": {"b": [7]}}, {"a": {"b": ["7"]}}, False),
    ],
)
def test_what_a_description_tells_apart(one: object, another: object, alike: bool) -> None:
    schema = {
        "a": {"enum": ["open", "closed"], "type": "string"},
        "b": {"minLength": 1, "maxLength": 20},
        "c": {"minimum": 0, "maximum": 100, "properties": {"enum": {"type": "string"}, "minimum": {"minimum": 1}}},
    }
    told = Likeness(schema)
    assert (told(one) == told(another)) is alike


def test_only_what_was_well_spares_what_is_like_it() -> None:
    body: dict[str, Any] = {"title": "T", "head": "x", "base": "main"}
    for wrong in ({"base": 7}, {"base": 8}, {"draft": 1}):
        assert judge().request(asked("POST", PULLS, body)) == []
        assert judge().request(asked("POST", PULLS, {**body, "title": "Another"})) == []
        (complaint,) = judge().request(asked("POST", PULLS, {**body, **wrong}))
        assert str(next(iter(wrong.values()))) in complaint
