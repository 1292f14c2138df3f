"""GraphQL: threads are found, resolved and opened again by the rights GitHub asks for, in a schema that is GitHub's."""

from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from bot.emulator.graph import schema
from bot.emulator.shape import node
from bot.emulator.world import Pull
from tests.emulator.played import Played
from tests.judge.graph import github

THREADS = """
query ($owner: String!, $name: String!, $number: Int!, $first: Int, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { reviewThreads(first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id isResolved isOutdated resolvedBy { login } viewerCanResolve line
      comments(first: 1) { nodes { databaseId fullDatabaseId author { __typename login } } }
    }
  } } }
}
"""
RESOLVE = """mutation ($a: ID!, $b: ID!) {
  a: resolveReviewThread(input: {threadId: $a}) { thread { id isResolved } }
  b: resolveReviewThread(input: {threadId: $b, clientMutationId: "2"}) { clientMutationId thread { id isResolved } }
}"""
REOPEN = (
    "mutation ($a: ID!) { unresolveReviewThread(input: {threadId: $a}) { thread { isResolved resolvedBy { login } } } }"
)
MINIMISE = """mutation ($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) {
  minimizedComment { __typename isMinimized minimizedReason }
} }"""
ENOUGH = {"pull_requests": "write", "contents": "write"}


async def scene(played: Played, threads: int = 2) -> Pull:
    await played.emulator.push_commit(played.repo, "feature/x", {"new.py": "line\n" * threads})
    pull = await played.emulator.open_pull(played.repo, "feature/x", title="T")
    comments = [{"path": "new.py", "line": each, "body": f"No {each}"} for each in range(1, threads + 1)]
    await played.emulator.review(pull, "All of it", comments=comments, by=played.emulator.bot)
    return pull


async def asked(played: Played, query: str, token: str, **variables: Any) -> dict[str, Any]:
    body = {"query": query, "variables": variables}
    reply = await played.ask("POST", f"{played.emulator.url}/api/graphql", token, body)
    assert reply.status == 200
    answer: dict[str, Any] = reply.body
    return answer


async def threads(played: Played, token: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return await asked(played, THREADS, token, owner="acme", name="shop", number=number, **{"first": 100, **more})


async def test_the_threads_of_a_pull_request_are_read_page_by_page(played: Played) -> None:
    pull = await scene(played, 5)
    await played.emulator.reply(pull.remarks[1], "Why?", by="ana")
    await played.emulator.resolve_thread(pull.remarks[1], by="ana")
    seen: list[dict[str, Any]] = []
    after = None
    while True:
        answer = await threads(played, played.token(pull_requests="read"), first=2, after=after)
        page = answer["data"]["repository"]["pullRequest"]["reviewThreads"]
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [each["line"] for each in seen] == [1, 2, 3, 4, 5]
    assert [each["resolvedBy"] for each in seen[:2]] == [None, {"login": "ana"}]
    ((first,),) = (each["comments"]["nodes"] for each in seen[:1])
    assert first["fullDatabaseId"] == str(first["databaseId"]) == str(pull.remarks[0].id)
    assert first["author"] == {"__typename": "Bot", "login": "tutti"}


async def test_several_threads_are_resolved_at_once_and_it_is_told(played: Played) -> None:
    pull = await scene(played)
    ids = [node("PRRT", each.id) for each in pull.threads]
    token = played.token(**ENOUGH)
    answer = await asked(played, RESOLVE, token, a=ids[0], b=ids[1])
    assert answer == {
        "data": {
            "a": {"thread": {"id": ids[0], "isResolved": True}},
            "b": {"clientMutationId": "2", "thread": {"id": ids[1], "isResolved": True}},
        }
    }
    assert [each.resolved_by for each in pull.threads] == [played.emulator.bot] * 2
    reopened = await asked(played, REOPEN, token, a=ids[0])
    assert reopened["data"]["unresolveReviewThread"]["thread"] == {"isResolved": False, "resolvedBy": None}
    await played.emulator.delivered()
    told = [name.rpartition(".")[2] for name in played.bot.names if name.startswith("pull_request_review_thread")]
    assert told == ["resolved", "resolved", "unresolved"]


async def test_of_two_threads_the_one_that_is_not_there_leaves_the_other_resolved(played: Played) -> None:
    pull = await scene(played)
    answer = await asked(played, RESOLVE, played.token(**ENOUGH), a="PRRT_none", b=node("PRRT", pull.threads[0].id))
    assert (answer["data"]["a"], answer["data"]["b"]["thread"]["isResolved"]) == (None, True)
    (error,) = answer["errors"]
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["a"])
    assert error["message"] == "Could not resolve to a node with the global id of 'PRRT_none'"


@pytest.mark.parametrize("rights", [{"pull_requests": "write", "contents": "read"}, {"contents": "write"}])
async def test_resolving_takes_the_right_to_write_pull_requests_and_contents(
    played: Played, rights: dict[str, str]
) -> None:
    pull = await scene(played)
    ids = [node("PRRT", each.id) for each in pull.threads]
    answer = await asked(played, RESOLVE, played.token(**rights), a=ids[0], b=ids[1])
    assert answer["data"] == {"a": None, "b": None}
    assert {(each["type"], each["message"]) for each in answer["errors"]} == {
        ("FORBIDDEN", "Resource not accessible by integration")
    }
    assert [each.resolved for each in pull.threads] == [False, False]


async def test_who_may_not_resolve_is_told_so_beforehand(played: Played) -> None:
    await scene(played)
    for token, may in ((played.token(pull_requests="write"), False), (played.token(**ENOUGH), True)):
        found = (await threads(played, token))["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]
        assert [each["viewerCanResolve"] for each in found] == [may, may]


async def test_comments_remarks_and_reviews_are_minimised(played: Played) -> None:
    pull = await scene(played)
    comment = await played.emulator.comment(pull, "Old news")
    kinds = {
        node("IC", comment.id): "IssueComment",
        node("PRR", pull.reviews[0].id): "PullRequestReview",
        node("PRRC", pull.remarks[0].id): "PullRequestReviewComment",
    }
    for given, kind in kinds.items():
        answer = await asked(played, MINIMISE, played.token(pull_requests="write"), id=given)
        shown = answer["data"]["minimizeComment"]["minimizedComment"]
        assert shown == {"__typename": kind, "isMinimized": True, "minimizedReason": "outdated"}
    assert [comment.minimized, pull.reviews[0].minimized, pull.remarks[1].minimized] == ["outdated", "outdated", None]


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"number": 9}, "NOT_FOUND"),
        ({"name": "none"}, "NOT_FOUND"),
        ({"first": 101}, "EXCESSIVE_PAGINATION"),
        ({"first": None}, "MISSING_PAGINATION_BOUNDARIES"),
        ({"after": "x"}, "INVALID_CURSOR_ARGUMENTS"),
    ],
)
async def test_what_cannot_be_asked_is_an_error_with_status_200(
    played: Played, more: dict[str, Any], kind: str
) -> None:
    await scene(played)
    whole = {"owner": "acme", "name": "shop", "number": 1, "first": 100, **more}
    answer = await asked(played, THREADS, played.token(), **whole)
    assert [each["type"] for each in answer["errors"]] == [kind]


async def test_a_field_that_is_not_there_leaves_no_data(played: Played) -> None:
    answer = await asked(played, "{ viewerIsHappy }", played.token())
    assert "data" not in answer
    assert "Cannot query field 'viewerIsHappy'" in answer["errors"][0]["message"]
    assert "query attribute" in (await asked(played, None, played.token()))["errors"][0]["message"]  # type: ignore[arg-type]


async def test_graphql_wants_a_good_token_and_is_no_route_of_rest(played: Played) -> None:
    url, body = f"{played.emulator.url}/api/graphql", {"query": "{ __typename }"}
    for token in ("", "ghs_nobodys", played.jwt()):
        assert (await played.ask("POST", url, token, body)).status == 401
    answered = await played.ask("POST", url, played.token(), body)
    assert (answered.body, answered.headers["X-RateLimit-Resource"]) == ({"data": {"__typename": "Query"}}, "graphql")
    assert [each.template for each in played.emulator.requests] == [""] * 4


def test_every_type_field_and_argument_is_githubs() -> None:
    own, theirs = schema(), github()
    for name, kind in own.type_map.items():
        assert name in theirs.type_map
        other: Any = theirs.type_map[name]
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
            for field, made in kind.fields.items():
                there = other.fields[field]
                assert (field, str(made.type)) == (field, str(there.type))
                assert {key: str(arg.type) for key, arg in made.args.items()} == {
                    key: str(arg.type) for key, arg in there.args.items()
                }
        if isinstance(kind, GraphQLInputObjectType):
            fields = {key: str(value.type) for key, value in kind.fields.items()}
            assert fields == {key: str(value.type) for key, value in other.fields.items()}
