"""The processes themselves: served, killed without a word, started again, and many on one PostgreSQL."""

import os
import signal
from pathlib import Path

from bot.emulator.model import Hang, PlayedModel, Say, Script, Write
from bot.emulator.world import Issue
from bot.sandbox.process import marked
from tests.town import Town, tutti

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
