"""What hangs on commits: contents, branches, references, comparisons, checks, statuses."""

import base64

import pytest

from tests.emulator.played import Played

REPO = "/repos/acme/shop"
NOTE = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "Look"}
BUTTON = {"label": "Fix these", "description": "Lets an agent fix them", "identifier": "fix"}


async def test_files_and_folders_are_read_at_any_reference(played: Played) -> None:
    sha = played.repo.branches["main"]
    await played.emulator.push_commit(
        played.repo,
        "main",
        {
            "shop/cart.py": "total = 1\n",
            "run.sh": ("100755", "#!/bin/sh\n"),
            "link": ("120000", "run.sh"),
            "lib": ("160000", sha),
        },
    )
    token = played.token(contents="read")
    now = (await played.ask("GET", f"{REPO}/contents/shop/cart.py", token)).body
    assert base64.b64decode(now["content"]) == b"total = 1\n"
    old = (await played.ask("GET", f"{REPO}/contents/shop/cart.py?ref={sha}", token)).body
    assert base64.b64decode(old["content"]) == b"total = 0\n"
    root = (await played.ask("GET", f"{REPO}/contents", token)).body
    assert {each["name"]: each["type"] for each in root} == {
        "README.md": "file", "lib": "submodule", "link": "symlink", "run.sh": "file", "shop": "dir",
    }  # fmt: skip
    assert [each["path"] for each in (await played.ask("GET", f"{REPO}/contents/shop", token)).body] == ["shop/cart.py"]
    assert (await played.ask("GET", f"{REPO}/contents/link", token)).body["target"] == "run.sh"
    assert (await played.ask("GET", f"{REPO}/contents/none", token)).status == 404
    assert (await played.ask("GET", f"{REPO}/contents/shop?ref=none", token)).status == 404


async def test_an_empty_repository_says_that_it_is(played: Played) -> None:
    empty = await played.emulator.create_repo("acme/empty")
    token = played.emulator.mint(played.installation, [empty], {"contents": "read"}).value
    await played.emulator.install(empty)
    assert (await played.ask("GET", "/repos/acme/empty/contents", token)).body["message"] == "This repository is empty."
    for path in ("commits", "git/ref/heads/main"):
        told = await played.ask("GET", f"/repos/acme/empty/{path}", token)
        assert (told.status, told.body["message"]) == (409, "Git Repository is empty.")
    assert (await played.ask("GET", "/repos/acme/empty", token)).body["size"] == 0
    assert (await played.ask("GET", "/repos/acme/empty/branches/main", token)).body["message"] == "Branch not found"


async def test_branches_with_their_protection_and_rules(played: Played) -> None:
    await played.emulator.push_commit(played.repo, "feature/x", {"a": "b"})
    played.emulator.protect(played.repo)
    played.emulator.ruleset(played.repo, "feature/*", "update", "pull_request")
    token = played.token()
    assert (await played.ask("GET", f"{REPO}/branches/main", token)).body["protected"] is True
    branch = (await played.ask("GET", f"{REPO}/branches/feature%2Fx", token)).body
    assert (branch["protected"], branch["commit"]["sha"]) == (False, played.repo.branches["feature/x"])
    assert [each["name"] for each in (await played.ask("GET", f"{REPO}/branches", token)).body] == ["feature/x", "main"]
    rules = (await played.ask("GET", f"{REPO}/rules/branches/feature/x", token)).body
    assert [each["type"] for each in rules] == ["update", "pull_request"]
    assert (await played.ask("GET", f"{REPO}/rules/branches/main", token)).body == []


async def test_references_are_made_moved_and_deleted(played: Played) -> None:
    main, token = played.repo.branches["main"], played.token(contents="write")
    new = await played.emulator.push_commit(played.repo, "side", {"a": "b"})
    refs = f"{REPO}/git/refs"
    made = await played.ask("POST", refs, token, {"ref": "refs/heads/x/y", "sha": main})
    assert (made.status, made.body["object"]["sha"]) == (201, main)
    again = await played.ask("POST", refs, token, {"ref": "refs/heads/x/y", "sha": main})
    assert (again.status, again.body["message"]) == (422, "Reference already exists")
    assert (await played.ask("PATCH", f"{refs}/heads/x/y", token, {"sha": new})).body["object"]["sha"] == new
    back = await played.ask("PATCH", f"{refs}/heads/x/y", token, {"sha": main})
    assert (back.status, back.body["message"]) == (422, "Update is not a fast forward")
    assert (await played.ask("PATCH", f"{refs}/heads/x/y", token, {"sha": main, "force": True})).status == 200
    assert len((await played.ask("GET", f"{REPO}/git/matching-refs/heads/x", token)).body) == 1
    assert (await played.ask("DELETE", f"{refs}/heads/x/y", token)).status == 204
    assert (await played.ask("GET", f"{REPO}/git/ref/heads/x/y", token)).status == 404
    missing = await played.ask("POST", refs, token, {"ref": "refs/heads/z", "sha": "1" * 40})
    assert missing.status == 422
    played.emulator.protect(played.repo, "side")
    kept = await played.ask("DELETE", f"{refs}/heads/side", token)
    assert (kept.status, "GH006" in kept.body["message"]) == (422, True)


async def test_commits_and_comparisons(played: Played) -> None:
    await played.emulator.push_commit(played.repo, "side", {"a": "1\n"}, message="feat: a\n\nWith a reason.")
    await played.emulator.push_commit(played.repo, "main", {"b": "2\n"})
    token = played.token(contents="read")
    compared = (await played.ask("GET", f"{REPO}/compare/main...side", token)).body
    facts = [compared[name] for name in ("status", "ahead_by", "behind_by")]
    assert facts == ["diverged", 1, 1]
    assert [each["filename"] for each in compared["files"]] == ["a"]
    assert (await played.ask("GET", f"{REPO}/compare/main...main", token)).body["status"] == "identical"
    one = (await played.ask("GET", f"{REPO}/commits/side", token)).body
    assert (one["commit"]["message"], one["stats"]["additions"]) == ("feat: a\n\nWith a reason.", 1)
    assert len((await played.ask("GET", f"{REPO}/commits?sha=side", token)).body) == 2
    assert (await played.ask("GET", f"{REPO}/commits/nothing", token)).status == 422
    assert (await played.ask("GET", f"{REPO}/compare/main...nothing", token)).status == 404


async def test_a_check_run_from_queued_to_its_end(played: Played) -> None:
    sha, token = played.repo.branches["main"], played.token(checks="write")
    about = {"name": "tutti", "head_sha": sha, "external_id": "run-1", "status": "in_progress"}
    run = (await played.ask("POST", f"{REPO}/check-runs", token, about)).body
    assert (run["status"], run["external_id"], run["app"]["slug"]) == ("in_progress", "run-1", "tutti")
    path = f"{REPO}/check-runs/{run['id']}"
    output = {"title": "Tests are red", "summary": "1 failed", "annotations": [NOTE]}
    done = await played.ask("PATCH", path, token, {"conclusion": "failure", "output": output})
    assert (done.body["status"], done.body["conclusion"]) == ("completed", "failure")
    assert done.body["output"]["annotations_count"] == 1
    assert (await played.ask("GET", path, token)).body == done.body
    assert (await played.ask("GET", f"{path}/annotations", token)).body[0]["message"] == "Look"
    newer = (await played.ask("POST", f"{REPO}/check-runs", token, about)).body
    latest = await played.ask("GET", f"{REPO}/commits/main/check-runs?check_name=tutti", token)
    assert [each["id"] for each in latest.body["check_runs"]] == [newer["id"]]
    every = await played.ask("GET", f"{REPO}/commits/{sha}/check-runs?filter=all", token)
    assert every.body["total_count"] == 2
    await played.emulator.delivered()
    assert played.bot.names[1:] == ["check_run.created", "check_run.completed", "check_run.created"]


async def test_annotations_are_added_fifty_at_a_time_and_buttons_may_be_as_long_as_they_may(played: Played) -> None:
    token = played.token(checks="write")
    about = {"name": "tutti", "head_sha": played.repo.branches["main"], "status": "in_progress"}
    run = (await played.ask("POST", f"{REPO}/check-runs", token, about)).body
    output = {"title": "Remarks", "summary": "Many", "annotations": [NOTE] * 50}
    button = {"label": "x" * 20, "description": "y" * 40, "identifier": "z" * 20}
    path = f"{REPO}/check-runs/{run['id']}"
    done = {"status": "completed", "conclusion": "neutral", "actions": [button], "output": output}
    assert (await played.ask("PATCH", path, token, done)).body["output"]["annotations_count"] == 50
    more = (await played.ask("PATCH", path, token, {"output": output})).body
    assert (more["output"]["annotations_count"], more["conclusion"]) == (100, "neutral")
    assert played.repo.checks[0].actions == [button]
    refused = await played.ask("PATCH", path, token, {"output": output | {"annotations": [NOTE] * 51}})
    assert refused.body["message"] == "Invalid request.\n\nNo more than 50 items are allowed; 51 were supplied."
    assert len(played.repo.checks[0].annotations) == 100


async def test_buttons_of_a_check_run_come_back_to_the_app(played: Played) -> None:
    asked = {"name": "tutti", "head_sha": played.repo.branches["main"], "conclusion": "neutral"}
    run = await played.emulator.create_check(played.repo, asked)
    await played.emulator.rerequest_check(run)
    await played.emulator.press(run, "fix")
    await played.emulator.delivered()
    assert played.bot.names[-2:] == ["check_run.rerequested", "check_run.requested_action"]
    assert played.bot.heard[-1].payload["requested_action"] == {"identifier": "fix"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"head_sha": "1" * 40},
        {"name": ""},
        {"status": "completed"},
        {"conclusion": "great"},
        {"output": {"title": "t", "summary": "x" * 65536}},
        {"output": {"title": "t"}},
        {"output": {"title": "t", "summary": "s", "annotations": [NOTE] * 51}},
        {"output": {"title": "t", "summary": "s", "annotations": [NOTE | {"annotation_level": "error"}]}},
        {"output": {"title": "t", "summary": "s", "annotations": [NOTE | {"message": None}]}},
        {"actions": [BUTTON] * 4},
        {"actions": [BUTTON | {"label": "x" * 21}]},
        {"actions": [BUTTON | {"description": "x" * 41}]},
        {"actions": [BUTTON | {"identifier": "x" * 21}]},
        {"actions": [{"label": "Fix these"}]},
    ],
)
async def test_a_check_run_that_github_would_not_take(played: Played, wrong: dict[str, object]) -> None:
    asked = {"name": "tutti", "head_sha": played.repo.branches["main"], **wrong}
    assert (await played.ask("POST", f"{REPO}/check-runs", played.token(), asked)).status == 422
    assert played.repo.checks == []


async def test_check_runs_are_for_apps(played: Played) -> None:
    asked = {"name": "tutti", "head_sha": played.repo.branches["main"]}
    person = played.emulator.token_for("maintainer")
    assert (await played.ask("POST", f"{REPO}/check-runs", person, asked)).status == 403


async def test_statuses_add_up(played: Played) -> None:
    sha, token = played.repo.branches["main"], played.token(statuses="write")
    path = f"{REPO}/statuses/{sha}"
    for state, context in (("pending", "ci"), ("success", "ci"), ("failure", "lint")):
        told = await played.ask("POST", path, token, {"state": state, "context": context})
        assert told.status == 201
    whole = (await played.ask("GET", f"{REPO}/commits/main/status", token)).body
    assert (whole["state"], whole["total_count"]) == ("failure", 2)
    assert len((await played.ask("GET", f"{REPO}/commits/main/statuses", token)).body) == 3
    assert (await played.ask("POST", path, token, {"state": "fine"})).status == 422
    assert (await played.ask("POST", path, token, {"state": "error", "description": "x" * 141})).status == 422
