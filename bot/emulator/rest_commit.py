"""REST operations on commits and comparisons, and how commits look in GitHub's JSON."""

from urllib.parse import quote

from bot.emulator.checking import CheckVerbs
from bot.emulator.history import Commit, FileDiff, Signature, diff, log
from bot.emulator.problem import NotFound, Problem
from bot.emulator.route import Answer, Call, route
from bot.emulator.shape import node
from bot.emulator.world import Json, Repo, stamp

COMMITS = "/repos/{owner}/{repo}/commits"


def _signed(by: Signature) -> Json:
    return {"name": by.name, "email": by.email, "date": stamp(by.when)}


def commit_json(stage: CheckVerbs, repo: Repo, commit: Commit) -> Json:
    api, page = f"{stage.api_url}/repos/{repo.full_name}", f"{stage.url}/{repo.full_name}/commit"
    author, committer = (stage.by_email(each.email) for each in (commit.author, commit.committer))
    unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
    return {
        "sha": commit.sha,
        "node_id": node("C", int(commit.sha[:12], 16)),
        "url": f"{api}/commits/{commit.sha}",
        "html_url": f"{page}/{commit.sha}",
        "comments_url": f"{api}/commits/{commit.sha}/comments",
        "commit": {
            "url": f"{api}/git/commits/{commit.sha}",
            "author": _signed(commit.author),
            "committer": _signed(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
            "comment_count": 0,
            "verification": unsigned,
        },
        "author": stage.shape.user(author) if author else None,
        "committer": stage.shape.user(committer) if committer else None,
        "parents": [
            {"sha": each, "url": f"{api}/commits/{each}", "html_url": f"{page}/{each}"} for each in commit.parents
        ],
    }


def file_json(stage: CheckVerbs, repo: Repo, sha: str, file: FileDiff) -> Json:
    path = quote(file.path)
    shown: Json = {
        "sha": file.sha,
        "filename": file.path,
        "status": file.status,
        "additions": file.added,
        "deletions": file.deleted,
        "changes": file.added + file.deleted,
        "blob_url": f"{stage.url}/{repo.full_name}/blob/{sha}/{path}",
        "raw_url": f"{stage.url}/{repo.full_name}/raw/{sha}/{path}",
        "contents_url": f"{stage.api_url}/repos/{repo.full_name}/contents/{path}?ref={sha}",
    }
    if file.patch is not None:
        shown["patch"] = file.patch
    if file.old_path is not None:
        shown["previous_filename"] = file.old_path
    return shown


def not_empty(repo: Repo) -> None:
    """Raises Problem 409 where there is no commit yet."""
    if not repo.branches:
        raise Problem(409, "Git Repository is empty.")


async def one_commit(repo: Repo, rev: str) -> Commit:
    not_empty(repo)
    sha = await repo.git.sha(rev)
    if sha is None:
        raise Problem(422, f"No commit found for SHA: {rev}")
    return (await log(repo.git, sha, limit=1))[0]


@route("GET", COMMITS, "contents:read")
async def list_commits(call: Call) -> Answer:
    not_empty(call.repo)
    sha = await call.repo.git.sha(call.query.get("sha", call.repo.default_branch))
    if sha is None:
        raise NotFound
    commits = await log(call.repo.git, sha, limit=1000, files=False)
    return call.page([commit_json(call.stage, call.repo, each) for each in commits])


@route("GET", f"{COMMITS}/{{ref}}", "contents:read")
async def get_commit(call: Call) -> Answer:
    commit = await one_commit(call.repo, call.path["ref"])
    shown = commit_json(call.stage, call.repo, commit)
    files = await diff(call.repo.git, commit.parents[0], commit.sha) if commit.parents else []
    added, deleted = sum(each.added for each in files), sum(each.deleted for each in files)
    stats = {"additions": added, "deletions": deleted, "total": added + deleted}
    listed = [file_json(call.stage, call.repo, commit.sha, each) for each in files]
    return Answer(shown | {"stats": stats, "files": listed})


@route("GET", "/repos/{owner}/{repo}/compare/{basehead}", "contents:read")
async def compare(call: Call) -> Answer:
    repo, git = call.repo, call.repo.git
    ends = [name.rpartition(":")[2] for name in call.path["basehead"].split("...")]
    shas = [await git.sha(name) for name in ends]
    if len(shas) != 2 or shas[0] is None or shas[1] is None:
        raise NotFound
    base, head = shas[0], shas[1]
    left, right = (await git.line("rev-list", "--left-right", "--count", f"{base}...{head}")).split()
    middle = await git.merge_base(base, head)
    if not middle:
        raise NotFound(f"No common ancestor between {ends[0]} and {ends[1]}.")
    commits = await log(git, f"{base}..{head}", files=False)
    page = f"{call.stage.url}/{repo.full_name}/compare/{ends[0]}...{ends[1]}"
    way = {(False, False): "identical", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
    return Answer(
        {
            "url": f"{call.stage.api_url}/repos/{repo.full_name}/compare/{ends[0]}...{ends[1]}",
            "html_url": page,
            "permalink_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": commit_json(call.stage, repo, (await log(git, base, limit=1))[0]),
            "merge_base_commit": commit_json(call.stage, repo, (await log(git, middle, limit=1))[0]),
            "status": way[right != "0", left != "0"],
            "ahead_by": int(right),
            "behind_by": int(left),
            "total_commits": int(right),
            "commits": [commit_json(call.stage, repo, each) for each in reversed(commits)],
            "files": [file_json(call.stage, repo, head, each) for each in await diff(git, base, head)],
        }
    )
