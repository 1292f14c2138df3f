"""Git is called with nothing of the bot's own, and the token is seen by the one server it is for."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.errors import UserError
from bot.git.command import Credential, GitError, StoppedError, Transport, answer, git, stream
from bot.git.mirror import Mirror, Mirrors
from tests.git.stage import TOKEN, Server, Upstream, everything


def seen_by_others() -> bytes:
    """What every user of this machine may read of every process: its arguments; and its owner: its environment."""
    seen = b""
    for process in Path("/proc").glob("[0-9]*"):
        for file in ("cmdline", "environ"):
            try:
                seen += (process / file).read_bytes()
            except OSError:
                continue
    return seen


async def test_the_token_is_in_no_argument_and_no_environment_while_git_uses_it(
    server: Server, mirrors: Mirrors, shop: Upstream, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    plain = server.refused

    def look(request: web.Request) -> web.Response | None:
        seen.append(seen_by_others())
        return plain(request)

    monkeypatch.setattr(server, "refused", look)
    mirror = await mirrors.get("acme/shop")
    await mirror.fetch(credential=credential)
    assert await mirror.resolve("main") == shop.tip("main")
    assert all(b"git-remote-http" in moment for moment in seen)
    assert not any(TOKEN.encode() in moment for moment in seen)


async def test_the_token_is_on_no_disk(mirror: Mirror, data_dir: Path) -> None:
    files = everything(data_dir)
    assert files
    assert not [path for path, content in files.items() if TOKEN.encode() in content]


async def test_a_redirect_gets_no_request_and_no_token(
    server: Server, mirrors: Mirrors, credential: Credential, shop: Upstream
) -> None:
    asked: list[str] = []

    async def trap(request: web.Request) -> web.Response:
        asked.append(str(request.headers))
        return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", trap)
    async with TestServer(app) as elsewhere:
        server.redirect = str(elsewhere.make_url("")).rstrip("/")
        mirror = await mirrors.get("acme/shop")
        with pytest.raises(UserError, match="renamed or moved"):
            await mirror.fetch(credential=credential)
    assert server.requests
    assert asked == []


async def test_another_origin_is_told_nothing(server: Server, shop: Upstream, mirrors: Mirrors) -> None:
    mirror = await mirrors.get("acme/shop")
    foreign = Credential("http://github.example", TOKEN)
    said = await mirror.answer("ls-remote", mirror.url, protocol="http", credential=foreign)
    assert said.code != 0
    assert "could not read Username" in said.stderr


async def test_an_error_never_shows_the_token(mirror: Mirror, credential: Credential) -> None:
    said = await mirror.answer("ls-remote", f"http://{TOKEN}.invalid/x", protocol="http", credential=credential)
    assert said.code != 0
    assert TOKEN not in said.stderr
    assert "***" in said.stderr
    assert TOKEN not in repr(credential)


@pytest.mark.parametrize(
    "url", ["{shop}", "file://{shop}", "ext::sh -c touch% {marker}", "ssh://localhost/x", "git://localhost/x"]
)
async def test_git_speaks_no_protocol_but_the_one_it_was_told(
    mirror: Mirror, shop: Upstream, tmp_path: Path, url: str
) -> None:
    marker = tmp_path / "ran"
    said = await mirror.answer("fetch", url.format(shop=shop.bare, marker=marker), "main", protocol="https")
    assert said.code != 0
    assert "not allowed" in said.stderr
    assert not marker.exists()


async def test_nothing_of_the_bots_environment_reaches_git(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare'='no'")
    monkeypatch.setenv("SECRET_OF_THE_BOT", "canary")
    said = (await mirror.git("-c", "alias.show-environment=!env", "show-environment")).decode()
    assert "canary" not in said
    assert "HOME=/nonexistent" in said
    assert "core.bare" not in said


async def test_a_git_that_hangs_is_stopped_with_all_it_started(mirror: Mirror) -> None:
    arrived = asyncio.Event()

    async def never(request: web.Request) -> web.Response:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_get("/{path:.*}", never)
    async with TestServer(app, shutdown_timeout=0) as silent:
        url = str(silent.make_url("/hanging.git"))
        fetching = asyncio.create_task(mirror.git("fetch", url, "main", protocol="http"))
        await arrived.wait()
        assert b"hanging.git" in seen_by_others()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        assert b"hanging.git" not in seen_by_others()
        with pytest.raises(GitError, match=r"stopped after 0\.2 seconds") as caught:
            await mirror.git("fetch", url, "main", protocol="http", timeout=0.2)
        assert caught.value.passing
        assert b"hanging.git" not in seen_by_others()


async def test_the_proxy_is_asked_where_one_is_set(tmp_path: Path, shop: Upstream) -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.Response(status=502)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy)
    async with TestServer(app) as running:
        transport = Transport(http_proxy=str(running.make_url("")))
        mirror = await Mirrors(tmp_path / "data", "http://github.internal", transport).get("acme/shop")
        said = await mirror.answer("ls-remote", mirror.url, protocol="http")
    assert said.code != 0
    assert asked == ["http://github.internal/acme/shop.git/info/refs?service=git-upload-pack"]


async def test_a_hook_of_a_template_or_a_system_never_runs(tmp_path: Path) -> None:
    await git("init", "--quiet", "--bare", str(tmp_path / "x.git"))
    hooks = tmp_path / "x.git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    empty = (await git("mktree", git_dir=tmp_path / "x.git")).decode().strip()
    said = await answer("update-ref", "refs/heads/x", empty, git_dir=tmp_path / "x.git")
    assert "not a commit" in said.stderr or "non-commit" in said.stderr
    assert not (tmp_path / "ran").exists()


async def test_what_says_too_much_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="after more than 100,000 bytes") as caught:
        await answer("-c", "alias.talk=!yes", "talk", git_dir=tmp_path, most=100_000)
    assert caught.value.too_much
    assert not caught.value.passing
    said = await answer(
        "-c", "alias.talk=!cat; echo no >&2", "talk", git_dir=tmp_path, stdin=b"x" * 99_000, most=100_000
    )
    assert (said.code, len(said.stdout), said.stderr) == (0, 99_000, "no\n")


async def test_a_stream_is_heard_as_it_comes_and_its_failure_at_its_end(tmp_path: Path) -> None:
    talk = "alias.talk=!head -c 1000000 /dev/zero; echo no >&2; exit 3; :"
    heard: list[bytes] = []

    async def hear() -> None:
        async for piece in stream("-c", talk, "talk", git_dir=tmp_path):
            heard.append(piece)

    with pytest.raises(GitError, match="ended with 3: no") as caught:
        await hear()
    assert not caught.value.passing
    assert b"".join(heard) == bytes(1_000_000)


async def test_who_stops_listening_to_a_stream_ends_git_and_what_it_started(tmp_path: Path) -> None:
    talk = "alias.talk=!echo endless-talk; sleep 60; :"
    async with aclosing(stream("-c", talk, "talk", git_dir=tmp_path)) as pieces:
        assert await anext(pieces) == b"endless-talk\n"
        assert b"endless-talk" in seen_by_others()
    assert b"endless-talk" not in seen_by_others()


async def test_a_stream_that_says_nothing_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="after 0 seconds"):
        await anext(stream("-c", "alias.talk=!sleep 60; :", "talk", git_dir=tmp_path, timeout=0))
