"""The processes themselves: served, killed without a word, started again, and many on one PostgreSQL."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.emulator.model import Hang, PlayedModel, Say, Script, Write
from bot.emulator.server import Emulator
from bot.emulator.world import Issue, Repo
from bot.sandbox.process import marked

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
            said: dict[str, Any] = json.loads(line)
            self.log.append(said)
            if said["event"] == event:
                return said
        raise AssertionError(f"ended without saying {event!r}: {self.log[-5:]}")

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def tutti(environment: Mapping[str, str], *argv: str) -> AsyncIterator[Process]:
    """A process of its own; killed at the end where it still runs."""
    process = await asyncio.create_subprocess_exec(
        TUTTI, *argv, env=dict(environment), stdout=PIPE, stderr=PIPE, limit=1 << 20
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Emulator(tmp_path / "github", secret=SECRET) as emulator, PlayedModel((), key=KEY) as model:
        emulator.user("maintainer", "write")
        files = {"greeting.txt": "Good day\n", ".github/tutti.yml": "version: 1\ntest: grep -q hello greeting.txt\n"}
        repo = await emulator.create_repo("acme/greeter", files)
        yield Town(emulator, model, repo, tmp_path)


HANGS = (Script((), ((Hang(),),)),)
WORKS = (Script((), ((Write("greeting.txt", "hello\n"),), (Say("It says hello."),))),)


async def _asked(model: PlayedModel) -> None:
    """Return when an agent has asked the model."""
    while not any(request.path == "/v1/messages" and request.body.get("tools") for request in model.requests):
        await model.another()


async def _labelled(town: Town, port: int) -> Issue:
    town.emulator.hook_url = f"http://127.0.0.1:{port}/webhooks/github"
    await town.emulator.install(town.repo)
    issue = await town.emulator.open_issue(town.repo, "Say hello", "Please.", by="maintainer")
    await town.emulator.label(issue, "auto-implement")
    await town.emulator.delivered()
    return issue


async def test_a_killed_server_goes_on_where_it_was(town: Town) -> None:
    town.model.scripts = HANGS
    environment = town.environment("data")
    async with tutti(environment, "serve") as first:
        port = int((await first.until("serving"))["port"])
        issue = await _labelled(town, port)
        await _asked(town.model)
        await first.kill()
    town.model.scripts = WORKS
    async with tutti(environment, "serve") as second:
        ended = await second.until("run ended")
        second.process.send_signal(signal.SIGTERM)
        await second.until("stopping")
        await second.process.communicate()
    assert ended["state"] == "done"
    assert second.process.returncode == 0
    (pull,) = town.repo.pulls
    assert (await town.repo.git.git("show", f"{pull.head}:greeting.txt")) == b"hello\n"
    assert len([comment for comment in issue.comments if comment.user is town.emulator.bot]) == 1
    assert marked(str(ended["run"])) == set()


async def test_another_worker_takes_the_runs_of_a_dead_one(town: Town, postgres_url: str) -> None:
    town.model.scripts = HANGS
    serving = town.environment("one", TUTTI_DATABASE_URL=postgres_url)
    working = town.environment("two", TUTTI_DATABASE_URL=postgres_url)
    async with tutti(serving, "serve") as first:
        port = int((await first.until("serving"))["port"])  # so it is the one that empties the inbox
        async with tutti(working, "worker") as second:
            await second.until("working")
            await _labelled(town, port)
            await _asked(town.model)
            town.model.scripts = WORKS
            await first.kill()
            assert (await second.until("run ended"))["state"] == "done"
    assert len(town.repo.pulls) == 1


async def test_serve_says_in_one_sentence_what_is_missing(tmp_path: Path) -> None:
    async with tutti({"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, "serve") as one:
        _, errors = await one.process.communicate()
    assert one.process.returncode == 1
    assert errors.decode().strip().startswith("TUTTI_WEBHOOK_SECRET is not set")


async def test_a_worker_on_sqlite_refuses_with_the_way_out(town: Town) -> None:
    async with tutti(town.environment("data"), "worker") as one:
        _, errors = await one.process.communicate()
    assert one.process.returncode == 1
    assert "TUTTI_DATABASE_URL" in errors.decode()


async def test_a_second_server_on_the_same_folder_refuses(town: Town) -> None:
    async with tutti(town.environment("data"), "serve") as first:
        await first.until("serving")
        async with tutti(town.environment("data"), "serve") as second:
            _, errors = await second.process.communicate()
    assert second.process.returncode == 1
    assert "Another Tutti process is using" in " ".join(errors.decode().split())
