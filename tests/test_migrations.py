"""Databases of every age come to the same tables, and keep what they held."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store.db import Database, metadata, nodes, runs
from bot.store.gates import about
from bot.store.migrations import MIGRATIONS, migrate

Shape = dict[str, Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Database]:
    """Makes empty databases."""
    if request.param == "sqlite":
        names = iter("abc")
        return lambda: Database(f"sqlite:///{tmp_path / next(names)}.db")
    new_database = request.getfixturevalue("new_database")
    return lambda: Database(new_database())


def shape(conn: sa.Connection) -> Shape:
    """Every table: its columns with types, defaults and whether they may be empty; its keys and indexes."""
    seen = sa.inspect(conn)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in seen.get_columns(table)],
            seen.get_pk_constraint(table)["constrained_columns"],
            sorted(str(i["column_names"]) + str(i["unique"]) + _where(i) for i in seen.get_indexes(table)),
            sorted(str(u["column_names"]) for u in seen.get_unique_constraints(table)),
        )
        for table in seen.get_table_names()
        if table != "schema_version"
    }


def _where(index: Any) -> str:
    """The words of an index' condition; around them a database writes what it likes."""
    conditions = [str(value) for name, value in index["dialect_options"].items() if name.endswith("_where")]
    return str([re.findall(r"'(\w+)'", condition) for condition in conditions])


def version_1(conn: sa.Connection) -> None:
    """A database as the first release left it, with a run in it."""
    MIGRATIONS[0](conn)
    conn.execute(sa.text("create table schema_version (version integer not null)"))
    conn.execute(sa.text("insert into schema_version values (1)"))
    conn.execute(
        sa.text(
            "insert into runs (id, delivery, workflow, repo, target, state, created_at, context, facts)"
            " values ('one', 'd', 'w', 'acme/greeter', 'acme/greeter#1', 'over budget', 1.5, '{}', '{}')"
        )
    )
    conn.execute(sa.text("insert into nodes (run, key, position, title, state) values ('one', 'k', 1, 't', 'queued')"))


async def test_a_fresh_database_has_the_tables_of_today(fresh: Callable[[], Database]) -> None:
    migrated, made = fresh(), fresh()
    await migrated.migrate()
    await made.write(metadata.create_all)
    got, wanted = await migrated.read(shape), await made.read(shape)
    if migrated.sqlite:  # which takes any length for any
        assert _any_length(got) == _any_length(wanted)
    else:
        assert got == wanted
    for db in (migrated, made):
        await db.close()


def _any_length(shape: Shape) -> str:
    return str(shape).replace("VARCHAR(12)", "VARCHAR(20)")


async def test_a_database_of_the_first_release_keeps_its_runs_and_takes_longer_states(
    fresh: Callable[[], Database],
) -> None:
    db, new = fresh(), fresh()
    await db.write(version_1)
    await db.migrate()
    await db.migrate()
    await new.migrate()
    assert await db.read(shape) == await new.read(shape)
    longest = "x" * 20
    await db.write(lambda conn: conn.execute(sa.update(runs).values(state=longest)))
    await db.write(lambda conn: conn.execute(sa.update(nodes).values(state=longest)))
    row = await db.read(lambda conn: conn.execute(sa.select(runs.c.id, runs.c.state, runs.c.created_at)).one())
    assert tuple(row) == ("one", longest, 1.5)
    versions = await db.read(lambda conn: list(conn.scalars(sa.text("select version from schema_version order by 1"))))
    assert versions == list(range(1, len(MIGRATIONS) + 1))
    for one in (db, new):
        await one.close()


async def test_workers_that_start_together_migrate_once(postgres_url: str) -> None:
    one, other = Database(postgres_url), Database(postgres_url)
    await one.write(migrate)
    await other.write(migrate)
    assert await other.read(lambda conn: conn.scalar(sa.text("select count(*) from schema_version"))) == len(MIGRATIONS)
    for db in (one, other):
        await db.close()


async def test_what_waited_for_approval_before_there_were_gates_waits_on(fresh: Callable[[], Database]) -> None:
    db = fresh()

    def before(conn: sa.Connection) -> None:
        version_1(conn)
        for step in MIGRATIONS[1:3]:
            step(conn)
        conn.execute(sa.text("insert into schema_version values (2), (3)"))
        kept = {"context": '{"event": {"repo": {"id": 7}}}', "facts": '{"patch": "abc"}'}
        waits = "update runs set state = 'needs approval', ended_at = 2.5, context = :context, facts = :facts"
        conn.execute(sa.text(waits), kept)
        gate = {"meta": '{"ground": {"base": "def", "pull": null}}', "data": b""}
        conn.execute(sa.text("insert into artifacts (run, key, meta, data) values ('one', 'gate', :meta, :data)"), gate)

    await db.write(before)
    await db.migrate()
    (found,) = await db.read(lambda conn: about(conn, 7, "acme/greeter#1", 1))
    gate = found.gate
    assert (gate.run, gate.workflow, gate.kind, gate.digest, gate.base) == ("one", "w", "patch", "abc", "def")
    assert found.waits(now=3.0)
    await db.close()
