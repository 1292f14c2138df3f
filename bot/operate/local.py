"""A workflow on a clone on this machine, without GitHub, from a name at the terminal to how it ended."""

import asyncio
import signal
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from bot.agents.task import Backend
from bot.app import Bench, Seams, patterns, workbench
from bot.errors import State, UserError
from bot.operate import script
from bot.operate.choice import Choice, choose, file_of
from bot.operate.clone import CloneHost, Wish, most
from bot.operate.screen import Screen
from bot.publish import text
from bot.settings import Settings
from bot.store import runs
from bot.store.runs import Run
from bot.workflow import reuse
from bot.workflow.bounds import held
from bot.workflow.conduct import Conductor
from bot.workflow.spec import Workflow

BY_CTRL_C = "Cancelled by Ctrl-C."
ENDING = "Ctrl-C: every agent is ended, and what they have made is kept. A second Ctrl-C keeps nothing."


@dataclass(frozen=True)
class Result:
    """How a local run ended: its state word, the sentence, and the branch where its work is (empty: none)."""

    state: State
    reason: str
    branch: str


def rehearsed(name: str, file: Path | None, wish: Wish) -> dict[str, Backend]:
    """The backend that plays a script, where that is wanted. Raises UserError where there is none, or ConfigError.

    `file` is that of the workflow, where `name` means one.
    """
    if wish.script is not None and wish.backend != script.BACKEND:
        raise UserError(f"A script is played with --backend {script.BACKEND}, and by no other.")
    if wish.backend != script.BACKEND:
        return {}
    beside = (file or file_of(name)).with_suffix(script.SUFFIX)
    if wish.script is None and not beside.is_file():
        raise UserError(f"There is nothing to rehearse: no file {beside} beside the workflow; name one with --script.")
    return {script.BACKEND: script.parse(wish.script or beside)}


def _titled(wish: Wish, chosen: Choice, name: str) -> Wish:
    """What is wanted; a workflow in a file of its own may say that by itself, and then its name is the title."""
    if not wish.title and chosen.file is None:
        raise UserError(f"Say what is wanted of {name} with --title.")
    return wish if wish.title else replace(wish, title=chosen.workflow.name)


async def execute(
    settings: Settings,
    chosen: Choice,
    clone: Path,
    wish: Wish,
    seams: Seams,
    watched: Callable[[Bench, str], None],
    tell: Callable[[str], None] = lambda words: None,
) -> Result:
    """Do the workflow on the clone; `watched` is called with the parts and the run's id before it begins.

    By the workflow's id the clone's configuration may lower what it may use, or let it not start. Ctrl-C ends it, which
    `tell` says at once.
    """
    workflow = chosen.workflow
    if workflow.opens is not workflow.outputs.pull_request:
        raise UserError(f"The workflow {workflow.name} works on a pull request, and a clone has none.")
    if not (clone / ".git").exists():
        raise UserError(f"{clone} is not the top of a git clone.")
    async with workbench(settings, seams) as bench:
        if wish.backend is not None and wish.backend not in bench.shop.backends:
            raise UserError(f"There is no backend {wish.backend}; known are {', '.join(sorted(bench.shop.backends))}.")
        host, used = CloneHost(bench, clone, wish), _used(workflow, chosen.known)
        workflow = held(await host.configured(workflow, chosen.called, used), most(settings))
        run = _run(clone, workflow, used)
        await bench.db.write(lambda conn: runs.create(conn, run))
        watched(bench, run.id)
        async with _ended_by_ctrl_c(bench, run.id, tell):
            await Conductor(bench.shop, host, patterns(), lambda _run: None).execute(run.id, _once)
            await bench.board.settled()
            return await _result(bench, host, run)


async def _result(bench: Bench, host: CloneHost, run: Run) -> Result:
    """How a run has ended. What it made goes away with its data folder, unless it is in the clone by then."""
    ended = await bench.db.read(lambda conn: runs.get(conn, run.id))
    assert ended is not None
    early = ended.state == "cancelled" or ended.reason == text.broken(run.id)
    kept = await host.salvage(run) if early else ""
    reason = "\n\n".join(part for part in (ended.reason, kept) if part)
    return Result(ended.state, reason, str(ended.facts.get("branch", "")))


@asynccontextmanager
async def _ended_by_ctrl_c(bench: Bench, run_id: str, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Meanwhile the first Ctrl-C cancels the run, as people do on GitHub; the next does what it always does."""
    loop, before, tasks = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT), list[asyncio.Task[None]]()

    async def cancel() -> None:
        await bench.db.write(lambda conn: runs.cancel_all(conn, [run_id], BY_CTRL_C))
        bench.shop.bells.ring(run_id)

    def rung() -> None:
        _as_before(loop, before)
        tell(ENDING)
        tasks.append(loop.create_task(cancel()))

    if before is not signal.SIG_IGN:
        with suppress(ValueError, RuntimeError):  # a loop that is not in the main thread hears of no signal
            loop.add_signal_handler(signal.SIGINT, rung)
    try:
        yield
    finally:
        _as_before(loop, before)
        await asyncio.gather(*tasks)


def _as_before(loop: asyncio.AbstractEventLoop, handler: Any) -> None:
    if loop.remove_signal_handler(signal.SIGINT):
        signal.signal(signal.SIGINT, handler)


async def _once(_key: str, effect: Callable[[], Any]) -> Any:
    """A step of a run that nobody will resume."""
    return await effect()


def _used(workflow: Workflow, known: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """Raises UserError where it uses a workflow that is not there."""
    try:
        return reuse.used(workflow, known)
    except ValueError as wrong:
        raise UserError(f"{workflow.name} cannot be played: {wrong}.") from wrong


def _run(clone: Path, workflow: Workflow, used: Mapping[str, Workflow]) -> Run:
    now = time.time()
    name = str(uuid.uuid4())
    context: dict[str, Any] = {"workflow": workflow.record()}
    context["used"] = {name: one.record() for name, one in used.items()}
    return Run(name, name, workflow.name[:100], clone.name, str(clone), "running", now, context, started_at=now)


async def show(
    settings: Settings, console: Console, name: str, clone: Path, wish: Wish, seams: Seams | None = None
) -> Result:
    """Do a workflow on a clone with the run shown in the terminal, in a data folder that goes away afterwards."""
    chosen, screen = await choose(name, clone, most(settings)), Screen(console)
    wish, played = _titled(wish, chosen, name), rehearsed(name, chosen.file, wish)
    if chosen.said:
        console.print(escape(chosen.said), soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="tutti-run-") as folder:
        private = settings.model_copy(update={"data_dir": Path(folder), "database_url": ""})
        seams = replace(seams or Seams(), backends=played, heard=screen.heard, bare=wish.bare)

        def watched(bench: Bench, _run: str) -> None:
            screen.watch(bench.db, bench.board)

        def tell(words: str) -> None:
            console.print(words, style="yellow", soft_wrap=True)

        with screen:
            result = await execute(private, chosen, clone, wish, seams, watched, tell)
    console.print(escape(result.reason), style="green" if result.state == "done" else "red", soft_wrap=True)
    if result.branch:
        console.print(escape(f"Look at it: git -C {clone} log -p {result.branch}"), soft_wrap=True)
    return result
