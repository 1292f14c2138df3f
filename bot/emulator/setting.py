"""Verbs that set the scene: people, repositories, installations, tokens, protection."""

import secrets
from collections.abc import Mapping

from bot.emulator.bare import Bare, Content
from bot.emulator.ground import ALWAYS, Ground
from bot.emulator.world import Installation, Repo, Ruleset, Token, User

HOUR = 3600.0


class SettingVerbs(Ground):
    def user(self, login: str, permission: str | None = None, repo: Repo | None = None) -> User:
        """A person; the permission (read, triage, write, maintain, admin) holds in `repo`, or everywhere."""
        person = self.world.person(login)
        if permission is not None:
            held = self.world.permissions if repo is None else repo.permissions
            held[login.lower()] = permission
        return person

    async def create_repo(
        self,
        full_name: str,
        files: Mapping[str, Content] | None = None,
        *,
        private: bool = False,
        description: str | None = None,
        branch: str = "main",
        message: str = "Begin",
    ) -> Repo:
        """A repository with one commit of these files; without files it is empty. Its owner is an organization."""
        login, _, name = full_name.partition("/")
        owner = self.world.users.get(login.lower()) or self.world.person(login, "Organization")
        path = self.folder / login.lower() / f"{name.lower()}.git"
        repo = Repo(self.world.id(), owner, name, Bare.create(path, branch), self.now(), private)
        repo.description, repo.default_branch = description, branch
        self.world.repos[full_name.lower()] = repo
        if files:
            when = self.now()
            await repo.git.commit(branch, files, message, f"{login} <{owner.email}>", when, None)
            repo.pushed = when
        return repo

    async def fork(self, repo: Repo, owner_login: str) -> Repo:
        """A copy of the repository that belongs to somebody else, who may write to it; the App is not on it."""
        owner = self.world.person(owner_login)
        path = self.folder / owner_login.lower() / f"{repo.name.lower()}.git"
        made = Repo(
            self.world.id(), owner, repo.name, repo.git.copy(path, repo.default_branch), self.now(), repo.private
        )
        made.description, made.default_branch, made.parent = repo.description, repo.default_branch, repo
        made.pushed = repo.pushed
        self.world.repos[made.full_name.lower()] = made
        return made

    def delete_fork(self, fork: Repo) -> None:
        """The fork is no more; its pull requests stay, and say that their head is in no repository."""
        del self.world.repos[fork.full_name.lower()]
        fork.deleted = True

    async def install(self, repo: Repo, *more: Repo, by: str | User = "maintainer") -> Installation:
        """Gives the App these repositories (of one account)."""
        given = {each.id: each for each in (repo, *more)}
        found = next((each for each in self.world.installations.values() if each.account is repo.owner), None)
        if found is None:
            permissions = dict(self.permissions)
            found = Installation(self.world.id(), repo.owner, self.now(), permissions, given)
            self.world.installations[found.id] = found
            listed = [self.shape.short_repo(each) for each in given.values()]
            self.emit_installation("created", found, by, repositories=listed, requester=None)
            return found
        added = [each for each in given.values() if each.id not in found.repos]
        found.repos |= given
        self._selection_changed(found, by, added=added)
        return found

    async def remove_from_installation(self, repo: Repo, by: str | User = "maintainer") -> None:
        """Takes one repository back from the App."""
        installation = self.world.installation_of(repo)
        if installation is not None:
            del installation.repos[repo.id]
            self._selection_changed(installation, by, removed=[repo])

    def _selection_changed(
        self,
        installation: Installation,
        by: str | User,
        added: list[Repo] | None = None,
        removed: list[Repo] | None = None,
    ) -> None:
        self.emit_installation(
            "added" if added is not None else "removed",
            installation,
            by,
            event="installation_repositories",
            repository_selection="selected",
            repositories_added=[self.shape.short_repo(each) for each in added or ()],
            repositories_removed=[self.shape.short_repo(each) for each in removed or ()],
            requester=None,
        )

    async def uninstall(self, installation: Installation, by: str | User = "maintainer") -> None:
        """Takes the App off the account; its tokens die."""
        del self.world.installations[installation.id]
        self._kill_tokens(installation)
        listed = [self.shape.short_repo(each) for each in installation.repos.values()]
        self.emit_installation("deleted", installation, by, repositories=listed)

    async def suspend(self, installation: Installation, by: str | User = "maintainer") -> None:
        """Suspends the installation: its tokens are refused, its events are not sent."""
        installation.suspended = self.now()
        self.emit_installation("suspend", installation, by)

    async def unsuspend(self, installation: Installation, by: str | User = "maintainer") -> None:
        installation.suspended = None
        self.emit_installation("unsuspend", installation, by)

    def emit_installation(
        self, action: str, installation: Installation, by: str | User, event: str = "installation", **details: object
    ) -> None:
        if event not in ALWAYS:
            raise ValueError(event)
        payload = {"action": action, "installation": self.shape.installation(installation), **details}
        payload["sender"] = self.shape.user(self.who(by))
        self.hooks.fire(event, action, payload, installation, None)

    def mint(self, installation: Installation, repos: list[Repo], permissions: Mapping[str, str]) -> Token:
        """An installation token for these repositories, good for an hour."""
        value = "ghs_" + secrets.token_hex(18)
        ids = frozenset(each.id for each in repos)
        token = Token(value, self.bot, self.now() + HOUR, installation, ids, {"metadata": "read", **permissions})
        self.world.tokens[value] = token
        return token

    def token_for(self, login: str) -> str:
        """A person's own token, for git and for the API."""
        value = "ghp_" + secrets.token_hex(18)
        self.world.tokens[value] = Token(value, self.world.person(login), float("inf"))
        return value

    def revoke(self, token: Token) -> None:
        self.world.tokens.pop(token.value, None)

    def _kill_tokens(self, installation: Installation) -> None:
        for token in [each for each in self.world.tokens.values() if each.installation is installation]:
            self.revoke(token)

    def protect(self, repo: Repo, branch: str | None = None) -> None:
        """Protects a branch: nobody pushes to it, changes come by pull request."""
        repo.protected.add(branch or repo.default_branch)

    def ruleset(self, repo: Repo, pattern: str, *rules: str) -> Ruleset:
        """Rules over matching branches: creation, update, deletion, non_fast_forward, pull_request."""
        made = Ruleset(self.world.id(), pattern, rules or ("creation", "update"))
        repo.rulesets.append(made)
        return made

    def archive(self, repo: Repo) -> None:
        """Makes the repository read-only."""
        repo.archived = True

    def refusal(self, repo: Repo, ref: str, old: str | None, new: str | None) -> tuple[str, str] | None:
        """Why GitHub refuses this push: its words for the remote's lines and for the reference; None: it takes it."""
        branch = ref.removeprefix("refs/heads/")
        if branch == ref:
            return None
        if branch in repo.protected:
            head = f"error: GH006: Protected branch update failed for {ref}."
            return f"{head}\n\n- Changes must be made through a pull request.\n", "protected branch hook declined"
        action = "creation" if old is None else "deletion" if new is None else "update"
        words = {
            "creation": "Cannot create ref due to creations being restricted.",
            "update": "Cannot update this protected ref.",
            "deletion": "Cannot delete this protected ref.",
            "pull_request": "Changes must be made through a pull request.",
        }
        broken = [rule for _, rule in repo.rules_for(branch) if rule in (action, "pull_request")]
        if not broken:
            return None
        lines = "\n".join(f"- {words[rule]}\n" for rule in broken)
        page = f"{self.url}/{repo.full_name}/rules?ref={ref}"
        said = f"error: GH013: Repository rule violations found for {ref}.\nReview all repository rules at {page}\n\n"
        return said + lines, "push declined due to repository rule violations"
