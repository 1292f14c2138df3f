"""How reviews, inline comments and threads look in GitHub's JSON."""

from bot.emulator.shape import node
from bot.emulator.shape_pull import PullShape
from bot.emulator.world import Json, Pull, Remark, Review, stamp

LINES = ("line", "original_line", "start_line", "original_start_line", "start_side", "side", "subject_type")


class ReviewShape(PullShape):
    """Adds what is said about the diff."""

    def _addresses(self, pull: Pull) -> tuple[str, str, str]:
        """Of the repository and of the pull request in the API, and of its page."""
        repo = f"{self.api}/repos/{pull.repo.full_name}"
        return repo, f"{repo}/pulls/{pull.number}", f"{self.url}/{pull.repo.full_name}/pull/{pull.number}"

    def review(self, review: Review) -> Json:
        _, pull, page = self._addresses(review.pull)
        html = f"{page}#pullrequestreview-{review.id}"
        return {
            "id": review.id,
            "node_id": node("PRR", review.id),
            "user": self.user(review.user),
            "body": review.body,
            "state": review.state,
            "html_url": html,
            "pull_request_url": pull,
            "author_association": self.association(review.pull.repo, review.user),
            "_links": {"html": {"href": html}, "pull_request": {"href": pull}},
            "submitted_at": stamp(review.submitted),
            "commit_id": review.sha,
        }

    def told_review(self, review: Review) -> Json:
        """As webhooks carry it: the state in small letters, no words at all instead of empty ones."""
        time = {"updated_at": stamp(review.submitted)}
        return self.review(review) | {"state": review.state.lower(), "body": review.body or None} | time

    def remark(self, remark: Remark) -> Json:
        repo, pull, page = self._addresses(remark.pull)
        first, own, html = remark.first, f"{repo}/pulls/comments/{remark.id}", f"{page}#discussion_r{remark.id}"
        made, now = first.made, first.spot
        shown: Json = {
            "url": own,
            "pull_request_review_id": remark.review.id,
            "id": remark.id,
            "node_id": node("PRRC", remark.id),
            "diff_hunk": made.hunk,
            "path": remark.path,
            "commit_id": first.shown,
            "original_commit_id": first.sha,
            "user": self.user(remark.user),
            "body": remark.body,
            "created_at": stamp(remark.created),
            "updated_at": stamp(remark.updated),
            "html_url": html,
            "pull_request_url": pull,
            "author_association": self.association(remark.pull.repo, remark.user),
            "_links": {"self": {"href": own}, "html": {"href": html}, "pull_request": {"href": pull}},
            "reactions": self.rollup(f"{own}/reactions", [each[2] for each in remark.reactions]),
            "start_line": now.span.start if now else None,
            "original_start_line": made.span.start,
            "start_side": made.span.first[0] if made.span.start is not None else None,
            "line": now.span.line if now else None,
            "original_line": made.span.line,
            "side": made.span.side,
            "original_position": made.position,
            "position": now.position if now else None,
            "subject_type": "line",
        }
        return shown | ({"in_reply_to_id": remark.reply_to.id} if remark.reply_to else {})

    def remark_of_review(self, remark: Remark) -> Json:
        """As a review lists its own: GitHub does not tell the lines there."""
        return {name: value for name, value in self.remark(remark).items() if name not in LINES}

    def thread(self, first: Remark) -> Json:
        """As webhooks carry it."""
        return {"node_id": node("PRRT", first.id), "comments": [self.remark(each) for each in first.thread]}
