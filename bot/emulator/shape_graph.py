"""How pull requests, threads and comments look to GraphQL: dictionaries of values, and of functions for the rest."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

from bot.emulator.shape import node
from bot.emulator.shape_review import ReviewShape
from bot.emulator.world import Comment, Json, Pull, Remark, Repo, Review, User, stamp

MOST = 100
Field = Callable[..., Any]


class Flaw(Exception):  # noqa: N818 - it is an answer
    """What becomes an entry of `errors`, with its `type` in GitHub's words."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class GraphShape:
    """Makes what the schema's fields are read from; `may` tells whether the caller may resolve threads there."""

    def __init__(self, shape: ReviewShape, may: Callable[[Repo], bool]) -> None:
        self._shape, self._may = shape, may

    def repo(self, repo: Repo, pull: Field) -> Json:
        return {
            "__typename": "Repository",
            "databaseId": repo.id,
            "id": node("R", repo.id),
            "name": repo.name,
            "nameWithOwner": repo.full_name,
            "pullRequest": pull,
            "url": f"{self._shape.url}/{repo.full_name}",
        }

    def pull(self, pull: Pull) -> Json:
        return {
            "__typename": "PullRequest",
            "baseRefName": pull.base,
            "fullDatabaseId": str(pull.id),
            "headRefName": pull.head,
            "headRefOid": pull.head_sha,
            "id": node("PR", pull.id),
            "isDraft": pull.draft,
            "number": pull.number,
            "reviewThreads": _connection("reviewThreads", [each for each in pull.threads if each.thread], self.thread),
            "title": pull.title,
            "url": f"{self._shape.url}/{pull.repo.full_name}/pull/{pull.number}",
        }

    def thread(self, first: Remark) -> Json:
        may = self._may(first.pull.repo)
        return {
            "__typename": "PullRequestReviewThread",
            "comments": _connection("comments", first.thread, self.remark),
            "diffSide": first.made.span.side,
            "id": node("PRRT", first.id),
            "isCollapsed": first.resolved or first.outdated,
            "isOutdated": first.outdated,
            "isResolved": first.resolved,
            "resolvedBy": self.actor(first.resolved_by) if first.resolved_by else None,
            "subjectType": "LINE",
            "viewerCanReply": True,
            "viewerCanResolve": may and not first.resolved,
            "viewerCanUnresolve": may and first.resolved,
            **_lines(first),
        }

    def remark(self, remark: Remark) -> Json:
        shown = self._shape.remark(remark)
        return {
            **self._words("PullRequestReviewComment", shown, remark),
            "diffHunk": shown["diff_hunk"],
            "outdated": remark.outdated,
            "pullRequestReview": lambda info: self.review(remark.review),
            "replyTo": lambda info: self.remark(remark.reply_to) if remark.reply_to else None,
            "updatedAt": shown["updated_at"],
            **_lines(remark.first),
        }

    def review(self, review: Review) -> Json:
        made = {"createdAt": stamp(review.submitted)}
        comments = _connection("comments", review.remarks, self.remark)
        words = self._words("PullRequestReview", self._shape.review(review), review)
        return {**words, **made, "comments": comments}

    def comment(self, comment: Comment) -> Json:
        return self._words("IssueComment", self._shape.comment(comment), comment)

    def _words(self, kind: str, shown: Json, said: Remark | Review | Comment) -> Json:
        """What every text of somebody has; `shown` is how REST has it."""
        return {
            "__typename": kind,
            "author": self.actor(said.user),
            "body": said.body,
            "createdAt": shown.get("created_at"),
            "databaseId": said.id,
            "fullDatabaseId": str(said.id),
            "id": shown["node_id"],
            "isMinimized": said.minimized is not None,
            "minimizedReason": said.minimized,
            "url": shown["html_url"],
            "viewerCanMinimize": True,
        }

    def actor(self, user: User) -> Json:
        """A bot has no `[bot]` behind its name here."""
        shown = self._shape.user(user)
        kind = "Bot" if user.type == "Bot" else "User"
        login = user.login.removesuffix("[bot]")
        about = {"databaseId": user.id, "id": shown["node_id"], "login": login, "url": shown["html_url"]}
        return {"__typename": kind, **about}


def _lines(first: Remark) -> Json:
    made = {"originalLine": first.made.span.line, "originalStartLine": first.made.span.start}
    return {"path": first.path, "line": first.line, "startLine": first.start_line, **made}


def _connection(name: str, things: Sequence[Any], shown: Callable[[Any], Json]) -> Field:
    """A page of things, cut as `first` after `after` or `last` before `before` say; raises Flaw."""

    def cut(
        info: object,
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
        skip: int = 0,
    ) -> Json:
        size, way = (first, "first") if first is not None else (last, "last")
        if size is None:
            said = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
            raise Flaw("MISSING_PAGINATION_BOUNDARIES", said)
        if not 0 <= size <= MOST:
            said = f"Requesting {size} records on the `{name}` connection exceeds the `{way}` limit of {MOST} records."
            raise Flaw("EXCESSIVE_PAGINATION", said)
        low, high = _place(after, 0) + skip, _place(before, len(things) + 1) - 1
        low, high = (low, min(low + size, high)) if way == "first" else (max(high - size, low), high)
        ends = {"startCursor": _cursor(low + 1), "endCursor": _cursor(high)} if low < high else {}
        around = {"hasPreviousPage": low > 0, "hasNextPage": high < len(things)}
        page = {"startCursor": None, "endCursor": None, **ends, **around}
        return {"nodes": [shown(each) for each in things[low:high]], "pageInfo": page, "totalCount": len(things)}

    return cut


def _cursor(number: int) -> str:
    return base64.b64encode(f"cursor:v2:{number}".encode()).decode()


def _place(cursor: str | None, default: int) -> int:
    if cursor is None:
        return default
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("cursor:v2:"))
    except ValueError:
        raise Flaw("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.") from None
