"""A played GitHub and model, and real `tutti` processes beside them."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.emulator.model import PlayedModel
from bot.emulator.server import Emulator
from bot.emulator.world import Repo
from tests.listening import WITNESS

KEY = "the key of the tests"
SECRET = "a webhook secret of the tests"
TUTTI = str(Path(sys.executable).with_name("tutti"))


class Town:
    """A played GitHub, and the folder in which bots of their own processes live."""

    def __init__(self, emulator: Emulator, model: PlayedModel, repo: Repo, folder: Path) -> None:
        self.emulator, self.model, self.repo, self.folder = emulator, model, repo, folder

    def environment(self, name: str, **more: str) -> dict[str, str]:
        key = self.folder / "key.pem"
        key.write_text(self.emulator.private_key)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TUTTI_APP_ID": str(self.emulator.app_id),
            "TUTTI_PRIVATE_KEY_FILE": str(key),
            "TUTTI_WEBHOOK_SECRET": SECRET,
            "TUTTI_GITHUB_URL": self.emulator.url,
            "TUTTI_API_URL": self.emulator.api_url,
            "TUTTI_DATA_DIR": str(self.folder / name),
            "TUTTI_PORT": "0",
            "TUTTI_MODEL_URL": self.model.url,
            "ANTHROPIC_API_KEY": KEY,
            **more,
        }


class Process:
    """A `tutti` of its own, whose log is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []

    async def until(self, event: str) -> dict[str, Any]:
        """The next line of its log that says this; fails when the process ends before."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            if not line.startswith(b"{"):
                raise AssertionError((line + await self.process.stderr.read()).decode())
            said: dict[str, Any] = json.loads(line)
            self.log.append(said)
            WITNESS.saw("the log of", "a process of the bot", line)
            if said["event"] == event:
                return said
        raise AssertionError(f"ended without saying {event!r}: {self.log[-5:]}")

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def tutti(
    environment: Mapping[str, str], *argv: str, program: Sequence[str] = (TUTTI,)
) -> AsyncIterator[Process]:
    """A process of its own; killed at the end where it still runs."""
    WITNESS.gives(*program, *argv)
    process = await asyncio.create_subprocess_exec(
        *program, *argv, env=dict(environment), stdout=PIPE, stderr=PIPE, limit=1 << 20
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        for rest in await process.communicate():
            WITNESS.saw("the log of", "a process of the bot", rest)


async def told(environment: Mapping[str, str], *argv: str, cwd: Path | None = None) -> tuple[int, str]:
    """A command's exit code, and its words (output and errors) with white space folded."""
    WITNESS.gives(TUTTI, *argv)
    process = await asyncio.create_subprocess_exec(
        TUTTI, *argv, env=dict(environment), stdout=PIPE, stderr=STDOUT, cwd=cwd
    )
    out, _ = await process.communicate()
    WITNESS.saw("the words of", " ".join(["tutti", *argv]), out)
    return process.returncode or 0, " ".join(out.decode().split())


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Emulator(tmp_path / "github", secret=SECRET) as emulator, PlayedModel((), key=KEY) as model:
        emulator.user("maintainer", "write")
        files = {"greeting.txt": "Good day\n", ".github/tutti.yml": "version: 1\ntest: grep -q hello greeting.txt\n"}
        repo = await emulator.create_repo("acme/greeter", files)
        yield Town(emulator, model, repo, tmp_path)
