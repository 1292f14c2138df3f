"""Gates: what a run waits behind until a person approves of it. A row each, so that waiting costs nothing.

A gate belongs to the run that ended before it. Whether it still waits follows from the runs that came after.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.errors import ACTIVE, State
from bot.store.db import gates, runs
from bot.store.record import Run

DAY = 24 * 3600
KEPT_DAYS = 90
MOST = 20  # gates of one target that are looked at
Kind = Literal["plan", "patch"]
End = Literal["", "approved", "superseded", "expired", "withdrawn"]
Say = Callable[[str], str]
_SELF = runs.alias("self")


@dataclass(frozen=True)
class Gate:
    """`run` is what waits, `workflow` what an approval starts; `pull` is the pull request its work goes on with.

    `digest` is that of the plan's text or of the patch, `base` the commit it is for. `ended`: empty while it waits;
    then `successor` is the run that an approval started, where it was one. Times in seconds since 1970.
    """

    run: str
    repo: int
    target: str
    workflow: str
    kind: Kind
    digest: str
    base: str
    created_at: float
    pull: int | None = None
    ended: End = ""
    ended_at: float | None = None
    successor: str | None = None


@dataclass(frozen=True)
class Found:
    """A gate with its run, and the newest run that came after: where there is one, that one counts."""

    gate: Gate
    run: Run
    later: Run | None

    @property
    def approved(self) -> Run | None:
        """The run that an approval started."""
        approves = self.later.context.get("approves", {}) if self.later is not None else {}
        return self.later if approves.get("run") == self.run.id else None

    def expired(self, now: float) -> bool:
        return self.gate.ended == "expired" or self.gate.created_at < now - KEPT_DAYS * DAY

    def waits(self, now: float) -> bool:
        """Whether an approval would open it."""
        still = self.gate.ended == "" and self.later is None
        return still and self.run.state == "needs approval" and not self.expired(now)


def put(conn: sa.Connection, gate: Gate) -> bool:
    """A run that is about to end waits from now on; another life of it begins anew.

    False where it has ended: this is a repeat, and somebody may have approved meanwhile, so that nothing is changed.
    """
    run = _run(conn, gate.run, lock=True)
    if run is None or not run.active:
        return False
    values = {field.name: getattr(gate, field.name) for field in fields(gate)}
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(gates)
    conn.execute(insert.values(**values).on_conflict_do_update(index_elements=["run"], set_=values))
    return True


def ended(conn: sa.Connection, run_id: str) -> End:
    """How a run's gate ended; empty where it waits still, or never had one."""
    return conn.execute(sa.select(gates.c.ended).where(gates.c.run == run_id)).scalar_one_or_none() or ""


def has_later(conn: sa.Connection, gate: Gate) -> bool:
    """Whether a run of what an approval would start came after the run that waits: then none can open its gate."""
    run = _run(conn, gate.run)
    return run is not None and _later(conn, gate, run) is not None


def about(conn: sa.Connection, repo: int, target: str, number: int) -> list[Found]:
    """The gates of an issue, or of the pull request that their work goes on with, newest first."""
    whose = sa.or_(gates.c.target == target, gates.c.pull == number)
    query = sa.select(gates).where(gates.c.repo == repo, whose).order_by(gates.c.created_at.desc()).limit(MOST)
    found = [(gate, _run(conn, gate.run)) for gate in map(_gate, conn.execute(query))]
    return [Found(gate, run, _later(conn, gate, run)) for gate, run in found if run is not None]


def before(conn: sa.Connection, run: Run, repo: int, workflow: str) -> list[str]:
    """The runs of a target that wait with work for `workflow`, and that `run` came after."""
    query = sa.select(gates.c.run).join(runs, runs.c.id == gates.c.run)
    its = sa.select(_SELF.c.seq).where(_SELF.c.id == run.id).scalar_subquery()
    mine = (gates.c.repo == repo, gates.c.target == run.target, gates.c.workflow == workflow)
    return list(conn.execute(query.where(*mine, gates.c.ended == "", runs.c.seq < its)).scalars())


def end(conn: sa.Connection, run_id: str, ended: End, say: Say, successor: str | None = None) -> bool:
    """A gate waits no more, and the status of its run says so: `say` makes its words of those that stand there.

    What was approved keeps its state; what nobody can approve any more ends as cancelled. False where the gate had
    ended already.
    """
    closes = {"ended": ended, "ended_at": time.time(), "successor": successor}
    query = sa.update(gates).where(gates.c.run == run_id, gates.c.ended == "").values(**closes)
    run = _run(conn, run_id)
    if not conn.execute(query).rowcount or run is None:
        return False
    state: State = run.state if ended == "approved" or run.active else "cancelled"
    told = {"reason": say(run.reason), "state": state, "facts": {**run.facts, "shown": None}}
    conn.execute(sa.update(runs).where(runs.c.id == run_id).values(**told))
    return True


def overdue(conn: sa.Connection, now: float) -> list[str]:
    """The runs that have waited as long as a run may."""
    query = sa.select(gates.c.run).where(gates.c.ended == "", gates.c.created_at < now - KEPT_DAYS * DAY)
    return list(conn.execute(query).scalars())


def untold(conn: sa.Connection, now: float) -> list[str]:
    """The runs whose gates ended in the last day, where nobody has shown so yet."""
    query = sa.select(runs).join(gates, runs.c.id == gates.c.run)
    lately = conn.execute(query.where(gates.c.ended != "", gates.c.ended_at > now - DAY))
    return [row.id for row in lately if row.state not in ACTIVE and row.facts.get("shown") != row.state]


def spared(before: float) -> sa.Select[Any]:
    """The runs whose artifacts an approval needs: they wait, or the run that an approval started may need them.

    That is one under way, or one that ended later than `before` (seconds since 1970) and may be tried again.
    """
    lately = sa.or_(runs.c.state.in_(ACTIVE), runs.c.ended_at >= before)
    carry_out = sa.select(runs.c.id).where(lately)
    return sa.select(gates.c.run).where(sa.or_(gates.c.ended == "", gates.c.successor.in_(carry_out)))


def _later(conn: sa.Connection, gate: Gate, run: Run) -> Run | None:
    """What came after: the run that an approval started, else the newest of the same workflow."""
    wanted = (runs.c.target == gate.target, runs.c.workflow == gate.workflow, runs.c.seq > run.seq)
    rows = conn.execute(sa.select(runs).where(*wanted).order_by(runs.c.seq.desc()).limit(MOST))
    found = [Run(**row._mapping) for row in rows]
    mine = [one for one in found if one.context.get("approves", {}).get("run") == gate.run]
    return next(iter([*mine, *found]), None)


def _run(conn: sa.Connection, run_id: str, *, lock: bool = False) -> Run | None:
    query = sa.select(runs).where(runs.c.id == run_id)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return Run(**row._mapping) if row is not None else None


def _gate(row: sa.Row[Any]) -> Gate:
    return Gate(**row._mapping)
