"""The one place that starts git: environment built from nothing, no hooks, no discovery, token through a pipe."""

import asyncio
import fcntl
import os
import re
import shlex
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Literal, TypedDict, Unpack
from urllib.parse import urlsplit

from bot.sandbox.jail import Jail

Protocol = Literal["https", "http", "file"]

# Whatever a repository's own configuration says, these win: they come with every call.
_CONFIG = {
    "advice.detachedHead": "false",
    "checkout.workers": "4",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.logAllRefUpdates": "false",
    "credential.helper": "",
    "diff.ignoreSubmodules": "all",
    "diff.suppressBlankEmpty": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "init.defaultBranch": "main",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "push.gpgSign": "false",
    "push.recurseSubmodules": "no",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
    "transfer.credentialsInUrl": "die",
    "transfer.fsckObjects": "true",
    # Old, harmless blemishes that many a long history carries; GitHub serves them too.
    "fetch.fsck.badTimezone": "ignore",
    "fetch.fsck.missingNameBeforeEmail": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
}
# And these where git reads files of an agent, which belong to the user of its place: that alone is no change of a file,
# and no reason to refuse them.
_IN_A_JAIL = {"core.checkStat": "minimal", "core.trustctime": "false", "safe.directory": "*"}
_ALWAYS = {
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "GIT_SSH_COMMAND": "/bin/false",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
}
_PIECE = 1 << 20  # bytes that are read of a stream at once, and that git may be ahead
_BREATH = 0.002  # seconds that it is let to say more: git says a few lines at a time
_PASSING = re.compile(
    r"Could not resolve|Failed to connect|Couldn't connect|Connection (reset|refused|timed out)|Operation too slow"
    r"|returned error: (5\d\d|429)|early EOF|RPC failed|unexpected disconnect|hung up|Empty reply|Proxy CONNECT aborted"
)


@dataclass(frozen=True)
class Transport:
    """How this installation reaches the network; `path` is where programs are looked for."""

    https_proxy: str | None = None
    http_proxy: str | None = None
    no_proxy: str | None = None
    ca_file: Path | None = None
    path: str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"


@dataclass(frozen=True)
class Credential:
    """A token for the origin of a URL (scheme, host, port); given to no other origin."""

    url: str
    token: str = field(repr=False)

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`, as git names it to a helper."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@dataclass(frozen=True)
class Identity:
    """The author and committer of a commit."""

    name: str
    email: str


@dataclass(frozen=True)
class Answer:
    """How a call of git ended; the token is masked in `stderr`."""

    code: int
    stdout: bytes
    stderr: str


class GitError(Exception):
    """Git said no. `argv` and `stderr` never show a token; `code` is -1 where git was stopped for taking too long."""

    def __init__(self, argv: tuple[str, ...], code: int, stderr: str) -> None:
        self.argv, self.code, self.stderr = argv, code, stderr
        super().__init__(f"git {' '.join(argv)[:300]} ended with {code}: {stderr.strip()[-2000:]}")

    @property
    def passing(self) -> bool:
        """Whether it is the network's or the server's trouble, which another try may not meet."""
        return self.code == -1 or bool(_PASSING.search(self.stderr))


class _TooMuch(Exception):  # noqa: N818 - a finding
    """Git says more than it may."""


class StoppedError(GitError):
    """Git was stopped: it took too long, or it said `too_much`."""

    def __init__(self, argv: tuple[str, ...], reason: str, *, too_much: bool = False) -> None:
        self.too_much = too_much
        super().__init__(argv, -1, f"git was stopped {reason}")

    @property
    def passing(self) -> bool:
        """Another try may be faster, but says as much."""
        return not self.too_much


class Look(TypedDict, total=False):
    """How git is called to tell what is on this disk: on exactly this `git_dir`, `timeout` seconds at most (600)."""

    git_dir: Path
    transport: Transport
    timeout: float


class Call(Look, total=False):
    """How git is called, speaking no network protocol but `protocol`.

    `objects` is a folder of objects that may be read beside the repository's own; `when` (seconds since 1970) dates
    what `identity` signs. In a `jail` it sees nothing but what that shows. It may say `most` bytes, on standard output
    and as errors each (as many as it likes unless said).
    """

    work_tree: Path
    index: Path
    objects: Path
    stdin: bytes
    protocol: Protocol
    credential: Credential | None
    identity: Identity
    when: int
    most: int
    jail: Jail


async def git(*args: str, **call: Unpack[Call]) -> bytes:
    """Git's standard output; raises GitError unless it ends with 0."""
    said = await answer(*args, **call)
    if said.code:
        raise GitError(args, said.code, said.stderr)
    return said.stdout


async def answer(*args: str, **call: Unpack[Call]) -> Answer:
    """Run git once, in `/`; raises StoppedError when it took too long or said too much, no other GitError."""
    credential = call.get("credential")
    where = [f"--git-dir={call['git_dir']}"] if "git_dir" in call else []
    where += [f"--work-tree={call['work_tree']}"] if "work_tree" in call else []
    argv = ["git", *where, *args]
    with _pipe(credential) as pipe:
        process = await asyncio.create_subprocess_exec(
            *(call["jail"].wrap(argv, cwd=Path("/")) if "jail" in call else argv),
            cwd="/",
            env=_environment(call, _helper(credential, pipe)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=(pipe,) if pipe is not None else (),
        )
        out, err = await _communicate(process, args, call)
    return Answer(process.returncode or 0, out, _masked(err.decode(errors="replace"), credential))


async def stream(*args: str, **call: Unpack[Look]) -> AsyncGenerator[bytes, None]:
    """Git's standard output piece by piece, as it comes; raises GitError at its end unless git ends with 0.

    Close it (`contextlib.aclosing`) where it is not read to its end: only then is git ended for sure. `timeout` is for
    each piece; there is no credential and no standard input.
    """
    where = [f"--git-dir={call['git_dir']}"] if "git_dir" in call else []
    with _wide_pipe() as (ours, theirs):
        process = await asyncio.create_subprocess_exec(
            *("git", *where, *args),
            cwd="/",
            env=_environment({"transport": call.get("transport", Transport())}, ""),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=theirs,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        assert process.stderr
        errors = asyncio.create_task(process.stderr.read())
        try:
            while piece := await _piece(ours.fileno(), args, call.get("timeout", 600)):
                yield piece
            if await process.wait():
                raise GitError(args, process.returncode or -1, (await errors).decode(errors="replace"))
        finally:
            errors.cancel()  # first: who ends git reads what it says to its end
            await asyncio.wait({errors})
            if process.returncode is None:
                await asyncio.shield(_end(process))


@contextmanager
def _wide_pipe() -> Iterator[tuple[FileIO, FileIO]]:
    """A pipe that git can write far ahead in: who reads it need not wake for every few lines."""
    read, write = os.pipe()
    with FileIO(read, "r") as ours, FileIO(write, "w") as theirs:
        os.set_blocking(read, False)
        with suppress(AttributeError, OSError):  # not every system can, and who has many of them may not
            fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, _PIECE)
        yield ours, theirs


async def _piece(pipe: int, args: tuple[str, ...], seconds: float) -> bytes:
    """What is in the pipe once there is something, and a moment more has come; nothing at its end."""
    try:
        async with asyncio.timeout(seconds):
            await _readable(pipe)
            await asyncio.sleep(_BREATH)
            return os.read(pipe, _PIECE)
    except TimeoutError:
        raise StoppedError(args, f"after {seconds:g} seconds") from None


async def _readable(pipe: int) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pipe, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(pipe)


async def _communicate(process: asyncio.subprocess.Process, args: tuple[str, ...], call: Call) -> tuple[bytes, bytes]:
    seconds, most = call.get("timeout", 600), call.get("most")
    talk = process.communicate(call.get("stdin", b"")) if most is None else _bounded(process, call, most)
    try:
        async with asyncio.timeout(seconds):
            return await talk
    except TimeoutError:
        raise StoppedError(args, f"after {seconds:g} seconds") from None
    except ExceptionGroup:
        raise StoppedError(args, f"after more than {most:,} bytes", too_much=True) from None
    finally:
        if process.returncode is None:
            await asyncio.shield(_end(process))


async def _bounded(process: asyncio.subprocess.Process, call: Call, most: int) -> tuple[bytes, bytes]:
    """As `communicate`; raises a group of _TooMuch once it has said more than `most` bytes."""
    assert process.stdin
    assert process.stdout
    assert process.stderr
    async with asyncio.TaskGroup() as group:
        said = [group.create_task(_read(pipe, most)) for pipe in (process.stdout, process.stderr)]
        group.create_task(_feed(process.stdin, call.get("stdin", b"")))
    await process.wait()
    return said[0].result(), said[1].result()


async def _read(pipe: asyncio.StreamReader, most: int) -> bytes:
    got = bytearray()
    while piece := await pipe.read(2**16):
        got += piece
        if len(got) > most:
            raise _TooMuch
    return bytes(got)


async def _feed(pipe: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended before it read all
        pipe.write(data)
        await pipe.drain()
    pipe.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Git takes its lock files away on SIGTERM; what does not listen is killed, with all it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await process.communicate()
                return


def _environment(call: Call, helper: str) -> dict[str, str]:
    transport, protocol = call.get("transport", Transport()), call.get("protocol")
    config = [*_CONFIG.items(), *([("credential.helper", helper)] if helper else [])]
    config += _IN_A_JAIL.items() if "jail" in call else ()
    environment = _ALWAYS | {
        "PATH": transport.path,
        "GIT_ALLOW_PROTOCOL": protocol or "",
        "GIT_CONFIG_COUNT": str(len(config)),
    }
    for number, (key, value) in enumerate(config):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    if "identity" in call:
        environment |= _signature(call["identity"], call.get("when", 0))
    places = {"GIT_INDEX_FILE": call.get("index"), "GIT_ALTERNATE_OBJECT_DIRECTORIES": call.get("objects")}
    network: dict[str, str | Path | None] = {
        "https_proxy": transport.https_proxy,
        "http_proxy": transport.http_proxy,
        "no_proxy": transport.no_proxy,
        "GIT_SSL_CAINFO": transport.ca_file,
    }
    return environment | {name: str(value) for name, value in (places | (network if protocol else {})).items() if value}


def _signature(identity: Identity, when: int) -> dict[str, str]:
    return {
        f"GIT_{role}_{name}": value
        for role in ("AUTHOR", "COMMITTER")
        for name, value in (("NAME", identity.name), ("EMAIL", identity.email), ("DATE", f"@{when} +0000"))
    }


@contextmanager
def _pipe(credential: Credential | None) -> Iterator[int | None]:
    """A pipe's read end that holds the token: it is in no argument, no environment and no file."""
    if credential is None:
        yield None
        return
    read, write = os.pipe()
    try:
        os.write(write, credential.token.encode())
        os.close(write)
        yield read
    finally:
        os.close(read)


def _helper(credential: Credential | None, pipe: int | None) -> str:
    """Git's credential helper: answers for our origin only, so no redirect and no rewritten URL gets the token."""
    if credential is None:
        return ""
    return (
        '!f() { test "$1" = get || exit 0; p= h=; while IFS="=" read -r k v; do '
        'case "$k" in protocol) p=$v;; host) h=$v;; esac; done; '
        f'test "$p://$h" = {shlex.quote(credential.origin)} || exit 0; '
        f"echo username=x-access-token; printf password=; cat /dev/fd/{pipe}; echo; }}; f"
    )


def _masked(text: str, credential: Credential | None) -> str:
    return text.replace(credential.token, "***") if credential and credential.token else text
