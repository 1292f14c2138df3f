"""Durable runs: each step of a run is recorded once and outlives the process; only this module knows DBOS."""

import asyncio
import contextvars
import json
import logging
import sqlite3
import sys
import time
import zlib
from collections.abc import Awaitable, Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID, WorkflowHandleAsync
from dbos._serialization import serialize_value
from dbos._sys_db import OperationResultInternal, StepInfo
from sqlalchemy import event

from bot.errors import Stop, TryAgain
from bot.store.writer import Writer
from bot.workflow.slot import Slot

T = TypeVar("T")
Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
Effect: TypeAlias = Callable[[], Awaitable[Json]]
Checkpoint: TypeAlias = Callable[[str], Awaitable[None]]

_SERIALIZER = DBOSPortableJSONSerializer()  # not pickle: who can write the database must not run code here
_TRIES = 5  # of a step that says TryAgain
_RECOVERIES = 20  # of one run: a run that takes its worker down with it each time is given up
_RECOVERING, _LISTENING = 0.02, 1.0  # seconds between looks at the queue that recovered runs pass through
_RECOVERING_FOR = 5.0  # seconds after the launch: another worker may have taken them, or they were given up
_UNFINISHED = ["PENDING", "ENQUEUED"]
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


class Step(Protocol):
    """Do `effect` once for this run and key, and give its result; after a restart the recorded result is given.

    The key is the step's name and must not repeat within a run; steps may run side by side. A process that dies
    within a step repeats it. Stop is raised the same way each time; another error is a RuntimeError on replay.
    """

    async def __call__(self, key: str, effect: Effect) -> Json: ...


Body: TypeAlias = Callable[[str, Step], Awaitable[None]]


async def _go_on(_point: str) -> None:
    """The checkpoint that stops nobody."""


class Engine:
    """The runs of this process; one at a time in a process. `slot` is the name its unfinished runs are found by.

    `body(run_id, step)` is what a run does. `checkpoint` is awaited at `<key>:before` and `<key>:done` of every step.
    `sleep` waits (seconds) where a step asks for another try.
    """

    def __init__(
        self,
        database_url: str,
        body: Body,
        *,
        slot: str,
        data_dir: Path,
        checkpoint: Checkpoint = _go_on,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url, self._body, self._slot, self._checkpoint = database_url, body, slot, checkpoint
        self._data_dir, self._sleep = data_dir, sleep
        self._running: dict[str, asyncio.Task[Any] | None] = {}
        self._recovering: set[str] = set()
        self._changed = asyncio.Event()
        self._closing = False

    async def launch(self) -> None:
        """Open the records and go on with this slot's unfinished runs. Call it in the loop that is to run them.

        Raises SQLAlchemy's or SQLite's error when the database cannot be reached; nothing is left open then.
        """
        self._loop, self._context = asyncio.get_running_loop(), contextvars.copy_context()
        _quieten()
        self._database = _database(self._url, self._data_dir)
        self._writer: Writer | None = None
        try:
            self._open()
        except BaseException:
            await self._shut()
            raise
        self._listen()
        self._calm = self._loop.call_later(_RECOVERING_FOR, self._listen, True)

    def _open(self) -> None:
        dbos = DBOS(config=_config(self._database, self._slot))
        self._queue = dbos._registry.get_internal_queue()
        self._queue._polling_interval_sec = _RECOVERING

        async def run(run_id: str) -> None:
            await self._run(run_id)

        self._workflow = DBOS.workflow(name="run", max_recovery_attempts=_RECOVERIES)(run)
        DBOS.launch()
        self._records, sqlite = dbos._sys_db, self._database.dialect.name == "sqlite"
        self._writer = Writer(self._records.engine) if sqlite else None
        # Blocks the loop on purpose: nothing that is recovered can begin before it is listed.
        with ThreadPoolExecutor(1) as thread:
            self._recovering = thread.submit(_unfinished_ids, self._slot).result()

    async def start(self, run_id: str) -> bool:
        """Begin the run unless it has begun; durable when this returns. False: it has ended, or was given up."""
        if self._closing:
            raise RuntimeError("the engine is closing")
        if run_id in self._running:
            return True
        return await self._outside(self._start(run_id))

    async def _start(self, run_id: str) -> bool:
        with SetWorkflowID(run_id):
            handle: WorkflowHandleAsync[None] = await DBOS.start_workflow_async(self._workflow, run_id)
        if hasattr(handle, "task"):  # this call began it
            self._running.setdefault(run_id, None)
            return True
        status = await handle.get_status()
        return status.status in _UNFINISHED

    async def unfinished(self) -> set[str]:
        """The ids of all runs, of every worker, that have not ended."""
        return await self._outside(asyncio.to_thread(_unfinished_ids, None))

    async def recorded(self, run_id: str) -> dict[str, Json]:
        """What the steps of a run that ended gave, by their keys; those that failed or stopped it are left out."""
        steps = await self._outside(asyncio.to_thread(DBOS.list_workflow_steps, run_id))
        found = {step["function_name"]: json.loads(step["output"]) for step in steps if step["output"]}
        return {key: record[1] for key, record in found.items() if record[0] == "value"}

    async def idle(self) -> None:
        """Return when every run of this process has ended, the recovered ones too."""
        while self._running or self._recovering:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), 0.2 if self._recovering else None)
            except TimeoutError:  # perhaps another worker took it up, or it was given up
                self._recovering &= await self._outside(asyncio.to_thread(_unfinished_ids, self._slot))
                self._listen()

    async def adopt_dead(self, slot: Slot) -> list[str]:
        """Take up the runs of workers that are gone; their ids. `slot` is this process's own."""
        owners = await self._outside(asyncio.to_thread(_owners))
        adopted: list[str] = []
        for owner in sorted(owners - {self._slot}):
            async with slot.hold(owner) as dead:  # held so that its successor cannot begin the same runs meanwhile
                if dead:
                    adopted += await self._outside(asyncio.to_thread(_recover, owner))
        return adopted

    async def forget(self, before: float, kept: Collection[str] = ()) -> int:
        """Delete the records of runs that ended before that time (seconds since 1970), but for `kept`; how many."""
        return await self._outside(asyncio.to_thread(_forget, datetime.fromtimestamp(before, UTC).isoformat(), kept))

    async def close(self, grace: float) -> None:
        """Begin nothing more, give running runs `grace` seconds, interrupt the rest; they go on at the next launch."""
        self._closing = True
        tasks = [task for task in self._running.values() if task]
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=10)
        self._calm.cancel()
        await self._shut()

    async def _shut(self) -> None:
        # DBOS made its own executor the loop's default and shuts it down with itself.
        self._loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="loop"))
        if self._writer is not None:
            await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        self._database.dispose()

    async def _outside(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` outside any run (within one DBOS would record it as the run's step), even if the caller leaves."""
        return await asyncio.shield(self._loop.create_task(work, context=self._context.copy()))

    def _listen(self, calm: bool = False) -> None:
        """How often to look for recovered runs: on SQLite only this process's own launch makes some."""
        usual = 60.0 if self._database.dialect.name == "sqlite" else _LISTENING
        self._queue._polling_interval_sec = _RECOVERING if self._recovering and not calm else usual

    async def _run(self, run_id: str) -> None:
        task = asyncio.current_task()
        if self._closing or task is None:
            raise asyncio.CancelledError
        self._running[run_id] = task
        self._recovering.discard(run_id)
        self._listen()
        task.add_done_callback(lambda _: self._ended(run_id))
        records = _Records(run_id, await self._outside(asyncio.to_thread(DBOS.list_workflow_steps, run_id)))
        await self._body(run_id, partial(self._step, records))

    def _ended(self, run_id: str) -> None:
        self._running.pop(run_id, None)
        self._changed.set()

    async def _step(self, records: "_Records", key: str, effect: Effect) -> Json:
        raised: list[Exception] = []
        if (said := records.said(key)) is None:
            began = time.time()
            said = await self._do(key, effect, raised)
            await self._keep(records.new(key, said, began))
        record: list[Any] = json.loads(said)
        if record[0] == "value":
            return record[1]  # type: ignore[no-any-return]
        if raised:
            raise raised[0]
        if record[0] == "stop":
            raise Stop(record[1], record[2])
        raise RuntimeError(record[1])

    async def _keep(self, made: OperationResultInternal) -> None:
        """Record a step; durable when this returns. DBOS refuses where another worker has taken the run up meanwhile.

        DBOS's own way asks first whether there is a record, and SQLite would commit one at a time.
        """
        at, within = int(time.time() * 1000), contextvars.copy_context()  # whose run it is, DBOS knows by the context
        if self._writer is not None:
            write = partial(self._records._record_operation_result_txn, made, at)
            try:
                return await asyncio.wrap_future(self._writer.submit(lambda conn: within.run(write, conn)))
            except sa.exc.OperationalError as busy:
                if "locked" not in str(busy):  # then DBOS asks again and again
                    raise
        return await asyncio.to_thread(self._records.record_operation_result, made, completed_at_epoch_ms=at)

    async def _do(self, key: str, effect: Effect, raised: list[Exception]) -> str:
        """What is recorded of one step, as ASCII JSON: both databases keep it whatever text is in it."""
        await self._checkpoint(f"{key}:before")
        try:
            outcome: list[Json] = ["value", await _insist(effect, self._sleep)]
            record = json.dumps(outcome, allow_nan=False)
        except Stop as stop:
            raised.append(stop)
            record = json.dumps(["stop", stop.state, stop.sentence])
        except Exception as error:  # recorded, and raised to the body
            if self._closing:  # says nothing about the step: it is repeated after the restart
                raise asyncio.CancelledError from error
            raised.append(error)
            record = json.dumps(["error", type(error).__name__])  # not its words, which may quote a token
        await self._checkpoint(f"{key}:done")
        return record


class _Records:
    """What the steps of one run gave so far, by their keys. `steps`: those that DBOS has.

    A step is found by its name, not by when it was called: steps may race, and a newer Tutti may have other ones. Its
    number is made of the key, or is the next one: of some thousand keys two have the same now and then.
    """

    def __init__(self, run_id: str, steps: list[StepInfo]) -> None:
        self._run, self._seen = run_id, set[str]()
        self._steps = {step["function_name"]: step["output"] for step in steps}
        self._taken = {step["function_id"] for step in steps}

    def said(self, key: str) -> str | None:
        """What is recorded of a step. Raises RuntimeError where it was asked for before, or has no readable record."""
        if key in self._seen:
            raise RuntimeError(f"the step {key!r} is there twice in one run")
        self._seen.add(key)
        if key not in self._steps:
            return None
        if not isinstance(said := self._steps.pop(key), str):
            raise RuntimeError(f"the step {key!r} has no record that can be read")
        return said

    def new(self, key: str, said: str, began: float) -> OperationResultInternal:
        """The record of a step that had none; it began so many seconds after 1970 did."""
        number = zlib.crc32(key.encode()) & 0x7FFFFFFF
        while number in self._taken:
            number = (number + 1) & 0x7FFFFFFF
        self._taken.add(number)
        output, form = serialize_value(said, None, _SERIALIZER)
        return OperationResultInternal(
            workflow_uuid=self._run,
            function_id=number,
            function_name=key,
            output=output,
            error=None,
            serialization=form,
            started_at_epoch_ms=int(began * 1000),
            child_workflow_id=None,
        )


async def _insist(effect: Effect, sleep: Callable[[float], Awaitable[None]]) -> Json:
    """The effect's result, with every TryAgain obeyed; the last one ends the run."""
    for tries in count(1):
        try:
            return await effect()
        except TryAgain as again:
            if tries == _TRIES:
                raise Stop("failed", f"{again} (tried {tries} times)") from again
            await sleep(again.after)
    raise AssertionError


def _is_news(record: logging.LogRecord) -> bool:
    """Runs that closing interrupts, and recovered runs that are started again, are everyday to us."""
    return not record.msg.startswith(("Asyncio task cancelled", "Workflow already exists in queue"))


def _quieten() -> None:
    """DBOS writes to the console by itself unless its logger has a handler."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.addFilter(_is_news)
    logger.propagate = True


def _config(database: sa.Engine, slot: str) -> DBOSConfig:
    return DBOSConfig(
        name="tutti",
        system_database_url=database.url.render_as_string(hide_password=False),
        system_database_engine=database,
        serializer=_SERIALIZER,
        application_version="v1",  # pinned: a run that another version began is gone on with
        executor_id=slot,
        log_level="WARNING",
        max_executor_threads=32,
        use_listen_notify=False,
        notification_listener_polling_interval_sec=0.1,  # asks nothing of the database; bounds how long closing takes
        scheduler_polling_interval_sec=3600,
    )


def _database(url: str, data_dir: Path) -> sa.Engine:
    """SQLite: a file of its own beside Tutti's, since DBOS holds write locks as it likes. PostgreSQL: schema `dbos`."""
    given = sa.make_url(url.replace("postgres://", "postgresql://", 1))
    if given.get_backend_name() == "sqlite":
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = sa.create_engine(f"sqlite:///{data_dir / 'engine.db'}", pool_size=4, max_overflow=0)
        event.listen(engine, "connect", _tune_sqlite)
        return engine
    return sa.create_engine(
        given.set(drivername="postgresql+psycopg"),
        pool_size=8,
        # A worker that is stopped in the middle of a transaction must not hold its locks.
        connect_args={"options": "-c idle_in_transaction_session_timeout=60000"},
    )


def _tune_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    if sqlite3.sqlite_version_info >= (3, 42):
        return
    # What DBOS asks of a newer SQLite: the time with fractions of a second.
    if sys.version_info >= (3, 12):
        connection.create_function("unixepoch", 1, lambda _modifier: time.time())
    else:
        connection.create_function(
            "strftime", 2, lambda form, when: time.time() if (form, when) == ("%s", "now") else None
        )


def _unfinished_ids(slot: str | None) -> set[str]:
    found = DBOS.list_workflows(status=_UNFINISHED, executor_id=slot, load_input=False, load_output=False)
    return {each.workflow_id for each in found}


def _owners() -> set[str]:
    found = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    return {each.executor_id for each in found if each.executor_id}


def _recover(owner: str) -> list[str]:
    # The public resume_workflow would count a run's recoveries from zero again.
    return [handle.workflow_id for handle in DBOS._recover_pending_workflows([owner])]


def _forget(before: str, kept: Collection[str]) -> int:
    forgotten = spared = 0
    while ended := DBOS.list_workflows(
        status=_ENDED, completed_before=before, limit=500, offset=spared, load_input=False, load_output=False
    ):
        old = [each.workflow_id for each in ended if each.workflow_id not in kept]
        spared += len(ended) - len(old)
        if old:
            DBOS.delete_workflows(old)
        forgotten += len(old)
    return forgotten
