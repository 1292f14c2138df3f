"""Reading JSON that may have any shape: every accessor answers with one plain type or raises `MissingError`."""

from collections.abc import Mapping
from datetime import UTC, datetime

from bot.storable import storable

_LARGEST = 2**63 - 1  # what both databases hold in an integer


class MissingError(Exception):
    """Something that must be there is not, or is of another type; its text is the path, `issue.user.login`."""


def at(data: object, *keys: str) -> object:
    """What lies under the keys, None where the way ends early."""
    for key in keys:
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def text(data: object, *keys: str, limit: int = 70_000) -> str:
    """A text fit to be stored, at most `limit` characters; empty when there is none."""
    found = at(data, *keys)
    return storable(found[:limit]) if isinstance(found, str) else ""


def word(data: object, *keys: str) -> str:
    """A text of at most 1,000 characters that must be there."""
    if found := text(data, *keys, limit=1000):
        return found
    raise MissingError(".".join(keys))


def number(data: object, *keys: str) -> int:
    """An id or a count of things: a positive integer of 64 bits that must be there."""
    found = at(data, *keys)
    if isinstance(found, int) and not isinstance(found, bool) and 0 < found <= _LARGEST:
        return found
    raise MissingError(".".join(keys))


def flag(data: object, *keys: str) -> bool:
    """True only where the JSON says `true`."""
    return at(data, *keys) is True


def items(data: object, *keys: str) -> list[object]:
    """A list, empty when there is none."""
    found = at(data, *keys)
    return found if isinstance(found, list) else []


def moment(data: object, *keys: str) -> datetime:
    """A point in time, in UTC, that must be there."""
    try:
        return datetime.fromisoformat(word(data, *keys)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MissingError(".".join(keys)) from error
