"""What the emulator's tests stand on: a started emulator, a bot that only listens, a client, real git."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from aiohttp import web

from bot.emulator.bare import ENVIRONMENT, GIT
from bot.emulator.server import Emulator
from bot.emulator.world import Installation, Json, Repo
from tests.listening import WITNESS

EVERYTHING = dict.fromkeys(("checks", "contents", "issues", "pull_requests", "statuses"), "write")


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Heard:
    """One webhook as it arrived."""

    headers: dict[str, str]
    raw: bytes

    @property
    def name(self) -> str:
        action = self.payload.get("action")
        return self.headers["X-GitHub-Event"] + (f".{action}" if action else "")

    @property
    def payload(self) -> Json:
        loaded: Json = json.loads(self.raw)
        return loaded


class Clock:
    """The emulator's time: it stands still unless a test moves it."""

    def __init__(self) -> None:
        self.began, self.ahead = time.time(), 0.0

    def __call__(self) -> float:
        return self.began + self.ahead


class Listener:
    """A bot that hears everything and answers `status`."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.status = 202
        self._runner: web.AppRunner

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.heard]

    async def start(self) -> str:
        app = web.Application(client_max_size=1 << 25)
        app.router.add_post("/hook", self._hear)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"

    async def _hear(self, request: web.Request) -> web.Response:
        self.heard.append(Heard(dict(request.headers), await request.read()))
        return web.json_response({"status": "stored"}, status=self.status)

    async def close(self) -> None:
        await self._runner.cleanup()


class Played:
    """An emulator with a repository `acme/shop` that the App is installed on, and ways to talk to it."""

    def __init__(self, emulator: Emulator, session: aiohttp.ClientSession, bot: Listener, clock: Clock) -> None:
        self.emulator, self.session, self.bot, self.clock = emulator, session, bot, clock
        self.repo: Repo
        self.installation: Installation

    async def begin(self) -> None:
        self.emulator.user("maintainer", "maintain")
        self.repo = await self.emulator.create_repo(
            "acme/shop", {"README.md": "# Shop\n", "shop/cart.py": "total = 0\n"}
        )
        self.installation = await self.emulator.install(self.repo)

    def jwt(self, **claims: Any) -> str:
        now = int(self.clock())
        whole = {"iat": now - 60, "exp": now + 540, "iss": str(self.emulator.app_id), **claims}
        return jwt.encode(whole, self.emulator.private_key, "RS256")

    def token(self, **permissions: str) -> str:
        """An installation token for acme/shop; without permissions, one that may do everything."""
        return WITNESS.secrets.forgive(
            self.emulator.mint(self.installation, [self.repo], permissions or EVERYTHING).value
        )

    async def ask(self, method: str, path: str, token: str = "", body: Any = None, **headers: str) -> Reply:
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        url = path if path.startswith("http") else self.emulator.api_url + path
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            raw = await answer.read()
            plain = "json" not in answer.headers.get("Content-Type", "") or "raw" in headers.get("Accept", "")
            return Reply(answer.status, raw if plain or not raw else json.loads(raw), dict(answer.headers))

    def clone_url(self, token: str = "", repo: Repo | None = None) -> str:
        credential = f"x-access-token:{token}@" if token else ""
        return self.emulator.url.replace("://", f"://{credential}") + f"/{(repo or self.repo).full_name}.git"

    async def clone(self, folder: Path, token: str) -> Path:
        code, said = await git("clone", "--quiet", self.clone_url(token), str(folder))
        assert code == 0, said
        return folder


async def git(*argv: str, cwd: Path | None = None) -> tuple[int, str]:
    """The user's git: exit code and everything it said."""
    person = ["-c", "user.name=tutti[bot]", "-c", "user.email=bot@example.com", "-c", "init.defaultBranch=main"]
    process = await asyncio.create_subprocess_exec(
        GIT, *person, *argv, cwd=cwd, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env=ENVIRONMENT | {"GIT_TERMINAL_PROMPT": "0"},
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")


async def commit(folder: Path, branch: str, **files: str) -> None:
    """A commit of these files (`__` in a name stands for a slash, `_DOT_` for a dot) on that branch of a clone."""
    await git("switch", "--quiet", "--force-create", branch, cwd=folder)
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    await git("add", "--all", cwd=folder)
    code, said = await git("commit", "--quiet", "--message", "feat: a change", cwd=folder)
    assert code == 0, said
