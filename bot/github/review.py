"""What can be done with reviews of a pull request: post one, find ours, read remarks at the diff."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.errors import TryAgain
from bot.github.entity import Comment, Person, read_author, read_moment, read_number
from bot.github.reaction import read_counts
from bot.github.refusal import RefusalError
from bot.github.shape import moment, number, text
from bot.github.wire import Wire, nothing
from bot.github.writing import bears, clipped, marked

Verdict = Literal["COMMENT", "APPROVE", "REQUEST_CHANGES"]


@dataclass(frozen=True)
class Inline:
    """A remark to be posted at `line` of a file, or from `start_line` to `line`; lines count from 1.

    `side` is `RIGHT` for lines of the pull request's version, `LEFT` for those of the merge base.
    """

    path: str
    line: int
    side: Literal["RIGHT", "LEFT"]
    body: str
    start_line: int | None = None


@dataclass(frozen=True)
class Remark:
    """A remark at a diff as it stands on GitHub. `line` is None where it is outdated, or where GitHub does not say.

    `in_reply_to` is the first remark of its thread, None for that one itself; times are UTC; `reactions` counts them
    by content (`+1`), only those there are. `hunk` is the diff above its line, as it was when the thread began.
    """

    id: int
    review: int | None
    path: str
    line: int | None
    body: str
    author: Person
    in_reply_to: int | None
    created_at: datetime
    url: str
    reactions: Mapping[str, int]
    updated_at: datetime | None = None
    hunk: str = ""


class Reviews:
    """Verbs over `/pulls/N/reviews` and `/pulls/comments`; `own` answers with the numeric id of the App's account."""

    def __init__(self, wire: Wire, own: Callable[[], Awaitable[int]]) -> None:
        self._wire, self._own = wire, own

    async def post_review(
        self, n: int, *, commit: str, event: Verdict, body: str, comments: Sequence[Inline], marker: str = ""
    ) -> int:
        """Posts a review with all its remarks in one request and answers with its id; look for one with `find_review`.

        GitHub takes all of it or nothing: RefusalError with status 422 where a single remark is on no line of the diff.
        """
        said = [_inline(comment) for comment in comments]
        whole: dict[str, Any] = {"commit_id": commit, "event": event, "body": marked(body, marker), "comments": said}
        return await self._write(f"/pulls/{n}/reviews", whole)

    async def find_review(self, n: int, marker: str) -> int | None:
        """The newest review by the App itself that holds the marker: others may copy one."""
        marks = [one for one in await self._wire.pages(f"/pulls/{n}/reviews", _read_review) if bears(one[1], marker)]
        own = await self._own() if marks else 0
        return next((review for review, _, author in reversed(marks) if author.id == own), None)

    async def approvers(self, n: int) -> list[Person]:
        """Who approves of a pull request: reviews that were dismissed count no more."""
        found = await self._wire.pages(f"/pulls/{n}/reviews", _read_state)
        return [author for author, state in found if state == "APPROVED"]

    async def remarks_of(self, n: int, review: int) -> list[Remark]:
        """The remarks that were posted with a review, oldest first; GitHub does not always tell their lines here."""
        return await self._wire.pages(f"/pulls/{n}/reviews/{review}/comments", _read_remark)

    async def remarks(self, n: int) -> list[Remark]:
        """Every remark at the diff of a pull request, oldest first."""
        return await self._wire.pages(f"/pulls/{n}/comments", _read_remark)

    async def reply(self, n: int, to: Comment, body: str, marker: str = "") -> int:
        """Answers in the thread that the remark `to` stands in; writes nothing where ours with that marker is there."""
        if marker and (found := await self.find_reply(n, marker)):
            return found
        first = {"in_reply_to": to.in_reply_to or to.id, "commit_id": to.commit, "path": to.path}
        return await self._write(f"/pulls/{n}/comments", {**first, "body": marked(body, marker)})

    async def find_reply(self, n: int, marker: str) -> int | None:
        """The first remark that holds the marker and was written by the App itself."""
        marks = [remark for remark in await self.remarks(n) if bears(remark.body, marker)]
        own = await self._own() if marks else 0
        return next((remark.id for remark in marks if remark.author.id == own), None)

    async def edit_remark(self, remark: int, body: str, marker: str = "") -> bool:
        """Replaces a remark's text; give its marker again. False where somebody deleted it."""
        try:
            await self._wire.send("PATCH", f"/pulls/comments/{remark}", nothing, body=marked(body, marker))
        except RefusalError as refusal:
            if refusal.status != 404:
                raise
            return False
        return True

    async def _write(self, path: str, whole: dict[str, Any]) -> int:
        """GitHub says `too quickly` with the status of what it never takes; that passes, and nothing was written."""
        try:
            return await self._wire.send("POST", path, _read_id, **whole)
        except RefusalError as refusal:
            if "submitted too quickly" not in refusal.words:
                raise
            raise TryAgain(str(refusal), after=60.0) from refusal


def _inline(comment: Inline) -> dict[str, Any]:
    said: dict[str, Any] = {"path": comment.path, "line": comment.line, "side": comment.side}
    if comment.start_line is not None and comment.start_line != comment.line:  # GitHub refuses a range of one line
        said |= {"start_line": comment.start_line, "start_side": comment.side}
    return said | {"body": clipped(comment.body)}


def _read_id(data: object) -> int:
    return number(data, "id")


def _read_review(data: object) -> tuple[int, str, Person]:
    return number(data, "id"), text(data, "body"), read_author(data)


def _read_state(data: object) -> tuple[Person, str]:
    return read_author(data), text(data, "state")


def _read_remark(data: object) -> Remark:
    return Remark(
        id=number(data, "id"),
        review=read_number(data, "pull_request_review_id"),
        path=text(data, "path", limit=5000),
        line=read_number(data, "line"),
        body=text(data, "body"),
        author=read_author(data),
        in_reply_to=read_number(data, "in_reply_to_id"),
        created_at=moment(data, "created_at"),
        url=text(data, "html_url", limit=1000),
        reactions=read_counts(data, "reactions"),
        updated_at=read_moment(data, "updated_at"),
        hunk=text(data, "diff_hunk"),
    )
