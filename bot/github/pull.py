"""What can be done with pull requests: find, open, edit, ask for a review."""

from collections.abc import Iterable

from bot.github.entity import Pull, RepoRef, read_pull
from bot.github.refusal import RefusalError
from bot.github.wire import Wire, nothing
from bot.github.writing import clipped
from bot.github.writing import title as one_line


class Pulls:
    """Verbs over `/pulls`."""

    def __init__(self, wire: Wire, ref: RepoRef) -> None:
        self._wire, self._ref = wire, ref

    async def pull(self, n: int) -> Pull:
        return await self._wire.get(f"/pulls/{n}", read_pull)

    async def pull_for(self, branch: str) -> Pull | None:
        """The open pull request from this branch of the repository itself (never of a fork)."""
        head = f"{self._ref.owner}:{branch}"
        found = await self._wire.pages("/pulls", read_pull, head=head, state="open")
        return next((pull for pull in found if pull.head == branch and not pull.from_fork), None)

    async def open_pull(self, *, head: str, base: str, title: str, body: str, draft: bool = False) -> Pull:
        """Opens a pull request from branch to branch; one that is open from that head is answered instead.

        Where drafts are not to be had (private repositories of some plans) it is opened ready; look at `.draft`.
        """
        if found := await self.pull_for(head):
            return found
        try:
            return await self._open(head, base, title, body, draft)
        except RefusalError as refusal:
            if "already exists" in refusal.words and (found := await self.pull_for(head)):
                return found
            if not (draft and "raft pull requests are not supported" in refusal.words):
                raise
        return await self._open(head, base, title, body, draft=False)

    async def _open(self, head: str, base: str, title: str, body: str, draft: bool) -> Pull:
        return await self._wire.send(
            "POST", "/pulls", read_pull, head=head, base=base, title=one_line(title), body=clipped(body), draft=draft
        )

    async def edit_pull(self, n: int, *, body: str, title: str = "") -> Pull:
        """Changes its text, and its title where one is given; leaves the rest."""
        more = {"title": one_line(title)} if title else {}
        return await self._wire.send("PATCH", f"/pulls/{n}", read_pull, body=clipped(body), **more)

    async def close_pull(self, n: int) -> Pull:
        """Closes it without merging; its branch stays."""
        return await self._wire.send("PATCH", f"/pulls/{n}", read_pull, state="closed")

    async def request_review(self, n: int, logins: Iterable[str]) -> bool:
        """Asks people for a review; False where GitHub will not (the author, no collaborator): that is no failure."""
        try:
            await self._wire.send("POST", f"/pulls/{n}/requested_reviewers", nothing, reviewers=list(logins))
        except RefusalError as refusal:
            if refusal.status not in (403, 404, 422):
                raise
            return False
        return True
