"""How the database came to be what it is: each step once, in order, written out as it was on its day.

A step never changes and names no table of today: a database of any age comes through the same steps.
"""

from collections.abc import Callable

import sqlalchemy as sa


def _m001_initial(conn: sa.Connection) -> None:
    made = sa.MetaData()
    sa.Table(
        "deliveries",
        made,
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("guid", sa.String(64), nullable=False, unique=True),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("status", sa.String(8), nullable=False, server_default="new"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Index("deliveries_by_status", "status", "seq"),
    )
    _m001_runs(made)
    sa.Table(
        "artifacts",
        made,
        sa.Column("run", sa.String(36), primary_key=True),
        sa.Column("key", sa.String(120), primary_key=True),
        sa.Column("meta", sa.JSON, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    sa.Table(
        "copies",
        made,
        sa.Column("repo", sa.String(200), primary_key=True),
        sa.Column("path", sa.String(250), primary_key=True),
        sa.Column("text", sa.Text, nullable=True),
        sa.Column("commit", sa.String(64), nullable=False),
        sa.Column("problem", sa.Text, nullable=False, server_default=""),
    )
    made.create_all(conn)


def _m001_runs(made: sa.MetaData) -> None:
    active = sa.text("state in ('queued','running','waiting')")
    sa.Table(
        "runs",
        made,
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("delivery", sa.String(64), nullable=False),
        sa.Column("workflow", sa.String(100), nullable=False),
        sa.Column("repo", sa.String(200), nullable=False),
        sa.Column("target", sa.String(250), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("cancel", sa.Text, nullable=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float, nullable=True),
        sa.Column("ended_at", sa.Float, nullable=True),
        sa.Column("cost_usd", sa.Float, nullable=True),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.UniqueConstraint("delivery", "workflow"),
        sa.Index("runs_one_active", "workflow", "target", unique=True, sqlite_where=active, postgresql_where=active),
    )
    sa.Table(
        "nodes",
        made,
        sa.Column("run", sa.String(36), primary_key=True),
        sa.Column("key", sa.String(120), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("plan", sa.Text, nullable=False, server_default=""),
        sa.Column("started_at", sa.Float, nullable=True),
        sa.Column("ended_at", sa.Float, nullable=True),
        sa.Column("cost_usd", sa.Float, nullable=True),
    )


def _m002_spending(conn: sa.Connection) -> None:
    """What is spent a day; and longer words for how runs end, where the database counts their letters."""
    made = sa.MetaData()
    sa.Table(
        "spending",
        made,
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("run", sa.String(36), primary_key=True),
        sa.Column("repo", sa.String(200), nullable=False),
        sa.Column("actor", sa.BigInteger, nullable=False),
        sa.Column("usd", sa.Float, nullable=False),
    )
    made.create_all(conn)
    if conn.dialect.name == "postgresql":
        for table in ("runs", "nodes"):
            conn.execute(sa.text(f"alter table {table} alter column state type varchar(20)"))


def _m003_reviews(conn: sa.Connection) -> None:
    """What was said of pull requests, and what became of it; runs that wait for their time."""
    conn.execute(sa.text("alter table runs add column due float"))
    made = sa.MetaData()
    sa.Table(
        "reviews",
        made,
        sa.Column("repo", sa.BigInteger, primary_key=True),
        sa.Column("pull", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("installation", sa.BigInteger, nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("comment", sa.BigInteger, nullable=True),
        sa.Column("read", sa.JSON, nullable=False),
        sa.Column("check", sa.BigInteger, nullable=True),
        sa.Column("story", sa.JSON, nullable=True),
        sa.Column("polled_at", sa.Float, nullable=False),
        sa.Column("closed_at", sa.Float, nullable=True),
    )
    sa.Table(
        "findings",
        made,
        sa.Column("repo", sa.BigInteger, primary_key=True),
        sa.Column("pull", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("inline", sa.Boolean, nullable=False),
        sa.Column("comment", sa.BigInteger, nullable=True),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("finding", sa.JSON, nullable=False),
        sa.Column("found_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=True),
        sa.Index("findings_by_comment", "comment"),
    )
    sa.Table(
        "feedback",
        made,
        sa.Column("repo", sa.BigInteger, primary_key=True),
        sa.Column("source", sa.String(100), primary_key=True),
        sa.Column("pull", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("actor", sa.BigInteger, nullable=False),
        sa.Column("login", sa.String(100), nullable=False),
        sa.Column("level", sa.String(12), nullable=False),
        sa.Column("words", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.Float, nullable=False),
        sa.Index("feedback_by_pull", "repo", "pull"),
    )
    made.create_all(conn)


def _m004_control(conn: sa.Connection) -> None:
    """Runs that are gone on with or tried again, that wait for another, and who asked for them; and gates."""
    for column in ("life integer not null default '1'", "after varchar(36)", "actor bigint not null default '0'"):
        conn.execute(sa.text(f"alter table runs add column {column}"))
    conn.execute(sa.text("alter table deliveries add column target varchar(250)"))
    conn.execute(sa.text("alter table deliveries add column marks json"))
    conn.execute(sa.text("create index deliveries_by_target on deliveries (target, seq)"))
    made = sa.MetaData()
    gates = sa.Table(
        "gates",
        made,
        sa.Column("run", sa.String(36), primary_key=True),
        sa.Column("repo", sa.BigInteger, nullable=False),
        sa.Column("target", sa.String(250), nullable=False),
        sa.Column("pull", sa.Integer, nullable=True),
        sa.Column("workflow", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("base", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("ended", sa.String(12), nullable=False, server_default=""),
        sa.Column("ended_at", sa.Float, nullable=True),
        sa.Column("successor", sa.String(36), nullable=True),
        sa.Index("gates_by_target", "repo", "target"),
    )
    made.create_all(conn)
    _m004_waiting(conn, gates)


def _m004_waiting(conn: sa.Connection, gates: sa.Table) -> None:
    """What waits for approval on that day goes on to wait, by a row of its own."""
    values = [sa.column(name, sa.JSON) for name in ("context", "facts")]
    there = [*map(sa.column, ("id", "target", "workflow", "ended_at")), *values]
    waiting = sa.select(*there).select_from(sa.table("runs")).where(sa.column("state") == "needs approval")
    kept = sa.select(sa.column("meta", sa.JSON)).select_from(sa.table("artifacts")).where(sa.column("key") == "gate")
    for run in conn.execute(waiting).all():
        gate = conn.execute(kept.where(sa.column("run") == run.id)).scalar_one_or_none()
        if gate is None or not run.facts.get("patch"):
            continue
        ground, repo = gate["ground"], run.context["event"]["repo"]["id"]
        values_of = {"run": run.id, "repo": repo, "target": run.target, "workflow": run.workflow}
        more = {"kind": "patch", "digest": run.facts["patch"], "base": ground["base"], "pull": ground["pull"]}
        conn.execute(sa.insert(gates).values(**values_of, **more, created_at=run.ended_at))


def _m005_lanes(conn: sa.Connection) -> None:
    """Runs that go before others, and runs of which one is under way at a time."""
    for column in ("priority integer not null default '0'", "concurrency varchar(80)"):
        conn.execute(sa.text(f"alter table runs add column {column}"))


def _m006_turns(conn: sa.Connection) -> None:
    """Runs that stand elsewhere in the queue than in the order in which they came."""
    conn.execute(sa.text("alter table runs add column turn integer"))


MIGRATIONS: list[Callable[[sa.Connection], None]] = [
    _m001_initial,
    _m002_spending,
    _m003_reviews,
    _m004_control,
    _m005_lanes,
    _m006_turns,
]


def migrate(conn: sa.Connection) -> None:
    """Bring the schema up to date: each function of MIGRATIONS once, in order, in this transaction."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text("select pg_advisory_xact_lock(718281828)"))
    conn.execute(sa.text("create table if not exists schema_version (version integer not null)"))
    done = conn.execute(sa.text("select max(version) from schema_version")).scalar() or 0
    for number, step in enumerate(MIGRATIONS[done:], start=done + 1):
        step(conn)
        conn.execute(sa.text("insert into schema_version values (:n)"), {"n": number})
