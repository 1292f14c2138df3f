"""The doctor: everything that must be right before the bot can work, looked at one by one, with the way out."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiohttp
import sqlalchemy as sa
import yaml

from bot.app import walls_of
from bot.backends.claude import find_cli
from bot.errors import TryAgain, UserError
from bot.git.command import GitError, git
from bot.github.client import GitHub
from bot.github.session import open_session
from bot.sandbox import process
from bot.settings import Settings
from bot.store.db import Database
from bot.web.webhook import SHORTEST_SECRET

MANIFEST = Path(__file__).parents[2] / "app.yml"
LEVELS = ("read", "write", "admin")
LEAST_DISK = 5 * 1024**3
OLDEST_GIT = (2, 38)

Colour = Literal["green", "yellow", "red"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at: red stops the bot, yellow is worth knowing. `words` say what is wrong and what to do."""

    name: str
    colour: Colour
    words: str


Look = Callable[[Settings], Awaitable[Finding]]


async def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order a person would look."""
    return [await look(name, settings) for name in _LOOKS]


async def look(name: str, settings: Settings) -> Finding:
    """One finding, by its name."""
    try:
        return await _LOOKS[name](settings)
    except (UserError, TryAgain, GitError, OSError, sa.exc.SQLAlchemyError, aiohttp.ClientError) as problem:
        return Finding(name, "red", str(problem).strip().splitlines()[0][:300])


async def _data(settings: Settings) -> Finding:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe = settings.data_dir / ".doctor"
    probe.write_text("")
    probe.unlink()
    return Finding("data folder", "green", str(settings.data_dir))


async def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.data_dir).free
    words = f"{free / 1024**3:.0f} GB free"
    if free < LEAST_DISK:
        return Finding("disk", "yellow", f"{words}: worktrees need room; free some, or move TUTTI_DATA_DIR")
    return Finding("disk", "green", words)


async def _database(settings: Settings) -> Finding:
    db = Database(settings.database)
    try:
        await db.read(lambda conn: conn.execute(sa.select(1)).scalar())
    finally:
        await db.close()
    return Finding("database", "green", db.url.render_as_string(hide_password=True))


async def _git(_settings: Settings) -> Finding:
    words = (await git("--version")).decode().strip()
    number = tuple(int(part) for part in words.split()[2].split(".")[:2])
    if number < OLDEST_GIT:
        return Finding("git", "red", f"{words} is too old: install {'.'.join(map(str, OLDEST_GIT))} or newer")
    return Finding("git", "green", words)


async def _secret(settings: Settings) -> Finding:
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    if len(secret.encode()) < SHORTEST_SECRET:
        way = f"set TUTTI_WEBHOOK_SECRET to at least {SHORTEST_SECRET} bytes, the same as in the GitHub App"
        return Finding("webhook secret", "red", f"{'too short' if secret else 'not set'}: {way}")
    return Finding("webhook secret", "green", "set")


async def _app(settings: Settings) -> Finding:
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    async with open_session(settings.api_url) as session:
        app = await GitHub(settings, session).app()
    lacking = [
        f"{name}: {needed}"
        for name, needed in manifest["default_permissions"].items()
        if _level(app.permissions.get(name, "")) < _level(needed)
    ]
    lacking += [f"event {name}" for name in manifest["default_events"] if name not in app.events]
    if lacking:
        return Finding("GitHub App", "red", f"{app.slug} lacks {', '.join(lacking)}: grant it in the App's settings")
    return Finding("GitHub App", "green", f"{app.slug} (id {app.id}) with every permission of app.yml")


def _level(name: str) -> int:
    return LEVELS.index(name) if name in LEVELS else -1


async def _claude(settings: Settings) -> Finding:
    cli = find_cli()
    if cli is None:
        return Finding("Claude Code", "red", "not found beside claude-agent-sdk nor on PATH: install the package again")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(settings.data_dir)}
    said = await process.run(
        [str(cli), "--version"], cwd=settings.data_dir, env=environment, run_id="doctor", timeout=30
    )
    words = said.output_tail.strip()[:200]
    return Finding("Claude Code", "green" if said.code == 0 else "red", words or f"ended with {said.code}")


async def _model(settings: Settings) -> Finding:
    if settings.anthropic_api_key is None:
        return Finding("model", "red", f"no key for {settings.model_url}: set ANTHROPIC_API_KEY")
    async with open_session(settings.model_url) as session, asyncio.timeout(10):
        headers = {"x-api-key": settings.anthropic_api_key.get_secret_value(), "anthropic-version": "2023-06-01"}
        async with session.get(f"{settings.model_url}/v1/models", headers=headers) as answer:
            if answer.status in (401, 403):
                return Finding("model", "red", f"{settings.model_url} does not accept ANTHROPIC_API_KEY")
    return Finding("model", "green", f"{settings.model_url} answers")


async def _sandbox(settings: Settings) -> Finding:
    walls = await walls_of(settings)
    match walls.tier:
        case "strong":
            whose = "every place is a user of its own" if walls.own_uid else walls.reason
            return Finding("sandbox", "green", f"strong. {whose[0].upper()}{whose[1:]}")
        case "degraded":
            return Finding("sandbox", "yellow", f"degraded. {walls.reason}")
        case "none":
            return Finding("sandbox", "red", f"none, so nobody's code is run. {walls.reason}")


_LOOKS: dict[str, Look] = {
    "data folder": _data,
    "disk": _disk,
    "database": _database,
    "git": _git,
    "webhook secret": _secret,
    "GitHub App": _app,
    "Claude Code": _claude,
    "model": _model,
    "sandbox": _sandbox,
}
