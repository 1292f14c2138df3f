"""What can be done on an issue or a pull request's conversation: read it, comment, label."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.github.entity import Comment, Issue, read_comment, read_issue
from bot.github.refusal import RefusalError
from bot.github.shape import items, number, text
from bot.github.wire import Wire, nothing, segment
from bot.github.writing import bears, marked

PAGE, PAGES = 100, 3


class Issues:
    """Verbs over `/issues`; `own` answers with the numeric id of the App's own account."""

    def __init__(self, wire: Wire, own: Callable[[], Awaitable[int]]) -> None:
        self._wire, self._own = wire, own

    async def issue(self, n: int) -> Issue:
        return await self._wire.get(f"/issues/{n}", read_issue)

    async def comments(self, n: int, since: datetime | None = None) -> list[Comment]:
        """Every comment below an issue, oldest first; with `since` (aware) those written or edited from then on."""
        query: dict[str, Any] = {"since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {}
        return await self._wire.pages(f"/issues/{n}/comments", _read_comment, **query)

    async def newest_comments(self, n: int) -> tuple[list[Comment], bool]:
        """The newest comments below an issue, at most 300, newest first; and whether there are older ones."""
        path = f"/issues/{n}/comments"
        first = await self._wire.get(path, _read_comments, per_page=PAGE)
        if len(first) < PAGE:
            return first[::-1], False
        last = -(-await self._wire.get(f"/issues/{n}", lambda issue: number(issue, "comments")) // PAGE)
        found: list[Comment] = []
        for page in range(last, max(last - PAGES, 0), -1):
            found += (await self._wire.get(path, _read_comments, per_page=PAGE, page=page))[::-1]
        return found, last > PAGES

    async def comment(self, n: int, body: str, marker: str = "", since: datetime | None = None) -> int:
        """Writes a comment and answers with its id; where ours with that marker stands already, writes nothing."""
        if marker and (found := await self.find_comment(n, marker, since)):
            return found.id
        return await self._wire.send("POST", f"/issues/{n}/comments", _read_id, body=marked(body, marker))

    async def find_comment(self, n: int, marker: str, since: datetime | None = None) -> Comment | None:
        """The first comment that holds the marker and was written by the App itself: others may copy a marker.

        Looks at the newest 300, or with `since` (by GitHub's clock) at those from then on.
        """
        below = await self.comments(n, since) if since else (await self.newest_comments(n))[0][::-1]
        marks = [comment for comment in below if bears(comment.body, marker)]
        own = await self._own() if marks else 0
        return next((comment for comment in marks if comment.author.id == own), None)

    async def edit_comment(self, comment: int, body: str, marker: str = "") -> bool:
        """Replaces a comment's text; give its marker again. False where somebody deleted the comment."""
        try:
            await self._wire.send("PATCH", f"/issues/comments/{comment}", nothing, body=marked(body, marker))
        except RefusalError as refusal:
            if refusal.status != 404:
                raise
            return False
        return True

    async def add_labels(self, n: int, labels: Iterable[str]) -> None:
        if names := list(labels):
            await self._wire.send("POST", f"/issues/{n}/labels", nothing, labels=names)

    async def remove_label(self, n: int, label: str) -> None:
        """Takes a label off; fine where it is not on."""
        try:
            await self._wire.send("DELETE", f"/issues/{n}/labels/{segment(label)}", nothing)
        except RefusalError as refusal:
            if refusal.status != 404:
                raise

    async def ensure_labels(self, labels: Mapping[str, tuple[str, str]]) -> list[str]:
        """Creates what is missing of name -> (colour as `0e8a16`, description); answers with the names created."""
        there = {name.casefold() for name in await self._wire.pages("/labels", lambda label: text(label, "name"))}
        created = []
        for name, (color, description) in labels.items():
            if name.casefold() not in there and await self._create_label(name, color, description):
                created.append(name)
        return created

    async def _create_label(self, name: str, color: str, description: str) -> bool:
        try:
            await self._wire.send("POST", "/labels", nothing, name=name, color=color, description=description[:100])
        except RefusalError as refusal:
            if refusal.status != 422 or "already_exists" not in refusal.words:
                raise
            return False
        return True


def _read_comment(data: object) -> Comment:
    return read_comment(data, "issue")


def _read_comments(data: object) -> list[Comment]:
    return [_read_comment(item) for item in items(data)]


def _read_id(data: object) -> int:
    return number(data, "id")
