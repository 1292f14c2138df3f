"""GraphQL over the played world: review threads are read and resolved, comments minimised."""

import traceback
from functools import cache
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema, graphql

from bot.emulator.caller import Caller, at_least, holds, sees
from bot.emulator.graph_schema import SDL
from bot.emulator.problem import NotFound
from bot.emulator.reviewing import ReviewVerbs
from bot.emulator.shape import node
from bot.emulator.shape_graph import Flaw, GraphShape
from bot.emulator.world import Comment, Json, Pull, Remark, Repo, Review, User

READ = "pull_requests:read"
WRITE = "pull_requests:write"
RESOLVE = (WRITE, "contents:write")
"""What a token needs to resolve a thread; that `contents` is among it stands nowhere in GitHub's documentation."""

Thing = Remark | Review | Comment | Pull


@cache
def schema() -> GraphQLSchema:
    return build_schema(SDL)


async def answer(stage: ReviewVerbs, caller: Caller, body: Any) -> Json:
    """`data` and `errors` of a request's body; a bug of ours is noted in `stage.errors`."""
    asked = body if isinstance(body, dict) else {}
    if not isinstance(asked.get("query"), str):
        return {"errors": [{"message": "A query attribute must be specified and must be a string."}]}
    graph = _Graph(stage, caller)
    variables, name = asked.get("variables") or {}, asked.get("operationName")
    result = await graphql(schema(), asked["query"], graph.root(), variable_values=variables, operation_name=name)
    told = [_error(stage, each) for each in result.errors or ()]
    data = {} if result.data is None and told else {"data": result.data}
    return data | ({"errors": told} if told else {})


def _error(stage: ReviewVerbs, error: GraphQLError) -> Json:
    flaw = error.original_error
    if flaw is not None and not isinstance(flaw, Flaw | GraphQLError):
        stage.errors.append("".join(traceback.format_exception(flaw)))
    kind = {"type": flaw.kind} if isinstance(flaw, Flaw) else {}
    return {**kind, **error.formatted}


class _Graph:
    """One request of one caller: what the fields of Query and Mutation do."""

    def __init__(self, stage: ReviewVerbs, caller: Caller) -> None:
        self._stage, self._caller = stage, caller
        self._shape = GraphShape(stage.shape, lambda repo: self._may(repo, *RESOLVE))

    def root(self) -> Json:
        return {
            "node": self._node,
            "repository": self._repository,
            "resolveReviewThread": self._resolve,
            "unresolveReviewThread": self._unresolve,
            "minimizeComment": self._minimize,
        }

    # GraphQL names the arguments: they are written as it writes them.
    def _repository(self, info: object, owner: str, name: str, followRenames: bool) -> Json:  # noqa: N803
        try:
            repo = self._stage.world.find_repo(f"{owner}/{name}")
            if not sees(self._stage, self._caller, repo):
                raise NotFound
        except NotFound:
            said = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            raise Flaw("NOT_FOUND", said) from None

        def pull(info: object, number: int) -> Json:
            return self._pull(repo, number)

        return self._shape.repo(repo, pull)

    def _pull(self, repo: Repo, number: int) -> Json:
        found = repo.issues.get(number)
        if not isinstance(found, Pull):
            raise Flaw("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
        self._permit(repo, READ)
        return self._shape.pull(found)

    def _node(self, info: object, id: str) -> Json:
        kind, thing = self._find(id)
        self._permit(_repo(thing), READ)
        return self._shown(kind, thing)

    async def _resolve(self, info: object, input: Json) -> Json:
        first = self._thread(input["threadId"])
        await self._stage.resolve_thread(first, by=self._actor)
        return _done(input, thread=self._shape.thread(first))

    async def _unresolve(self, info: object, input: Json) -> Json:
        first = self._thread(input["threadId"])
        await self._stage.unresolve_thread(first, by=self._actor)
        return _done(input, thread=self._shape.thread(first))

    def _minimize(self, info: object, input: Json) -> Json:
        kind, thing = self._find(input["subjectId"])
        if kind == "PRRT" or isinstance(thing, Pull):
            raise _lost(input["subjectId"])
        self._permit(_repo(thing), WRITE)
        thing.minimized = input["classifier"].lower().replace("_", "-")
        return _done(input, minimizedComment=self._shown(kind, thing))

    @property
    def _actor(self) -> User:
        return self._caller.user or self._stage.bot

    def _thread(self, given: str) -> Remark:
        """The first remark of the thread of that id; raises Flaw where the caller may not resolve it."""
        kind, thing = self._find(given)
        if kind != "PRRT" or not isinstance(thing, Remark):
            raise _lost(given)
        self._permit(thing.pull.repo, *RESOLVE)
        return thing

    def _find(self, given: str) -> tuple[str, Thing]:
        """The kind of id it is (PRRT for a thread) and what has it; raises Flaw for what the caller does not see."""
        for repo in self._stage.world.repos.values():
            if sees(self._stage, self._caller, repo) and (found := _things(repo).get(given)):
                return given.partition("_")[0], found
        raise _lost(given)

    def _shown(self, kind: str, thing: Thing) -> Json:
        match thing:
            case Remark():
                return self._shape.thread(thing) if kind == "PRRT" else self._shape.remark(thing)
            case Review():
                return self._shape.review(thing)
            case Pull():
                return self._shape.pull(thing)
        return self._shape.comment(thing)

    def _permit(self, repo: Repo, *needs: str) -> None:
        if not self._may(repo, *needs):
            raise Flaw("FORBIDDEN", "Resource not accessible by integration")

    def _may(self, repo: Repo, *needs: str) -> bool:
        """Whether the caller has all of these rights there; anybody reads what is public."""
        token = self._caller.token
        if token is None:
            return False
        if token.installation is None:
            return needs == (READ,) or at_least(self._stage.world.level(repo, token.user), "write")
        if repo.id not in token.repos:
            return needs == (READ,)
        return all(holds(token.permissions, [need]) for need in needs)


def _done(asked: Json, **made: Json) -> Json:
    return {"clientMutationId": asked.get("clientMutationId"), **made}


def _lost(given: str) -> Flaw:
    return Flaw("NOT_FOUND", f"Could not resolve to a node with the global id of '{given}'")


def _repo(thing: Thing) -> Repo:
    return (
        thing.issue.repo if isinstance(thing, Comment) else thing.repo if isinstance(thing, Pull) else thing.pull.repo
    )


def _things(repo: Repo) -> dict[str, Thing]:
    """Everything there that has an id of its own in GraphQL."""
    found: dict[str, Thing] = {}
    for issue in repo.issues.values():
        found |= {node("IC", each.id): each for each in issue.comments}
    for pull in repo.pulls:
        found[node("PR", pull.id)] = pull
        found |= {node("PRR", each.id): each for each in pull.reviews}
        found |= {node("PRRC", each.id): each for each in pull.remarks}
        found |= {node("PRRT", each.id): each for each in pull.threads}
    return found
