"""Verbs on issues, and on what pull requests share with them: comments, labels, reactions."""

from collections.abc import Iterable

from bot.emulator.problem import Invalid
from bot.emulator.setting import SettingVerbs
from bot.emulator.world import Comment, Issue, Json, Label, Pull, Reaction, Remark, Repo, User

BODY_LIMIT = 65536
TITLE_LIMIT = 256


class IssueVerbs(SettingVerbs):
    async def open_issue(
        self,
        repo: Repo,
        title: str,
        body: str | None = None,
        *,
        labels: Iterable[str] = (),
        by: str | User = "maintainer",
        assignees: Iterable[str] = (),
    ) -> Issue:
        """Opens an issue; a label given at once fires `labeled` too."""
        check_text("Issue", title=title, body=body)
        number, now = self.next_number(repo), self.now()
        issue = Issue(self.world.id(), number, repo, title, body, self.who(by), now, now)
        issue.assignees = [self.world.find_user(login) for login in assignees]
        repo.issues[number] = issue
        added = self._attach(issue, labels)
        self.emit_issue("opened", issue, issue.user)
        for label in added:
            self.emit_issue("labeled", issue, issue.user, label=self.shape.label(repo, label))
        return issue

    def next_number(self, repo: Repo) -> int:
        return max(repo.issues, default=0) + 1

    async def edit_issue(
        self, issue: Issue, *, title: str | None = None, body: str | None = None, by: str | User = "maintainer"
    ) -> None:
        check_text("Issue", title=title, body=body)
        changes: Json = {}
        if title is not None and title != issue.title:
            changes["title"] = {"from": issue.title}
            issue.title = title
        if body is not None and body != issue.body:
            changes["body"] = {"from": issue.body or ""}
            issue.body = body
        if changes:
            self.emit_issue("edited", issue, self.who(by), changes=changes)

    async def close_issue(
        self, issue: Issue, *, by: str | User = "maintainer", reason: str | None = "completed"
    ) -> None:
        """Closes an issue, or a pull request without merging it."""
        if issue.state == "closed":
            return
        if isinstance(issue, Pull):
            issue.last_base_sha = issue.base_sha
        issue.state, issue.closed, issue.closed_by = "closed", self.now(), self.who(by)
        issue.state_reason = None if isinstance(issue, Pull) else reason
        self.emit_issue("closed", issue, issue.closed_by)

    async def reopen_issue(self, issue: Issue, *, by: str | User = "maintainer") -> None:
        if issue.state == "open":
            return
        issue.state, issue.closed, issue.closed_by = "open", None, None
        issue.state_reason = None if isinstance(issue, Pull) else "reopened"
        self.emit_issue("reopened", issue, self.who(by))

    async def label(self, issue: Issue, *names: str, by: str | User = "maintainer") -> None:
        """Puts labels on; one that the repository does not have is made."""
        for label in self._attach(issue, names):
            self.emit_issue("labeled", issue, self.who(by), label=self.shape.label(issue.repo, label))

    async def unlabel(self, issue: Issue, name: str, *, by: str | User = "maintainer") -> bool:
        """Takes a label off; False when it was not on."""
        label = next((each for each in issue.labels if each.name.lower() == name.lower()), None)
        if label is None:
            return False
        issue.labels.remove(label)
        self.touch(issue)
        self.emit_issue("unlabeled", issue, self.who(by), label=self.shape.label(issue.repo, label))
        return True

    def create_label(self, repo: Repo, name: str, color: str = "ededed", description: str | None = None) -> Label:
        """A label of the repository; raises Invalid when there is one of that name."""
        if find_label(repo, name) is not None:
            raise Invalid("Label", "name", "already_exists")
        if not name or len(name) > 50:
            raise Invalid("Label", "name")
        made = Label(self.world.id(), name, color, description)
        repo.labels.append(made)
        return made

    def _attach(self, issue: Issue, names: Iterable[str]) -> list[Label]:
        """The labels that were not on before."""
        labels = [find_label(issue.repo, name) or self.create_label(issue.repo, name) for name in names]
        added = [label for label in dict.fromkeys(labels) if label not in issue.labels]
        issue.labels += added
        self.touch(issue)
        return added

    async def comment(self, issue: Issue, body: str, *, by: str | User = "maintainer") -> Comment:
        check_text("IssueComment", body=body)
        now = self.now()
        comment = Comment(self.world.id(), issue, self.who(by), body, now, now)
        issue.comments.append(comment)
        self.touch(issue)
        self.emit_comment("created", comment, comment.user)
        return comment

    async def edit_comment(self, comment: Comment, body: str, *, by: str | User = "maintainer") -> None:
        check_text("IssueComment", body=body)
        was, comment.body, comment.updated = comment.body, body, self.now()
        self.emit_comment("edited", comment, self.who(by), changes={"body": {"from": was}})

    async def delete_comment(self, comment: Comment, *, by: str | User = "maintainer") -> None:
        comment.issue.comments.remove(comment)
        self.emit_comment("deleted", comment, self.who(by))

    def react(self, to: Issue | Comment | Remark, content: str, by: str | User) -> tuple[Reaction, bool]:
        """The reaction, and whether it is new; GitHub sends no webhook for it."""
        person = self.who(by)
        for each in to.reactions:
            if each[1] is person and each[2] == content:
                return each, False
        to.reactions.append((self.world.id(), person, content, self.now()))
        return to.reactions[-1], True

    def touch(self, issue: Issue) -> None:
        issue.updated = self.now()

    def emit_issue(self, action: str, issue: Issue, by: User, **details: object) -> None:
        """Tells of the issue, or of the pull request that it is."""
        self.touch(issue)
        if isinstance(issue, Pull):
            shown = self.shape.pull(issue, settled=False)
            self.emit("pull_request", action, issue.repo, by, number=issue.number, pull_request=shown, **details)
        else:
            self.emit("issues", action, issue.repo, by, issue=self.shape.issue(issue), **details)

    def emit_comment(self, action: str, comment: Comment, by: User, **details: object) -> None:
        issue, shown = self.shape.issue(comment.issue), self.shape.comment(comment)
        self.emit("issue_comment", action, comment.issue.repo, by, issue=issue, comment=shown, **details)


def find_label(repo: Repo, name: str) -> Label | None:
    return next((label for label in repo.labels if label.name.lower() == name.lower()), None)


def check_text(resource: str, *, title: str | None = None, body: str | None = None) -> None:
    """GitHub's limits on titles and bodies; raises Invalid."""
    if title is not None and not title.strip():
        raise Invalid(resource, "title", "missing_field")
    if title is not None and len(title) > TITLE_LIMIT:
        raise Invalid(resource, "title", "custom", f"title is too long (maximum is {TITLE_LIMIT} characters)")
    if body is not None and len(body) > BODY_LIMIT:
        raise Invalid(resource, "body", "custom", f"body is too long (maximum is {BODY_LIMIT} characters)")
    if resource == "IssueComment" and not (body or "").strip():
        raise Invalid(resource, "body", "missing_field", "Body cannot be blank")
