"""A pull request's change comes out as git has it, whatever its files are called and whatever is in them."""

import asyncio
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.git import patches as module
from bot.git.command import GitError, Identity, StoppedError, git, stream
from bot.git.mirror import Mirror, Mirrors
from bot.git.patches import merge_base, patches
from bot.review.patch import FilePatch

ME = Identity("Ada", "ada@example.com")
ELSEWHERE = b"1" * 40  # a submodule's commit


class File(NamedTuple):
    mode: bytes
    text: bytes


Tree = Mapping[bytes, File]


def plain(text: bytes) -> File:
    return File(b"100644", text)


def quoted(name: bytes) -> bytes:
    return b'"%s"' % b"".join(b"\\%03o" % byte for byte in name)


def commit(tree: Tree, parent: bytes, branch: bytes = b"main") -> Iterator[bytes]:
    yield b"commit refs/heads/%s\ncommitter Ada <ada@example.com> 0 +0000\ndata 0\n" % branch
    yield b"from %s\n" % parent if parent else b""
    yield b"deleteall\n"
    for name, (mode, text) in tree.items():
        if mode == b"160000":
            yield b"M 160000 %s %s\n" % (text, quoted(name))
        else:
            yield b"M %s inline %s\ndata %d\n%s\n" % (mode, quoted(name), len(text), text)


async def commits(mirror: Mirror, *trees: Tree) -> list[str]:
    """One commit after another, from nothing."""
    said = b"reset refs/heads/main\n\n"
    for number, tree in enumerate(trees):
        said += b"".join(commit(tree, b":%d" % number if number else b"")).replace(
            b"\ncommitter", b"\nmark :%d\ncommitter" % (number + 1), 1
        )
    said += b"".join(b"get-mark :%d\n" % (number + 1) for number in range(len(trees)))
    return (await mirror.git("fast-import", "--quiet", "--force", stdin=said)).decode().split()


@cache
def bare() -> Mirror:
    """One repository for all examples."""
    path = Path(mkdtemp(prefix="tutti-patches-"))
    subprocess.run(["git", "init", "--quiet", "--bare", str(path)], check=True)
    mirrors = Mirrors(path, "https://github.com")
    return Mirror(path, "shop", "", "https", mirrors.transport)
