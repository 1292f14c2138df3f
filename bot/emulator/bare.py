"""A real bare git repository on disk, with its references also known in memory."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.emulator.problem import Problem

Content = str | bytes | None | tuple[str, str | bytes]
"""What a path shall hold: text, bytes, nothing (delete it), or a git mode (`100755`, `120000`, `160000`) with it."""

ZERO = "0" * 40
CONFIG = """[core]
\trepositoryformatversion = 0
\tbare = true
\tfsync = none
\tlogAllRefUpdates = false
[gc]
\tauto = 0
[receive]
\tautogc = false
\thideRefs = refs/pull
\tfsckObjects = true
\tdenyDeleteCurrent = refuse
[uploadpack]
\tallowAnySHA1InWant = true
\tallowFilter = true
[transfer]
\tadvertiseObjectInfo = true
"""
GIT = shutil.which("git") or "git"
ENVIRONMENT = {
    "PATH": os.pathsep.join([str(Path(GIT).parent), os.defpath]),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "HOME": os.devnull,
    "LC_ALL": "C.UTF-8",
    # An upload-pack of root reads a repository whoever owns it.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


class GitFailed(Exception):  # noqa: N818
    """git ended with `code`; the text is what it said."""

    def __init__(self, argv: Sequence[str], code: int, said: str) -> None:
        self.code = code
        super().__init__(f"git {argv[0]} ended with {code}: {said.strip()}")


@dataclass(frozen=True)
class RefChange:
    """A reference that moved; forty zeros stand for "was not" and "is no more"."""

    ref: str
    old: str
    new: str


@dataclass(frozen=True)
class Entry:
    """One entry of a tree."""

    mode: str
    type: str
    sha: str
    size: int
    path: str


async def start_git(*argv: str, env: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """A git process with all three pipes and an environment of its own."""
    return await asyncio.create_subprocess_exec(
        GIT,
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**ENVIRONMENT, **(env or {})},
    )


class Bare:
    """The repository at `path`; `refs` is what its references point at, `lock` is held while they move."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refs: dict[str, str] = {}
        self.lock = asyncio.Lock()

    @classmethod
    def create(cls, path: Path, branch: str) -> "Bare":
        """An empty repository, written by hand: it costs no process."""
        for folder in ("objects/info", "objects/pack", "refs/heads"):
            (path / folder).mkdir(parents=True)
        (path / "HEAD").write_text(f"ref: refs/heads/{branch}\n", encoding="utf-8")
        (path / "config").write_text(CONFIG, encoding="utf-8")
        return cls(path)

    def copy(self, path: Path, branch: str) -> "Bare":
        """A repository with the same objects and branches, as a fork has them."""
        made = Bare.create(path, branch)
        shutil.copytree(self.path / "objects", path / "objects", dirs_exist_ok=True)
        made.refs = {ref: sha for ref, sha in self.refs.items() if ref.startswith(("refs/heads/", "refs/tags/"))}
        packed = "".join(f"{sha} {ref}\n" for ref, sha in sorted(made.refs.items()))
        (path / "packed-refs").write_text(packed, encoding="utf-8")
        return made

    async def take(self, other: "Bare", sha: str) -> None:
        """Brings a commit of another repository, and all that it stands on."""
        await self.git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(other.path), sha)

    async def git(self, *argv: str, stdin: bytes = b"", fine: tuple[int, ...] = (0,)) -> bytes:
        """What git prints; raises GitFailed when it ends with a code that is not `fine`."""
        process = await start_git("--git-dir", str(self.path), *argv)
        out, err = await process.communicate(stdin)
        if process.returncode not in fine:
            raise GitFailed(argv, process.returncode or 0, err.decode(errors="replace"))
        return out

    async def line(self, *argv: str) -> str:
        return (await self.git(*argv)).decode(errors="replace").strip()

    async def reload(self) -> list[RefChange]:
        """Reads the references anew, the lock being held; what moved since the last time."""
        listed = await self.git("for-each-ref", "--format=%(objectname) %(refname)")
        now = {ref: sha for sha, ref in (row.split(" ", 1) for row in listed.decode().splitlines())}
        was, self.refs = self.refs, now
        moved = [ref for ref in {**was, **now} if was.get(ref) != now.get(ref)]
        return [RefChange(ref, was.get(ref, ZERO), now.get(ref, ZERO)) for ref in moved]

    async def set_ref(self, ref: str, sha: str | None) -> None:
        async with self.lock:
            await self.git("update-ref", *(["-d", ref] if sha is None else [ref, sha]))
            if sha is None:
                self.refs.pop(ref, None)
            else:
                self.refs[ref] = sha

    async def commit(
        self, branch: str, files: Mapping[str, Content], message: str, who: str, when: float, parent: str | None
    ) -> str:
        """A commit of these files on top of `parent` (None: a root), with the branch set to it; answers its sha."""
        ref = f"refs/heads/{branch}"
        stream: list[str | bytes] = [f"commit {ref}\nmark :1\n", f"committer {who} {int(when)} +0000\n", _data(message)]
        stream.append(f"from {parent}\n" if parent else "")
        stream += [_change(path, content) for path, content in files.items()]
        text = b"".join(part.encode() if isinstance(part, str) else part for part in [*stream, "\nget-mark :1\n"])
        async with self.lock:
            out = await self.git("fast-import", "--quiet", "--force", "--date-format=raw", stdin=text)
            self.refs[ref] = out.decode().strip()
            return self.refs[ref]

    async def entries(self, rev: str, path: str = "", *, deep: bool = False) -> list[Entry]:
        """The tree's entry at `path`; with a closing slash (or nothing) what lies in that folder, or all below it."""
        out = await self.git("ls-tree", "-z", "-l", *(["-r"] if deep else []), rev, "--", *([path] if path else []))
        return [_entry(row) for row in out.decode(errors="surrogateescape").split("\0") if row]

    async def blob(self, sha: str) -> bytes:
        return await self.git("cat-file", "blob", sha)

    async def merge_base(self, one: str, other: str) -> str:
        """The best common ancestor; empty when there is none."""
        return (await self.git("merge-base", one, other, fine=(0, 1))).decode().strip()

    async def sha(self, rev: str) -> str | None:
        """The commit that a branch, tag, reference or sha (whole or cut) stands for."""
        for name in (f"refs/heads/{rev}", f"refs/tags/{rev}", f"refs/{rev}", rev):
            if name in self.refs:
                return self.refs[name]
        if rev.startswith("-") or not rev or ":" in rev:
            return None
        found = await self.git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}", fine=(0, 1, 128)
        )
        return found.decode().strip() or None

    async def merged_tree(self, one: str, other: str) -> str | None:
        """The tree of merging the two commits; None when they conflict."""
        try:
            return (await self.line("merge-tree", "--write-tree", "--no-messages", one, other)).split("\n")[0]
        except GitFailed as failure:
            if failure.code == 1:
                return None
            raise Problem(422, str(failure)) from failure


def _entry(row: str) -> Entry:
    about, path = row.split("\t", 1)
    mode, kind, sha, size = about.split()
    return Entry(mode, kind, sha, 0 if size == "-" else int(size), path)


def _data(content: str | bytes) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return b"data %d\n%s\n" % (len(raw), raw)


def _change(path: str, content: Content) -> bytes:
    quoted = '"' + "".join(chr(c) if 32 < c < 127 and c not in b'"\\' else f"\\{c:03o}" for c in path.encode()) + '"'
    if content is None:
        return f"D {quoted}\n".encode()
    mode, body = content if isinstance(content, tuple) else ("100644", content)
    if mode == "160000":
        return f"M {mode} {body if isinstance(body, str) else body.decode()} {quoted}\n".encode()
    return f"M {mode} inline {quoted}\n".encode() + _data(body)
