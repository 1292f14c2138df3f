"""The composition root: from settings to a running bot. Tests and the demo call the same functions with other seams."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog
from aiohttp import web
from filelock import FileLock, Timeout

from bot.agents.budget import Budget
from bot.agents.task import AgentEvent, Backend
from bot.agents.transcript import Transcripts
from bot.agents.watch import Bells
from bot.agents.workshop import Workshop
from bot.errors import UserError
from bot.git.command import Transport
from bot.git.mirror import Mirrors
from bot.git.worktree import Pool
from bot.github.caller import Clock
from bot.github.client import GitHub
from bot.github.session import open_session
from bot.publish.answer_ground import AnswerSurveyor
from bot.publish.describer import Describer
from bot.publish.ground import Surveyor
from bot.publish.head_ground import HeadSurveyor
from bot.publish.host import GitHubHost
from bot.publish.pull_ground import PullSurveyor
from bot.publish.pull_request import Publisher
from bot.publish.rebased import Rebaser
from bot.publish.review import Reviewer
from bot.publish.status import Herald
from bot.registry import discover
from bot.sandbox import selftest
from bot.sandbox.egress import Egress
from bot.sandbox.gateway import Gateway
from bot.sandbox.jail import Limits, Walls
from bot.settings import Settings
from bot.store.board import Board
from bot.store.db import Database
from bot.store.db import runs as runs_table
from bot.store.inbox import CHANNEL, Inbox, Listener
from bot.store.runs import CHANNEL as RUNS_CHANNEL
from bot.web.health import Health
from bot.web.page import RunPage
from bot.web.webhook import Door
from bot.workflow import slot as slots
from bot.workflow.answering import Answering
from bot.workflow.bounds import Bounds, Permitted
from bot.workflow.conduct import Conduct, Conductor, Host, Pattern
from bot.workflow.dispatcher import Parts
from bot.workflow.engine import Engine
from bot.workflow.library import Library, Shipped, shipped
from bot.workflow.planning import Planning
from bot.workflow.rebasing import Rebasing
from bot.workflow.reviewing import Reviewing
from bot.workflow.slot import Slot
from bot.workflow.testing import Testing
from bot.workflow.worker import Worker

log = structlog.get_logger(__name__)


async def _go_on(_point: str) -> None:
    """The checkpoint that stops nobody."""


@dataclass(frozen=True)
class Seams:
    """Where tests and the demo put other parts: backends, workflows, checkpoints of steps, the pace of comments.

    `grace`: seconds that runs get to come to a step's end when the bot stops. `clock`: time between tries on GitHub.
    `walls`: those found before; without them the machine is tried at the start. `bare`: jobs run where there are none.
    """

    backends: Mapping[str, Backend] = field(default_factory=dict)
    offered: Shipped | None = None
    checkpoint: Callable[[str], Awaitable[None]] = _go_on
    pace: float = 3.0
    heard: Callable[[str, str, AgentEvent], None] = lambda run, key, event: None
    pool_size: int = 2
    grace: float = 3.0
    clock: Clock = field(default_factory=Clock)
    walls: Walls | None = None
    bare: bool = False


@dataclass(frozen=True)
class Bench:
    """The parts that need no GitHub: `tutti run` has these alone."""

    settings: Settings
    db: Database
    board: Board
    mirrors: Mirrors
    shop: Workshop
    transcripts: Transcripts


@dataclass(frozen=True)
class Bot:
    """A running bot."""

    bench: Bench
    slot: Slot
    github: GitHub
    inbox: Inbox
    engine: Engine
    worker: Worker
    library: Library
    herald: Herald


def backends() -> dict[str, Backend]:
    """Every backend there is, by name."""
    return dict(discover("bot.backends", "BACKEND"))  # type: ignore[arg-type]


def patterns() -> dict[str, Pattern]:
    """Every pattern there is, by name."""
    return dict(discover("bot.patterns", "PATTERN"))  # type: ignore[arg-type]


@asynccontextmanager
async def workbench(settings: Settings, seams: Seams) -> AsyncIterator[Bench]:
    """Database, mirrors, worktrees, gateway and agents, for as long as the block lasts."""
    offered = seams.offered or shipped()
    async with AsyncExitStack() as stack:
        db = Database(settings.database)
        stack.push_async_callback(db.close)
        await db.migrate()
        transport = Transport(settings.https_proxy, settings.http_proxy, settings.no_proxy, settings.ca_file)
        pool = Pool(settings.data_dir, size=seams.pool_size)
        stack.push_async_callback(pool.close)
        walls = seams.walls or await walls_of(settings)
        key = settings.anthropic_api_key
        gateway = Gateway(settings.model_url, key.get_secret_value() if key else "", settings.data_dir, settings.models)
        await gateway.start()
        stack.push_async_callback(gateway.close)
        egress = Egress(settings.data_dir, settings.setup_hosts)
        stack.push_async_callback(egress.close)
        board, transcripts = Board(db), Transcripts(settings.data_dir / "transcripts")
        stack.push_async_callback(board.settled)
        shop = Workshop(
            db=db,
            board=board,
            pool=pool,
            walls=walls,
            gateway=gateway,
            egress=egress,
            budget=Budget(db, settings.day_limits),
            backends={**backends(), **seams.backends},
            agents=offered.agents,
            bells=Bells(),
            homes=settings.data_dir / "homes",
            tell=Ears(board, transcripts, seams.heard).tell,
            secrets=settings.secrets,
            bare=seams.bare,
        )
        yield Bench(settings, db, board, Mirrors(settings.data_dir, settings.github_url, transport), shop, transcripts)


async def walls_of(settings: Settings) -> Walls:
    """The walls that this machine gives, tried out in the real configuration."""
    limits = Limits(settings.memory_mb << 20, settings.processes, settings.disk_mb << 20)
    return await selftest.find(settings.data_dir, wanted=settings.sandbox, tools=settings.tools, limits=limits)


class Ears:
    """Where every word of every agent goes: the transcript, the plan in the run's tree, whoever else listens."""

    def __init__(self, board: Board, transcripts: Transcripts, heard: Callable[[str, str, AgentEvent], None]) -> None:
        self._board, self._transcripts, self._heard = board, transcripts, heard

    def tell(self, run: str, key: str, event: AgentEvent) -> None:
        self._transcripts.write(run, key, event)
        self._heard(run, key, event)
        if event.kind == "plan":
            self._board.later(self._board.note(run, key, plan=event.text))


@asynccontextmanager
async def running(settings: Settings, seams: Seams | None = None) -> AsyncIterator[Bot]:
    """A bot that handles deliveries and executes runs, for as long as the block lasts."""
    seams = seams or Seams()
    async with AsyncExitStack() as stack:
        slot = await slots.take(settings.database, settings.data_dir)
        stack.push_async_callback(slot.release)
        if not settings.database.startswith("sqlite"):
            _claim_folder(settings, stack)
        bench = await stack.enter_async_context(workbench(settings, seams))
        session = await stack.enter_async_context(open_session(settings.api_url))
        bot = await _assembled(bench, slot, GitHub(settings, session, seams.clock), seams)
        await bench.shop.clear()
        await bench.mirrors.tidy()
        await bench.shop.pool.sweep(set())
        await bot.engine.launch()
        stack.push_async_callback(bot.engine.close, seams.grace)
        stack.push_async_callback(bot.herald.close)
        await bot.worker.start()
        stack.push_async_callback(bot.worker.close)
        if not bench.db.sqlite:
            await stack.enter_async_context(_listening(bot))
        yield bot


def _claim_folder(settings: Settings, stack: AsyncExitStack) -> None:
    """Workers on one PostgreSQL share no data folder: each would sweep away the other's worktrees."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(settings.data_dir / "lock", thread_local=False)
    try:
        stack.enter_context(lock.acquire(timeout=0))
    except Timeout:
        raise UserError(
            f"Another Tutti process is using {settings.data_dir}: give this one its own with TUTTI_DATA_DIR."
        ) from None


async def _assembled(bench: Bench, slot: Slot, github: GitHub, seams: Seams) -> Bot:
    settings, db, board = bench.settings, bench.db, bench.board
    most = Bounds(settings.max_usd, settings.max_minutes, settings.max_agents)
    permitted = Permitted(settings.models, settings.setup_hosts, settings.repo_usd_a_day, settings.repo_runs_a_day)
    library = Library(db, seams.offered or shipped(), frozenset(bench.shop.backends), most, permitted)
    reviewer = Reviewer(
        github, bench.mirrors, board, PullSurveyor(db, github, bench.mirrors, library), settings.secrets
    )
    herald = Herald(db, github, slot.name, settings.public_url, seams.pace, reviewer.leave)
    board.listeners.append(herald.changed)
    surveyor = Surveyor(db, github, bench.mirrors, library)
    publisher = Publisher(github, bench.mirrors, board, herald, settings.secrets)
    host = GitHubHost(github, bench.mirrors, surveyor, publisher, herald)
    late: list[Worker] = []

    def ended(run_id: str) -> None:
        bench.transcripts.close(run_id)
        late[0].dispatch()

    asked, describer = AnswerSurveyor(github, bench.mirrors, library), Describer(github, board)
    heads = HeadSurveyor(db, github, bench.mirrors, library)
    rebaser = Rebaser(github, bench.mirrors, board, heads, settings.secrets)
    conducts: dict[str, Conduct] = {
        "review": Reviewing(bench.shop, bench.mirrors, reviewer, herald.page),
        "answer": Answering(bench.shop, bench.mirrors, asked, describer, herald.show),
        "plan": Planning(bench.shop, host, library),
        "test": Testing(bench.shop, heads, herald.show),
        "rebase": Rebasing(bench.shop, heads, rebaser, herald.show),
    }
    engine = _engine(bench, host, conducts, slot.name, seams, ended)
    inbox = Inbox(db, lambda: late[0].wake())
    parts = Parts(
        db=db,
        board=board,
        inbox=inbox,
        engine=engine,
        slot=slot,
        github=github,
        library=library,
        herald=herald,
        bells=bench.shop.bells,
        transcripts=bench.transcripts,
        max_runs=settings.max_runs,
        day=settings.runs_a_day,
        budget=bench.shop.budget,
        checkpoint=seams.checkpoint,
        refresh=reviewer.refresh,
        standing=reviewer.standing,
        sleep=seams.clock.sleep,
    )
    late.append(Worker(parts))
    return Bot(bench, slot, github, inbox, engine, late[0], library, herald)


def _engine(
    bench: Bench,
    host: Host,
    conducts: Mapping[str, Conduct],
    slot: str,
    seams: Seams,
    ended: Callable[[str], None],
) -> Engine:
    late: list[Engine] = []
    conductor = Conductor(
        bench.shop, host, patterns(), ended, seams.clock.sleep, conducts, lambda execution: late[0].recorded(execution)
    )
    settings = bench.settings
    engine = Engine(
        settings.database,
        conductor.execute,
        slot=slot,
        data_dir=settings.data_dir,
        checkpoint=seams.checkpoint,
        sleep=seams.clock.sleep,
    )
    late.append(engine)
    return engine


@asynccontextmanager
async def _listening(bot: Bot) -> AsyncIterator[None]:
    """On PostgreSQL other processes store deliveries and cancel runs: be told."""
    listener = Listener(bot.bench.db, {CHANNEL: bot.worker.wake, RUNS_CHANNEL: bot.worker.dispatch})
    task = asyncio.create_task(listener.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def web_app(bot: Bot) -> web.Application:
    """Everything the bot answers over HTTP. Raises UserError when the webhook secret is missing or too short."""
    settings = bot.bench.settings
    door = Door(settings.signing_secret(), bot.inbox, app_id=settings.app_id)
    app = web.Application()
    app.add_routes([*door.routes(), *_health(bot, door).routes(), *RunPage(bot.bench.db).routes()])
    return app


def _health(bot: Bot, door: Door) -> Health:
    db = bot.bench.db

    async def database() -> bool:
        return await db.read(lambda conn: conn.execute(sa.select(1)).scalar()) == 1

    async def worker() -> bool:
        return bot.worker.alive and await bot.slot.alive()

    async def answers() -> Mapping[str, float]:
        return {word: float(count) for word, count in door.answers.items()}

    async def deliveries() -> Mapping[str, float]:
        return {status: float(count) for status, count in (await bot.inbox.counts()).items()}

    async def states() -> Mapping[str, float]:
        query = sa.select(runs_table.c.state, sa.func.count()).group_by(runs_table.c.state)
        return {state: float(count) for state, count in await db.read(lambda conn: conn.execute(query).all())}

    sources = {"tutti_webhooks_total": answers, "tutti_deliveries": deliveries, "tutti_runs": states}
    return Health({"database": database, "worker": worker}, sources)
