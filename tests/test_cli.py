"""The command line: every command does what its help says, from any folder, and says what is wrong in a sentence."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from aiohttp import web
from typer.main import get_command

from bot import cli
from bot.emulator.model import Say, Script, Write
from bot.errors import UserError
from bot.git.command import git
from bot.operate.control import ask
from bot.operate.serve import SOCKET as CONTROL
from bot.workflow.library import shipped
from tests.town import KEY, SECRET, Town, told, tutti

COMMANDS = sorted(get_command(cli.app).commands)  # type: ignore[attr-defined]


def plain(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "200"}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_shows_an_example(name: str) -> None:
    command = get_command(cli.app).commands[name]  # type: ignore[attr-defined]
    assert f"tutti {name}" in str(command.help).split("Example:")[1]


async def test_the_version_is_told(tmp_path: Path) -> None:
    assert await told(plain(tmp_path), "--version") == (0, "0.1.0")


async def test_check_names_file_line_and_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/tutti.yml").write_text("version: 1\ntset: pytest\n")
    code, words = await told(plain(tmp_path), "check", cwd=tmp_path)
    assert (code, words) == (1, f"{tmp_path}/.github/tutti.yml:2: unknown key `tset` (did you mean `test`?)")


async def test_check_is_content_with_what_is_shipped(tmp_path: Path) -> None:
    code, words = await told(plain(tmp_path), "check", cwd=Path(__file__).parents[1])
    assert (code, words.splitlines()[-1].endswith(".md: valid")) == (0, True)


async def test_the_doctor_is_content_with_a_bot_that_is_set_up(town: Town) -> None:
    await town.emulator.install(town.repo)
    code, words = await told(town.environment("data", COLUMNS="200"), "doctor")
    assert (code, "red" in words.split()) == (0, False), words
    assert "tutti (id 4711) with every permission of app.yml" in words
    assert "(Claude Code)" in words


async def test_the_doctor_says_what_is_wrong_and_the_way_out(town: Town) -> None:
    town.emulator.permissions["contents"] = "read"
    environment = town.environment("data", TUTTI_WEBHOOK_SECRET="short", ANTHROPIC_API_KEY="wrong", COLUMNS="200")
    code, words = await told(environment, "doctor")
    assert code == 1
    assert "red webhook secret too short: set TUTTI_WEBHOOK_SECRET to at least 20 bytes" in words
    assert "tutti lacks contents: write: grant it in the App's settings" in words
    assert "does not accept ANTHROPIC_API_KEY" in words


async def test_replay_and_prune_go_through_the_running_server_whose_log_shows_no_secret(town: Town) -> None:
    environment = town.environment("data")
    async with tutti(environment, "serve") as server:
        port = int((await server.until("serving"))["port"])
        town.emulator.hook_url = f"http://127.0.0.1:{port}/webhooks/github"
        await town.emulator.install(town.repo)
        guid = (await server.until("delivery handled"))["guid"]
        assert await told(environment, "replay", guid) == (0, f"The running server handles {guid} again.")
        assert (await server.until("delivery handled"))["guid"] == guid
        assert await told(environment, "replay", "a&guid=b") == (1, "No delivery a&guid=b is stored here.")
        for odd in ("a/b", "../prune", "..", "?", "%2e%2e"):  # any word is a GUID and nothing else
            with pytest.raises(UserError, match=f"^No delivery {re.escape(odd)} is stored here.$"):
                await ask(town.folder / "data" / CONTROL, "/replay", guid=odd)
        code, words = await told(environment, "worktrees", "--prune")
    assert (code, words.startswith("0 worktrees pruned.")) == (0, True)
    whole = json.dumps(server.log)
    assert [word for word in (SECRET, KEY, "ghs_", "PRIVATE KEY") if word in whole] == []


async def test_replay_says_the_truth_where_the_delivery_made_a_run_already(town: Town) -> None:
    town.model.scripts = (Script((), ((Write("greeting.txt", "hello\n"),), (Say("It says hello."),))),)
    environment = town.environment("data")
    async with tutti(environment, "serve") as server:
        port = int((await server.until("serving"))["port"])
        town.emulator.hook_url = f"http://127.0.0.1:{port}/webhooks/github"
        await town.emulator.install(town.repo)
        issue = await town.emulator.open_issue(town.repo, "Say hello", "Please.", by="maintainer")
        await town.emulator.label(issue, "auto-implement")
        run = (await server.until("run ended"))["run"]
        guid = next(sent.guid for sent in town.emulator.deliveries if sent.action == "labeled")
        with_a_server = await told(environment, "replay", guid)
        await server.kill()
    words = f"its run {run} (done) exists already; set the label again for a new one."
    assert with_a_server == (1, f"The delivery {guid} is not handled again: {words}")
    assert await told(environment, "replay", guid) == with_a_server


async def test_a_server_of_another_version_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "data/control.sock")).start()
    try:
        code, words = await told({**plain(tmp_path), "TUTTI_DATA_DIR": str(tmp_path / "data")}, "replay", "x")
    finally:
        await runner.cleanup()
    assert (code, words.startswith("The running server answered 404; is it of another version?")) == (1, True), words


async def test_replay_without_a_server_waits_for_the_next_one(town: Town) -> None:
    environment = town.environment("data")
    async with tutti(environment, "serve") as server:
        port = int((await server.until("serving"))["port"])
        town.emulator.hook_url = f"http://127.0.0.1:{port}/webhooks/github"
        await town.emulator.install(town.repo)
        guid = (await server.until("delivery handled"))["guid"]
        await server.kill()
    code, words = await told(environment, "replay", guid)
    assert (code, words) == (0, f"No server is running here: {guid} is handled again when one starts.")
    async with tutti(environment, "serve") as server:
        assert (await server.until("delivery handled"))["guid"] == guid


async def test_run_makes_a_branch_of_a_local_clone(town: Town, tmp_path: Path) -> None:
    town.model.scripts = (Script(("Say hello",), ((Write("greeting.txt", "hello\n"),), (Say("It says hello."),))),)
    clone = tmp_path / "clone"
    await town.repo.git.git("clone", "--quiet", str(town.repo.git.path), str(clone))
    environment = {**plain(tmp_path), "TUTTI_MODEL_URL": town.model.url, "ANTHROPIC_API_KEY": KEY}
    code, words = await told(environment, "run", "auto-implement", "--repo", str(clone), "--title", "Say hello")
    assert code == 0, words
    assert "The work is on the branch `feature/auto-0-say-hello`." in words
    assert "run ended" not in words, "the log is not for the terminal"
    shown = await git("show", "feature/auto-0-say-hello:greeting.txt", git_dir=clone / ".git")
    assert shown == b"hello\n"


async def test_run_says_what_it_cannot_find(tmp_path: Path) -> None:
    asked = ("--repo", str(tmp_path), "--title", "x")
    code, words = await told(plain(tmp_path), "run", "auto-implemnt", *asked)
    there = f"neither a file nor one of {', '.join(sorted(shipped().workflows))}"
    assert (code, words) == (1, f"There is no workflow auto-implemnt: {there}.")
    code, words = await told(plain(tmp_path), "run", "auto-implement", *asked)
    assert (code, words) == (1, f"{tmp_path} is not the top of a git clone.")


async def test_patch_says_where_there_is_none(town: Town) -> None:
    code, words = await told(town.environment("data"), "patch", "x")
    assert (code, words) == (1, "No patch is kept of a run x: its work was published, or it made none.")


async def test_a_setting_that_is_no_number_is_named(tmp_path: Path) -> None:
    code, words = await told({**plain(tmp_path), "TUTTI_PORT": "high"}, "doctor")
    assert code == 1
    assert "TUTTI_PORT" in words


async def test_the_trace_of_a_fault_shows_no_token_and_nothing_that_people_wrote(town: Town) -> None:
    program = (sys.executable, "-m", "tests.clumsy")
    async with tutti(town.environment("data"), "serve", program=program) as server:
        port = int((await server.until("serving"))["port"])
        town.emulator.hook_url = f"http://127.0.0.1:{port}/webhooks/github"
        await town.emulator.install(town.repo)
        issue = await town.emulator.open_issue(town.repo, "Launch the rocket", "The code is 1234.", by="maintainer")
        await town.emulator.label(issue, "auto-implement", by="maintainer")
        (trace,) = (await server.until("delivery not handled"))["exception"]
    assert trace["exc_value"] == "a fault of ours with 1 header"
    assert {"clumsy", "permission"} & {frame["name"] for frame in trace["frames"]}
    whole = json.dumps(server.log)
    secrets = (SECRET, KEY, "ghs_", "PRIVATE KEY", "Launch the rocket", "1234.", "oauth_token")
    assert [word for word in secrets if word in whole] == []
