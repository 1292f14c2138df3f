"""The container image, as far as it can be tested where no container runs: its sources, settings and start."""

import asyncio
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from aiohttp import web
from typer.main import get_command

from bot.cli import app as commands
from bot.settings import Settings

ROOT = Path(__file__).parents[1]


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_it_copies_what_exists_and_its_context_lets_it() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source.removeprefix("./")
        for line in re.findall(r"^COPY (.+)$", dockerfile(), re.M)
        for source in line.split()[:-1]
    }
    assert {source for source in copied if not (ROOT / source).exists()} == set()
    assert copied == let_in


def test_it_has_all_that_the_program_reads_beside_its_package() -> None:
    assert {"workflows", "app.yml"} <= set(re.findall(r"^COPY (?:.* )?(workflows|app\.yml)\b", dockerfile(), re.M))


def test_everything_installed_is_held_to_a_hash() -> None:
    installs = re.findall(r"pip install ([^\\\n]+)", dockerfile())
    assert len(installs) == 2
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)


def test_the_lock_holds_what_builds_the_package() -> None:
    awk = re.search(r"awk '([^']+)' (\S+)", dockerfile())
    assert awk
    said = subprocess.run(["awk", awk[1], awk[2]], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    first, *hashes = said.strip().splitlines()
    assert re.fullmatch(r"setuptools==[\d.]+ \\", first)
    assert hashes
    assert all(line.strip().startswith("--hash=sha256:") for line in hashes)


def test_its_settings_and_its_command_exist() -> None:
    settings = set(re.findall(r"TUTTI_\w+=\S+", dockerfile()))
    assert settings == {"TUTTI_DATA_DIR=/data", "TUTTI_HOST=0.0.0.0"}, "a port set here would beat a host's own PORT"
    assert f"EXPOSE {Settings.model_fields['port'].default}\n" in dockerfile()
    command = re.search(r'^CMD \["(\w+)"\]$', dockerfile(), re.M)
    group = get_command(commands)
    assert isinstance(group, typer.core.TyperGroup)
    assert command
    assert command[1] in group.commands


def test_fly_mounts_the_data_where_the_image_keeps_it_and_asks_the_port_it_serves() -> None:
    fly = tomllib.loads((ROOT / "fly.toml").read_text(encoding="utf-8"))
    assert fly["mounts"]["destination"] == "/data"
    assert fly["http_service"]["internal_port"] == Settings.model_fields["port"].default
    assert fly["http_service"]["auto_stop_machines"] == "off"


@pytest.mark.parametrize("names", [("PORT",), ("TUTTI_PORT",), ("TUTTI_PORT", "PORT")])
async def test_its_health_is_asked_at_the_port_it_serves(names: tuple[str, ...]) -> None:
    """The host's `PORT` where TUTTI_PORT is not set, as `tutti serve` does."""

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.add_routes([web.get("/healthz", health)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ports = dict.fromkeys(names, "1") | {names[0]: str(runner.addresses[0][1])}
    try:
        assert await asked(ports) == 0
        assert await asked(dict.fromkeys(names, "1")) == 1
    finally:
        await runner.cleanup()


async def asked(environment: dict[str, str]) -> int:
    """What the image's health check ends with."""
    check = re.search(r"^HEALTHCHECK [^\n]*\n +CMD (\[.+\])$", dockerfile(), re.M)
    assert check
    argv = [sys.executable, *json.loads(check[1])[1:]]
    process = await asyncio.create_subprocess_exec(
        *argv, env={"HOME": "/", **environment}, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


def as_tutti(tmp_path: Path, user: int, owner: str, chown: str = "true") -> tuple[list[str], str]:
    """What the image's start script does as that user, where the data folder belongs to `owner`; what it complains."""
    calls, data = tmp_path / "calls", tmp_path / "data"
    for name, text in {
        "id": f"echo {user}",
        "stat": f"echo {owner}",
        "chown": f'echo chown "$1" >>{calls}; {chown}',
        "setpriv": f'echo setpriv "$@" >>{calls}',
        "tutti": f'echo tutti "$@" >>{calls}',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    argv = ["/bin/sh", str(ROOT / "scripts/as-tutti"), "tutti", "serve"]
    environment = {"PATH": str(tmp_path), "TUTTI_DATA_DIR": str(data)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == bool(done.stderr)
    return calls.read_text(encoding="utf-8").splitlines() if calls.exists() else [], done.stderr


DROPPED = "setpriv --reuid=tutti --regid=tutti --clear-groups --inh-caps=-all --no-new-privs -- tutti serve"


def test_root_becomes_the_user_tutti(tmp_path: Path) -> None:
    assert as_tutti(tmp_path, 0, "tutti") == ([DROPPED], "")


def test_a_volume_that_is_roots_is_given_to_the_user_tutti(tmp_path: Path) -> None:
    assert as_tutti(tmp_path, 0, "root") == (["chown tutti:tutti", DROPPED], "")


def test_a_root_without_its_capabilities_is_told_what_to_do(tmp_path: Path) -> None:
    did, complaint = as_tutti(tmp_path, 0, "root", chown="false")
    assert did == ["chown tutti:tutti"]
    assert complaint.endswith("is root's, and this root may not give it away: add --user tutti.\n")


def test_another_user_stays_who_it_is(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert as_tutti(tmp_path, 1000, "root") == (["tutti serve"], "")


def test_a_user_who_cannot_write_the_data_is_told(tmp_path: Path) -> None:
    did, complaint = as_tutti(tmp_path, 1000, "root")
    assert did == []
    assert complaint.startswith("User 1000 cannot write to ")


def test_the_start_script_can_be_executed() -> None:
    assert (ROOT / "scripts/as-tutti").stat().st_mode & 0o111
