"""Holds what was said over HTTP against GitHub's own description."""

import json
import lzma
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from bot.emulator.fault import Exchange
from bot.emulator.hooks import Delivery
from tests.judge.excerpt import FILE, shape
from tests.judge.likeness import Likeness

URI = "urn:github"
REMARKS = (
    "GET /repos/{}/{}/pulls/comments",
    "GET /repos/{}/{}/pulls/comments/{}",
    "PATCH /repos/{}/{}/pulls/comments/{}",
    "GET /repos/{}/{}/pulls/{}/comments",
    "POST /repos/{}/{}/pulls/{}/comments",
    "GET /repos/{}/{}/pulls/{}/reviews/{}/comments",
)
TOLERATED = {
    # The description wants an account that is a user and an enterprise in one; GitHub's own example is none either.
    ("GET /app/installations", "account"),
    # The description forgot that an outdated remark stands nowhere.
    *((way, field) for way in REMARKS for field in ("line", "position")),
    # And that a fork may be deleted before its pull request is.
    *((f"{way} /repos/{{}}/{{}}/pulls/{{}}", "repo") for way in ("GET", "PATCH")),
    ("GET /repos/{}/{}/pulls", "repo"),
    ("pull_request", "repo"),
}
"""Complaints that are the description's own fault: the operation or the webhook's event, and the field."""


class Judge:
    """Every complaint is one line; an empty list means that nothing is wrong."""

    def __init__(self) -> None:
        self.description: dict[str, Any] = json.loads(lzma.decompress(FILE.read_bytes()))
        resource = Resource.from_contents(self.description, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(URI, resource)
        self._likeness = Likeness(self.description)
        self._well: set[tuple[str, Hashable]] = set()

    def operation(self, exchange: Exchange) -> str | None:
        """The operation's name in the description; None for git and for what has no route."""
        template = exchange.template.replace("/contents", "/contents/{path}") if _root(exchange) else exchange.template
        return f"{exchange.method} {shape(template)}" if template else None

    def request(self, exchange: Exchange) -> list[str]:
        """What GitHub's description does not allow in a request: its path, its query, its body."""
        name = self.operation(exchange)
        if name is None:
            return []
        if name not in self.description["operations"]:
            return [f"{name}: GitHub has no such operation"]
        operation = self.description["operations"][name]
        complaints = [*self._query(name, operation["query"], exchange.query), *self._path(name, exchange)]
        return [f"{name}: {each}" for each in complaints + self._body(name, operation, exchange.body)]

    def answer(self, exchange: Exchange) -> list[str]:
        """What the description does not know of an answer: its status, its JSON."""
        name = self.operation(exchange)
        if name is None or name not in self.description["operations"] or isinstance(exchange.answer, bytes):
            return []
        answers = self.description["operations"][name]["answers"]
        status = str(exchange.status)
        if status not in answers:
            return [] if exchange.status >= 400 or exchange.status == 304 else [f"{name}: answers {status}"]
        if answers[status] is None:
            return []
        complaints = self._check(exchange.answer, "operations", name, "answers", status)
        return [f"{name}: {each}" for each in complaints if (name, _field(each)) not in TOLERATED]

    def webhook(self, delivery: Delivery) -> list[str]:
        """What the description does not know of a webhook."""
        if delivery.name not in self.description["webhooks"]:
            return [f"{delivery.name}: GitHub sends no such webhook"]
        complaints = self._check(delivery.payload, "webhooks", delivery.name)
        return [f"{delivery.name}: {each}" for each in complaints if (delivery.event, _field(each)) not in TOLERATED]

    def _path(self, name: str, exchange: Exchange) -> Iterator[str]:
        """Variables that must be numbers are numbers."""
        for each, schema in self.description["operations"][name]["path"].items():
            if schema.get("type") == "integer" and not any(part.isdecimal() for part in exchange.path.split("/")):
                yield f"{each} of the path is no number"

    def _query(self, name: str, known: Mapping[str, Any], query: Mapping[str, str]) -> Iterator[str]:
        for each, text in query.items():
            if each not in known:
                yield f"no query parameter {each!r}"
                continue
            value = int(text) if text.isdecimal() and _numeric(self._deref(known[each])) else text
            yield from self._check(value, "operations", name, "query", each)

    def _body(self, name: str, operation: Mapping[str, Any], body: Any) -> list[str]:
        if operation["body"] is None:
            return [] if body in (None, {}) else ["has a body, and GitHub takes none"]
        if body is None:
            return ["has no body"] if operation["body_required"] else []
        known = set(self._properties(operation["body"]))
        strange = sorted(set(body) - known) if isinstance(body, dict) and known else []
        return [f"no field {each!r}" for each in strange] + self._check(body, "operations", name, "body")

    def _properties(self, schema: Mapping[str, Any]) -> Iterator[str]:
        schema = self._deref(schema)
        yield from schema.get("properties", {})
        for word in ("anyOf", "oneOf", "allOf"):
            for each in schema.get(word, []):
                yield from self._properties(each)

    def _deref(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        found: Mapping[str, Any] = self.description["schemas"][schema["$ref"].rpartition("/")[2]]
        return found

    def _check(self, value: Any, *where: str) -> list[str]:
        """One line for the heart of what is wrong; what is like something that was well is not looked at again."""
        pointer = "".join("/" + each.replace("~", "~0").replace("/", "~1") for each in where)
        key = (pointer, self._likeness(value))
        if key in self._well:
            return []
        validator = Draft202012Validator({"$ref": f"{URI}#{_quoted(pointer)}"}, registry=self._registry)
        complaints = [
            f"{'.'.join(map(str, best.absolute_path))}: {best.message[:200]}"
            for each in validator.iter_errors(value)
            if (best := best_match([each])) is not None
        ]
        if not complaints:
            self._well.add(key)
        return complaints


def _field(complaint: str) -> str:
    """The innermost field that a complaint is about."""
    return complaint.partition(":")[0].rpartition(".")[2]


def _root(exchange: Exchange) -> bool:
    return exchange.template.endswith("/contents")


def _quoted(pointer: str) -> str:
    return pointer.replace("%", "%25").replace("{", "%7B").replace("}", "%7D").replace(" ", "%20")


def _numeric(schema: Mapping[str, Any]) -> bool:
    return "integer" in json.dumps(schema.get("type", schema.get("anyOf", "")))


@cache
def judge() -> Judge:
    """The one judge of a test session: it takes a moment to wake."""
    return Judge()
