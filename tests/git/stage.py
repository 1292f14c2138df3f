"""A git server on loopback and a repository on it, as real as they come: what the git room's tests play with."""

import asyncio
import base64
import gzip
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from bot.git.changes import Harvest, admit, harvest
from bot.git.command import Identity
from bot.git.mirror import Mirror
from bot.git.worktree import Worktree
from tests.walls import strong

TUTTI = Identity("tutti[bot]", "7+tutti[bot]@users.noreply.github.com")
WHEN = 1_700_000_000

ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "@1700000000 +0000",
    "GIT_COMMITTER_DATE": "@1700000000 +0000",
}
TOKEN = "ghs_a-token-that-must-never-show"


def sh(*argv: str, cwd: Path, stdin: bytes = b"") -> str:
    """Run a command as a user would."""
    return subprocess.run(argv, cwd=cwd, env=ENV, input=stdin, check=True, capture_output=True).stdout.decode().strip()


class Upstream:
    """A repository as its people see it: a clone to write in and the bare repository it is pushed to."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.bare, self.clone = name, folder / f"{name}.git", folder / f"{name}.work"
        for place, more in ((self.bare, ["--bare"]), (self.clone, [])):
            place.mkdir(parents=True)
            sh("git", "init", "-q", "-b", "main", *more, cwd=place)

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write files into the clone; None deletes."""
        for path, content in files.items():
            place = self.clone / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                place.unlink()
            else:
                place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes | None], branch: str = "main", message: str = "Change") -> str:
        """Commit files on a branch and push it; gives the sha."""
        self.write(files)
        sh("git", "add", "-A", cwd=self.clone)
        sh("git", "commit", "-q", "--allow-empty", "-m", message, cwd=self.clone)
        sh("git", "push", "-q", "-f", str(self.bare), f"HEAD:refs/heads/{branch}", cwd=self.clone)
        return sh("git", "rev-parse", "HEAD", cwd=self.clone)

    def tip(self, branch: str) -> str | None:
        """The commit of a branch on the server."""
        return sh("git", "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}", cwd=self.bare) or None

    def refuse(self, words: str) -> None:
        """Let the server refuse every push with these words, as a ruleset does."""
        hook = self.bare / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{words}\nEND\nexit 1\n")
        hook.chmod(0o755)


@dataclass
class Server:
    """Smart HTTP for every repository of a folder, private to whoever has TOKEN."""

    folder: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    redirect: str = ""

    def upstream(self, name: str = "acme/shop") -> Upstream:
        """A new empty repository."""
        return Upstream(self.folder, name)

    def app(self) -> web.Application:
        """The server as an aiohttp application."""
        app = web.Application(client_max_size=2**30)
        app.router.add_get("/{name:.+}.git/info/refs", self._refs)
        app.router.add_post("/{name:.+}.git/{service:git-(upload|receive)-pack}", self._service)
        return app

    def refused(self, request: web.Request) -> web.Response | None:
        self.requests.append(f"{request.method} {request.path_qs}")
        if self.redirect:
            return web.Response(status=302, headers={"Location": self.redirect + request.path_qs})
        if self.failing:
            return web.Response(status=self.failing.pop(0))
        wanted = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
        return None if (self.folder / f"{request.match_info['name']}.git").is_dir() else web.Response(status=404)

    async def _refs(self, request: web.Request) -> web.Response:
        if refused := self.refused(request):
            return refused
        service = request.query["service"]
        said = await self._git(request, service, "--http-backend-info-refs", b"")
        line = f"# service={service}\n"
        body = f"{len(line) + 4:04x}{line}0000".encode() + said
        return web.Response(body=body, content_type=f"application/x-{service}-advertisement")

    async def _service(self, request: web.Request) -> web.Response:
        if refused := self.refused(request):
            return refused
        body = await request.read()
        body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        service = request.match_info["service"]
        said = await self._git(request, service, "", body)
        return web.Response(body=said, content_type=f"application/x-{service}-result")

    async def _git(self, request: web.Request, service: str, option: str, body: bytes) -> bytes:
        protocol = {"GIT_PROTOCOL": request.headers["Git-Protocol"]} if "Git-Protocol" in request.headers else {}
        process = await asyncio.create_subprocess_exec(
            *("git", service.removeprefix("git-"), "--stateless-rpc", *([option] if option else [])),
            str(self.folder / f"{request.match_info['name']}.git"),
            env=ENV | protocol,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return (await process.communicate(body))[0]


def holding(lock: str) -> subprocess.Popen[bytes]:
    """Another process that holds a file lock until its standard input is closed."""
    hold = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]):\n print('held', flush=True)\n sys.stdin.read()"
    argv = [sys.executable, "-c", hold, lock]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


def here(*paths: Path) -> list[Path]:
    """Which of the paths exist, links counted as themselves."""
    return [path for path in paths if os.path.lexists(path)]


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but `.git`, by path."""
    found = {}
    for root, folders, files in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        for name in files:
            path = Path(root) / name
            found[str(path.relative_to(folder))] = path.read_bytes()
    found.pop(".git", None)
    return found


def write(worktree: Worktree, files: dict[str, str]) -> None:
    """What an agent does."""
    for path, text in files.items():
        (worktree.path / path).parent.mkdir(parents=True, exist_ok=True)
        (worktree.path / path).write_text(text)


async def harvested(mirror: Mirror, worktree: Worktree) -> Harvest:
    """What the bot takes out of a worktree, where everything belongs to the user of the agent's place."""
    place = strong().jail(worktree.path, writable=(worktree.path, worktree.agent_dir))
    place.own(*(folder for folder in place.writable if folder.exists()))
    return await harvest(mirror, worktree, place.walls, place.uid)


async def three_files(mirror: Mirror, worktree: Worktree) -> str:
    """A harvested tree with three changes."""
    write(worktree, {"src/shop.py": "new\n", "tests/test_shop.py": "test\n"})
    (worktree.path / "README.md").unlink()
    found = await harvested(mirror, worktree)
    return await admit(mirror, found)
