"""Cuts from GitHub's GraphQL schema the types that reviews reach, and holds documents against them.

`github.graphql` is cut from the npm package @octokit/graphql-schema, whose licence stands beside it in LICENSE-graphql.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from graphql import (
    DefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ListTypeNode,
    NamedTypeNode,
    NoDeprecatedCustomRule,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    TypeNode,
    build_schema,
    parse,
    print_ast,
    specified_rules,
    validate,
)

FILE = Path(__file__).with_name("github.graphql")
BUILT_IN = frozenset({"Boolean", "Float", "ID", "Int", "String"})
THINGS = ("Node", "PageInfo", "Repository", "PullRequest", "Actor", "Bot", "User", "Minimizable", "DiffSide")
REVIEW = ("", "Comment", "CommentConnection", "Thread", "ThreadConnection", "ThreadSubjectType")
ACTS = ("ResolveReviewThread", "UnresolveReviewThread", "MinimizeComment")
KEPT = frozenset(
    {
        *("Query", "Mutation", "ReportedContentClassifiers", "IssueComment", *THINGS),
        *(f"PullRequestReview{each}" for each in REVIEW),
        *(f"{act}{end}" for act in ACTS for end in ("Input", "Payload")),
    }
)
"""These types are kept, but for fields that lead to others; and every scalar."""


def cut(whole: str) -> str:
    """The part of a schema that is kept, without its prose."""
    definitions = parse(whole, no_location=True).definitions
    scalars = {each.name.value for each in definitions if isinstance(each, ScalarTypeDefinitionNode)}
    known = KEPT | BUILT_IN | scalars
    kept = [_cut(each, known) for each in definitions if _name(each) in known]
    return print_ast(DocumentNode(definitions=tuple(sorted(kept, key=_name))))


def _cut(each: DefinitionNode, known: frozenset[str]) -> DefinitionNode:
    match each:
        case ObjectTypeDefinitionNode() | InterfaceTypeDefinitionNode():
            fields = tuple(_bare(field, known) for field in each.fields or () if _fits(field, known))
            faces = tuple(face for face in each.interfaces or () if face.name.value in known)
            return replace(each, description=None, fields=fields, interfaces=faces)
        case InputObjectTypeDefinitionNode():
            given = tuple(replace(value, description=None) for value in each.fields or ())
            return replace(each, description=None, fields=given)
        case EnumTypeDefinitionNode():
            return replace(
                each, description=None, values=tuple(replace(v, description=None) for v in each.values or ())
            )
        case ScalarTypeDefinitionNode():
            return replace(each, description=None)
    raise TypeError(f"what to keep of {each.kind}?")


def _fits(field: FieldDefinitionNode, known: frozenset[str]) -> bool:
    """Whether it leads to what is kept, and can be asked with what is kept."""
    needed = [value.type for value in field.arguments or () if isinstance(value.type, NonNullTypeNode)]
    return all(_named(each) in known for each in [field.type, *needed])


def _bare(field: FieldDefinitionNode, known: frozenset[str]) -> FieldDefinitionNode:
    given: Iterable[InputValueDefinitionNode] = field.arguments or ()
    left = tuple(replace(value, description=None) for value in given if _named(value.type) in known)
    return replace(field, description=None, arguments=left)


def _name(each: DefinitionNode) -> str:
    name = getattr(each, "name", None)
    return str(name.value) if name is not None else ""


def _named(node: TypeNode) -> str:
    while isinstance(node, ListTypeNode | NonNullTypeNode):
        node = node.type
    assert isinstance(node, NamedTypeNode)
    return node.name.value


def write(schema: Path, to: Path = FILE) -> int:
    """Writes the excerpt of a whole schema; answers its size in bytes."""
    to.write_text(cut(schema.read_text(encoding="utf-8")) + "\n", encoding="utf-8")
    return to.stat().st_size


@cache
def github() -> GraphQLSchema:
    """The excerpt, ready to be asked."""
    return build_schema(FILE.read_text(encoding="utf-8"))


def complaints(document: str) -> list[str]:
    """What GitHub's schema does not allow in a document, deprecated fields included; empty when all is well."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    return [error.message for error in validate(github(), parse(document), rules)]
