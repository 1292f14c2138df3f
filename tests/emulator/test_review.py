"""Reviews and inline comments: taken whole or refused whole, told, answered, followed through pushes."""

from typing import Any

import pytest

from bot.emulator.world import Pull
from tests.emulator.played import Played, Reply

PULL = "/repos/acme/shop/pulls/1"
REVIEWS, REMARKS = f"{PULL}/reviews", f"{PULL}/comments"
ONE = "/repos/acme/shop/pulls/comments"
BEFORE = [f"line {n}" for n in range(1, 41)]
AFTER = [*BEFORE[:9], "line ten", "line 10b", *BEFORE[10:29], *BEFORE[30:]]
"""Line 10 became two, line 30 went away: hunks of the new lines 7 to 14 and 28 to 33."""


def text(lines: list[str]) -> str:
    return "\n".join([*lines, ""])


async def opened(played: Played) -> Pull:
    await played.emulator.push_commit(played.repo, "main", {"shop/cart.py": text(BEFORE), "old.py": text(BEFORE)})
    files = {"shop/cart.py": text(AFTER), "old.py": None, "new.py": text([*BEFORE[:39], "line forty"])}
    await played.emulator.push_commit(played.repo, "feature/x", files)
    pull = await played.emulator.open_pull(played.repo, "feature/x", title="Faster carts")
    await played.emulator.delivered()
    played.bot.heard.clear()
    return pull


def at(line: int, path: str = "shop/cart.py", **more: Any) -> dict[str, Any]:
    return {"path": path, "line": line, "side": "RIGHT", "body": "This is slow.", **more}


async def reviewed(played: Played, *comments: dict[str, Any], **more: Any) -> Reply:
    body = {"event": "COMMENT", "body": "Three remarks", "comments": list(comments), **more}
    return await played.ask("POST", REVIEWS, played.token(pull_requests="write"), body)


async def test_a_review_with_remarks_is_one_request_and_every_part_of_it_is_told(played: Played) -> None:
    pull = await opened(played)
    await played.emulator.rerequest_review(pull)
    made = await reviewed(played, at(10), at(14, start_line=11, start_side="RIGHT"), at(30, side="LEFT"))
    assert (made.status, made.body["state"], made.body["user"]["login"]) == (200, "COMMENTED", "tutti[bot]")
    assert made.body["commit_id"] == pull.head_sha
    listed = (await played.ask("GET", REMARKS, played.token())).body
    assert [(each["line"], each["start_line"], each["side"], each["position"]) for each in listed] == [
        (10, None, "RIGHT", 5),
        (14, 11, "RIGHT", 9),
        (30, None, "LEFT", 14),
    ]
    assert listed[0]["diff_hunk"].splitlines()[-2:] == ["-line 10", "+line ten"]
    assert {each["pull_request_review_id"] for each in listed} == {made.body["id"]}
    assert (await played.ask("GET", PULL, played.token())).body["review_comments"] == 3
    assert pull.reviewers == []
    await played.emulator.delivered()
    assert played.bot.names == [
        "pull_request.review_requested",
        "pull_request_review.submitted",
        *["pull_request_review_comment.created"] * 3,
    ]
    assert played.bot.heard[0].payload["requested_reviewer"]["login"] == "tutti[bot]"
    assert played.bot.heard[1].payload["review"]["state"] == "commented"


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        (at(6), "Line could not be resolved"),
        (at(15), "Line could not be resolved"),
        (at(34), "Line could not be resolved"),
        (at(0), "Line could not be resolved"),
        (at(10, side="MIDDLE"), "Line could not be resolved"),
        (at(11, start_line=11), "Line could not be resolved"),
        (at(11, start_line=12), "Line could not be resolved"),
        (at(30, start_line=11), "Line could not be resolved"),
        (at(11, start_line=5), "Line could not be resolved"),
        (at(30, side="RIGHT", start_line=31, start_side="LEFT"), "Line could not be resolved"),
        (at(1, path="README.md"), "Path could not be resolved"),
        (at(1, path="old.py", side="LEFT"), "Path could not be resolved"),
    ],
)
async def test_one_line_outside_the_diff_refuses_the_whole_review(
    played: Played, comment: dict[str, Any], said: str
) -> None:
    pull = await opened(played)
    refused = await reviewed(played, at(10), comment)
    assert (refused.status, refused.body["message"], refused.body["errors"]) == (422, "Unprocessable Entity", [said])
    assert (pull.reviews, pull.remarks) == ([], [])
    await played.emulator.delivered()
    assert played.bot.heard == []


async def test_a_renamed_file_has_only_its_new_name(played: Played) -> None:
    await opened(played)
    assert (await reviewed(played, at(40, path="new.py"))).status == 200
    assert (await reviewed(played, at(1, path="new.py"))).status == 422


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"body": "", "comments": []}, "Body can't be blank"),
        ({"body": "", "event": "REQUEST_CHANGES", "comments": []}, "Body can't be blank"),
        ({"commit_id": "0" * 40}, "The commit is not part of the pull request"),
        ({"event": "PRAISE"}, "'PRAISE' is no event"),
        ({"event": None}, "keeps no pending reviews"),
    ],
)
async def test_a_review_that_cannot_be_is_refused_with_the_reason(
    played: Played, more: dict[str, Any], said: str
) -> None:
    pull = await opened(played)
    refused = await reviewed(played, **more)
    assert (refused.status, said in refused.body["errors"][0], pull.reviews) == (422, True, [])


async def test_nobody_approves_their_own_pull_request(played: Played) -> None:
    pull = await opened(played)
    pull.user = played.emulator.bot
    assert (await reviewed(played, event="APPROVE")).body["errors"] == ["Can not approve your own pull request"]
    asked = await reviewed(played, event="REQUEST_CHANGES")
    assert asked.body["errors"] == ["Can not request changes on your own pull request"]
    await played.emulator.review(pull, event="APPROVE", by="ana")
    assert [each["state"] for each in (await played.ask("GET", REVIEWS, played.token())).body] == ["APPROVED"]


async def test_a_remark_without_words_or_with_too_many_is_refused(played: Played) -> None:
    await opened(played)
    refused = await reviewed(played, at(10, body=" "))
    assert (refused.status, refused.body["errors"]) == (422, ["Body can't be blank"])
    refused = await reviewed(played, at(10, body="long" * 20_000))
    assert (refused.status, refused.body["errors"][0][:16]) == (422, "Body is too long")


async def test_reading_and_rewording_a_review(played: Played) -> None:
    pull = await opened(played)
    made = (await reviewed(played, at(10))).body
    own, token = f"{REVIEWS}/{made['id']}", played.token(pull_requests="write")
    assert (await played.ask("GET", own, token)).body == made
    (remark,) = (await played.ask("GET", f"{own}/comments", token)).body
    assert (remark["position"], "line" in remark) == (5, False)
    assert (await played.ask("PUT", own, token, {"body": "Two remarks"})).body["body"] == "Two remarks"
    assert pull.reviews[0].body == "Two remarks"
    await played.emulator.delivered()
    assert played.bot.names[-1] == "pull_request_review.edited"
    assert played.bot.heard[-1].payload["changes"]["body"]["from"] == "Three remarks"
    assert (await played.ask("GET", f"{REVIEWS}/7", token)).status == 404


async def test_a_remark_is_made_answered_changed_liked_and_deleted(played: Played) -> None:
    pull = await opened(played)
    token = played.token(pull_requests="write")
    made = await played.ask("POST", REMARKS, token, at(10, commit_id=pull.head_sha))
    assert (made.status, made.body["line"]) == (201, 10)
    answer = {"body": "Why?", "in_reply_to": made.body["id"], "commit_id": pull.head_sha, "path": "shop/cart.py"}
    replied = await played.ask("POST", REMARKS, token, answer)
    assert (replied.body["in_reply_to_id"], replied.body["line"]) == (made.body["id"], 10)
    later = await played.emulator.reply(pull.remarks[1], "Because.", by="ana")
    assert later.first is pull.remarks[0]
    own = f"{ONE}/{made.body['id']}"
    assert (await played.ask("PATCH", own, token, {"body": "Slow!"})).body["body"] == "Slow!"
    assert (await played.ask("POST", f"{own}/reactions", token, {"content": "+1"})).status == 201
    assert (await played.ask("POST", f"{own}/reactions", token, {"content": "+1"})).status == 200
    played.emulator.react(pull.remarks[0], "-1", "ana")
    assert [each["content"] for each in (await played.ask("GET", f"{own}/reactions", token)).body] == ["+1", "-1"]
    counted = (await played.ask("GET", own, token)).body["reactions"]
    assert (counted["+1"], counted["-1"], counted["total_count"]) == (1, 1, 2)
    assert (await played.ask("DELETE", own, token)).status == 204
    assert (await played.ask("GET", own, token)).status == 404
    assert [each["body"] for each in (await played.ask("GET", ONE, token)).body] == ["Why?", "Because."]
    await played.emulator.delivered()
    told = ["pull_request_review.submitted", "pull_request_review_comment.created"] * 3
    assert played.bot.names == [*told, "pull_request_review_comment.edited", "pull_request_review_comment.deleted"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"line": 6}, "pull_request_review_thread.line"),
        ({"start_line": 14}, "pull_request_review_thread.start_line"),
        ({"path": "README.md"}, "pull_request_review_thread.path"),
        ({"commit_id": "0" * 40}, "pull_request_review_thread.commit_id"),
        ({"in_reply_to": 7}, "in_reply_to"),
        ({"commit_id": None}, "commit_id"),
    ],
)
async def test_a_single_remark_is_refused_with_the_field_that_is_wrong(
    played: Played, more: dict[str, Any], field: str
) -> None:
    pull = await opened(played)
    refused = await played.ask("POST", REMARKS, played.token(), at(10) | {"commit_id": pull.head_sha} | more)
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, field)


async def test_reviewing_takes_the_right_to_write_pull_requests(played: Played) -> None:
    pull = await opened(played)
    remark = await played.emulator.remark(pull, "shop/cart.py", 10, "Slow", by="ana")
    weak = played.token(pull_requests="read", contents="write", issues="write")
    for method, path, body in (
        ("POST", REVIEWS, {"event": "COMMENT", "body": "B"}),
        ("POST", REMARKS, at(10, commit_id=pull.head_sha)),
        ("PATCH", f"{ONE}/{remark.id}", {"body": "B"}),
        ("POST", f"{ONE}/{remark.id}/reactions", {"content": "+1"}),
    ):
        assert (await played.ask(method, path, weak, body)).status == 403
    assert (await played.ask("GET", REMARKS, weak)).status == 200


async def test_a_remark_follows_its_lines_and_is_outdated_once_they_change(played: Played) -> None:
    pull = await opened(played)
    emulator = played.emulator
    ten = await emulator.remark(pull, "shop/cart.py", 10, "One line")
    both = await emulator.remark(pull, "shop/cart.py", 12, "Two lines", start_line=11)
    gone = await emulator.remark(pull, "shop/cart.py", 30, "What went away", side="LEFT")
    answer = await emulator.reply(both, "So?", by="ana")
    first = pull.head_sha

    await emulator.push_commit(played.repo, "feature/x", {"shop/cart.py": text(["new", "newer", *AFTER])})
    assert [(each.line, each.outdated) for each in (ten, both, gone)] == [(12, False), (14, False), (30, False)]
    assert (both.start_line, ten.shown) == (13, pull.head_sha)

    within = [*AFTER[:11], "between", *AFTER[11:]]
    await emulator.push_commit(played.repo, "feature/x", {"shop/cart.py": text(within)})
    assert [each.line for each in (ten, both, answer, gone)] == [10, None, None, 30]
    shown = (await played.ask("GET", f"{ONE}/{answer.id}", played.token())).body
    assert [shown[name] for name in ("line", "position", "original_line", "start_line")] == [None, None, 12, None]
    assert shown["original_commit_id"] == first != shown["commit_id"]

    await emulator.push_commit(played.repo, "feature/x", {"shop/cart.py": text(BEFORE[:29] + BEFORE[30:])})
    assert [each.outdated for each in (ten, both, gone)] == [True, True, False]
    await emulator.push_commit(played.repo, "feature/x", {"shop/cart.py": text(AFTER)})
    assert [each.line for each in (ten, both, gone)] == [10, 12, 30]


async def test_a_review_of_an_older_commit_stands_where_its_lines_are_now(played: Played) -> None:
    pull = await opened(played)
    old = pull.head_sha
    await played.emulator.push_commit(played.repo, "feature/x", {"shop/cart.py": text(["new", *AFTER])})
    assert (await reviewed(played, at(10), commit_id=old)).status == 200
    (remark,) = pull.remarks
    assert (remark.line, remark.sha, remark.shown) == (11, old, pull.head_sha)


async def test_after_a_forced_push_the_old_commits_can_no_longer_be_reviewed(played: Played) -> None:
    pull = await opened(played)
    remark = await played.emulator.remark(pull, "shop/cart.py", 10, "Slow")
    old, main = pull.head_sha, played.repo.branches["main"]
    await played.emulator.force_push(played.repo, "feature/x", {"shop/cart.py": text(["0", *AFTER])}, onto=main)
    assert (await reviewed(played, at(10), commit_id=old)).status == 422
    assert (pull.head_sha == old, remark.line) == (False, 11)


async def test_a_thread_is_resolved_and_opened_again_with_word_of_it(played: Played) -> None:
    pull = await opened(played)
    remark = await played.emulator.remark(pull, "shop/cart.py", 10, "Slow")
    answer = await played.emulator.reply(remark, "No", by="ana")
    await played.emulator.resolve_thread(answer, by="ana")
    await played.emulator.resolve_thread(remark, by="ana")
    assert (remark.resolved, answer.resolved, pull.threads) == (True, True, [remark])
    await played.emulator.unresolve_thread(remark)
    assert remark.resolved is False
    await played.emulator.delivered()
    assert played.bot.names[-2:] == ["pull_request_review_thread.resolved", "pull_request_review_thread.unresolved"]
    assert [each["body"] for each in played.bot.heard[-2].payload["thread"]["comments"]] == ["Slow", "No"]
    assert played.bot.heard[-2].payload["sender"]["login"] == "ana"
