"""What only GraphQL can do: the threads of a pull request's reviews, which are resolved, and (un)resolving them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

import structlog
from gidgethub import BadRequest

from bot.errors import TryAgain
from bot.github.entity import RepoRef
from bot.github.refusal import RefusalError, explain
from bot.github.shape import MissingError, at, flag, items, text, word
from bot.github.wire import Wire

log = structlog.get_logger(__name__)

MOST = 50  # threads that one request resolves

THREADS = """
query Threads($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          isResolved
          isOutdated
          resolvedBy { login }
          comments(first: 1) { nodes { fullDatabaseId } }
        }
      }
    }
  }
}
"""

_STATUS = {"FORBIDDEN": HTTPStatus.FORBIDDEN, "INSUFFICIENT_SCOPES": HTTPStatus.FORBIDDEN}
_STATUS |= {"NOT_FOUND": HTTPStatus.NOT_FOUND}
_LIMITED = frozenset({"RATE_LIMITED", "RATE_LIMIT"})  # GitHub has used both
_BROKEN = frozenset({"INTERNAL", "SERVICE_UNAVAILABLE"})


@dataclass(frozen=True)
class Thread:
    """A thread of remarks at a diff; `comment` is the id of its first remark, as REST has it.

    `resolved_by` is a login, empty while it is open or where GitHub does not say.
    """

    id: str
    comment: int
    resolved: bool
    outdated: bool
    resolved_by: str


class Threads:
    """Verbs over review threads."""

    def __init__(self, wire: Wire, ref: RepoRef) -> None:
        self._wire, self._ref = wire, ref

    async def threads(self, n: int) -> list[Thread]:
        """Every thread of a pull request, 100 a request."""
        found: list[Thread] = []
        after: str | None = None
        where = {"owner": self._ref.owner, "name": self._ref.name, "number": n}
        while True:
            listed, after = await self._wire.ask(THREADS, self._read_page, **where, after=after)
            found += listed
            if after is None:
                return found

    async def resolve(self, thread_ids: Sequence[str]) -> list[str]:
        """Resolves threads, 50 a request, and answers with the ids of those that are resolved now.

        One that GitHub does not find or refuses is left out. RefusalError where the App may resolve none at all: that
        takes `contents: write` besides `pull_requests: write`, whatever GitHub's documentation says.
        """
        return await self._turn(thread_ids, resolved=True)

    async def unresolve(self, thread_ids: Sequence[str]) -> list[str]:
        """Opens resolved threads again, in the same way; answers with the ids of those that are open now."""
        return await self._turn(thread_ids, resolved=False)

    async def _turn(self, thread_ids: Sequence[str], *, resolved: bool) -> list[str]:
        verb: Literal["resolve", "unresolve"] = "resolve" if resolved else "unresolve"
        done: list[str] = []
        for start in range(0, len(thread_ids), MOST):
            part = thread_ids[start : start + MOST]
            variables = {f"t{index}": thread for index, thread in enumerate(part)}
            kept = await self._wire.ask(resolving(len(part), verb), self._read_turned, **variables)
            done += [variables[alias] for alias in variables if kept.get(alias) is resolved]
        return done

    def _read_page(self, answer: object) -> tuple[list[Thread], str | None]:
        for error in _errors(answer):
            raise refused(error, self._wire.where)
        page = at(answer, "data", "repository", "pullRequest", "reviewThreads")
        if page is None:
            raise MissingError("reviewThreads")
        threads = [_read_thread(node) for node in items(page, "nodes") if items(node, "comments", "nodes")]
        return threads, word(page, "pageInfo", "endCursor") if flag(page, "pageInfo", "hasNextPage") else None

    def _read_turned(self, answer: object) -> dict[str, bool]:
        """Whether each thread that there is is resolved, by alias; raises for what is wrong with more than one."""
        for error in _errors(answer):
            refusal = refused(error, self._wire.where)
            path = items(error, "path")
            if not path or not isinstance(refusal, RefusalError) or refusal.kind == "permission":
                raise refusal
            log.warning("thread not turned", where=self._wire.where, reason=refusal.words)
        data = at(answer, "data")
        if not isinstance(data, Mapping):
            raise MissingError("data")
        return {name: flag(data, name, "thread", "isResolved") for name in data if at(data, name, "thread") is not None}


def resolving(count: int, verb: Literal["resolve", "unresolve"] = "resolve") -> str:
    """The document that does this to so many threads, `$t0`, `$t1` ...; answers come under the same names."""
    names = ", ".join(f"$t{index}: ID!" for index in range(count))
    each = [
        f"  t{index}: {verb}ReviewThread(input: {{threadId: $t{index}}}) {{ thread {{ id isResolved }} }}"
        for index in range(count)
    ]
    return "\n".join([f"mutation {verb.capitalize()}({names}) {{", *each, "}"])


def refused(error: object, where: str) -> RefusalError | TryAgain:
    """What one of the errors in GitHub's answer means; `where` is for the sentence."""
    kind, words = text(error, "type", limit=60), text(error, "message", limit=300)
    if kind in _LIMITED:
        return TryAgain("GitHub's rate limit is used up", after=60.0)
    if kind in _BROKEN or words.startswith("Something went wrong"):  # also what GitHub says when it took too long
        return TryAgain(f"GitHub answered {kind or 'an error'} about {where}", after=10.0)
    status = _STATUS.get(kind, HTTPStatus.UNPROCESSABLE_ENTITY)
    return explain(BadRequest(status, words or kind or "no reason given"), where)


def _errors(answer: object) -> list[object]:
    return items(answer, "errors")


def _read_thread(node: object) -> Thread:
    first = items(node, "comments", "nodes")[0]
    return Thread(
        id=word(node, "id"),
        comment=_big(at(first, "fullDatabaseId")),
        resolved=flag(node, "isResolved"),
        outdated=flag(node, "isOutdated"),
        resolved_by=text(node, "resolvedBy", "login", limit=100),
    )


def _big(value: object) -> int:
    """A BigInt, which comes as text: ids of remarks have outgrown GraphQL's own integers, and so `databaseId`."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    raise MissingError("fullDatabaseId")
