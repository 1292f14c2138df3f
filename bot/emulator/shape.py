"""How people, repositories, issues, labels, comments and the App look in GitHub's JSON."""

import base64
from collections.abc import Mapping

from bot.emulator.world import Comment, Installation, Issue, Json, Label, Pull, Reaction, Repo, User, World, stamp

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
REPO_LINKS = """archive_url=/{archive_format}{/ref} assignees_url=/assignees{/user} blobs_url=/git/blobs{/sha}
branches_url=/branches{/branch} collaborators_url=/collaborators{/collaborator} comments_url=/comments{/number}
commits_url=/commits{/sha} compare_url=/compare/{base}...{head} contents_url=/contents/{+path}
contributors_url=/contributors deployments_url=/deployments downloads_url=/downloads events_url=/events
forks_url=/forks git_commits_url=/git/commits{/sha} git_refs_url=/git/refs{/sha} git_tags_url=/git/tags{/sha}
hooks_url=/hooks issue_comment_url=/issues/comments{/number} issue_events_url=/issues/events{/number}
issues_url=/issues{/number} keys_url=/keys{/key_id} labels_url=/labels{/name} languages_url=/languages
merges_url=/merges milestones_url=/milestones{/number} notifications_url=/notifications{?since,all,participating}
pulls_url=/pulls{/number} releases_url=/releases{/id} stargazers_url=/stargazers statuses_url=/statuses/{sha}
subscribers_url=/subscribers subscription_url=/subscription tags_url=/tags teams_url=/teams
trees_url=/git/trees{/sha}"""
USER_LINKS = """followers_url=/followers following_url=/following{/other_user} gists_url=/gists{/gist_id}
starred_url=/starred{/owner}{/repo} subscriptions_url=/subscriptions organizations_url=/orgs repos_url=/repos
events_url=/events{/privacy} received_events_url=/received_events"""
RIGHTS = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
LEGACY = {"none": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}


def node(kind: str, number: int) -> str:
    return f"{kind}_" + base64.urlsafe_b64encode(number.to_bytes(8, "big")).decode().rstrip("=")


def links(template: str, base: str) -> dict[str, str]:
    return {name: base + rest for name, rest in (row.split("=", 1) for row in template.split())}


class Shape:
    """Makes JSON; `url` is where the emulator's pages are, `api` where its API is."""

    def __init__(self, world: World, url: str, slug: str, app_id: int, events: list[str]) -> None:
        self.world, self.slug, self.app_id, self.events = world, slug, app_id, events
        self.move_to(url)

    def move_to(self, url: str) -> None:
        self.url, self.api = url, f"{url}/api/v3"

    def user(self, user: User) -> Json:
        api = f"{self.api}/users/{user.login}"
        page = f"{self.url}/apps/{self.slug}" if user.type == "Bot" else f"{self.url}/{user.login}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": node("U", user.id),
            "avatar_url": f"{self.url}/avatars/{user.id}.svg",
            "gravatar_id": "",
            "url": api,
            "html_url": page,
            **links(USER_LINKS, api),
            "type": user.type,
            "user_view_type": "public",
            "site_admin": False,
        }

    def app(self, owner: User, permissions: Mapping[str, str]) -> Json:
        since = stamp(0)
        return {
            "id": self.app_id,
            "client_id": f"Iv1.{self.app_id:016x}",
            "slug": self.slug,
            "node_id": node("A", self.app_id),
            "owner": self.user(owner),
            "name": self.slug.capitalize(),
            "description": "",
            "external_url": f"{self.url}/apps/{self.slug}",
            "html_url": f"{self.url}/apps/{self.slug}",
            "created_at": since,
            "updated_at": since,
            "permissions": dict(permissions),
            "events": self.events,
        }

    def installation(self, each: Installation) -> Json:
        own = f"{self.api}/app/installations/{each.id}"
        return {
            "id": each.id,
            "client_id": f"Iv1.{self.app_id:016x}",
            "account": self.user(each.account),
            "repository_selection": "selected",
            "access_tokens_url": f"{own}/access_tokens",
            "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.url}/settings/installations/{each.id}",
            "app_id": self.app_id,
            "app_slug": self.slug,
            "target_id": each.account.id,
            "target_type": each.account.type,
            "permissions": each.permissions,
            "events": self.events,
            "created_at": stamp(each.created),
            "updated_at": stamp(each.created),
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_by": None if each.suspended is None else self.user(each.account),
            "suspended_at": None if each.suspended is None else stamp(each.suspended),
        }

    def repo(self, repo: Repo, viewer: User | None = None) -> Json:
        api = f"{self.api}/repos/{repo.full_name}"
        page = f"{self.url}/{repo.full_name}"
        opened = sum(issue.state == "open" for issue in repo.issues.values())
        zeros = "forks_count stargazers_count watchers_count forks watchers network_count subscribers_count"
        yes = "has_issues has_projects has_wiki has_downloads allow_forking allow_squash_merge allow_merge_commit"
        no = "has_pages has_discussions disabled is_template web_commit_signoff_required allow_auto_merge"
        shown: Json = {
            "id": repo.id,
            "node_id": node("R", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "owner": self.user(repo.owner),
            "private": repo.private,
            "fork": repo.parent is not None,
            "visibility": "private" if repo.private else "public",
            "html_url": page,
            "description": repo.description,
            "url": api,
            **links(REPO_LINKS, api),
            "git_url": f"git://{page.partition('://')[2]}.git",
            "ssh_url": f"ssh://git@{page.partition('://')[2]}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            "topics": [],
            "archived": repo.archived,
            "size": 1 if repo.git.refs else 0,
            "default_branch": repo.default_branch,
            "open_issues": opened,
            "open_issues_count": opened,
            "pushed_at": stamp(repo.pushed or repo.created),
            "created_at": stamp(repo.created),
            "updated_at": stamp(repo.created),
            **dict.fromkeys(zeros.split(), 0),
            **dict.fromkeys(yes.split(), True),
            **dict.fromkeys(no.split(), False),
        }
        return shown if viewer is None else shown | {"permissions": self.rights(repo, viewer)}

    def rights(self, repo: Repo, user: User) -> dict[str, bool]:
        order = list(RIGHTS.values())
        has = self.world.level(repo, user)
        rank = order.index(has) if has in order else -1
        return {right: order.index(level) <= rank for right, level in RIGHTS.items()}

    def short_repo(self, repo: Repo) -> Json:
        about = {"id": repo.id, "node_id": node("R", repo.id), "name": repo.name}
        return about | {"full_name": repo.full_name, "private": repo.private}

    def label(self, repo: Repo, label: Label) -> Json:
        return {
            "id": label.id,
            "node_id": node("LA", label.id),
            "url": f"{self.api}/repos/{repo.full_name}/labels/{label.name}".replace(" ", "%20"),
            "name": label.name,
            "description": label.description,
            "color": label.color,
            "default": False,
        }

    def issue(self, issue: Issue) -> Json:
        api = f"{self.api}/repos/{issue.repo.full_name}/issues/{issue.number}"
        kind = "pull" if isinstance(issue, Pull) else "issues"
        page = f"{self.url}/{issue.repo.full_name}/{kind}/{issue.number}"
        shown: Json = {
            "url": api,
            "repository_url": f"{self.api}/repos/{issue.repo.full_name}",
            "labels_url": f"{api}/labels{{/name}}",
            "comments_url": f"{api}/comments",
            "events_url": f"{api}/events",
            "timeline_url": f"{api}/timeline",
            "html_url": page,
            "id": issue.id,
            "node_id": node("I", issue.id),
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "user": self.user(issue.user),
            "author_association": self.association(issue.repo, issue.user),
            "labels": [self.label(issue.repo, label) for label in issue.labels],
            "state": issue.state,
            "state_reason": issue.state_reason,
            "locked": False,
            "active_lock_reason": None,
            "assignee": self.user(issue.assignees[0]) if issue.assignees else None,
            "assignees": [self.user(each) for each in issue.assignees],
            "milestone": None,
            "comments": len(issue.comments),
            "created_at": stamp(issue.created),
            "updated_at": stamp(issue.updated),
            "closed_at": None if issue.closed is None else stamp(issue.closed),
            "reactions": self.rollup(f"{api}/reactions", [each[2] for each in issue.reactions]),
            "performed_via_github_app": None,
        }
        return shown | (self._pull_part(issue, page) if isinstance(issue, Pull) else {})

    def _pull_part(self, pull: Pull, page: str) -> Json:
        urls = {"html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}
        api = f"{self.api}/repos/{pull.repo.full_name}/pulls/{pull.number}"
        merged = None if pull.merged_at is None else stamp(pull.merged_at)
        return {"draft": pull.draft, "pull_request": {"url": api, **urls, "merged_at": merged}}

    def comment(self, comment: Comment) -> Json:
        repo = comment.issue.repo
        api = f"{self.api}/repos/{repo.full_name}/issues"
        kind = "pull" if isinstance(comment.issue, Pull) else "issues"
        page = f"{self.url}/{repo.full_name}/{kind}/{comment.issue.number}"
        own = f"{api}/comments/{comment.id}"
        return {
            "url": own,
            "html_url": f"{page}#issuecomment-{comment.id}",
            "issue_url": f"{api}/{comment.issue.number}",
            "id": comment.id,
            "node_id": node("IC", comment.id),
            "user": self.user(comment.user),
            "created_at": stamp(comment.created),
            "updated_at": stamp(comment.updated),
            "body": comment.body,
            "author_association": self.association(repo, comment.user),
            "reactions": self.rollup(f"{own}/reactions", [each[2] for each in comment.reactions]),
            "performed_via_github_app": None,
        }

    def reaction(self, given: Reaction) -> Json:
        number, user, content, at = given
        about = {"id": number, "node_id": node("RE", number), "user": self.user(user)}
        return about | {"content": content, "created_at": stamp(at)}

    def rollup(self, url: str, given: list[str]) -> Json:
        return {"url": url, "total_count": len(given), **{name: given.count(name) for name in REACTIONS}}

    def association(self, repo: Repo, user: User) -> str:
        if user is repo.owner:
            return "OWNER"
        if self.world.level(repo, user) in ("none", "read"):
            return "NONE"
        return "MEMBER" if repo.owner.type == "Organization" else "COLLABORATOR"

    def permission(self, repo: Repo, user: User) -> Json:
        level = self.world.level(repo, user)
        shown = self.user(user) | {"permissions": self.rights(repo, user), "role_name": level}
        return {"permission": LEGACY[level], "role_name": level, "user": shown}
