"""Every GraphQL document of ours is held against GitHub's own schema, and what is wrong in one is seen."""

import re
from pathlib import Path

import pytest

from bot.github.graph import MOST, THREADS, resolving
from tests.judge.graph import complaints, cut

BOT = Path(__file__).parents[2] / "bot"
WHOLE = '''
"""Prose."""
type Query {
  "More of it."
  node(id: ID!): Node
  sponsors(first: Int): Sponsors
  viewer: User!
}
interface Node { id: ID! }
type Sponsors { total: Int }
type User implements Node & Sponsorable {
  id: ID!
  avatarUrl(size: Int, kind: Picture): URI
  sponsoring(by: Order!): Int
}
interface Sponsorable { id: ID! }
input Order { field: Int }
enum Picture { ROUND }
enum DiffSide { LEFT "The new one." RIGHT }
input ResolveReviewThreadInput { "Which." threadId: ID! }
scalar URI
'''


@pytest.mark.parametrize("document", [THREADS, resolving(1), resolving(MOST)], ids=["threads", "one", "most"])
def test_github_knows_all_that_we_ask_for(document: str) -> None:
    assert complaints(document) == []


def test_these_are_all_documents_there_are() -> None:
    ask = re.compile(r"_wire\.ask\(\s*(\w+)")
    asked = {name for path in BOT.rglob("*.py") for name in ask.findall(path.read_text(encoding="utf-8"))}
    assert asked == {"THREADS", "resolving"}


@pytest.mark.parametrize(
    ("was", "instead", "complaint"),
    [
        ("isOutdated", "isStale", "Cannot query field 'isStale' on type 'PullRequestReviewThread'"),
        ("fullDatabaseId", "databaseId", "deprecated"),
        ("$number: Int!", "$number: ID!", "used in position expecting type 'Int!'"),
        ("resolvedBy { login }", "resolvedBy", "must have a selection of subfields"),
        ("after: $after", "", "never used"),
    ],
)
def test_what_is_wrong_in_a_document_is_seen(was: str, instead: str, complaint: str) -> None:
    assert was in THREADS
    assert any(complaint in line for line in complaints(THREADS.replace(was, instead)))


def test_what_is_cut_leads_only_to_what_is_kept() -> None:
    assert cut(WHOLE).split("\n\n") == [
        "enum DiffSide {\n  LEFT\n  RIGHT\n}",
        "interface Node {\n  id: ID!\n}",
        "type Query {\n  node(id: ID!): Node\n  viewer: User!\n}",
        "input ResolveReviewThreadInput {\n  threadId: ID!\n}",
        "scalar URI",
        "type User implements Node {\n  id: ID!\n  avatarUrl(size: Int): URI\n}",
    ]
