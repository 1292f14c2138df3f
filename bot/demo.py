"""The demo: a played GitHub, the real bot, and an issue that becomes a tested pull request before one's eyes."""

import asyncio
import logging
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.syntax import Syntax

from bot import sample
from bot.agents.task import AgentEvent
from bot.app import Bot, Seams, running, walls_of
from bot.emulator.model import PlayedModel
from bot.emulator.server import Emulator
from bot.emulator.world import Issue, Pull, Repo
from bot.errors import UserError
from bot.git.worktree import Pool
from bot.operate.screen import Screen
from bot.operate.serve import listening
from bot.publish.text import money
from bot.sandbox.jail import Walls
from bot.settings import Settings, reach_this_machine_directly, read
from bot.store import runs

SECRET = "the demo's own webhook secret"


@dataclass(frozen=True)
class Stage:
    """All that the demo has built."""

    emulator: Emulator
    bot: Bot
    repo: Repo
    issue: Issue
    address: str


async def play(console: Console, *, keep: bool, real: bool, usd: float) -> None:
    """Show one run from label to pull request. Raises UserError where it does not end with one."""
    screen = Screen(console)
    reach_this_machine_directly()
    _say_what_comes(console, real=real, usd=usd)
    _follow_log(screen)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tutti-demo-")))
        stage = await stack.enter_async_context(_built(folder, screen, real=real, usd=usd))
        screen.line("label", "maya sets the label auto-implement on issue #1", "magenta")
        screen.line("delivery", "issues.labeled: signed, sent to the bot's door, stored before it answers with 202")
        await stage.emulator.label(stage.issue, "auto-implement", by="maya")
        await stage.emulator.delivered()
        await stage.bot.worker.settled()
        await _print_result(console, stage)
        if keep:
            await _stay(console, stage)


def _say_what_comes(console: Console, *, real: bool, usd: float) -> None:
    model = f"the real model, for at most {money(usd)}" if real else "a played model, which costs nothing"
    console.print(f"[bold]Tutti demo:[/bold] a played GitHub, the real bot, git and Claude Code, and {model}.")
    console.print()


@asynccontextmanager
async def _built(folder: Path, screen: Screen, *, real: bool, usd: float) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator(folder / "github", secret=SECRET))
        emulator.user("maya", "write")
        files = {**sample.FILES, **(sample.configuration(usd) if real else {})}
        repo = await emulator.create_repo(sample.NAME, files)
        settings = await _settings(stack, folder, emulator, real=real)
        ears = _Ears(screen)
        seams = Seams(heard=ears.heard, pace=1.0, walls=await _walls(settings, screen, real=real), bare=not real)
        bot = await stack.enter_async_context(running(settings, seams))
        ears.pool = bot.bench.shop.pool
        screen.watch(bot.bench.db, bot.bench.board)
        port = await stack.enter_async_context(listening(bot, "127.0.0.1", settings.port))
        emulator.hook_url = f"http://127.0.0.1:{port}/webhooks/github"
        await emulator.install(repo, by="maya")
        issue = await emulator.open_issue(repo, sample.TITLE, sample.BODY, by="noor")
        await emulator.delivered()
        await bot.worker.settled()
        yield Stage(emulator, bot, repo, issue, settings.public_url or "")


async def _walls(settings: Settings, screen: Screen, *, real: bool) -> Walls:
    """The sandbox that this machine gives. Without one the demo plays its own script all the same, and says so."""
    walls = await walls_of(settings)
    match walls.tier:
        case "none" if real:
            raise UserError(f"`--real` lets a real model run commands, which needs a sandbox. {walls.reason}")
        case "none":
            screen.line("sandbox", f"none: the demo's own script runs as you. {walls.reason}", "yellow")
        case "strong":
            own = "as a user of its own, " if walls.own_uid else ""
            screen.line("sandbox", f"strong: {own}its own files, no network but the way to the model")
        case tier:
            screen.line("sandbox", f"{tier}: {walls.reason}", "yellow")
    return walls


class _Ears:
    """Says where an agent is at work before its first word from there."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.pool: Pool | None = None

    def heard(self, run: str, key: str, event: AgentEvent) -> None:
        for place in self.pool.taken() if self.pool is not None else ():
            self._screen.once("worktree", f"{place.id}: a fresh git worktree of {place.repository} at {place.base[:7]}")
        self._screen.heard(run, key, event)


async def _settings(stack: AsyncExitStack, folder: Path, emulator: Emulator, *, real: bool) -> Settings:
    port = _free_port()
    given: dict[str, Any] = {
        "app_id": emulator.app_id,
        "private_key": SecretStr(emulator.private_key),
        "webhook_secret": SecretStr(SECRET),
        "github_url": emulator.url,
        "api_url": emulator.api_url,
        "data_dir": folder / "data",
        "database_url": "",
        "public_url": f"http://127.0.0.1:{port}",
        "https_proxy": None,
        "http_proxy": None,
    }
    if real:
        settings = read(**given)
        if settings.anthropic_api_key is None:
            raise UserError("`--real` lets the real model work, which needs a key: set ANTHROPIC_API_KEY.")
    else:
        model = await stack.enter_async_context(PlayedModel((*sample.REVIEW_SCRIPTS, *sample.SCRIPTS), key="played"))
        settings = read(**given, model_url=model.url, anthropic_api_key=SecretStr("played"))
    return settings.model_copy(update={"port": port})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_NEWS = {
    "installation": ("delivery", "installation: stored, answered with 202, taken"),
    "push": ("github", "the branch is there"),
    "pull_request": ("github", "the pull request is open"),
    "check_run": ("github", "a check run is on the branch's head"),
    "pull_request_review": ("github", "the review is posted"),
}


def _follow_log(screen: Screen) -> None:
    """Show what the bot's log says of deliveries and rights, and every warning."""

    def show(_logger: Any, level: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        match event["event"]:
            case "delivery taken" if event["name"] in _NEWS:
                screen.once(*_NEWS[event["name"]])
            case "delivery handled" if not str(event["note"]).startswith("ignored"):
                screen.line("delivery", str(event["note"]))
            case "right asked":
                answer = "may" if event["allowed"] else "may not"
                screen.line("authority", f"{event['actor']} has {event['has']} access and {answer} start this")
            case "run created":
                screen.line("run", f"{event['workflow']} for {event['target']}", "magenta")
            case words if level in ("warning", "error"):
                screen.line(level, str(words), "red")
        raise structlog.DropEvent

    structlog.configure(processors=[show], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))


async def _print_result(console: Console, stage: Stage) -> None:
    comment = next((c.body for c in stage.issue.comments if c.user is stage.emulator.bot), "")
    pull = next(iter(stage.repo.pulls), None)
    (run,) = await stage.bot.bench.db.read(lambda conn: runs.recent(conn, f"{sample.NAME}#{stage.issue.number}"))
    if pull is None or run.state != "done":
        console.print(Markdown(_visible(comment)))
        raise UserError("The demo's run did not end well; its status comment above says why.")
    diff = await stage.repo.git.git("diff", f"{pull.base}...{pull.head}")
    shown = Syntax(diff.decode(), "diff", background_color="default", word_wrap=True)
    console.print()
    console.print(Panel(shown, title=f"Diff of #{pull.number}", title_align="left"))
    console.print(Panel(Markdown(_visible(pull.body or "")), title=f"#{pull.number}: {pull.title}", title_align="left"))
    console.print(Panel(Markdown(_visible(comment)), title="Status comment on #1", title_align="left"))
    _print_review(console, stage, pull)
    _print_ways_on(console, pull)


def _print_review(console: Console, stage: Stage, pull: Pull) -> None:
    """What the bot's review of its own pull request says: nothing is fixed without somebody asking."""
    for remark in (one for one in pull.remarks if one.user is stage.emulator.bot):
        title = f"Review of #{pull.number}, {remark.path}:{remark.made.span.line}"
        console.print(Panel(Markdown(_visible(remark.body)), title=title, title_align="left"))


def _visible(markdown: str) -> str:
    """Markdown without what only GitHub shows: hidden markers, folds."""
    lines = [line for line in markdown.splitlines() if not line.startswith("<!--")]
    text = "\n".join(lines)
    for tag in ("<details>", "</details>", "<summary>", "</summary>"):
        text = text.replace(tag, "")
    return text


def _print_ways_on(console: Console, pull: Pull) -> None:
    console.print(f"[green]Pull request #{pull.number} is open, tested, and closes issue #1 when it is merged.[/green]")
    console.print("Look at it in a browser: make demo ARGS=--keep")
    console.print("Try it on a clone of yours: .venv/bin/tutti run auto-implement --repo PATH --title TEXT")
    console.print("Install it on your own repositories: docs/install.md")


async def _stay(console: Console, stage: Stage) -> None:
    console.print(f"\nThe played GitHub: {stage.emulator.url}/{sample.NAME}", soft_wrap=True)
    console.print(f"The bot: {stage.address}/healthz", soft_wrap=True)
    console.print("Ctrl-C ends both.")
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()
