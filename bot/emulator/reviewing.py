"""Verbs on reviews, on the inline comments that came with them, and on the threads these begin."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.emulator.discussion import BODY_LIMIT, check_text
from bot.emulator.following import follow
from bot.emulator.history import diff
from bot.emulator.patch import SIDES, Span, Spot, Unresolved, find_spot
from bot.emulator.problem import Invalid, Problem
from bot.emulator.pulling import PullVerbs
from bot.emulator.world import Json, Pull, Remark, Review, User

STATES = {"COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}
OWN = {"APPROVE": "approve", "REQUEST_CHANGES": "request changes on"}
SAID = {"path": "Path could not be resolved", "commit_id": "The commit is not part of the pull request"}


@dataclass(frozen=True)
class _Draft:
    """A remark whose place was found, not yet made."""

    body: str
    path: str
    spot: Spot


class ReviewVerbs(PullVerbs):
    async def review(
        self,
        pull: Pull,
        body: str = "",
        event: str = "COMMENT",
        comments: Sequence[Json] = (),
        *,
        by: str | User = "maintainer",
        sha: str | None = None,
    ) -> Review:
        """Reviews the pull request at commit `sha` (its head); `comments` as in GitHub's API, all taken or none.

        Raises Problem in GitHub's words.
        """
        who, sha = self.who(by), sha or pull.head_sha
        _check_review(pull, who, event, body, comments)
        try:
            base, patches = await self._patches(pull, sha)
            drafts = [_draft(each, patches) for each in comments]
        except Unresolved as lost:
            raise _unprocessable(SAID.get(lost.field, "Line could not be resolved")) from None
        review = self._submit(pull, who, STATES[event], body, sha)
        for draft in drafts:
            self._place(review, draft, base)
        await self._told(review)
        return review

    async def remark(
        self,
        pull: Pull,
        path: str,
        line: int,
        body: str,
        *,
        by: str | User = "maintainer",
        start_line: int | None = None,
        side: str = "RIGHT",
        start_side: str | None = None,
        sha: str | None = None,
    ) -> Remark:
        """A single inline comment; raises Problem where there is no such line in the diff."""
        _check_body(body)
        sha = sha or pull.head_sha
        asked = {"path": path, "line": line, "side": side, "start_line": start_line, "start_side": start_side}
        try:
            base, patches = await self._patches(pull, sha)
            draft = _draft(asked | {"body": body}, patches)
        except Unresolved as lost:
            field = f"pull_request_review_thread.{lost.field}"
            code = "invalid" if lost.field == "path" else "custom"
            raise Invalid("PullRequestReviewComment", field, code, f"{field} {lost.why}") from None
        review = self._submit(pull, self.who(by), "COMMENTED", "", sha)
        made = self._place(review, draft, base)
        await self._told(review)
        return made

    async def reply(self, remark: Remark, body: str, *, by: str | User = "maintainer") -> Remark:
        """Answers in the thread of a remark."""
        _check_body(body)
        first = remark.first
        review = self._submit(first.pull, self.who(by), "COMMENTED", "", first.shown)
        now = self.now()
        made = Remark(self.world.id(), review, body, first.path, first.made, first.base, first.sha, now, now, first)
        first.pull.remarks.append(made)
        await self._told(review)
        return made

    async def edit_review(self, review: Review, body: str, *, by: str | User = "maintainer") -> None:
        check_text("PullRequestReview", body=body)
        was, review.body = review.body, body
        self.emit_review("edited", review, self.who(by), changes={"body": {"from": was}})

    async def edit_remark(self, remark: Remark, body: str, *, by: str | User = "maintainer") -> None:
        _check_body(body)
        was, remark.body, remark.updated = remark.body, body, self.now()
        self.emit_remark("edited", remark, self.who(by), changes={"body": {"from": was}})

    async def delete_remark(self, remark: Remark, *, by: str | User = "maintainer") -> None:
        """Deletes it; what was answered to it stays."""
        remark.pull.remarks.remove(remark)
        self.emit_remark("deleted", remark, self.who(by))

    async def resolve_thread(self, remark: Remark, *, by: str | User = "maintainer") -> None:
        """Marks the thread of a remark as resolved."""
        if not remark.resolved:
            remark.first.resolved_by = self.who(by)
            self.emit_thread("resolved", remark, self.who(by))

    async def unresolve_thread(self, remark: Remark, *, by: str | User = "maintainer") -> None:
        if remark.resolved:
            remark.first.resolved_by = None
            self.emit_thread("unresolved", remark, self.who(by))

    def emit_review(self, action: str, review: Review, by: User, **details: object) -> None:
        shown = {"review": self.shape.told_review(review), "pull_request": self.shape.short_pull(review.pull)}
        self.emit("pull_request_review", action, review.pull.repo, by, **shown, **details)

    def emit_remark(self, action: str, remark: Remark, by: User, **details: object) -> None:
        shown = {"comment": self.shape.remark(remark), "pull_request": self.shape.short_pull(remark.pull)}
        self.emit("pull_request_review_comment", action, remark.pull.repo, by, **shown, **details)

    def emit_thread(self, action: str, remark: Remark, by: User) -> None:
        shown = {"thread": self.shape.thread(remark.first), "pull_request": self.shape.short_pull(remark.pull)}
        self.emit("pull_request_review_thread", action, remark.pull.repo, by, **shown)

    async def _patches(self, pull: Pull, sha: str) -> tuple[str, dict[str, str | None]]:
        """The merge base and, by path, the patches of the pull request at one of its commits; raises Unresolved."""
        git = pull.repo.git
        if not await _is_of(pull, sha):
            raise Unresolved("commit_id", "is not part of the pull request")
        base = await git.merge_base(pull.base_sha, sha)
        return base, {each.path: each.patch for each in await diff(git, pull.base_sha, sha)}

    def _submit(self, pull: Pull, who: User, state: str, body: str, sha: str) -> Review:
        """Whoever was asked for a review has given it."""
        review = Review(self.world.id(), pull, who, state, body, sha, self.now())
        pull.reviews.append(review)
        pull.reviewers = [each for each in pull.reviewers if each is not who]
        self.touch(pull)
        return review

    def _place(self, review: Review, draft: _Draft, base: str) -> Remark:
        now = self.now()
        made = Remark(self.world.id(), review, draft.body, draft.path, draft.spot, base, review.sha, now, now)
        made.spot, made.shown = draft.spot, review.sha
        review.pull.remarks.append(made)
        return made

    async def _told(self, review: Review) -> None:
        if review.sha != review.pull.head_sha:
            await follow(review.pull)
        self.emit_review("submitted", review, review.user)
        for each in review.remarks:
            self.emit_remark("created", each, each.user)


async def _is_of(pull: Pull, sha: str) -> bool:
    listed = await pull.repo.git.git("rev-list", f"{pull.base_sha}..{pull.head_sha}")
    return sha in listed.decode().split()


def _check_review(pull: Pull, who: User, event: str, body: str, comments: Sequence[Json]) -> None:
    if event not in STATES:
        raise _unprocessable(f"{event!r} is no event that the played GitHub knows: it keeps no pending reviews")
    if event in OWN and who is pull.user:
        raise _unprocessable(f"Can not {OWN[event]} your own pull request")
    if event != "APPROVE" and not body.strip() and not comments:
        raise _unprocessable("Body can't be blank")
    for text in [body, *(each.get("body") for each in comments)]:
        if not isinstance(text, str) or (text is not body and not text.strip()):
            raise _unprocessable("Body can't be blank")
        if len(text) > BODY_LIMIT:
            raise _unprocessable(f"Body is too long (maximum is {BODY_LIMIT} characters)")


def _check_body(body: str) -> None:
    if not body.strip():
        raise Invalid("PullRequestReviewComment", "body", "missing_field")
    check_text("PullRequestReviewComment", body=body)


def _draft(asked: Json, patches: dict[str, str | None]) -> _Draft:
    """The remark that was asked for, at its place; raises Unresolved."""
    path, line, side = asked.get("path"), asked.get("line"), asked.get("side") or "RIGHT"
    start, start_side = asked.get("start_line"), asked.get("start_side") or side
    if not isinstance(path, str) or path not in patches:
        raise Unresolved("path", "is invalid")
    if not isinstance(line, int) or side not in SIDES or start_side not in SIDES:
        raise Unresolved("line", "must be part of the diff")
    return _Draft(asked["body"], path, find_spot(patches[path], Span(line, side, start, start_side)))


def _unprocessable(error: str) -> Problem:
    return Problem(422, "Unprocessable Entity", errors=[error])
