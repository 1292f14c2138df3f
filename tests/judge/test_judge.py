"""The judge itself: it knows every operation and webhook that is played, and it sees what is wrong."""

import pytest

from bot.emulator.fault import Exchange
from bot.emulator.ground import ALWAYS, EVENTS
from bot.emulator.hooks import Delivery
from bot.emulator.server import ROUTES
from tests.judge.excerpt import plain
from tests.judge.judge import judge

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
