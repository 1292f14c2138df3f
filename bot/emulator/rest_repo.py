"""REST operations on repositories: facts, rights, branches, references, rules, contents."""

import base64
from urllib.parse import quote

from bot.emulator.bare import Entry
from bot.emulator.problem import NotFound, Problem
from bot.emulator.rest_commit import commit_json, not_empty, one_commit
from bot.emulator.route import NO_CONTENT, Answer, Call, created, route
from bot.emulator.world import Json

REPO = "/repos/{owner}/{repo}"
KINDS = {"100644": "file", "100755": "file", "120000": "symlink", "160000": "submodule", "040000": "dir"}
INLINE, LARGEST = 1_000_000, 100_000_000
READ, WRITE = "contents:read", "contents:write"


@route("GET", REPO, "metadata:read")
async def get_repo(call: Call) -> Answer:
    shown = call.stage.shape.repo(call.repo, call.caller.user)
    return Answer(shown | {"temp_clone_token": None} if call.caller.token else shown)


@route("GET", f"{REPO}/collaborators/{{login}}/permission", "metadata:read")
async def get_permission(call: Call) -> Answer:
    user = call.stage.world.users.get(call.path["login"].lower())
    if call.caller.user is None:
        raise Problem(401, "Requires authentication")
    if user is None:
        raise NotFound(f"{call.path['login']} is not a user")
    return Answer(call.stage.shape.permission(call.repo, user))


@route("GET", f"{REPO}/collaborators/{{login}}", "metadata:read")
async def is_collaborator(call: Call) -> Answer:
    login = call.path["login"].lower()
    if login not in {**call.stage.world.permissions, **call.repo.permissions}:
        raise NotFound
    return NO_CONTENT


@route("GET", f"{REPO}/branches", READ)
async def list_branches(call: Call) -> Answer:
    api = f"{call.stage.api_url}/repos/{call.repo.full_name}/commits"
    listed = [
        {"name": name, "commit": {"sha": sha, "url": f"{api}/{sha}"}, "protected": name in call.repo.protected}
        for name, sha in sorted(call.repo.branches.items())
    ]
    return call.page(listed)


@route("GET", f"{REPO}/branches/{{branch}}", READ)
async def get_branch(call: Call) -> Answer:
    name, repo = call.path["branch"], call.repo
    if name not in repo.branches:
        raise NotFound("Branch not found")
    api = f"{call.stage.api_url}/repos/{repo.full_name}/branches/{quote(name)}"
    page = f"{call.stage.url}/{repo.full_name}/tree/{quote(name)}"
    guarded = name in repo.protected
    checks = {"enforcement_level": "off", "contexts": [], "checks": []}
    return Answer(
        {
            "name": name,
            "commit": commit_json(call.stage, repo, await one_commit(repo, f"refs/heads/{name}")),
            "_links": {"self": api, "html": page},
            "protected": guarded,
            "protection": {"enabled": guarded, "required_status_checks": checks},
            "protection_url": f"{api}/protection",
        }
    )


@route("GET", f"{REPO}/rules/branches/{{branch}}", "metadata:read")
async def branch_rules(call: Call) -> Answer:
    listed = []
    for ruleset, rule in call.repo.rules_for(call.path["branch"]):
        about: Json = {"type": rule, "ruleset_source_type": "Repository", "ruleset_source": call.repo.full_name}
        listed.append(
            about | {"ruleset_id": ruleset.id} | ({"parameters": PARAMETERS[rule]} if rule in PARAMETERS else {})
        )
    return call.page(listed)


PARAMETERS: dict[str, Json] = {
    "update": {"update_allows_fetch_and_merge": False},
    "pull_request": {
        "allowed_merge_methods": ["merge", "squash", "rebase"],
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_approving_review_count": 1,
        "required_review_thread_resolution": False,
    },
}


def _ref_json(call: Call, ref: str, sha: str) -> Json:
    api = f"{call.stage.api_url}/repos/{call.repo.full_name}/git"
    target = {"type": "commit", "sha": sha, "url": f"{api}/commits/{sha}"}
    return {
        "ref": ref,
        "node_id": base64.b64encode(ref.encode()).decode(),
        "url": f"{api}/{quote(ref)}",
        "object": target,
    }


@route("GET", f"{REPO}/git/ref/{{ref}}", READ)
async def get_ref(call: Call) -> Answer:
    not_empty(call.repo)
    ref = f"refs/{call.path['ref']}"
    if ref not in call.repo.git.refs:
        raise NotFound
    return Answer(_ref_json(call, ref, call.repo.git.refs[ref]))


@route("GET", f"{REPO}/git/matching-refs/{{ref}}", READ)
async def matching_refs(call: Call) -> Answer:
    not_empty(call.repo)
    start = f"refs/{call.path['ref']}"
    found = sorted(each for each in call.repo.git.refs.items() if each[0].startswith(start))
    return Answer([_ref_json(call, ref, sha) for ref, sha in found])


@route("POST", f"{REPO}/git/refs", WRITE)
async def create_ref(call: Call) -> Answer:
    not_empty(call.repo)
    ref, sha = call.text("ref", "Reference"), call.text("sha", "Reference")
    if not ref.startswith("refs/") or ref.count("/") < 2:
        raise Problem(422, "Reference name is invalid")
    if ref in call.repo.git.refs:
        raise Problem(422, "Reference already exists")
    await _move(call, ref, sha)
    return created(_ref_json(call, ref, sha))


@route("PATCH", f"{REPO}/git/refs/{{ref}}", WRITE)
async def update_ref(call: Call) -> Answer:
    ref, sha = f"refs/{call.path['ref']}", call.text("sha", "Reference")
    old = call.repo.git.refs.get(ref)
    if old is None:
        raise Problem(422, "Reference does not exist")
    known = await call.repo.git.sha(sha) == sha
    if known and not call.fields.get("force") and await call.repo.git.merge_base(old, sha) != old:
        raise Problem(422, "Update is not a fast forward")
    await _move(call, ref, sha)
    return Answer(_ref_json(call, ref, sha))


@route("DELETE", f"{REPO}/git/refs/{{ref}}", WRITE)
async def delete_ref(call: Call) -> Answer:
    ref = f"refs/{call.path['ref']}"
    if ref not in call.repo.git.refs:
        raise Problem(422, "Reference does not exist")
    await _move(call, ref, None)
    return NO_CONTENT


async def _move(call: Call, ref: str, sha: str | None) -> None:
    if sha is not None and await call.repo.git.sha(sha) != sha:
        raise Problem(422, "Object does not exist")
    if refused := call.stage.refusal(call.repo, ref, call.repo.git.refs.get(ref), sha):
        raise Problem(422, refused[0].removeprefix("error: ").strip())
    await call.stage.move_branch(call.repo, ref.removeprefix("refs/heads/"), sha, by=call.actor)


@route("GET", f"{REPO}/contents", READ)
async def get_root(call: Call) -> Answer:
    return await _contents(call, "")


@route("GET", f"{REPO}/contents/{{path}}", READ)
async def get_contents(call: Call) -> Answer:
    return await _contents(call, call.path["path"].strip("/"))


async def _contents(call: Call, path: str) -> Answer:
    repo = call.repo
    if not repo.branches:
        raise NotFound("This repository is empty.")
    rev = call.query.get("ref") or repo.default_branch
    sha = await repo.git.sha(rev)
    if sha is None:
        raise NotFound(f"No commit found for the ref {rev}")
    found = await repo.git.entries(sha, path) if path else []
    if not path or (found and found[0].type == "tree"):
        inside = await repo.git.entries(sha, f"{path}/" if path else "")
        return Answer([_entry_json(call, rev, each) for each in inside])
    if not found:
        raise NotFound
    return await _file(call, rev, found[0])


async def _file(call: Call, rev: str, entry: Entry) -> Answer:
    shown = _entry_json(call, rev, entry)
    if entry.type == "commit":
        return Answer(shown | {"submodule_git_url": None})
    if entry.size > LARGEST:
        raise Problem(403, "This API returns blobs up to 100 MB in size.")
    content = await call.repo.git.blob(entry.sha)
    if "raw" in call.headers.get("Accept", ""):
        return Answer(content, headers={"Content-Type": "application/vnd.github.raw+json; charset=utf-8"})
    if entry.mode == "120000":
        return Answer(shown | {"target": content.decode(errors="replace")})
    inline = len(content) <= INLINE
    text = base64.encodebytes(content).decode() if inline else ""
    return Answer(shown | {"content": text, "encoding": "base64" if inline else "none"})


def _entry_json(call: Call, rev: str, entry: Entry) -> Json:
    repo, path = call.repo, quote(entry.path)
    api, page = f"{call.stage.api_url}/repos/{repo.full_name}", f"{call.stage.url}/{repo.full_name}"
    kind = KINDS[entry.mode]
    own = f"{api}/contents/{path}?ref={quote(rev)}"
    git = None if kind == "submodule" else f"{api}/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}"
    html = None if kind == "submodule" else f"{page}/{'tree' if kind == 'dir' else 'blob'}/{quote(rev)}/{path}"
    return {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size,
        "type": kind,
        "url": own,
        "html_url": html,
        "git_url": git,
        "download_url": f"{page}/raw/{quote(rev)}/{path}" if kind in ("file", "symlink") else None,
        "_links": {"self": own, "git": git, "html": html},
    }
