"""What can be done with reactions: put one on a comment, a remark or an issue, read whose there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from bot.github.entity import Person, read_author, read_number
from bot.github.shape import number, word
from bot.github.wire import Wire

Content = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]
CONTENTS: tuple[Content, ...] = get_args(Content)


@dataclass(frozen=True)
class Reaction:
    """Who put what there; `content` is one of `CONTENTS`, or what GitHub adds one day."""

    content: str
    person: Person


class Reactions:
    """Verbs over `/reactions`; `where` as a comment has it: below the `issue`, or at a line of the `diff`.

    The text of a review takes no reactions.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def react(self, where: Literal["issue", "diff"], comment: int, content: Content) -> int:
        """Puts a reaction on a comment and answers with its id; one of ours that is there is answered instead."""
        return await self._wire.send("POST", _path(where, comment), _read_id, content=content)

    async def react_to_issue(self, n: int, content: Content) -> int:
        """As `react`, on the first text of an issue or pull request itself."""
        return await self._wire.send("POST", f"/issues/{n}/reactions", _read_id, content=content)

    async def reactions(self, where: Literal["issue", "diff"], comment: int) -> list[Reaction]:
        """All reactions to a comment, oldest first."""
        return await self._wire.pages(_path(where, comment), _read_reaction)


def read_counts(data: object, *keys: str) -> Mapping[str, int]:
    """How many reactions of each kind there are, from the sums that GitHub adds to a comment; only what there is."""
    return {content: count for content in CONTENTS if (count := read_number(data, *keys, content)) is not None}


def _path(where: Literal["issue", "diff"], comment: int) -> str:
    return f"/{'issues' if where == 'issue' else 'pulls'}/comments/{comment}/reactions"


def _read_id(data: object) -> int:
    return number(data, "id")


def _read_reaction(data: object) -> Reaction:
    return Reaction(word(data, "content"), read_author(data))
