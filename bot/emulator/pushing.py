"""Verbs on branches: pushes and what follows from them for webhooks and pull requests."""

from collections.abc import Mapping

from bot.emulator.bare import ZERO, Content, RefChange
from bot.emulator.discussion import IssueVerbs
from bot.emulator.following import follow
from bot.emulator.history import Commit, Signature, log, measure, moment
from bot.emulator.world import Json, Pull, Repo, User, stamp


class PushVerbs(IssueVerbs):
    async def push_commit(
        self,
        repo: Repo,
        branch: str,
        files: Mapping[str, Content],
        *,
        message: str = "Change",
        by: str | User = "maintainer",
        onto: str | None = None,
    ) -> str:
        """A commit on that branch, as if pushed; a new branch starts at the default branch. Answers the sha.

        With `onto` the commit goes on that one, and the branch is set to it by force.
        """
        who = self.who(by)
        old = repo.branches.get(branch)
        parent = onto or old or repo.branches.get(repo.default_branch)
        signature = f"{who.login} <{who.email}>"
        new = await repo.git.commit(branch, files, message, signature, self.now(), parent)
        await self.pushed(repo, [RefChange(f"refs/heads/{branch}", old or ZERO, new)], by=who)
        return new

    async def force_push(
        self,
        repo: Repo,
        branch: str,
        files: Mapping[str, Content],
        *,
        onto: str,
        message: str = "Change",
        by: str | User = "maintainer",
    ) -> str:
        """A branch begun anew: one commit of these files on the commit `onto`, whatever was there before."""
        return await self.push_commit(repo, branch, files, message=message, by=by, onto=onto)

    async def move_branch(self, repo: Repo, branch: str, sha: str | None, *, by: str | User = "maintainer") -> None:
        """Sets a branch to a commit, makes it, or deletes it (None)."""
        ref = f"refs/heads/{branch}"
        old = repo.git.refs.get(ref, ZERO)
        await repo.git.set_ref(ref, sha)
        await self.pushed(repo, [RefChange(ref, old, sha or ZERO)], by=by)

    async def pushed(self, repo: Repo, changes: list[RefChange], *, by: str | User) -> None:
        """Tells of references that moved, and brings open pull requests up to date."""
        who = self.who(by)
        for change in changes:
            if not change.ref.startswith(("refs/heads/", "refs/tags/")):
                continue
            repo.pushed = self.now()
            await self._emit_push(repo, change, who)
            await self._follow(repo, change, who)

    async def _emit_push(self, repo: Repo, change: RefChange, who: User) -> None:
        created, deleted = change.old == ZERO, change.new == ZERO
        name, kind = change.ref.split("/", 2)[2], change.ref.split("/")[1].removesuffix("s")
        if created or deleted:
            about: Json = {"ref": name, "ref_type": {"head": "branch"}.get(kind, kind), "pusher_type": "user"}
            about |= {"master_branch": repo.default_branch, "description": repo.description} if created else {}
            self.emit("create" if created else "delete", None, repo, who, **about)
        commits = [] if deleted else await self._commits(repo, change)
        forced = not (created or deleted) and await repo.git.merge_base(change.old, change.new) != change.old
        shown = [self._push_commit(repo, each) for each in reversed(commits)]
        head = None if deleted else shown[-1] if shown else await self._tip(repo, change.new)
        compare = f"{self.url}/{repo.full_name}/compare/{change.old[:12]}...{change.new[:12]}"
        pusher = {"name": who.login, "email": who.email}
        self.emit(
            "push", None, repo, who, ref=change.ref, before=change.old, after=change.new, created=created,
            deleted=deleted, forced=forced, base_ref=None, compare=compare, commits=shown, head_commit=head,
            pusher=pusher,
        )  # fmt: skip

    async def _tip(self, repo: Repo, sha: str) -> Json:
        return self._push_commit(repo, (await log(repo.git, sha, limit=1))[0])

    async def _commits(self, repo: Repo, change: RefChange) -> list[Commit]:
        if change.old != ZERO:
            return await log(repo.git, f"{change.old}..{change.new}", limit=2048)
        others = [sha for ref, sha in repo.git.refs.items() if ref != change.ref and ref.startswith("refs/heads/")]
        return await log(repo.git, change.new, *(f"^{sha}" for sha in dict.fromkeys(others)), limit=2048)

    def _push_commit(self, repo: Repo, commit: Commit) -> Json:
        # What became of another type, a link perhaps, is modified.
        named = {letter: [path for each, path in commit.files if each.replace("T", "M") == letter] for letter in "ADM"}
        return {
            "id": commit.sha,
            "tree_id": commit.tree,
            "distinct": True,
            "message": commit.message,
            "timestamp": moment(commit.committer.when),
            "url": f"{self.url}/{repo.full_name}/commit/{commit.sha}",
            "author": self._signed(commit.author),
            "committer": self._signed(commit.committer),
            "added": named["A"],
            "removed": named["D"],
            "modified": named["M"],
        }

    def _signed(self, by: Signature) -> Json:
        known = self.by_email(by.email)
        about = {"name": by.name, "email": by.email, "date": stamp(by.when)}
        return about | ({"username": known.login} if known else {})

    def by_email(self, email: str) -> User | None:
        """The user whose `id+login@users.noreply…` address it is."""
        return next((each for each in self.world.users.values() if each.email == email), None)

    async def _follow(self, repo: Repo, change: RefChange, who: User) -> None:
        """The pull requests of a branch, wherever they are: those of a fork are its parent's."""
        branch = change.ref.removeprefix("refs/heads/")
        pulls = [pull for each in list(self.world.repos.values()) for pull in each.pulls if pull.source is repo]
        for pull in [each for each in pulls if each.state == "open" and each.head == branch]:
            if change.new == ZERO:
                await self.close_issue(pull, by=who)
            else:
                await self.set_head(pull, change.new)
                self.emit_issue("synchronize", pull, who, before=change.old, after=change.new)

    async def set_head(self, pull: Pull, sha: str) -> None:
        if pull.head_repo is not None:
            await pull.repo.git.take(pull.head_repo.git, sha)
        pull.head_sha = sha
        await pull.repo.git.set_ref(f"refs/pull/{pull.number}/head", sha)
        await self.measured(pull)
        await follow(pull)

    async def measured(self, pull: Pull) -> Pull:
        """The pull request with its size known for the commits it stands between now."""
        if pull.base_sha and (pull.size is None or pull.size.of != (pull.base_sha, pull.head_sha)):
            pull.size = await measure(pull.repo.git, pull.base_sha, pull.head_sha)
        return pull
