"""The forwarder: loopback ports that lead to sockets, for as long as one command runs, and nothing of its own."""

import asyncio
import hashlib
import random
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.sandbox import forward
from tests.port import free_port

FORWARD = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", str(forward.__file__)]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def started(*words: str, files: int = 1024) -> Process:
    """A forwarder that may have so many files open."""
    limited = ["/bin/sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *FORWARD, *words]
    return await asyncio.create_subprocess_exec(*limited, stdin=PIPE, stdout=PIPE, stderr=PIPE)


async def ran(*argv: str, given: bytes = b"") -> tuple[int, bytes, bytes]:
    """A command run to its end, without doors: code, output, errors."""
    process = await started("--", *argv)
    out, err = await process.communicate(given)
    assert process.returncode is not None
    return process.returncode, out, err


@asynccontextmanager
async def forwarded(folder: Path, *talks: Talk, files: int = 1024) -> AsyncIterator[tuple[Process, list[int]]]:
    """A forwarder with a door for each talk, while its command waits; its process and the doors' ports."""
    ports, words, servers = [free_port() for _ in talks], list[str](), list[asyncio.Server]()
    for port, talk in zip(ports, talks, strict=True):
        servers.append(await asyncio.start_unix_server(_ended(talk), folder / str(port)))
        words.append(f"{port}={folder / str(port)}")
    process = await started(*words, "--", "/bin/sh", "-c", "echo up; cat", files=files)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
        yield process, ports
    finally:
        await process.communicate(b"")
        for server in servers:
            server.close()
    assert process.returncode == 0


def _ended(talk: Talk) -> Talk:
    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)
        writer.close()

    return whole


async def reversed_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers when the other side has said all: only who can half-close gets an answer."""
    writer.write((await reader.read())[::-1])


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def said(port: int, words: bytes) -> bytes:
    """All that comes back when words were said and the own side was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    writer.write_eof()
    try:
        return await reader.read()
    finally:
        writer.close()


def memory(process: Process) -> int:
    """Bytes in memory."""
    return int(Path(f"/proc/{process.pid}/status").read_text().partition("VmRSS:")[2].split()[0]) << 10


def open_files(process: Process) -> int:
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


async def test_bytes_go_both_ways_and_each_side_ends_by_itself(tmp_path: Path) -> None:
    async with forwarded(tmp_path, reversed_at_the_end, echo) as (_, (one, other)):
        assert await said(one, b"hello") == b"olleh"
        big = random.Random(1).randbytes(3 << 20)
        assert await said(other, big) == big


async def test_a_stream_comes_piece_by_piece(tmp_path: Path) -> None:
    async with forwarded(tmp_path, echo) as (_, (port,)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for word in (b"one\n", b"two\n"):
            writer.write(word)
            assert await reader.readline() == word
        writer.close()


@pytest.mark.parametrize(("connections", "files"), [(200, 1024), (60, 64)])
async def test_many_connections_at_once_and_those_there_is_no_room_for_wait_their_turn(
    tmp_path: Path, connections: int, files: int
) -> None:
    async with forwarded(tmp_path, reversed_at_the_end, files=files) as (_, (port,)):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
        for _, writer in held:
            writer.write(b"ab")
            writer.write_eof()
        assert [await reader.read() for reader, _ in held] == [b"ba"] * connections
        for _, writer in held:
            writer.close()


async def test_who_does_not_read_holds_up_nobody_and_fills_no_memory(tmp_path: Path) -> None:
    whole = random.Random(2).randbytes(24 << 20)

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(whole)
        await writer.drain()

    async with forwarded(tmp_path, flood, reversed_at_the_end) as (process, (dam, other)):
        slow = socket.create_connection(("127.0.0.1", dam))
        for _ in range(20):
            assert await said(other, b"hello") == b"olleh"
        assert memory(process) < 24 << 20
        reader, writer = await asyncio.open_connection(sock=slow)
        assert hashlib.sha256(await reader.read()).digest() == hashlib.sha256(whole).digest()
        writer.close()


async def test_a_door_that_is_gone_closes_the_connection_and_not_the_forwarder(tmp_path: Path) -> None:
    async with forwarded(tmp_path, echo, echo) as (_, (one, other)):
        (tmp_path / str(one)).unlink()
        assert await said(one, b"") == b""
        assert await said(other, b"hello") == b"hello"


async def test_who_hangs_up_in_the_middle_is_forgotten(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except ConnectionError:
            ended.set()

    async with forwarded(tmp_path, endless) as (process, (port,)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readexactly(100_000)
        before = open_files(process)
        writer.transport.abort()
        await ended.wait()
        while open_files(process) != before - 2:  # noqa: ASYNC110 - another process closes them
            await asyncio.sleep(0.01)


# ---- the command -----------------------------------------------------------------------------------------------------


async def test_the_command_has_the_streams_and_its_code_is_the_end() -> None:
    assert await ran("/bin/sh", "-c", "cat; echo no >&2; exit 7", given=b"hello") == (7, b"hello", b"no\n")
    assert await ran("true") == (0, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_signal_is_a_code_as_shells_have_it(number: signal.Signals) -> None:
    assert (await ran("/bin/sh", "-c", f"kill -{int(number)} $$"))[0] == 128 + number


async def test_a_command_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert await ran("no-such-program") == (127, b"", b"no-such-program: No such file or directory\n")
    assert await ran(str(tmp_path)) == (126, b"", f"{tmp_path}: Permission denied\n".encode())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_reaches_the_command(number: signal.Signals) -> None:
    process = await started("--", "/bin/sh", "-c", "trap 'exit 9' TERM INT; echo up; read x; exit 1")
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(number)
    await process.communicate()
    assert process.returncode == 9


@pytest.mark.usefixtures("interruptible")
async def test_the_command_gets_nothing_of_the_forwarder(tmp_path: Path) -> None:
    words = f"{free_port()}={tmp_path / 'door'}"
    signals = "grep -E 'Sig(Ign|Blk)' /proc/self/status"
    process = await started(words, "--", "/bin/sh", "-c", f"{signals}; ls -l /proc/self/fd")
    out, _ = await process.communicate()
    assert b"socket" not in out
    assert b"eventpoll" not in out
    direct = await asyncio.create_subprocess_exec("/bin/sh", "-c", signals, stdout=PIPE)
    assert out.startswith((await direct.communicate())[0])


async def test_nothing_is_started_where_a_door_cannot_be_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = f"{taken.getsockname()[1]}={tmp_path / 'door'}"
        process = await started(words, "--", "/bin/sh", "-c", "echo up")
        out, err = await process.communicate()
    assert (process.returncode, out) == (125, b"")
    assert err == b"no door can be made on loopback: Address already in use\n"
