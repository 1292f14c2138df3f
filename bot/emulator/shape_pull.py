"""How pull requests, check runs and statuses look in GitHub's JSON."""

from bot.emulator.shape import Shape, node
from bot.emulator.world import CheckRun, Json, Pull, Repo, Status, stamp

PULL_ONLY = ("state_reason", "reactions", "performed_via_github_app", "pull_request", "labels_url", "events_url")
PULL_DROPS = (*PULL_ONLY, "timeline_url", "repository_url")


class PullShape(Shape):
    """Adds what hangs on commits to what hangs on issues."""

    def short_pull(self, pull: Pull) -> Json:
        """As pull requests are listed."""
        repo = f"{self.api}/repos/{pull.repo.full_name}"
        api, issue = f"{repo}/pulls/{pull.number}", f"{repo}/issues/{pull.number}"
        page = f"{self.url}/{pull.repo.full_name}/pull/{pull.number}"
        urls = {
            "commits_url": f"{api}/commits",
            "review_comments_url": f"{api}/comments",
            "review_comment_url": f"{repo}/pulls/comments{{/number}}",
            "comments_url": f"{issue}/comments",
            "statuses_url": f"{repo}/statuses/{pull.head_sha}",
        }
        shown = {name: value for name, value in self.issue(pull).items() if name not in PULL_DROPS}
        hrefs = {name.removesuffix("_url"): {"href": url} for name, url in urls.items()}
        return shown | {
            "url": api,
            "node_id": node("PR", pull.id),
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "issue_url": issue,
            **urls,
            "_links": hrefs | {"self": {"href": api}, "html": {"href": page}, "issue": {"href": issue}},
            "head": self._end(pull.source, pull.head, pull.head_sha),
            "base": self._end(pull.repo, pull.base, pull.base_sha),
            "merged_at": None if pull.merged_at is None else stamp(pull.merged_at),
            "merge_commit_sha": pull.merge_sha,
            "requested_reviewers": [self.user(each) for each in pull.reviewers],
            "requested_teams": [],
            "auto_merge": None,
        }

    def pull(self, pull: Pull, *, settled: bool = True) -> Json:
        """In full; with `settled` false it is not known yet whether it merges, as in webhooks."""
        size = pull.size
        merged = pull.merged_at is not None
        known = settled and size is not None and not merged
        clean = size is not None and size.mergeable
        return self.short_pull(pull) | {
            "merged": merged,
            "merged_by": None if pull.merged_by is None else self.user(pull.merged_by),
            "mergeable": clean if known else None,
            "rebaseable": clean if known else None,
            "mergeable_state": ("clean" if clean else "dirty") if known else "unknown",
            "comments": len(pull.comments),
            "review_comments": len(pull.remarks),
            "maintainer_can_modify": False,
            "commits": size.commits if size else 0,
            "additions": size.additions if size else 0,
            "deletions": size.deletions if size else 0,
            "changed_files": size.files if size else 0,
        }

    def _end(self, repo: Repo, branch: str, sha: str) -> Json:
        label = f"{repo.owner.login}:{branch}"
        shown = None if repo.deleted else self.repo(repo)
        return {"label": label, "ref": branch, "sha": sha, "user": self.user(repo.owner), "repo": shown}

    def tiny_pull(self, pull: Pull) -> Json:
        """As check runs name the pull requests of their commit."""
        repo = {
            "id": pull.repo.id,
            "url": f"{self.api}/repos/{pull.repo.full_name}",
            "name": pull.repo.name,
        }
        return {
            "id": pull.id,
            "number": pull.number,
            "url": f"{repo['url']}/pulls/{pull.number}",
            "head": {"ref": pull.head, "sha": pull.head_sha, "repo": repo},
            "base": {"ref": pull.base, "sha": pull.base_sha, "repo": repo},
        }

    def check(self, run: CheckRun, app: Json) -> Json:
        api = f"{self.api}/repos/{run.repo.full_name}/check-runs/{run.id}"
        page = f"{self.url}/{run.repo.full_name}/runs/{run.id}"
        return {
            "id": run.id,
            "name": run.name,
            "node_id": node("CR", run.id),
            "head_sha": run.head_sha,
            "external_id": run.external_id,
            "url": api,
            "html_url": page,
            "details_url": run.details_url or page,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": None if run.started is None else stamp(run.started),
            "completed_at": None if run.completed is None else stamp(run.completed),
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": len(run.annotations),
                "annotations_url": f"{api}/annotations",
            },
            "check_suite": {"id": run.suite},
            "app": app,
            "pull_requests": [self.tiny_pull(each) for each in _own_pulls(run)],
        }

    def suite(self, run: CheckRun, app: Json) -> Json:
        """The check suite as a check_run webhook carries it."""
        api = f"{self.api}/repos/{run.repo.full_name}/check-suites/{run.suite}"
        branch = next((name for name, sha in run.repo.branches.items() if sha == run.head_sha), None)
        began = stamp(run.started or 0)
        return {
            "id": run.suite,
            "node_id": node("CS", run.suite),
            "head_branch": branch,
            "head_sha": run.head_sha,
            "status": run.status,
            "conclusion": run.conclusion,
            "url": api,
            "before": None,
            "after": run.head_sha,
            "pull_requests": self.check(run, app)["pull_requests"],
            "app": app,
            "created_at": began,
            "updated_at": began,
        }

    def status(self, repo: Repo, status: Status) -> Json:
        return {
            "url": f"{self.api}/repos/{repo.full_name}/statuses/{status.sha}",
            "avatar_url": f"{self.url}/avatars/{status.creator.id}.svg",
            "id": status.id,
            "node_id": node("SC", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": stamp(status.created),
            "updated_at": stamp(status.created),
            "creator": self.user(status.creator),
        }


def _own_pulls(run: CheckRun) -> list[Pull]:
    """GitHub does not name the pull requests of forks here."""
    return [each for each in run.repo.pulls if each.head_sha == run.head_sha and each.head_repo is None]
