"""REST operations on issues, comments, labels and reactions."""

from datetime import datetime

from bot.emulator.discussion import find_label
from bot.emulator.problem import Invalid, NotFound, Problem
from bot.emulator.route import NO_CONTENT, Answer, Call, created, route
from bot.emulator.shape import REACTIONS
from bot.emulator.world import Comment, Issue, Json, Label, Pull, Remark

READ = ("issues:read", "pull_requests:read")
WRITE = ("issues:write", "pull_requests:write")
ISSUES = "/repos/{owner}/{repo}/issues"
ISSUE = f"{ISSUES}/{{number}}"
COMMENT = f"{ISSUES}/comments/{{comment}}"
LABELS = "/repos/{owner}/{repo}/labels"


def since(call: Call) -> float:
    """The query's `since` as seconds, 0 without one; raises Problem."""
    text = call.query.get("since")
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except ValueError:
        raise Problem(422, "Invalid since parameter") from None


@route("GET", ISSUES, *READ)
async def list_issues(call: Call) -> Answer:
    state, after = call.query.get("state", "open"), since(call)
    wanted = {name.lower() for name in call.query.get("labels", "").split(",") if name}
    found = [
        issue
        for issue in call.repo.issues.values()
        if state in ("all", issue.state)
        and int(issue.updated) >= after
        and wanted <= {name.lower() for name in issue.label_names}
        and call.query.get("creator", issue.user.login) == issue.user.login
    ]
    oldest = call.query.get("direction") == "asc"
    return call.page([call.stage.shape.issue(each) for each in (found if oldest else reversed(found))])


@route("POST", ISSUES, "issues:write")
async def create_issue(call: Call) -> Answer:
    labels = [each["name"] if isinstance(each, dict) else each for each in call.fields.get("labels", ())]
    title = call.text("title", "Issue")
    issue = await call.stage.open_issue(
        call.repo,
        title,
        call.fields.get("body"),
        labels=labels,
        by=call.actor,
        assignees=call.fields.get("assignees", ()),
    )
    return created(call.stage.shape.issue(issue))


@route("GET", ISSUE, *READ)
async def get_issue(call: Call) -> Answer:
    closed_by = call.issue.closed_by
    return Answer(
        call.stage.shape.issue(call.issue) | {"closed_by": call.stage.shape.user(closed_by) if closed_by else None}
    )


@route("PATCH", ISSUE, *WRITE)
async def edit_issue(call: Call) -> Answer:
    issue, asked = call.issue, call.fields
    await call.stage.edit_issue(issue, title=asked.get("title"), body=asked.get("body"), by=call.actor)
    if "labels" in asked:
        await _replace_labels(call, issue, asked["labels"])
    await _set_state(call, issue, asked)
    return await get_issue(call)


async def _set_state(call: Call, issue: Issue, asked: Json) -> None:
    state = asked.get("state")
    if state not in (None, "open", "closed"):
        raise Invalid("Issue", "state")
    if state == "closed":
        reason = asked.get("state_reason") or "completed"
        await call.stage.close_issue(issue, by=call.actor, reason=reason)
    elif state == "open":
        await call.stage.reopen_issue(issue, by=call.actor)


@route("GET", f"{ISSUES}/comments", *READ)
async def list_all_comments(call: Call) -> Answer:
    found = [each for issue in call.repo.issues.values() for each in issue.comments]
    return _comments(call, sorted(found, key=lambda each: each.id))


@route("GET", f"{ISSUE}/comments", *READ)
async def list_comments(call: Call) -> Answer:
    return _comments(call, call.issue.comments)


def _comments(call: Call, comments: list[Comment]) -> Answer:
    after = since(call)
    return call.page([call.stage.shape.comment(each) for each in comments if int(each.updated) >= after])


@route("POST", f"{ISSUE}/comments", *WRITE)
async def create_comment(call: Call) -> Answer:
    body = call.text("body", "IssueComment")
    return created(call.stage.shape.comment(await call.stage.comment(call.issue, body, by=call.actor)))


@route("GET", COMMENT, *READ)
async def get_comment(call: Call) -> Answer:
    return Answer(call.stage.shape.comment(call.comment))


@route("PATCH", COMMENT, *WRITE)
async def edit_comment(call: Call) -> Answer:
    await call.stage.edit_comment(call.comment, call.text("body", "IssueComment"), by=call.actor)
    return Answer(call.stage.shape.comment(call.comment))


@route("DELETE", COMMENT, *WRITE)
async def delete_comment(call: Call) -> Answer:
    await call.stage.delete_comment(call.comment, by=call.actor)
    return NO_CONTENT


def reacted(call: Call, to: Issue | Comment | Remark) -> Answer:
    """201 with a new reaction, 200 with one that was there; raises Invalid for what is none."""
    content = call.text("content", "Reaction")
    if content not in REACTIONS:
        raise Invalid("Reaction", "content")
    reaction, new = call.stage.react(to, content, call.actor)
    return Answer(call.stage.shape.reaction(reaction), 201 if new else 200)


@route("POST", f"{ISSUE}/reactions", *WRITE)
async def react_to_issue(call: Call) -> Answer:
    return reacted(call, call.issue)


@route("GET", f"{ISSUE}/reactions", *READ)
async def list_issue_reactions(call: Call) -> Answer:
    return call.page([call.stage.shape.reaction(each) for each in call.issue.reactions])


@route("POST", f"{COMMENT}/reactions", *WRITE)
async def react_to_comment(call: Call) -> Answer:
    return reacted(call, call.comment)


@route("GET", f"{COMMENT}/reactions", *READ)
async def list_comment_reactions(call: Call) -> Answer:
    return call.page([call.stage.shape.reaction(each) for each in call.comment.reactions])


def _names(body: object) -> list[str]:
    """Labels come as `{"labels": [...]}` or as a bare list, of names or of objects with one."""
    listed = body.get("labels") if isinstance(body, dict) else body
    if not isinstance(listed, list):
        raise Problem(422, "Invalid request.\n\nNo subschema in 'oneOf' matched.")
    return [str(each["name"]) if isinstance(each, dict) else str(each) for each in listed]


def _labels(call: Call, issue: Issue) -> Answer:
    return call.page([call.stage.shape.label(issue.repo, each) for each in issue.labels], per_page=100)


@route("GET", f"{ISSUE}/labels", *READ)
async def list_issue_labels(call: Call) -> Answer:
    return _labels(call, call.issue)


@route("POST", f"{ISSUE}/labels", *WRITE)
async def add_labels(call: Call) -> Answer:
    await call.stage.label(call.issue, *_names(call.body), by=call.actor)
    return _labels(call, call.issue)


@route("PUT", f"{ISSUE}/labels", *WRITE)
async def set_labels(call: Call) -> Answer:
    await _replace_labels(call, call.issue, call.body)
    return _labels(call, call.issue)


async def _replace_labels(call: Call, issue: Issue, body: object) -> None:
    names = _names(body)
    kept = {name.lower() for name in names}
    for name in [each for each in issue.label_names if each.lower() not in kept]:
        await call.stage.unlabel(issue, name, by=call.actor)
    await call.stage.label(issue, *names, by=call.actor)


@route("DELETE", f"{ISSUE}/labels/{{name}}", *WRITE)
async def remove_label(call: Call) -> Answer:
    if not await call.stage.unlabel(call.issue, call.path["name"], by=call.actor):
        raise NotFound("Label does not exist")
    return _labels(call, call.issue)


@route("GET", LABELS, *READ)
async def list_labels(call: Call) -> Answer:
    return call.page([call.stage.shape.label(call.repo, each) for each in call.repo.labels])


def _label(call: Call) -> Label:
    label = find_label(call.repo, call.path["name"])
    if label is None:
        raise NotFound
    return label


def _color(asked: Json, default: str) -> str:
    color = str(asked.get("color", default))
    if len(color) != 6 or any(each not in "0123456789abcdefABCDEF" for each in color):
        raise Invalid("Label", "color")
    return color


def _description(asked: Json) -> str | None:
    text = asked.get("description")
    if text is not None and len(text) > 100:
        raise Invalid("Label", "description", "custom", "description is too long (maximum is 100 characters)")
    return None if text is None else str(text)


@route("POST", LABELS, *WRITE)
async def create_label(call: Call) -> Answer:
    name = call.text("name", "Label")
    label = call.stage.create_label(call.repo, name, _color(call.fields, "ededed"), _description(call.fields))
    return created(call.stage.shape.label(call.repo, label))


@route("GET", f"{LABELS}/{{name}}", *READ)
async def get_label(call: Call) -> Answer:
    return Answer(call.stage.shape.label(call.repo, _label(call)))


@route("PATCH", f"{LABELS}/{{name}}", *WRITE)
async def edit_label(call: Call) -> Answer:
    label, asked = _label(call), call.fields
    label.color, label.name = _color(asked, label.color), asked.get("new_name", label.name)
    label.description = _description(asked) if "description" in asked else label.description
    return Answer(call.stage.shape.label(call.repo, label))


@route("DELETE", f"{LABELS}/{{name}}", *WRITE)
async def delete_label(call: Call) -> Answer:
    label = _label(call)
    call.repo.labels.remove(label)
    for issue in call.repo.issues.values():
        issue.labels = [each for each in issue.labels if each is not label]
    return NO_CONTENT


def needs_issue_right(call: Call) -> None:
    """The pull request permission reaches pull requests only; raises Problem for an issue."""
    token = call.caller.token
    if token is None or token.installation is None or "number" not in call.path or "issues" in token.permissions:
        return
    if not isinstance(call.issue, Pull):
        raise Problem(403, "Resource not accessible by integration")
