"""Pull requests: opened on real branches, measured by git, merged by git."""

import asyncio
import json

import pytest

from tests.emulator.played import Played, Reply

PULLS = "/repos/acme/shop/pulls"


async def opened(played: Played, **more: object) -> Reply:
    sha = await played.emulator.push_commit(played.repo, "feature/x", {"shop/cart.py": "total = 1\n", "new.py": "a\n"})
    assert played.repo.branches["feature/x"] == sha
    body = {"title": "Faster carts", "head": "feature/x", "base": "main", "body": "Closes #9", **more}
    return await played.ask("POST", PULLS, played.token(pull_requests="write"), body)


async def test_a_pull_request_knows_its_size_and_that_it_merges(played: Played) -> None:
    made = await opened(played)
    assert made.status == 201
    facts = {name: made.body[name] for name in ("number", "commits", "additions", "deletions", "changed_files")}
    assert facts == {"number": 1, "commits": 1, "additions": 2, "deletions": 1, "changed_files": 2}
    assert made.body["head"]["sha"] == played.repo.branches["feature/x"]
    assert made.body["base"]["sha"] == played.repo.branches["main"]
    assert (made.body["mergeable"], made.body["user"]["login"]) == (True, "tutti[bot]")
    await played.emulator.push_commit(played.repo, "main", {"shop/cart.py": "total = 2\n"})
    again = await played.ask("GET", f"{PULLS}/1", played.token())
    assert (again.body["mergeable"], again.body["mergeable_state"]) == (False, "dirty")


async def test_a_pull_request_is_found_by_its_head_only_with_the_owner_in_front(played: Played) -> None:
    await opened(played)
    token = played.token()
    assert len((await played.ask("GET", f"{PULLS}?head=acme:feature/x", token)).body) == 1
    assert (await played.ask("GET", f"{PULLS}?head=acme:feature/y", token)).body == []
    assert len((await played.ask("GET", f"{PULLS}?head=feature/y", token)).body) == 1
    assert (await played.ask("GET", f"{PULLS}?base=other&state=all", token)).body == []
    assert (await played.ask("GET", f"{PULLS}?state=closed", token)).body == []


async def test_files_and_commits_of_a_pull_request(played: Played) -> None:
    await opened(played)
    files = (await played.ask("GET", f"{PULLS}/1/files", played.token())).body
    assert [(each["filename"], each["status"], each["patch"]) for each in files] == [
        ("new.py", "added", "@@ -0,0 +1 @@\n+a"),
        ("shop/cart.py", "modified", "@@ -1 +1 @@\n-total = 0\n+total = 1"),
    ]
    commits = (await played.ask("GET", f"{PULLS}/1/commits", played.token())).body
    assert [each["commit"]["message"] for each in commits] == ["Change"]
    assert commits[0]["author"]["login"] == "maintainer"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"head": "nowhere"}, '"field": "head"'),
        ({"base": "nowhere"}, '"field": "base"'),
        ({"head": "stranger:feature/x"}, '"field": "head"'),
        ({"head": "main"}, "No commits between main and main"),
        ({"title": ""}, '"field": "title"'),
    ],
)
async def test_a_pull_request_that_cannot_be_is_refused_with_the_reason(
    played: Played, change: dict[str, str], said: str
) -> None:
    refused = await opened(played, **change)
    assert refused.status == 422
    assert said in json.dumps(refused.body)
    assert played.repo.pulls == []


async def test_a_second_pull_request_of_one_branch_is_refused(played: Played) -> None:
    await opened(played)
    again = await opened(played)
    assert again.body["errors"][0]["message"] == "A pull request already exists for acme:feature/x."


async def test_drafts_where_the_plan_has_them(played: Played) -> None:
    played.repo.drafts = False
    refused = await opened(played, draft=True)
    assert (refused.status, "Draft pull requests are not supported" in refused.body["message"]) == (422, True)
    played.repo.drafts = True
    assert (await opened(played, draft=True)).body["draft"] is True
    await played.emulator.mark_ready(played.repo.pulls[0])
    assert played.repo.pulls[0].draft is False


async def test_merging_closes_what_it_closes_and_tells_all_of_it(played: Played) -> None:
    await opened(played, body="Closes #2 and fixes #3")
    issue = await played.emulator.open_issue(played.repo, "Carts are slow")
    played.bot.heard.clear()
    pull = played.repo.pulls[0]
    sha = await played.emulator.merge_pull(pull)
    assert played.repo.branches["main"] == sha
    assert (issue.state, pull.merge_sha) == ("closed", sha)
    assert (await played.ask("GET", f"{PULLS}/1", played.token())).body["merged"] is True
    merged = await played.ask(
        "GET", "/repos/acme/shop/contents/new.py", played.token(), Accept="application/vnd.github.raw"
    )
    assert merged.body == b"a\n"
    await played.emulator.delivered()
    assert played.bot.names[-3:] == ["pull_request.closed", "push", "issues.closed"]
    assert played.bot.heard[-3].payload["pull_request"]["merged"] is True


async def test_reviews_are_asked_of_collaborators_only(played: Played) -> None:
    await opened(played)
    played.emulator.user("stranger")
    token, path = played.token(pull_requests="write"), f"{PULLS}/1/requested_reviewers"
    refused = await played.ask("POST", path, token, {"reviewers": ["maintainer", "stranger"]})
    assert (refused.status, played.repo.pulls[0].reviewers) == (422, [])
    assert (await played.ask("POST", path, token, {"reviewers": ["maintainer"]})).status == 201
    assert [each["login"] for each in (await played.ask("GET", path, token)).body["users"]] == ["maintainer"]
    assert (await played.ask("DELETE", path, token, {"reviewers": ["maintainer"]})).body["requested_reviewers"] == []


async def test_a_pull_request_is_edited_closed_and_opened_again(played: Played) -> None:
    await opened(played)
    await played.emulator.push_commit(played.repo, "next", {"z": "z"})
    token = played.token(pull_requests="write")
    edited = await played.ask("PATCH", f"{PULLS}/1", token, {"title": "T", "body": "B", "base": "next"})
    assert [edited.body["title"], edited.body["body"], edited.body["base"]["ref"]] == ["T", "B", "next"]
    assert (await played.ask("PATCH", f"{PULLS}/1", token, {"state": "closed"})).body["state"] == "closed"
    assert (await played.ask("PATCH", f"{PULLS}/1", token, {"state": "open"})).body["state"] == "open"
    await played.emulator.delivered()
    assert [name for name in played.bot.names if name.startswith("pull_request.")] == [
        "pull_request.opened",
        "pull_request.edited",
        "pull_request.edited",
        "pull_request.closed",
        "pull_request.reopened",
    ]


async def test_a_pull_request_is_an_issue_too(played: Played) -> None:
    await opened(played)
    token = played.token(pull_requests="write")
    await played.ask("POST", "/repos/acme/shop/issues/1/labels", token, {"labels": ["automated-pr"]})
    await played.ask("POST", "/repos/acme/shop/issues/1/comments", token, {"body": "Hello"})
    listed = await played.ask("GET", "/repos/acme/shop/issues", played.token())
    assert [("pull_request" in each, each["comments"]) for each in listed.body] == [(True, 1)]
    await played.emulator.delivered()
    assert played.bot.names[-2:] == ["pull_request.labeled", "issue_comment.created"]
    assert "pull_request" in played.bot.heard[-1].payload["issue"]


async def test_of_two_at_once_only_one_pull_request_is_opened(played: Played) -> None:
    await played.emulator.push_commit(played.repo, "feature/x", {"a": "b"})
    body = {"title": "T", "head": "feature/x", "base": "main"}
    token = played.token(pull_requests="write")
    both = await asyncio.gather(*(played.ask("POST", PULLS, token, body) for _ in range(2)))
    assert sorted(each.status for each in both) == [201, 422]
    assert len(played.repo.pulls) == 1
