"""Issues, comments, labels: through the API as through the verbs, and every change is told."""

import pytest

from bot.emulator.world import stamp
from tests.emulator.played import Played

REPO = "/repos/acme/shop"
ISSUES = f"{REPO}/issues"


async def test_an_issue_is_opened_labelled_talked_about_and_closed(played: Played) -> None:
    emulator = played.emulator
    issue = await emulator.open_issue(played.repo, "Add refunds", "Please.", by="ana")
    await emulator.label(issue, "auto-implement")
    comment = await emulator.comment(issue, "On it.", by=emulator.bot)
    await emulator.edit_comment(comment, "Done.", by=emulator.bot)
    await emulator.unlabel(issue, "auto-implement")
    await emulator.close_issue(issue)
    await emulator.reopen_issue(issue)
    await emulator.delivered()
    assert played.bot.names == [
        "installation.created",
        "issues.opened",
        "issues.labeled",
        "issue_comment.created",
        "issue_comment.edited",
        "issues.unlabeled",
        "issues.closed",
        "issues.reopened",
    ]
    assert played.bot.heard[2].payload["label"]["name"] == "auto-implement"
    assert played.bot.heard[2].payload["sender"]["login"] == "maintainer"
    assert played.bot.heard[4].payload["changes"] == {"body": {"from": "On it."}}


async def test_the_bots_own_changes_are_told_with_it_as_sender(played: Played) -> None:
    issue = await played.emulator.open_issue(played.repo, "Add refunds")
    token = played.token(issues="write")
    made = await played.ask("POST", f"{ISSUES}/1/comments", token, {"body": "Hello"})
    assert made.body["user"]["login"] == "tutti[bot]"
    path = f"{ISSUES}/comments/{made.body['id']}"
    assert (await played.ask("PATCH", path, token, {"body": "Hello again"})).body["body"] == "Hello again"
    assert (await played.ask("GET", path, token)).body["body"] == "Hello again"
    assert (await played.ask("DELETE", path, token)).status == 204
    assert issue.comments == []
    await played.emulator.delivered()
    assert [each.payload["sender"]["type"] for each in played.bot.heard[2:]] == ["Bot", "Bot", "Bot"]


async def test_lists_come_in_pages_that_link_to_each_other(played: Played) -> None:
    issue = await played.emulator.open_issue(played.repo, "Add refunds")
    for number in range(5):
        await played.emulator.comment(issue, f"Comment {number}")
    first = await played.ask("GET", f"{ISSUES}/1/comments?per_page=2", played.token())
    links = {
        rel: url.strip("<>") for url, _, rel in (part.partition("; ") for part in first.headers["Link"].split(", "))
    }
    assert sorted(links) == ['rel="last"', 'rel="next"']
    last = await played.ask("GET", links['rel="last"'], played.token())
    assert [each["body"] for each in last.body] == ["Comment 4"]
    assert 'rel="prev"' in last.headers["Link"]
    assert 'rel="next"' not in last.headers["Link"]


async def test_comments_since_a_moment(played: Played) -> None:
    issue = await played.emulator.open_issue(played.repo, "Add refunds")
    await played.emulator.comment(issue, "Before")
    played.clock.ahead = 10
    later = stamp(played.clock())
    await played.emulator.comment(issue, "After")
    for path in (f"{ISSUES}/1/comments", f"{ISSUES}/comments"):
        found = await played.ask("GET", f"{path}?since={later}", played.token())
        assert [each["body"] for each in found.body] == ["After"]


async def test_labels_are_made_put_on_and_taken_off(played: Played) -> None:
    await played.emulator.open_issue(played.repo, "Add refunds")
    token, labels = played.token(issues="write"), f"{ISSUES}/1/labels"
    about = {"name": "needs review", "color": "d93f0b", "description": "A person should look"}
    assert (await played.ask("POST", f"{REPO}/labels", token, about)).body["color"] == "d93f0b"
    again = await played.ask("POST", f"{REPO}/labels", token, about)
    assert (again.status, again.body["errors"][0]["code"]) == (422, "already_exists")
    put = await played.ask("POST", labels, token, {"labels": ["Needs Review", "made on the way"]})
    assert [each["name"] for each in put.body] == ["needs review", "made on the way"]
    assert (await played.ask("POST", labels, token, {"labels": ["needs review"]})).status == 200
    assert [each["name"] for each in (await played.ask("GET", f"{labels}", token)).body] == played.repo.issues[
        1
    ].label_names
    off = await played.ask("DELETE", f"{labels}/needs%20review", token)
    assert [each["name"] for each in off.body] == ["made on the way"]
    gone = await played.ask("DELETE", f"{labels}/needs%20review", token)
    assert (gone.status, gone.body["message"]) == (404, "Label does not exist")
    await played.emulator.delivered()
    assert played.bot.names.count("issues.labeled") == 2
    assert played.bot.names.count("issues.unlabeled") == 1


async def test_labels_are_replaced_edited_and_deleted_everywhere(played: Played) -> None:
    issue = await played.emulator.open_issue(played.repo, "Add refunds", labels=["a", "b"])
    token = played.token(issues="write")
    put = await played.ask("PUT", f"{ISSUES}/1/labels", token, {"labels": ["b", "c/d"]})
    assert [each["name"] for each in put.body] == ["b", "c/d"]
    changed = await played.ask("PATCH", f"{REPO}/labels/c%2Fd", token, {"new_name": "e", "color": "ffffff"})
    assert (changed.body["name"], changed.body["color"]) == ("e", "ffffff")
    assert (await played.ask("DELETE", f"{REPO}/labels/e", token)).status == 204
    assert issue.label_names == ["b"]
    assert (await played.ask("GET", f"{REPO}/labels/e", token)).status == 404
    assert [each["name"] for each in (await played.ask("GET", f"{REPO}/labels", token)).body] == ["a", "b"]


async def test_issues_are_made_found_and_changed_through_the_api(played: Played) -> None:
    token = played.token(issues="write")
    made = await played.ask("POST", ISSUES, token, {"title": "Nightly finding", "body": "x", "labels": ["found"]})
    assert (made.status, made.body["number"]) == (201, 1)
    assert (await played.ask("GET", f"{ISSUES}?labels=found", token)).body[0]["title"] == "Nightly finding"
    assert (await played.ask("GET", f"{ISSUES}?labels=other", token)).body == []
    change = {"title": "Finding", "state": "closed", "state_reason": "not_planned", "labels": []}
    changed = await played.ask("PATCH", f"{ISSUES}/1", token, change)
    assert [changed.body[name] for name in ("title", "state", "state_reason", "labels")] == [*change.values()]
    assert (await played.ask("GET", ISSUES, token)).body == []
    assert len((await played.ask("GET", f"{ISSUES}?state=all", token)).body) == 1
    assert (await played.ask("GET", f"{ISSUES}/2", token)).status == 404


async def test_reactions_are_given_once_each(played: Played) -> None:
    issue = await played.emulator.open_issue(played.repo, "Add refunds")
    comment = await played.emulator.comment(issue, "/review")
    token = played.token(issues="write")
    for path in (f"{ISSUES}/1", f"{ISSUES}/comments/{comment.id}"):
        assert (await played.ask("POST", f"{path}/reactions", token, {"content": "eyes"})).status == 201
        assert (await played.ask("POST", f"{path}/reactions", token, {"content": "eyes"})).status == 200
        assert len((await played.ask("GET", f"{path}/reactions", token)).body) == 1
        assert (await played.ask("POST", f"{path}/reactions", token, {"content": "party"})).status == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", ISSUES, {}),
        ("POST", ISSUES, {"title": " "}),
        ("POST", ISSUES, {"title": "x" * 257}),
        ("POST", ISSUES, {"title": 7}),
        ("POST", f"{ISSUES}/1/comments", {"body": "x" * 65537}),
        ("POST", f"{ISSUES}/1/comments", {"body": ""}),
        ("POST", f"{ISSUES}/1/labels", {"labels": "auto"}),
        ("POST", f"{REPO}/labels", {"name": "x" * 51}),
        ("POST", f"{REPO}/labels", {"name": "x", "color": "red"}),
        ("PATCH", f"{ISSUES}/1", {"state": "gone"}),
        ("POST", f"{ISSUES}/1/comments", ["no object"]),
    ],
)
async def test_what_github_would_not_take_is_not_taken(
    played: Played, method: str, path: str, body: dict[str, object]
) -> None:
    await played.emulator.open_issue(played.repo, "Add refunds")
    refused = await played.ask(method, path, played.token(), body)
    assert (refused.status, refused.body["status"]) == (422, "422")
    assert len(played.repo.issues) == 1
