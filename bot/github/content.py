"""What can be read of a repository itself: facts, files, branches, people's rights."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from bot.github.entity import Person
from bot.github.refusal import RefusalError
from bot.github.shape import MissingError, at, flag, items, number, text, word
from bot.github.wire import Wire, segment, segments

Level = Literal["none", "read", "triage", "write", "maintain", "admin"]

LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Permission:
    """Somebody's right in a repository, by numeric id; None where GitHub knows no such account."""

    level: Level
    user_id: int | None

    def reaches(self, needed: Level, person: Person) -> bool:
        """True where this is that very person's right (logins change hands) and it suffices."""
        return self.user_id == person.id and LEVELS.index(self.level) >= LEVELS.index(needed)


@dataclass(frozen=True)
class Facts:
    """A repository's state."""

    default_branch: str
    archived: bool
    empty: bool


@dataclass(frozen=True)
class Item:
    """One thing in a folder; `kind` is file, dir, symlink or submodule; `size` in bytes."""

    name: str
    path: str
    kind: str
    sha: str
    size: int


class Contents:
    """Verbs that only read."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def permission(self, login: str) -> Permission:
        """Asked of GitHub each time, for everybody: bots and authors too."""
        found = await self._wire.maybe(f"/collaborators/{segment(login)}/permission", _read_permission)
        return found or Permission("none", None)

    async def facts(self) -> Facts:
        data = await self._wire.get("", dict_of)
        # the size lags behind pushes for up to an hour, so 0 only means: look
        empty = at(data, "size") == 0 and not await self._wire.get("/branches", items, per_page=1)
        return _read_facts(data, empty=empty)

    async def content(self, path: str, ref: str) -> bytes | None:
        """A file's bytes, None where there is no file. Above 1 MB RefusalError."""
        data = await self._wire.maybe(f"/contents/{segments(path) if path else ''}", lambda answer: answer, ref=ref)
        if at(data, "type") != "file":
            return None
        if at(data, "encoding") != "base64":
            raise RefusalError("invalid", f"{path} in {self._wire.where} is larger than 1 MB.")
        try:
            return base64.b64decode(text(data, "content", limit=2_000_000))
        except binascii.Error as error:
            raise RefusalError("invalid", f"GitHub's answer for {path} cannot be read.") from error

    async def directory(self, path: str, ref: str) -> list[Item]:
        """What lies in a folder (`""`: the root; at most 1,000 things), nothing where there is none."""
        data = await self._wire.maybe(f"/contents/{segments(path) if path else ''}", lambda answer: answer, ref=ref)
        return [_read_item(item) for item in data] if isinstance(data, list) else []

    async def branch_head(self, name: str) -> str | None:
        """The commit a branch stands at, None where there is no such branch."""
        found = await self._wire.maybe(f"/git/ref/heads/{segments(name)}", dict_of)
        return word(found, "object", "sha") if found and at(found, "ref") == f"refs/heads/{name}" else None

    async def branch_exists(self, name: str) -> bool:
        return await self.branch_head(name) is not None


def dict_of(data: object) -> Mapping[str, object]:
    """The reader for an answer that is taken apart later."""
    if isinstance(data, Mapping):
        return data
    raise MissingError("object")


def _read_permission(data: object) -> Permission:
    role = text(data, "role_name")
    level = role if role in LEVELS else text(data, "permission")  # a custom role counts as what it is built upon
    if level not in LEVELS:
        raise MissingError("permission")
    return Permission(level, number(data, "user", "id") if at(data, "user") is not None else None)


def _read_facts(data: object, *, empty: bool) -> Facts:
    return Facts(
        default_branch=word(data, "default_branch"),
        archived=flag(data, "archived"),
        empty=empty,
    )


def _read_item(data: object) -> Item:
    size = at(data, "size")
    return Item(
        name=word(data, "name"),
        path=word(data, "path"),
        kind=word(data, "type"),
        sha=word(data, "sha"),
        size=size if isinstance(size, int) else 0,
    )
