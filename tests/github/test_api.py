"""Every verb on a repository writes nothing twice, and says in one sentence why GitHub will not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.github.api import Repository
from bot.github.entity import Person
from bot.github.refusal import RefusalError
from tests.github.served import Asked, Served, Told

R = "/repos/acme/shop"
OCTOCAT = {"login": "octocat", "id": 1, "type": "User"}
BOT = {"login": "tutti[bot]", "id": 99, "type": "Bot"}
DAY = "2027-01-15T08:00:00Z"
SHA = "a" * 40
NOT_OURS: dict[str, Any] = {"message": "Resource not accessible by integration"}


def remark(number: int, body: str, user: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"id": number, "body": body, "user": user or BOT, "created_at": DAY, "updated_at": DAY}


def pull(number: int, branch: str = "feature/x", **changed: Any) -> dict[str, Any]:
    return {
        "number": number,
        "title": "Add carts",
        "body": None,
        "user": BOT,
        "labels": [{"name": "automated-pr"}],
        "state": "open",
        "draft": False,
        "merged_at": None,
        "head": {"ref": branch, "sha": SHA, "repo": {"id": 7}},
        "base": {"ref": "main", "sha": SHA, "repo": {"id": 7}},
        **changed,
    }


def invalid(*errors: dict[str, str] | str) -> Told:
    return Told({"message": "Validation Failed", "errors": list(errors)}, 422)


# --- comments and labels


async def test_a_comment_is_written_once_however_often_the_step_is_repeated(served: Served, shop: Repository) -> None:
    written: list[dict[str, Any]] = []

    def write(asked: Asked) -> Told:
        written.append(remark(40 + len(written), asked.sent["body"]))
        return Told(written[-1], 201)

    served.tell(f"GET {R}/issues/3/comments", lambda _: Told(list(written)))
    served.tell(f"POST {R}/issues/3/comments", write)
    assert [await shop.comment(3, "Started.", "run:1") for _ in range(3)] == [40, 40, 40]
    assert [one["body"] for one in written] == ["Started.\n\n<!-- tutti run:1 -->"]


async def test_a_marker_that_a_stranger_copied_is_not_taken_for_our_comment(served: Served, shop: Repository) -> None:
    copied = remark(1, "look: <!-- tutti run:1 -->", OCTOCAT)
    served.tell(f"GET {R}/issues/3/comments", Told([copied]))
    served.tell(f"POST {R}/issues/3/comments", Told(remark(2, ""), 201))
    assert await shop.comment(3, "Started.", "run:1") == 2


async def test_the_sticky_comment_keeps_its_marker_when_it_is_edited_and_may_be_gone(
    served: Served, shop: Repository
) -> None:
    served.tell(f"PATCH {R}/issues/comments/40", Told(remark(40, "")), Told({"message": "Not Found"}, 404))
    assert await shop.edit_comment(40, "Done.", "run:1")
    assert served.last(f"PATCH {R}/issues/comments/40").sent == {"body": "Done.\n\n<!-- tutti run:1 -->"}
    assert not await shop.edit_comment(40, "Done.", "run:1")


async def test_comments_are_read_since_a_moment_with_their_writers(served: Served, shop: Repository) -> None:
    served.tell(f"GET {R}/issues/3/comments", Told([remark(1, "please", OCTOCAT), remark(2, "x") | {"user": None}]))
    first, second = await shop.comments(3, datetime(2027, 1, 1, tzinfo=UTC))
    assert served.last(f"GET {R}/issues/3/comments").query["since"] == "2027-01-01T00:00:00Z"
    assert (first.author, first.created_at) == (Person("octocat", 1, False), datetime(2027, 1, 15, 8, tzinfo=UTC))
    assert second.author.login == "ghost"


async def test_labels_are_created_once_whatever_their_case_and_whoever_was_faster(
    served: Served, shop: Repository
) -> None:
    served.tell(f"GET {R}/labels", Told([{"name": "Needs-Review"}]))
    served.tell(
        f"POST {R}/labels",
        Told({"name": "auto-implement"}, 201),
        invalid({"resource": "Label", "code": "already_exists", "field": "name"}),
    )
    wanted = dict.fromkeys(("needs-review", "auto-implement", "automated-pr"), ("0e8a16", "x"))
    assert await shop.ensure_labels(wanted) == ["auto-implement"]


async def test_a_label_that_is_not_on_may_be_taken_off(served: Served, shop: Repository) -> None:
    served.tell(f"DELETE {R}/issues/3/labels/needs%2Freview%3F", Told([]))
    await shop.remove_label(3, "needs/review?")
    await shop.remove_label(3, "absent")
    assert served.count(f"DELETE {R}/issues/3/labels/needs%2Freview%3F") == 1


@pytest.mark.parametrize("name", [".", "..", ""])
async def test_a_label_whose_name_would_climb_in_the_address_is_refused(shop: Repository, name: str) -> None:
    with pytest.raises(RefusalError):
        await shop.remove_label(3, name)


async def test_labels_are_put_on_where_there_are_any(served: Served, shop: Repository) -> None:
    served.tell(f"POST {R}/issues/3/labels", Told([]))
    await shop.add_labels(3, [])
    assert served.count(f"POST {R}/issues/3/labels") == 0
    await shop.add_labels(3, ["automated-pr"])
    assert served.last(f"POST {R}/issues/3/labels").sent == {"labels": ["automated-pr"]}


async def test_of_many_comments_only_the_newest_are_read(served: Served, shop: Repository) -> None:
    numbers = range(1, 951)

    def page(asked: Asked) -> Told:
        start = 100 * (int(asked.query.get("page", 1)) - 1)
        return Told([remark(n, "x") for n in numbers[start : start + 100]])

    served.tell(f"GET {R}/issues/3/comments", page)
    served.tell(f"GET {R}/issues/3", Told({"number": 3, "comments": len(numbers)}))
    found, older = await shop.newest_comments(3)
    assert ([comment.id for comment in found], older) == (list(range(950, 700, -1)), True)
    assert len(served.lines()) < 10
    served.tell(f"GET {R}/issues/3/comments", Told([remark(1, "x"), remark(2, "x")]))
    found, older = await shop.newest_comments(3)
    assert ([comment.id for comment in found], older) == ([2, 1], False)


# --- pull requests


async def test_a_pull_request_is_read_with_its_branches_and_commits(served: Served, shop: Repository) -> None:
    served.tell(f"GET {R}/pulls/8", Told(pull(8, draft=True)))
    found = await shop.pull(8)
    assert (found.head, found.base, found.head_sha, found.draft, found.from_fork) == (
        "feature/x",
        "main",
        SHA,
        True,
        False,
    )
    assert (found.author.id, found.labels, found.merged) == (99, ("automated-pr",), False)


async def test_an_open_pull_request_of_the_branch_is_answered_instead_of_a_second_one(
    served: Served, shop: Repository
) -> None:
    served.tell(f"GET {R}/pulls", Told([]), Told([pull(8)]))
    served.tell(f"POST {R}/pulls", Told(pull(8), 201))
    for _ in range(2):
        opened = await shop.open_pull(head="feature/x", base="main", title="Add\ncarts", body="Closes #3", draft=True)
        assert opened.number == 8
    assert served.count(f"POST {R}/pulls") == 1
    assert served.last(f"POST {R}/pulls").sent == {
        "head": "feature/x",
        "base": "main",
        "title": "Add carts",
        "body": "Closes #3",
        "draft": True,
    }


async def test_a_pull_request_opened_meanwhile_by_somebody_else_is_found(served: Served, shop: Repository) -> None:
    served.tell(f"GET {R}/pulls", Told([]), Told([pull(8)]))
    served.tell(f"POST {R}/pulls", invalid({"message": "A pull request already exists for acme:feature/x."}))
    assert (await shop.open_pull(head="feature/x", base="main", title="t", body="b")).number == 8


async def test_where_drafts_are_not_to_be_had_the_pull_request_is_opened_ready(
    served: Served, shop: Repository
) -> None:
    served.tell(f"GET {R}/pulls", Told([]))
    refused = Told({"message": "Draft pull requests are not supported in this repository."}, 422)
    served.tell(f"POST {R}/pulls", refused, Told(pull(8), 201))
    assert not (await shop.open_pull(head="feature/x", base="main", title="t", body="b", draft=True)).draft
    assert served.last(f"POST {R}/pulls").sent["draft"] is False


async def test_a_pull_request_without_a_change_is_refused_in_githubs_words(served: Served, shop: Repository) -> None:
    served.tell(f"GET {R}/pulls", Told([]))
    served.tell(f"POST {R}/pulls", invalid({"message": "No commits between main and feature/x"}))
    with pytest.raises(RefusalError, match="No commits between main and feature/x"):
        await shop.open_pull(head="feature/x", base="main", title="t", body="b")


async def test_a_forks_branch_of_the_same_name_is_not_ours(served: Served, shop: Repository) -> None:
    fork = pull(9, head={"ref": "feature/x", "sha": SHA, "repo": {"id": 8}})
    other = pull(10, "feature/x-2")
    served.tell(f"GET {R}/pulls", Told([fork, other]))
    assert await shop.pull_for("feature/x") is None
    query = served.last(f"GET {R}/pulls").query
    assert (query["head"], query["state"]) == ("acme:feature/x", "open")


async def test_a_pull_request_is_edited_only_in_its_text(served: Served, shop: Repository) -> None:
    served.tell(f"PATCH {R}/pulls/8", Told(pull(8, body="New")))
    assert (await shop.edit_pull(8, body="New\0")).body == "New"
    assert served.last(f"PATCH {R}/pulls/8").sent == {"body": "New\ufffd"}


async def test_a_refused_review_request_is_no_failure(served: Served, shop: Repository) -> None:
    line = f"POST {R}/pulls/8/requested_reviewers"
    served.tell(line, Told(pull(8), 201), Told({"message": "Review cannot be requested from author."}, 422))
    assert await shop.request_review(8, ["octocat"])
    assert not await shop.request_review(8, ["octocat"])


# --- refusals


@pytest.mark.parametrize(
    ("told", "kind", "sentence"),
    [
        (
            Told({"message": "Repository was archived so is read-only."}, 403),
            "archived",
            "acme/shop is archived, so nothing can be written to it.",
        ),
        (
            Told(NOT_OURS, 403, {"x-accepted-github-permissions": "issues=write"}),
            "permission",
            "The App lacks a permission (issues: write) on acme/shop; an owner can grant it in the App's installation.",
        ),
        (
            Told(NOT_OURS, 403),
            "permission",
            "The App lacks a permission on acme/shop; an owner can grant it in the App's installation.",
        ),
        (
            Told({"message": "This installation has been suspended."}, 403),
            "suspended",
            "The App's installation is suspended, so nothing can be done in acme/shop.",
        ),
        (
            Told({"message": "Issues are disabled for this repo"}, 410),
            "absent",
            "GitHub does not find this in acme/shop, or the App may not see it.",
        ),
        (
            Told({"message": "Unable to create comment because issue is locked."}, 403),
            "refused",
            "GitHub refused this for acme/shop: Unable to create comment because issue is locked.",
        ),
        (
            Told({"message": "Repository access blocked"}, 451),
            "refused",
            "GitHub refused this for acme/shop: Repository access blocked.",
        ),
        (
            invalid({"resource": "IssueComment", "code": "custom", "field": "body", "message": "body is too long"}),
            "invalid",
            "GitHub does not accept this for acme/shop: Validation Failed: 'body is too long'.",
        ),
    ],
)  # fmt: skip
async def test_a_refusal_is_one_sentence_for_people(
    served: Served, shop: Repository, told: Told, kind: str, sentence: str
) -> None:
    served.tell(f"POST {R}/issues/3/comments", told)
    with pytest.raises(RefusalError) as refusal:
        await shop.comment(3, "Hello")
    assert (refusal.value.kind, str(refusal.value)) == (kind, sentence)
