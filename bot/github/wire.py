"""One credential's way to GitHub: builds addresses safely, sends, and reads each answer with the reader it is given."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Literal, TypeVar
from urllib.parse import quote, urlencode

from bot.github.caller import Caller
from bot.github.refusal import RefusalError, explained

T = TypeVar("T")
Query = str | int
Sending = Literal["POST", "PATCH", "DELETE"]


def segment(name: str) -> str:
    """A name as one part of an address; `.` and `..` would climb and are refused with a RefusalError."""
    if name in ("", ".", ".."):
        raise RefusalError("invalid", f"{name!r} is no usable name.")
    return quote(name, safe="")


def segments(path: str) -> str:
    """A path of several parts, each safe."""
    return "/".join(segment(part) for part in path.split("/"))


def graph_url(api_url: str) -> str:
    """Where GraphQL is served beside this REST API: `/api/graphql` on GitHub Enterprise, else `/graphql` below it."""
    base = api_url.rstrip("/")
    return f"{base.removesuffix('/v3')}/graphql" if base.endswith("/api/v3") else f"{base}/graphql"


def nothing(_answer: object) -> None:
    """The reader for an answer nobody needs."""


class Wire:
    """`prefix` goes before every path, `where` names the place in sentences; without a token it is the App that asks.

    Every method raises RefusalError (for good) or TryAgain (passes).
    """

    def __init__(self, caller: Caller, prefix: str, where: str, token: str | None) -> None:
        self._caller, self._prefix, self.where, self._token = caller, prefix, where, token

    async def get(self, path: str, read: Callable[[object], T], **query: Query) -> T:
        with explained(self.where):
            return read(await self._caller.getitem(self._url(path, query), oauth_token=self._token))

    async def maybe(self, path: str, read: Callable[[object], T], **query: Query) -> T | None:
        """As `get`, None where GitHub finds nothing."""
        try:
            return await self.get(path, read, **query)
        except RefusalError as refusal:
            if refusal.status in (404, 410) or refusal.kind == "empty":
                return None
            raise

    async def pages(
        self,
        path: str,
        read: Callable[[object], T],
        *,
        key: str = "items",
        until: Callable[[T], bool] | None = None,
        **query: Query,
    ) -> list[T]:
        """All things of a list, over all its pages; with `until`, only those before the first that it is true of."""
        found: list[T] = []
        with explained(self.where):
            url = self._url(path, {"per_page": 100, **query})
            async with aclosing(self._caller.getiter(url, oauth_token=self._token, iterable_key=key)) as listed:
                async for item in listed:
                    thing = read(item)
                    if until is not None and until(thing):
                        break
                    found.append(thing)
        return found

    async def send(self, method: Sending, path: str, read: Callable[[object], T], /, **data: object) -> T:
        url = self._url(path, {})
        with explained(self.where):
            match method:
                case "POST":
                    answer = await self._caller.post(url, data=data or b"", oauth_token=self._token)
                case "PATCH":
                    answer = await self._caller.patch(url, data=data, oauth_token=self._token)
                case "DELETE":
                    await self._caller.delete(url, data=data or b"", oauth_token=self._token)
                    answer = None
            return read(answer)

    async def ask(self, document: str, read: Callable[[object], T], /, **variables: object) -> T:
        """A GraphQL request; `read` gets the whole answer, its `data` and its `errors`: both may come, with status 200.

        It goes gidgethub's way for POSTs: its own for GraphQL knows neither limits nor other addresses.
        """
        asked = {"query": document, "variables": variables}
        with explained(self.where):
            url = graph_url(self._caller.base_url)
            return read(await self._caller.post(url, data=asked, oauth_token=self._token))

    def _url(self, path: str, query: dict[str, Query]) -> str:
        return f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")
