"""The table of REST operations: which exist, who may call them, what a handler is given and answers."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

from bot.emulator.caller import Caller
from bot.emulator.checking import CheckVerbs
from bot.emulator.problem import Invalid, NotFound, Problem
from bot.emulator.world import Comment, Issue, Json, Pull, Remark, Repo, Review, User


@dataclass(frozen=True)
class Answer:
    """A status with JSON (or, as bytes, raw content)."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = Answer(status=204)


def created(body: Any) -> Answer:
    return Answer(body, 201)


@dataclass(frozen=True)
class Call:
    """One request, its caller known and permitted."""

    stage: CheckVerbs
    caller: Caller
    url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    @property
    def actor(self) -> User:
        if self.caller.user is None:
            raise Problem(401, "Requires authentication")
        return self.caller.user

    @property
    def repo(self) -> Repo:
        return self.stage.world.find_repo(f"{self.path['owner']}/{self.path['repo']}")

    @property
    def issue(self) -> Issue:
        """The issue of the path; raises NotFound."""
        try:
            return self.repo.issues[int(self.path["number"])]
        except (KeyError, ValueError):
            raise NotFound from None

    @property
    def pull(self) -> Pull:
        issue = self.issue
        if not isinstance(issue, Pull):
            raise NotFound
        return issue

    @property
    def comment(self) -> Comment:
        found = [each for issue in self.repo.issues.values() for each in issue.comments]
        for each in found:
            if str(each.id) == self.path["comment"]:
                return each
        raise NotFound

    @property
    def review(self) -> Review:
        """The review of the path; raises NotFound."""
        return _named(self.pull.reviews, self.path["review"])

    @property
    def remark(self) -> Remark:
        """The inline comment of the path; raises NotFound."""
        return _named([each for pull in self.repo.pulls for each in pull.remarks], self.path["comment"])

    @property
    def fields(self) -> Json:
        """The body as an object; an empty body is an empty one."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise Problem(422, "Invalid request.\n\nFor 'links/0/schema', it is not an object.")
        return self.body

    def text(self, name: str, resource: str) -> str:
        """A field that must be there, a string; raises Invalid."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise Invalid(resource, name, "missing_field" if value is None else "invalid")
        return value

    def page(self, items: Sequence[Any], wrap: str = "", per_page: int = 30) -> Answer:
        """One page of it with a Link header; `wrap` names the list inside an object with total_count."""
        size = _whole(self.query.get("per_page"), per_page, 100)
        number = _whole(self.query.get("page"), 1, 10**9)
        part = list(items[(number - 1) * size : number * size])
        last = max(1, -(-len(items) // size))
        ends = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        if number == 1:
            ends = {rel: ends[rel] for rel in ("next", "last")}
        if number >= last:
            ends = {rel: ends[rel] for rel in ("prev", "first") if rel in ends}
        told = ", ".join(f'<{self._at(page)}>; rel="{rel}"' for rel, page in ends.items())
        body = {"total_count": len(items), wrap: part} if wrap else part
        return Answer(body, headers={"Link": told} if told else {})

    def _at(self, page: int) -> str:
        return f"{self.url}?{urlencode({**self.query, 'page': page})}"


Named = TypeVar("Named", Review, Remark)


def _named(things: Sequence[Named], number: str) -> Named:
    for each in things:
        if str(each.id) == number:
            return each
    raise NotFound


def _whole(text: str | None, default: int, most: int) -> int:
    return min(max(int(text), 1), most) if text and text.isdecimal() and int(text) else default


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """An operation; `template` as GitHub writes it, `needs` are alternatives like `issues:write`."""

    method: str
    template: str
    pattern: re.Pattern[str]
    handler: Handler
    app: bool
    needs: tuple[str, ...]


ROUTES: list[Route] = []


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The most literal operation that this raw (still quoted) path names, with its variables unquoted."""
    for each in sorted_routes():
        if each.method == method and (match := each.pattern.fullmatch(path)):
            return each, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


@cache
def sorted_routes() -> list[Route]:
    return sorted(ROUTES, key=lambda each: (each.template.count("{"), -len(each.template)))


def route(method: str, template: str, *needs: str, app: bool = False) -> Callable[[Handler], Handler]:
    """Enters a handler in the table. With `app` it is for the App's JWT only, else for everything but that.

    A variable takes one segment; `{path}`, `{ref}`, `{branch}` and `{basehead}` take all that is left.
    """
    text = re.sub(r"\{(path|ref|branch|basehead)\}", r"(?P<\1>.+)", template)
    text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)

    def enter(handler: Handler) -> Handler:
        ROUTES.append(Route(method, template, re.compile(text), handler, app, needs))
        return handler

    return enter
