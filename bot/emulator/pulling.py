"""Verbs on pull requests: open, edit, merge, ask for reviews."""

import re

from bot.emulator.bare import RefChange
from bot.emulator.discussion import check_text
from bot.emulator.following import follow
from bot.emulator.problem import Invalid, Problem
from bot.emulator.pushing import PushVerbs
from bot.emulator.world import Pull, Repo, User

CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b", re.I)


class PullVerbs(PushVerbs):
    async def open_pull(
        self,
        repo: Repo,
        head: str,
        base: str | None = None,
        *,
        title: str,
        body: str | None = None,
        draft: bool = False,
        by: str | User = "maintainer",
        head_repo: Repo | None = None,
    ) -> Pull:
        """Opens a pull request of a branch, one of the fork `head_repo` perhaps; raises Invalid in GitHub's words."""
        base = base or repo.default_branch
        source = head_repo or repo
        check_text("PullRequest", title=title, body=body)
        await self._check_ends(repo, source, head, base)
        if draft and not repo.drafts:
            raise Problem(422, "Draft pull requests are not supported in this repository.")
        number, now = self.next_number(repo), self.now()
        pull = Pull(
            self.world.id(), number, repo, title, body, self.who(by), now, now, head=head, base=base, draft=draft
        )
        pull.head_repo = None if source is repo else source
        repo.issues[number] = pull
        await self.set_head(pull, source.branches[head])
        self.emit_issue("opened", pull, pull.user)
        return pull

    async def _check_ends(self, repo: Repo, source: Repo, head: str, base: str) -> None:
        for field, where, branch in (("head", source, head), ("base", repo, base)):
            if branch not in where.branches:
                raise Invalid("PullRequest", field)
        if source is not repo:
            await repo.git.take(source.git, source.branches[head])
        if await repo.git.line("rev-list", "--count", f"{repo.branches[base]}..{source.branches[head]}") == "0":
            raise Invalid("PullRequest", code="custom", message=f"No commits between {base} and {head}")
        # Last and without a pause before the pull request is entered: of two at once only one gets through.
        ends = (source, head, base)
        if any(each.state == "open" and (each.source, each.head, each.base) == ends for each in repo.pulls):
            said = f"A pull request already exists for {source.owner.login}:{head}."
            raise Invalid("PullRequest", code="custom", message=said)

    async def edit_pull(
        self,
        pull: Pull,
        *,
        title: str | None = None,
        body: str | None = None,
        base: str | None = None,
        by: str | User = "maintainer",
    ) -> None:
        await self.edit_issue(pull, title=title, body=body, by=by)
        if base is not None and base != pull.base:
            if base not in pull.repo.branches:
                raise Invalid("PullRequest", "base")
            was, pull.base = pull.base, base
            await self.measured(pull)
            await follow(pull)
            changes = {"base": {"ref": {"from": was}, "sha": {"from": pull.repo.branches.get(was, "")}}}
            self.emit_issue("edited", pull, self.who(by), changes=changes)

    async def mark_ready(self, pull: Pull, *, by: str | User = "maintainer") -> None:
        """A draft becomes ready for review."""
        pull.draft = False
        self.emit_issue("ready_for_review", pull, self.who(by))

    async def request_review(self, pull: Pull, *logins: str, by: str | User = "maintainer") -> None:
        """Asks people for a review; raises Problem when one is no collaborator."""
        for login in logins:
            person = self.world.users.get(login.lower())
            if person is None or not self._given(pull.repo, person):
                raise _no_collaborator(pull.repo)
            if person is pull.user:
                raise Problem(422, "Review cannot be requested from pull request author.")
        for person in (self.world.find_user(login) for login in logins):
            if person not in pull.reviewers:
                pull.reviewers.append(person)
                shown = self.shape.user(person)
                self.emit_issue("review_requested", pull, self.who(by), requested_reviewer=shown)

    async def rerequest_review(self, pull: Pull, *, by: str | User = "maintainer") -> None:
        """Somebody presses "Re-request review" beside the bot."""
        if self.bot not in pull.reviewers:
            pull.reviewers.append(self.bot)
        shown = self.shape.user(self.bot)
        self.emit_issue("review_requested", pull, self.who(by), requested_reviewer=shown)

    def _given(self, repo: Repo, person: User) -> bool:
        return person.login.lower() in {**repo.permissions, **self.world.permissions}

    async def withdraw_review(self, pull: Pull, *logins: str, by: str | User = "maintainer") -> None:
        asked = {login.lower() for login in logins}
        for person in [each for each in pull.reviewers if each.login.lower() in asked]:
            pull.reviewers.remove(person)
            shown = self.shape.user(person)
            self.emit_issue("review_request_removed", pull, self.who(by), requested_reviewer=shown)

    async def close_pull(self, pull: Pull, *, by: str | User = "maintainer") -> None:
        """Closes it without merging."""
        await self.measured(pull)
        await self.close_issue(pull, by=by)

    async def merge_pull(self, pull: Pull, *, by: str | User = "maintainer") -> str:
        """Merges with a merge commit, closes what it says it closes; answers the sha. Raises Problem on conflicts."""
        if pull.state == "closed":
            raise Problem(405, "Pull Request is not mergeable")
        repo, who, base = pull.repo, self.who(by), pull.base_sha
        await self.measured(pull)
        sha = await self._merge_commit(pull, who)
        pull.last_base_sha, pull.merge_sha = base, sha
        pull.merged_at, pull.merged_by = self.now(), who
        pull.state, pull.closed, pull.closed_by = "closed", self.now(), who
        await repo.git.set_ref(f"refs/heads/{pull.base}", sha)
        self.emit_issue("closed", pull, who)
        await self.pushed(repo, [RefChange(f"refs/heads/{pull.base}", base, sha)], by=who)
        if pull.base == repo.default_branch:
            await self._close_linked(pull, who)
        return sha

    async def _merge_commit(self, pull: Pull, who: User) -> str:
        git = pull.repo.git
        tree = await git.merged_tree(pull.base_sha, pull.head_sha)
        if tree is None:
            raise Problem(405, "Pull Request is not mergeable")
        message = f"Merge pull request #{pull.number} from {pull.source.owner.login}/{pull.head}\n\n{pull.title}"
        who_git = ["-c", f"user.name={who.login}", "-c", f"user.email={who.email}"]
        ends = ["-p", pull.base_sha, "-p", pull.head_sha]
        return await git.line(*who_git, "commit-tree", tree, *ends, "-m", message)

    async def _close_linked(self, pull: Pull, who: User) -> None:
        for number in CLOSES.findall(pull.body or ""):
            issue = pull.repo.issues.get(int(number))
            if issue is not None and not isinstance(issue, Pull):
                await self.close_issue(issue, by=who)


def _no_collaborator(repo: Repo) -> Problem:
    said = "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not"
    return Problem(422, f"{said} a collaborator of the {repo.full_name} repository.")
