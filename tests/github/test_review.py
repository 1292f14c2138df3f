"""A review is posted whole or not at all, found again by its marker, and its remarks are read and answered."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.errors import TryAgain
from bot.github.api import Inline, Reaction, Repository
from bot.github.entity import GHOST, Person
from bot.github.refusal import RefusalError
from tests.github.served import Served, Told
from tests.github.test_api import BOT, DAY, OCTOCAT, SHA, R

REVIEWS, REMARKS = f"{R}/pulls/8/reviews", f"{R}/pulls/8/comments"
NONE = dict.fromkeys(("total_count", "+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket"), 0)


def said(number: int, body: str = "Hm.", user: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "pull_request_review_id": 50,
        "path": "cart.py",
        "line": 3,
        "body": body,
        "user": user or BOT,
        "created_at": DAY,
        "commit_id": SHA,
        "html_url": f"https://github.test/acme/shop/pull/8#discussion_r{number}",
        "reactions": {"url": "https://github.test", **NONE},
        **changed,
    }


def review(number: int, body: str, user: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"id": number, "body": body, "user": user or BOT, "submitted_at": DAY, "state": "COMMENTED"}


async def test_a_review_goes_out_in_one_request_with_all_its_remarks(served: Served, shop: Repository) -> None:
    served.tell(f"POST {REVIEWS}", Told(review(50, ""), 200))
    remarks = [
        Inline("cart.py", 3, "RIGHT", "One line."),
        Inline("cart.py", 9, "LEFT", "A range.", start_line=7),
        Inline("cart.py", 4, "RIGHT", "A range of one line is none.", start_line=4),
    ]
    before = len(served.asked)
    assert await shop.post_review(8, commit=SHA, event="COMMENT", body="Two.", comments=remarks, marker="run:1") == 50
    assert len(served.asked) == before + 1
    assert served.last(f"POST {REVIEWS}").sent == {
        "commit_id": SHA,
        "event": "COMMENT",
        "body": "Two.\n\n<!-- tutti run:1 -->",
        "comments": [
            {"path": "cart.py", "line": 3, "side": "RIGHT", "body": "One line."},
            {
                "path": "cart.py",
                "line": 9,
                "side": "LEFT",
                "start_line": 7,
                "start_side": "LEFT",
                "body": "A range.",
            },
            {"path": "cart.py", "line": 4, "side": "RIGHT", "body": "A range of one line is none."},
        ],
    }


async def test_a_review_with_a_line_outside_of_the_diff_is_refused_in_githubs_words(
    served: Served, shop: Repository
) -> None:
    refused = {"message": "Unprocessable Entity", "errors": ["Line could not be resolved"]}
    served.tell(f"POST {REVIEWS}", Told(refused, 422))
    with pytest.raises(RefusalError, match="Line could not be resolved") as refusal:
        await shop.post_review(8, commit=SHA, event="COMMENT", body="x", comments=[Inline("a", 1, "RIGHT", "x")])
    assert (refusal.value.status, served.count(f"POST {REVIEWS}")) == (422, 1)


async def test_a_review_that_came_too_quickly_for_github_is_tried_again_whole(served: Served, shop: Repository) -> None:
    words = {"resource": "PullRequestReview", "code": "custom", "message": "was submitted too quickly"}
    served.tell(f"POST {REVIEWS}", Told({"message": "Validation Failed", "errors": [words]}, 422))
    with pytest.raises(TryAgain, match="too quickly"):
        await shop.post_review(8, commit=SHA, event="COMMENT", body="x", comments=[])


async def test_a_body_that_is_too_long_is_cut_and_keeps_its_marker(served: Served, shop: Repository) -> None:
    served.tell(f"POST {REVIEWS}", Told(review(50, ""), 200))
    long = Inline("cart.py", 3, "RIGHT", "x" * 70_000)
    await shop.post_review(8, commit=SHA, event="COMMENT", body="x" * 70_000, comments=[long], marker="run:1")
    sent = served.last(f"POST {REVIEWS}").sent
    assert sent["body"].endswith("<!-- tutti run:1 -->")
    assert max(len(sent["body"]), len(sent["comments"][0]["body"])) <= 65_536


async def test_our_newest_review_is_found_by_its_marker_and_nobody_elses(served: Served, shop: Repository) -> None:
    sign = "<!-- tutti run:1 -->"
    pages = [
        Told([review(50, sign), review(51, "other")], headers={"link": f'<{served.url}{REVIEWS}?page=2>; rel="next"'}),
        Told([review(52, sign), review(53, sign, OCTOCAT)]),
    ]
    served.tell(f"GET {REVIEWS}", *pages)
    assert await shop.find_review(8, "run:1") == 52
    served.tell(f"GET {REVIEWS}", Told([review(50, "x"), review(53, sign, OCTOCAT)]))
    assert await shop.find_review(8, "run:1") is None


async def test_a_remark_is_read_with_its_place_its_thread_and_what_people_think_of_it(
    served: Served, shop: Repository
) -> None:
    answered = said(41, "Won't fix.", OCTOCAT, in_reply_to_id=40, line=None)
    liked = said(40, reactions={"url": "https://github.test", **NONE, "total_count": 3, "+1": 2, "-1": 1})
    served.tell(f"GET {REMARKS}", Told([liked, answered]))
    first, second = await shop.remarks(8)
    assert (first.id, first.review, first.path, first.line) == (40, 50, "cart.py", 3)
    assert (first.in_reply_to, first.reactions) == (None, {"+1": 2, "-1": 1})
    assert first.created_at == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert (second.author, second.in_reply_to) == (Person("octocat", 1, False), 40)
    assert (second.line, second.reactions) == (None, {})
    assert first.url.endswith("#discussion_r40")


async def test_the_remarks_of_one_review_may_come_without_lines_and_reactions(served: Served, shop: Repository) -> None:
    bare = {name: value for name, value in said(40).items() if name not in ("line", "reactions")}
    served.tell(f"GET {REVIEWS}/50/comments", Told([bare, bare | {"id": 41, "user": None}]))
    first, second = await shop.remarks_of(8, 50)
    assert (first.line, first.reactions, second.author) == (None, {}, GHOST)


# --- reactions


@pytest.mark.parametrize(("where", "place"), [("issue", "issues"), ("diff", "pulls")])
async def test_a_reaction_goes_to_the_comment_where_it_stands(
    served: Served, shop: Repository, where: Any, place: str
) -> None:
    path = f"{R}/{place}/comments/40/reactions"
    served.tell(f"POST {path}", Told({"id": 60, "content": "eyes", "user": BOT}, 201))
    listed = [{"id": 60, "content": "eyes", "user": BOT}, {"id": 61, "content": "-1", "user": None}]
    served.tell(f"GET {path}", Told(listed))
    assert await shop.react(where, 40, "eyes") == 60
    assert served.last(f"POST {path}").sent == {"content": "eyes"}
    assert await shop.reactions(where, 40) == [
        Reaction("eyes", Person("tutti[bot]", 99, True)),
        Reaction("-1", GHOST),
    ]


async def test_an_issue_itself_takes_a_reaction_and_one_that_is_there_is_answered(
    served: Served, shop: Repository
) -> None:
    served.tell(f"POST {R}/issues/8/reactions", Told({"id": 60, "content": "+1", "user": BOT}, 200))
    assert await shop.react_to_issue(8, "+1") == 60
