"""Runs and their trees of steps: what was asked, how far it is, what it cost. Functions of a connection."""

import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.errors import ACTIVE, State
from bot.store import gates
from bot.store.db import artifacts, nodes, runs
from bot.store.record import ABOVE_ALL
from bot.store.record import PAST as PAST
from bot.store.record import Node as Node
from bot.store.record import Run as Run
from bot.store.record import busy as busy
from bot.store.record import parted as parted
from bot.store.record import total_cost as total_cost

QUEUE_LOCK = 271828182
KEPT_DAYS = 30  # that what the steps of an ended run gave is kept
CHANNEL = "tutti_runs"
MOST_PULLS = 20  # of one run
_turn = sa.func.coalesce(runs.c.turn, runs.c.seq)  # where a run stands among the others
_above = sa.case((runs.c.priority == ABOVE_ALL, 1), else_=0)


# Of every step of every run, so they are put together once.
_STEP = nodes.c.run == sa.bindparam("of_run"), nodes.c.key == sa.bindparam("of_key")
_MADE = artifacts.c.run == sa.bindparam("of_run"), artifacts.c.key == sa.bindparam("of_key")
_AT = sa.bindparam("at", type_=sa.Float)
_CHANGE = sa.update(nodes).where(*_STEP)
_OPEN = _CHANGE.values(started_at=sa.func.coalesce(nodes.c.started_at, _AT))
_SHUT = _CHANGE.values(ended_at=sa.func.coalesce(nodes.c.ended_at, _AT))
_KEPT = sa.select(artifacts.c.meta, artifacts.c.data).where(*_MADE)


def _of(run_id: str, key: str) -> dict[str, Any]:
    return {"of_run": run_id, "of_key": key}


@cache
def _storing(dialect: str, table: sa.Table) -> Any:
    """Insert a row of a run and a key, or put it in the place of the one that is there."""
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    values = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=["run", "key"], set_=values)


def _run(row: sa.Row[Any] | None) -> Run | None:
    return Run(**row._mapping) if row is not None else None


def _insert(conn: sa.Connection, table: sa.Table) -> Any:
    return (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(table)


def create(conn: sa.Connection, run: Run) -> bool:
    """Store a new run; False when its delivery made it already or its target has an active one."""
    values = {name: getattr(run, name) for name in ("id", "delivery", "workflow", "repo", "target", "state")}
    more = {name: getattr(run, name) for name in ("created_at", "due", "after", "actor", "priority", "concurrency")}
    more |= {"context": dict(run.context), "facts": dict(run.facts)}
    statement = _insert(conn, runs).values(**values, **more).on_conflict_do_nothing()
    made = bool(conn.execute(statement).rowcount)
    if made and run.state == "queued" and run.priority == 1:
        _overtake(conn, run.repo)
    return made


def _overtake(conn: sa.Connection, repo: str) -> None:
    """What has priority in its repository takes the turns of what waits there, which takes its: nobody else waits."""
    _lock_queue(conn)
    wanted = (runs.c.repo == repo, runs.c.state == "queued", runs.c.priority < ABOVE_ALL)
    columns = (runs.c.id, runs.c.priority, _turn.label("turn"))
    waits = conn.execute(sa.select(*columns).where(*wanted).order_by(_turn)).all()
    first = sorted(waits, key=lambda row: (-row.priority, row.turn))
    for row, place in zip(first, waits, strict=True):
        if row.turn != place.turn:
            update(conn, row.id, turn=place.turn)


def _lock_queue(conn: sa.Connection) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(QUEUE_LOCK)))


def get(conn: sa.Connection, run_id: str, *, lock: bool = False) -> Run | None:
    """The run, with `lock` for the rest of the transaction nobody else's to change."""
    query = sa.select(runs).where(runs.c.id == run_id)
    return _run(conn.execute(query.with_for_update() if lock else query).one_or_none())


def active(conn: sa.Connection) -> list[Run]:
    """Every run that has not ended, oldest first."""
    rows = conn.execute(sa.select(runs).where(runs.c.state.in_(ACTIVE)).order_by(runs.c.seq))
    return [Run(**row._mapping) for row in rows]


def recent(conn: sa.Connection, target: str) -> list[Run]:
    """The runs of one target, newest first."""
    rows = conn.execute(sa.select(runs).where(runs.c.target == target).order_by(runs.c.seq.desc()).limit(20))
    return [Run(**row._mapping) for row in rows]


def about(conn: sa.Connection, repo: str, number: int) -> list[Run]:
    """The runs of an issue or pull request, and those that opened it, newest first."""
    facts = runs.c.facts
    more = [facts[("pulls", place)].as_integer() == number for place in range(1, MOST_PULLS)]
    made = sa.and_(runs.c.repo == repo, sa.or_(facts["pull"].as_integer() == number, *more))
    query = sa.select(runs).where(sa.or_(runs.c.target == f"{repo}#{number}", made))
    return [Run(**row._mapping) for row in conn.execute(query.order_by(runs.c.seq.desc()).limit(20))]


def since(conn: sa.Connection, begin: float, **of: Any) -> int:
    """How often runs began since then (seconds since 1970) whose columns have these values, retries included."""
    wanted = [runs.c[name] == value for name, value in of.items()]
    query = sa.select(sa.func.coalesce(sa.func.sum(runs.c.life), 0)).where(runs.c.created_at >= begin, *wanted)
    return int(conn.execute(query).scalar_one())


def of_delivery(conn: sa.Connection, guid: str) -> list[Run]:
    """The runs that a delivery started."""
    rows = conn.execute(sa.select(runs).where(runs.c.delivery == guid).order_by(runs.c.seq))
    return [Run(**row._mapping) for row in rows]


def claim(conn: sa.Connection, limit: int, now: float) -> str | None:
    """Mark the oldest queued run that is due as running and return its id, unless `limit` runs are running already.

    One that is above all comes before all others, and has one place more. One that comes after another waits until that
    one has ended, or rests, and so does one of whose group another is under way.
    """
    _lock_queue(conn)
    busy = conn.execute(sa.select(sa.func.count()).where(runs.c.state == "running")).scalar_one()
    is_due = sa.or_(runs.c.due.is_(None), runs.c.due <= now)
    before = sa.select(runs.c.id).where(runs.c.state.in_(("queued", "running")))
    is_next = sa.or_(runs.c.after.is_(None), runs.c.after.not_in(before))
    taken = sa.select(runs.c.concurrency).where(runs.c.state == "running", runs.c.concurrency.is_not(None))
    is_free = sa.or_(runs.c.concurrency.is_(None), runs.c.concurrency.not_in(taken))
    has_room = runs.c.priority >= (0 if busy < limit else ABOVE_ALL)
    waits = sa.select(runs.c.id).where(runs.c.state == "queued", is_due, is_next, is_free, has_room)
    first = waits.order_by(_above.desc(), _turn).limit(1)
    run_id: str | None = conn.execute(first).scalar_one_or_none() if busy <= limit else None
    if run_id is not None:
        update(conn, run_id, state="running", started_at=now)
    return run_id


def next_due(conn: sa.Connection, now: float) -> float | None:
    """When the next of those begins that wait for their time, in seconds since 1970; None where none does."""
    query = sa.select(sa.func.min(runs.c.due)).where(runs.c.state == "queued", runs.c.due > now)
    found: float | None = conn.execute(query).scalar_one_or_none()
    return found


def renew(conn: sa.Connection, run_id: str, due: float | None, **context: Any) -> bool:
    """A queued run begins no earlier than at `due`, and with that context; False where it waits no more."""
    run = get(conn, run_id, lock=True)
    if run is None or run.state != "queued":
        return False
    update(conn, run_id, due=due, context={**run.context, **context})
    return True


def place(conn: sa.Connection, run: Run) -> int:
    """How many queued runs stand before this one, plus one."""
    above = int(run.priority == ABOVE_ALL)
    earlier = sa.and_(_above == above, _turn < (run.seq if run.turn is None else run.turn))
    goes_first = sa.or_(_above > above, earlier)
    before = sa.select(sa.func.count()).where(runs.c.state == "queued", goes_first)
    return int(conn.execute(before).scalar_one()) + 1


def update(conn: sa.Connection, run_id: str, **values: Any) -> None:
    conn.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))


def learn(conn: sa.Connection, run_id: str, **facts: Any) -> None:
    """Add to what is known of a run: branch, comment, pull request ..."""
    row = conn.execute(sa.select(runs.c.facts).where(runs.c.id == run_id).with_for_update()).one()
    update(conn, run_id, facts={**row.facts, **facts})


def cancel(conn: sa.Connection, target: str, workflow: str | None, sentence: str) -> list[str]:
    """Ask every active run of a target (of one workflow, or all) to stop; the ids of those asked now."""
    wanted = [runs.c.target == target] if workflow is None else [runs.c.target == target, runs.c.workflow == workflow]
    return _cancelled(conn, wanted, sentence)


def cancel_all(conn: sa.Connection, run_ids: Collection[str], sentence: str) -> list[str]:
    """Ask those of these runs to stop that are active; the ids of those asked now."""
    return _cancelled(conn, [runs.c.id.in_(run_ids)], sentence)


def _cancelled(conn: sa.Connection, wanted: list[sa.ColumnElement[bool]], sentence: str) -> list[str]:
    still = (runs.c.state.in_(ACTIVE), runs.c.cancel.is_(None))
    statement = sa.update(runs).where(*wanted, *still).values(cancel=sentence).returning(runs.c.id)
    asked = list(conn.execute(statement).scalars())
    if asked and conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))
    return asked


def rest(conn: sa.Connection, run_id: str, life: int) -> None:
    """A run whose `life` a pause ended waits from now on; where somebody took that back, it is queued again.

    Where it was cancelled meanwhile it ends.
    """
    run = get(conn, run_id, lock=True)
    if run is None or run.state != "running" or run.life != life:
        return
    if run.cancel is not None:
        end(conn, run_id, "cancelled", run.cancel)
        return
    begun = (nodes.c.run == run_id) & (nodes.c.state == "running")
    conn.execute(sa.update(nodes).where(begun).values(state="queued", started_at=None))
    if sentence := run.facts.get("pause"):
        update(conn, run_id, state="waiting", reason=sentence)
    else:
        _live_on(conn, run, None)


def pause(conn: sa.Connection, run_id: str, sentence: str) -> bool:
    """Ask a run to stop before its next step; one that has not begun waits from now on. False where it has ended."""
    run = get(conn, run_id, lock=True)
    if run is None or run.state not in ("queued", "running"):
        return False
    learn(conn, run_id, pause=sentence)
    if run.state == "queued":
        update(conn, run_id, state="waiting", reason=sentence)
    return True


def resume(conn: sa.Connection, run_id: str) -> bool:
    """A paused run goes on where it stopped; False where it is not paused."""
    run = get(conn, run_id, lock=True)
    if run is None or not run.active or not run.facts.get("pause"):
        return False
    learn(conn, run_id, pause=None)
    if run.state == "waiting":
        _live_on(conn, replace(run, facts={**run.facts, "pause": None}), None)
    return True


def retry(
    conn: sa.Connection, run_id: str, redone: Collection[str], sentence: str, payer: tuple[int, str] | None = None
) -> bool:
    """An ended run is queued again: the steps `redone` (keys) are done anew, the results of the others stand.

    `payer` (id and login) is whose day it counts against from now on. False where it has not ended, or another run of
    its workflow is under way for its target.
    """
    run = get(conn, run_id, lock=True)
    if run is None or run.active:
        return False
    others = sa.select(runs.c.id).where(
        runs.c.target == run.target, runs.c.workflow == run.workflow, runs.c.state.in_(ACTIVE)
    )
    if conn.execute(others).first() is not None:
        return False
    kept = [node.key for node in tree(conn, run_id) if node.ended_at and node.key not in redone]
    for key in redone:
        conn.execute(
            sa.update(nodes).where((nodes.c.run == run_id) & (nodes.c.key == key)).values(key=f"{key}{PAST}{run.life}")
        )
    conn.execute(sa.delete(artifacts).where(artifacts.c.run == run_id, artifacts.c.key.in_(list(redone))))
    _live_on(conn, run, kept)
    update(conn, run_id, cancel=None, ended_at=None, cost_usd=None)
    learn(conn, run_id, again=sentence, payer=payer, pause=None, concluded=None, reacted=None, partial=None)
    return True


def _live_on(conn: sa.Connection, run: Run, kept: list[str] | None) -> None:
    """The run is queued for its next life, which takes over what is recorded of the lives before: of `kept`, or all."""
    taken = [*run.facts.get("kept", []), kept]
    update(conn, run.id, state="queued", reason="", life=run.life + 1, due=None)
    learn(conn, run.id, kept=taken)


def end(conn: sa.Connection, run_id: str, state: State, reason: str) -> None:
    """The run ends in `state`; steps that were under way or never began say so too. A repeat changes nothing."""
    now = time.time()
    run = get(conn, run_id)
    if run is None or not run.active:
        return
    under_way = (nodes.c.run == run_id) & (nodes.c.state == "running")
    conn.execute(sa.update(nodes).where(under_way).values(state=state, ended_at=now))
    conn.execute(sa.delete(nodes).where((nodes.c.run == run_id) & (nodes.c.state == "queued")))
    update(conn, run_id, state=state, reason=reason, ended_at=now, cost_usd=total_cost(tree(conn, run_id)))


def tree(conn: sa.Connection, run_id: str) -> list[Node]:
    """The run's steps in the order people read them."""
    columns = [nodes.c[name] for name in Node.__dataclass_fields__]
    in_turn = (nodes.c.position, sa.func.coalesce(nodes.c.started_at, sys.maxsize))
    rows = conn.execute(sa.select(*columns).where(nodes.c.run == run_id).order_by(*in_turn))
    return [Node(**row._mapping) for row in rows]


def put(conn: sa.Connection, run_id: str, node: Node) -> None:
    """Store a step, or what has changed of it."""
    conn.execute(_storing(conn.dialect.name, nodes), _row(run_id, node))


def plan(conn: sa.Connection, run_id: str, steps: Collection[Node]) -> None:
    """Store steps that are not there yet."""
    if steps:
        statement = _insert(conn, nodes).on_conflict_do_nothing()
        conn.execute(statement, [_row(run_id, node) for node in steps])


def _row(run_id: str, node: Node) -> dict[str, Any]:
    return {"run": run_id, **{name: getattr(node, name) for name in Node.__dataclass_fields__}}


def open(conn: sa.Connection, run_id: str, node: Node, now: float) -> None:
    """A step is under way, since `now` unless it was before."""
    if not conn.execute(_OPEN, {**_of(run_id, node.key), "at": now, "state": "running"}).rowcount:
        put(conn, run_id, replace(node, state="running", started_at=now))


def shut(conn: sa.Connection, run_id: str, key: str, state: State, reason: str, now: float) -> None:
    """A step has ended, at `now` unless it had before."""
    conn.execute(_SHUT, {**_of(run_id, key), "at": now, "state": state, "reason": reason})


def change(conn: sa.Connection, run_id: str, key: str, **values: Any) -> None:
    conn.execute(_CHANGE, {**_of(run_id, key), **values})


def keep(conn: sa.Connection, run_id: str, key: str, meta: Mapping[str, Any], data: bytes = b"") -> None:
    """Record what a step made, so that it outlives the worktree, the process and the machine."""
    row = {"run": run_id, "key": key, "meta": dict(meta), "data": data}
    conn.execute(_storing(conn.dialect.name, artifacts), row)


def kept(conn: sa.Connection, run_id: str, key: str) -> tuple[dict[str, Any], bytes] | None:
    row = conn.execute(_KEPT, _of(run_id, key)).one_or_none()
    return (row.meta, row.data) if row is not None else None


def not_shown(conn: sa.Connection) -> list[str]:
    """Runs that ended in the last day and whose status comment was not brought up to date."""
    recent_enough = time.time() - 24 * 3600
    rows = conn.execute(sa.select(runs).where(runs.c.state.not_in(ACTIVE), runs.c.ended_at > recent_enough))
    return [row.id for row in rows if row.facts.get("shown") != row.state]


def forget(conn: sa.Connection, before: float) -> list[str]:
    """Drop what the steps of runs made that ended before that time (seconds since 1970); the ids of those runs.

    What an approval still needs stays.
    """
    made = sa.select(runs.c.id).where(runs.c.ended_at < before, runs.c.id.in_(sa.select(artifacts.c.run)))
    old = made.where(runs.c.id.not_in(gates.spared(before)))
    ids = list(conn.execute(old).scalars())
    conn.execute(sa.delete(artifacts).where(artifacts.c.run.in_(ids)))
    return ids


def all_kept(conn: sa.Connection, run_id: str) -> list[tuple[dict[str, Any], bytes]]:
    """Everything the steps of a run made, oldest key first."""
    query = sa.select(artifacts.c.meta, artifacts.c.data).where(artifacts.c.run == run_id).order_by(artifacts.c.key)
    return [(row.meta, row.data) for row in conn.execute(query)]
