"""REST operations of the App itself: installations, tokens, webhook deliveries; and of users."""

from bot.emulator.ground import PERMISSIONS
from bot.emulator.hooks import Delivery
from bot.emulator.problem import NotFound, Problem
from bot.emulator.route import NO_CONTENT, Answer, Call, created, route
from bot.emulator.world import Installation, Json, Repo, stamp

LEVEL = {"read": 1, "write": 2, "admin": 3}
KNOWN = frozenset({*PERMISSIONS, "actions", "administration", "workflows", "members", "deployments", "pages"})


@route("GET", "/app", app=True)
async def get_app(call: Call) -> Answer:
    installed = {"installations_count": len(call.stage.world.installations)}
    return Answer(call.stage.app_json() | installed)


@route("GET", "/app/installations", app=True)
async def list_installations(call: Call) -> Answer:
    return call.page([call.stage.shape.installation(each) for each in call.stage.world.installations.values()])


def _installation(call: Call) -> Installation:
    try:
        return call.stage.world.installations[int(call.path["installation"])]
    except (KeyError, ValueError):
        raise NotFound from None


@route("GET", "/app/installations/{installation}", app=True)
async def get_installation(call: Call) -> Answer:
    return Answer(call.stage.shape.installation(_installation(call)))


@route("POST", "/app/installations/{installation}/access_tokens", app=True)
async def create_token(call: Call) -> Answer:
    installation = _installation(call)
    if installation.suspended is not None:
        raise Problem(403, "This installation has been suspended")
    repos = _chosen(call, installation)
    permissions = _granted(installation, call.fields.get("permissions"))
    token = call.stage.mint(installation, repos, permissions)
    body: Json = {"token": token.value, "expires_at": stamp(token.expires), "permissions": permissions}
    named = "repositories" in call.fields or "repository_ids" in call.fields
    body |= {"repository_selection": "selected"}
    return created(body | ({"repositories": [call.stage.shape.repo(each) for each in repos]} if named else {}))


def _chosen(call: Call, installation: Installation) -> list[Repo]:
    ids, names = call.fields.get("repository_ids"), call.fields.get("repositories")
    if ids is None and names is None:
        return list(installation.repos.values())
    by_name = {each.name.lower(): each for each in installation.repos.values()}
    found = [installation.repos.get(each) for each in ids or ()] + [by_name.get(each.lower()) for each in names or ()]
    chosen = [each for each in found if each is not None]
    if len(chosen) < len(found):
        said = "There is at least one repository that does not exist or is not accessible to the parent installation."
        raise Problem(422, said)
    return chosen


def _granted(installation: Installation, asked: Json | None) -> dict[str, str]:
    if asked is None:
        return dict(installation.permissions)
    for name, level in asked.items():
        if name not in KNOWN or LEVEL.get(level, 9) > LEVEL.get(installation.permissions.get(name, ""), 0):
            raise Problem(422, "The permissions requested are not granted to this installation.")
    return {"metadata": "read", **asked}


@route("DELETE", "/installation/token")
async def revoke_token(call: Call) -> Answer:
    if call.caller.token is None or call.caller.token.installation is None:
        raise Problem(403, "Resource not accessible by personal access token")
    call.stage.revoke(call.caller.token)
    return NO_CONTENT


@route("GET", "/installation/repositories")
async def list_repositories(call: Call) -> Answer:
    token = call.caller.token
    if token is None or token.installation is None:
        raise Problem(403, "You must authenticate with an installation access token in order to list repositories")
    repos = [each for each in token.installation.repos.values() if each.id in token.repos]
    answer = call.page([call.stage.shape.repo(each) for each in repos], wrap="repositories")
    return Answer(answer.body | {"repository_selection": "selected"}, headers=answer.headers)


@route("GET", "/repos/{owner}/{repo}/installation", app=True)
async def installation_of_repo(call: Call) -> Answer:
    installation = call.stage.world.installation_of(call.repo)
    if installation is None:
        raise NotFound
    return Answer(call.stage.shape.installation(installation))


@route("GET", "/users/{login}/installation", app=True)
async def installation_of_user(call: Call) -> Answer:
    for each in call.stage.world.installations.values():
        if each.account.login.lower() == call.path["login"].lower():
            return Answer(call.stage.shape.installation(each))
    raise NotFound


@route("GET", "/users/{login}")
async def get_user(call: Call) -> Answer:
    user = call.stage.world.find_user(call.path["login"])
    blank = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": stamp(0), "updated_at": stamp(0)}
    return Answer({**call.stage.shape.user(user), "name": None, "blog": "", **blank, **counts, **times})


@route("GET", "/rate_limit")
async def rate_limit(call: Call) -> Answer:
    each = {"limit": 5000, "remaining": 5000, "used": 0, "reset": int(call.stage.now()) + 3600}
    return Answer({"resources": {"core": each, "search": each}, "rate": each})


def _delivery_item(delivery: Delivery) -> Json:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": stamp(delivery.at),
        "redelivery": delivery.redelivery,
        "duration": round(delivery.duration, 3),
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation.id if delivery.installation else None,
        "repository_id": delivery.repo.id if delivery.repo else None,
        "throttled_at": None,
    }


@route("GET", "/app/hook/deliveries", app=True)
async def list_deliveries(call: Call) -> Answer:
    """Newest first; `cursor` is the id to go on from."""
    newest = [each for each in reversed(call.stage.deliveries) if each.status != "pending"]
    kind = call.query.get("status")
    if kind in ("success", "failure"):
        newest = [each for each in newest if (200 <= each.status_code < 400) == (kind == "success")]
    if cursor := call.query.get("cursor"):
        newest = [each for each in newest if each.id <= int(cursor.removeprefix("v1_"))]
    size = int(call.query.get("per_page", 30))
    shown = [_delivery_item(each) for each in newest[:size]]
    if len(newest) <= size:
        return Answer(shown)
    link = f'<{call.url}?per_page={size}&cursor=v1_{newest[size].id}>; rel="next"'
    return Answer(shown, headers={"Link": link})


def _delivery(call: Call) -> Delivery:
    for each in call.stage.deliveries:
        if str(each.id) == call.path["delivery"]:
            return each
    raise NotFound


@route("GET", "/app/hook/deliveries/{delivery}", app=True)
async def get_delivery(call: Call) -> Answer:
    each = _delivery(call)
    sent = {"headers": each.headers, "payload": each.payload}
    got = {"headers": each.answer_headers, "payload": each.answer}
    return Answer(_delivery_item(each) | {"url": call.stage.hook_url or "", "request": sent, "response": got})


@route("POST", "/app/hook/deliveries/{delivery}/attempts", app=True)
async def redeliver(call: Call) -> Answer:
    call.stage.hooks.again(_delivery(call))
    return Answer({}, 202)
