"""REST operations on pull requests."""

from bot.emulator.history import diff, log
from bot.emulator.problem import Invalid
from bot.emulator.rest_commit import commit_json, file_json
from bot.emulator.route import Answer, Call, created, route
from bot.emulator.world import Pull

PULLS = "/repos/{owner}/{repo}/pulls"
PULL = f"{PULLS}/{{number}}"
READ, WRITE = "pull_requests:read", "pull_requests:write"


async def _shown(call: Call, pull: Pull) -> Answer:
    return Answer(call.stage.shape.pull(await call.stage.measured(pull)))


@route("GET", PULLS, READ)
async def list_pulls(call: Call) -> Answer:
    """A `head` without the owner and colon filters nothing, as on GitHub."""
    state, head, base = (call.query.get(name, "") for name in ("state", "head", "base"))
    found = [
        pull
        for pull in call.repo.pulls
        if state in ("all", pull.state if state else "") or (not state and pull.state == "open")
    ]
    if ":" in head:
        found = [each for each in found if f"{each.source.owner.login}:{each.head}".lower() == head.lower()]
    if base:
        found = [each for each in found if each.base == base]
    oldest = call.query.get("direction") == "asc"
    return call.page([call.stage.shape.short_pull(each) for each in (found if oldest else reversed(found))])


@route("POST", PULLS, WRITE)
async def create_pull(call: Call) -> Answer:
    asked, repo = call.fields, call.repo
    owner, _, branch = call.text("head", "PullRequest").rpartition(":")
    if owner and owner.lower() != repo.owner.login.lower():
        raise Invalid("PullRequest", "head")
    pull = await call.stage.open_pull(
        repo,
        branch,
        call.text("base", "PullRequest"),
        title=call.text("title", "PullRequest"),
        body=asked.get("body"),
        draft=bool(asked.get("draft")),
        by=call.actor,
    )
    return created((await _shown(call, pull)).body)


@route("GET", PULL, READ)
async def get_pull(call: Call) -> Answer:
    return await _shown(call, call.pull)


@route("PATCH", PULL, WRITE)
async def edit_pull(call: Call) -> Answer:
    asked, pull, stage = call.fields, call.pull, call.stage
    state = asked.get("state")
    if state not in (None, "open", "closed"):
        raise Invalid("PullRequest", "state")
    await stage.edit_pull(pull, title=asked.get("title"), body=asked.get("body"), base=asked.get("base"), by=call.actor)
    if state == "closed":
        await stage.close_pull(pull, by=call.actor)
    elif state == "open" and pull.state == "closed":
        if pull.merged_at is not None or pull.head not in pull.source.branches:
            raise Invalid("PullRequest", "state", "invalid", "state cannot be changed.")
        await stage.reopen_issue(pull, by=call.actor)
    return await _shown(call, pull)


@route("GET", f"{PULL}/files", READ)
async def list_files(call: Call) -> Answer:
    pull = call.pull
    files = await diff(pull.repo.git, pull.base_sha, pull.head_sha)
    return call.page([file_json(call.stage, pull.repo, pull.head_sha, each) for each in files[:3000]])


@route("GET", f"{PULL}/commits", READ)
async def list_commits(call: Call) -> Answer:
    pull = call.pull
    commits = await log(pull.repo.git, f"{pull.base_sha}..{pull.head_sha}", files=False)
    return call.page([commit_json(call.stage, pull.repo, each) for each in reversed(commits)])


@route("GET", f"{PULL}/requested_reviewers", READ)
async def list_reviewers(call: Call) -> Answer:
    return Answer({"users": [call.stage.shape.user(each) for each in call.pull.reviewers], "teams": []})


@route("POST", f"{PULL}/requested_reviewers", WRITE)
async def request_reviewers(call: Call) -> Answer:
    await call.stage.request_review(call.pull, *call.fields.get("reviewers", ()), by=call.actor)
    return created(call.stage.shape.short_pull(call.pull))


@route("DELETE", f"{PULL}/requested_reviewers", WRITE)
async def withdraw_reviewers(call: Call) -> Answer:
    await call.stage.withdraw_review(call.pull, *call.fields.get("reviewers", ()), by=call.actor)
    return Answer(call.stage.shape.short_pull(call.pull))
