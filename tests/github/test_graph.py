"""Threads are read and resolved through GraphQL, whose refusals come as good news and are never taken for it."""

import json
from typing import Any

import pytest

from bot.errors import TryAgain
from bot.github.api import Repository, Thread
from bot.github.graph import MOST, resolving
from bot.github.refusal import RefusalError
from bot.github.wire import graph_url
from tests.github.served import Asked, Clock, Served, Told

GRAPH = "POST /graphql"
LIMITED = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "retry-after": "7"}


def node(number: int, **changed: Any) -> dict[str, Any]:
    first = {"nodes": [{"fullDatabaseId": str(number)}]}
    empty = {"isResolved": False, "isOutdated": False, "resolvedBy": None}
    return {"id": f"PRRT_{number}", **empty, "comments": first, **changed}


def page(*nodes: dict[str, Any] | None, after: str | None = None) -> Told:
    info = {"hasNextPage": after is not None, "endCursor": after}
    threads = {"reviewThreads": {"pageInfo": info, "nodes": list(nodes)}}
    return Told({"data": {"repository": {"pullRequest": threads}}})


def wrong(kind: str | None, words: str, *path: str, data: Any = None) -> Told:
    error = {"message": words, "locations": [{"line": 1, "column": 1}]} | ({"path": list(path)} if path else {})
    return Told({"data": data, "errors": [error | ({"type": kind} if kind else {})]})


def resolved(asked: Asked, *without: str) -> dict[str, Any]:
    """The data of an answer in which every thread was resolved but these."""
    threads: dict[str, str] = asked.sent["variables"]
    done = {alias: {"thread": {"id": id, "isResolved": True}} for alias, id in threads.items()}
    return {alias: None if id in without else done[alias] for alias, id in threads.items()}


@pytest.mark.parametrize(
    ("api", "graph"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"),
        ("https://github.octo.test/api/v3", "https://github.octo.test/api/graphql"),
        ("https://github.octo.test/api/v3/", "https://github.octo.test/api/graphql"),
    ],
)
def test_graphql_is_found_beside_the_rest_api(api: str, graph: str) -> None:
    assert graph_url(api) == graph


async def test_the_threads_of_a_pull_request_are_read_over_all_pages(served: Served, shop: Repository) -> None:
    big = 3_000_000_000  # GitHub's ids of remarks have outgrown 32 bits
    done = node(big, isResolved=True, isOutdated=True, resolvedBy={"login": "octocat"})
    served.tell(GRAPH, page(node(40), None, after="Y3Vyc29y"), page(done, node(41, comments={"nodes": []})))
    assert await shop.threads(8) == [
        Thread("PRRT_40", 40, resolved=False, outdated=False, resolved_by=""),
        Thread(f"PRRT_{big}", big, resolved=True, outdated=True, resolved_by="octocat"),
    ]
    first, second = (asked for asked in served.asked if asked.line == GRAPH)
    assert first.sent["variables"] == {"owner": "acme", "name": "shop", "number": 8, "after": None}
    assert second.sent["variables"]["after"] == "Y3Vyc29y"
    assert first.headers["authorization"] == f"token {shop.token}"


async def test_many_threads_are_resolved_in_few_requests_and_their_ids_stay_out_of_the_text(
    served: Served, shop: Repository
) -> None:
    served.tell(GRAPH, lambda asked: Told({"data": resolved(asked)}))
    ids = [f'PRRT_{n}"}}' for n in range(MOST + 1)]
    assert await shop.resolve(ids) == ids
    sent = [asked.sent for asked in served.asked if asked.line == GRAPH]
    assert [len(one["variables"]) for one in sent] == [MOST, 1]
    assert "PRRT" not in sent[0]["query"] + sent[1]["query"]


async def test_nothing_to_resolve_asks_nothing(served: Served, shop: Repository) -> None:
    assert await shop.resolve([]) == []
    assert served.count(GRAPH) == 0


@pytest.mark.parametrize("kind", ["NOT_FOUND", "FORBIDDEN", "UNPROCESSABLE", None])
async def test_a_thread_that_github_refuses_is_left_out_and_the_rest_counts(
    served: Served, shop: Repository, kind: str | None
) -> None:
    served.tell(GRAPH, lambda asked: wrong(kind, "Could not.", "t1", data=resolved(asked, "b")))
    assert await shop.resolve(["a", "b", "c"]) == ["a", "c"]


async def test_a_thread_that_stays_open_without_a_word_is_not_taken_for_resolved(
    served: Served, shop: Repository
) -> None:
    still = {"t0": {"thread": {"id": "a", "isResolved": False}}, "t1": {"thread": None}, "t2": None}
    served.tell(GRAPH, Told({"data": still}))
    assert await shop.resolve(["a", "b", "c"]) == []


@pytest.mark.parametrize(
    ("told", "kind", "status"),
    [
        (wrong("NOT_FOUND", "Could not resolve to a Repository.", "repository"), "absent", 404),
        (wrong("FORBIDDEN", "Resource not accessible by integration", "repository"), "permission", 403),
        (wrong("FORBIDDEN", "The organization has an IP allow list enabled.", "repository"), "refused", 403),
        (wrong(None, "Field 'fullDatabaseId' doesn't exist on type 'X'", "query"), "invalid", 422),
        (Told({"message": "Bad credentials"}, 401), "credentials", 401),
    ],
)  # fmt: skip
async def test_a_refusal_within_a_good_answer_is_told_as_every_other(
    served: Served, shop: Repository, told: Told, kind: str, status: int
) -> None:
    served.tell(GRAPH, told)
    with pytest.raises(RefusalError) as refusal:
        await shop.threads(8)
    assert (refusal.value.kind, refusal.value.status) == (kind, status)


async def test_a_lacking_permission_is_not_taken_for_the_fault_of_a_thread(served: Served, shop: Repository) -> None:
    served.tell(GRAPH, lambda asked: wrong("FORBIDDEN", "Resource not accessible by integration", "t0", data={}))
    with pytest.raises(RefusalError, match="lacks a permission"):
        await shop.resolve(["a"])


@pytest.mark.parametrize(
    "told",
    [
        wrong("RATE_LIMITED", "API rate limit exceeded for installation ID 5."),
        wrong("RATE_LIMIT", "API rate limit exceeded for installation ID 5."),
        wrong(None, "Something went wrong while executing your query. This may be the result of a timeout.", "t0"),
        wrong("SERVICE_UNAVAILABLE", "Try later.", "t0"),
        Told({"data": None}),
        Told({"data": None, "errors": []}),
        Told([]),
        Told(None, 502),
    ],
)
async def test_what_may_pass_is_tried_again(served: Served, shop: Repository, told: Told) -> None:
    served.tell(GRAPH, told)
    with pytest.raises(TryAgain):
        await shop.threads(8)
    with pytest.raises(TryAgain):
        await shop.resolve(["a"])


async def test_a_limit_is_waited_out_as_with_every_other_request(
    served: Served, shop: Repository, clock: Clock
) -> None:
    limited = Told({"message": "You have exceeded a secondary rate limit."}, 403, LIMITED)
    served.tell(GRAPH, limited, page(node(40)))
    assert [thread.comment for thread in await shop.threads(8)] == [40]
    assert clock.slept == [7]


async def test_a_page_that_promises_more_and_says_not_where_is_no_answer(served: Served, shop: Repository) -> None:
    served.tell(GRAPH, page(node(40), after=""))
    with pytest.raises(TryAgain, match="endCursor"):
        await shop.threads(8)


def test_a_document_names_as_many_threads_as_it_is_made_for() -> None:
    assert json.dumps(resolving(3)).count("threadId: $t") == 3
