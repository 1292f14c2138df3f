"""REST operations on check runs and commit statuses."""

from bot.emulator.problem import NotFound, Problem
from bot.emulator.route import Answer, Call, created, route
from bot.emulator.world import CheckRun, Status

RUNS = "/repos/{owner}/{repo}/check-runs"
RUN = f"{RUNS}/{{run}}"
COMMIT = "/repos/{owner}/{repo}/commits/{ref}"


def _run(call: Call) -> CheckRun:
    for each in call.repo.checks:
        if str(each.id) == call.path["run"]:
            return each
    raise NotFound


async def _sha(call: Call) -> str:
    sha = await call.repo.git.sha(call.path["ref"])
    if sha is None:
        raise Problem(422, f"No commit found for SHA: {call.path['ref']}")
    return sha


def _app_only(call: Call) -> None:
    if call.caller.token is None or call.caller.token.installation is None:
        raise Problem(403, "You must authenticate via a GitHub App.")


@route("POST", RUNS, "checks:write")
async def create_check(call: Call) -> Answer:
    _app_only(call)
    run = await call.stage.create_check(call.repo, call.fields)
    return created(call.stage.shape.check(run, call.stage.app_json()))


@route("GET", RUN, "checks:read")
async def get_check(call: Call) -> Answer:
    return Answer(call.stage.shape.check(_run(call), call.stage.app_json()))


@route("PATCH", RUN, "checks:write")
async def update_check(call: Call) -> Answer:
    _app_only(call)
    await call.stage.update_check(_run(call), call.fields)
    return await get_check(call)


@route("GET", f"{RUN}/annotations", "checks:read")
async def list_annotations(call: Call) -> Answer:
    run = _run(call)
    href = f"{call.stage.url}/{call.repo.full_name}/blob/{run.head_sha}"
    blank = {"title": None, "raw_details": None, "start_column": None, "end_column": None}
    return call.page([{**blank, "blob_href": f"{href}/{each['path']}", **each} for each in run.annotations])


@route("GET", f"{COMMIT}/check-runs", "checks:read")
async def list_checks(call: Call) -> Answer:
    """`filter` latest (the default) shows the newest run of each name; newest first."""
    sha, name, status = await _sha(call), call.query.get("check_name"), call.query.get("status")
    runs = [each for each in reversed(call.repo.checks) if each.head_sha == sha]
    runs = [each for each in runs if name in (None, each.name) and status in (None, each.status)]
    if call.query.get("filter", "latest") == "latest":
        runs = list({each.name: each for each in reversed(runs)}.values())[::-1]
    app = call.stage.app_json()
    return call.page([call.stage.shape.check(each, app) for each in runs], wrap="check_runs")


@route("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses:write")
async def create_status(call: Call) -> Answer:
    status = await call.stage.set_status(call.repo, call.path["sha"], call.fields, call.actor)
    return created(call.stage.shape.status(call.repo, status))


async def _statuses(call: Call) -> list[Status]:
    sha = await _sha(call)
    return [each for each in reversed(call.repo.statuses) if each.sha == sha]


@route("GET", f"{COMMIT}/statuses", "statuses:read")
async def list_statuses(call: Call) -> Answer:
    return call.page([call.stage.shape.status(call.repo, each) for each in await _statuses(call)])


@route("GET", f"{COMMIT}/status", "statuses:read")
async def combined_status(call: Call) -> Answer:
    sha = await _sha(call)
    newest = list({each.context: each for each in reversed(await _statuses(call))}.values())
    states = {each.state for each in newest}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    api = f"{call.stage.api_url}/repos/{call.repo.full_name}/commits/{sha}"
    return Answer(
        {
            "state": state,
            "sha": sha,
            "total_count": len(newest),
            "statuses": [call.stage.shape.status(call.repo, each) for each in newest],
            "repository": call.stage.shape.repo(call.repo),
            "commit_url": api,
            "url": f"{api}/status",
        }
    )
