"""The pull requests that a run's work is cut into, as its record has them: each with the jobs whose work it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from bot.store import runs


@dataclass(frozen=True)
class Held:
    """A pull request for the work of `jobs`; `pull` is None before it is open, `head` before its branch is pushed.

    `head` is the newest commit of the branch that the bot knows of; `shared`: somebody else has pushed to it, too.
    `stands`: what was there before the run, as commits; new ones go upon the first. Without any they are made anew.
    """

    branch: str
    jobs: tuple[str, ...] = ()
    head: str | None = None
    pull: int | None = None
    stands: tuple[str, ...] = ()
    shared: bool = False


_HELD = TypeAdapter(tuple[Held, ...])


def read(records: Any) -> tuple[Held, ...]:
    """As they were recorded: JSON knows no tuples."""
    return _HELD.validate_python(records)


def of(facts: Mapping[str, Any]) -> tuple[Held, ...]:
    """Those that a run's work is in, in their order; none where it was not cut."""
    return read(facts.get("parts", ()))


def spare(facts: Mapping[str, Any]) -> tuple[Held, ...]:
    """Those whose work is elsewhere, or that nothing of the run is in any more, and that are open still."""
    return read(facts.get("spare", ()))


def put(conn: sa.Connection, run_id: str, held: Sequence[Held], spare: Sequence[Held]) -> None:
    """From now on the run's work is in these; what is known of the first is known of the run, too."""
    first = {name: value for name in ("branch", "head", "pull") if (value := getattr(held[0], name)) is not None}
    records = {"parts": [asdict(one) for one in held], "spare": [asdict(one) for one in spare]}
    runs.learn(conn, run_id, **first, **records, pulls=_pulls(held))


def learn(conn: sa.Connection, run_id: str, number: int, facts: Mapping[str, Any]) -> None:
    """Add to what a run knows of one of them, which count from 1."""
    now = runs.get(conn, run_id, lock=True)
    assert now is not None
    records = [dict(one) for one in now.facts["parts"]]
    records[number - 1] |= facts
    runs.learn(conn, run_id, parts=records, pulls=_pulls(read(records)))


def _pulls(held: Sequence[Held]) -> list[int]:
    return [one.pull for one in held if one.pull is not None]
