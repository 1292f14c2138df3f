"""The bot's own bare copy of each repository: what it fetches into, reads from and pushes from."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from filelock import AsyncFileLock

from bot.errors import TryAgain, UserError
from bot.git.command import Answer, Call, Credential, GitError, Protocol, Transport, answer, git

HEADS = "+refs/heads/*:refs/heads/*"
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NO_REF = re.compile(r"[\0-\40\177~^:?*\[\\]|\.\.|@\{|//|(^|/)\.|\.(lock)?(/|$)|^/|/$|^@?$")  # as git check-ref-format
_TREES = 100  # of commits of a mirror, that are known by heart
_ENTRIES = 50_000  # files of listings that are known by heart, of all mirrors together
_LONGEST_PART = 240  # bytes, for each is a file's name
# As bot.github.entity reads names (a test holds the two together): accounts of companies have a `_`.
_FILE = frozenset({"100644", "100755"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True)
class Entry:
    """A file of a tree. `mode`: 100644, 100755, 120000 (symbolic link) or 160000 (a submodule's commit)."""

    path: str
    mode: str
    oid: str


@dataclass(frozen=True)
class Head:
    """The branch that a repository opens with, and the commit it is at."""

    branch: str
    sha: str


@dataclass(frozen=True)
class Traits:
    """What about a commit needs a word of honesty: submodules by path, large files kept elsewhere, nothing at all."""

    submodules: tuple[str, ...]
    lfs: bool
    empty: bool


class _Listings:
    """What the trees hold that were listed last: a run asks for the same few again and again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Path, str], tuple[Entry, ...]] = {}
        self._size = 0

    def of(self, path: Path, sha: str) -> tuple[Entry, ...] | None:
        return self._kept.get((path, sha))

    def keep(self, path: Path, sha: str, entries: Iterable[Entry]) -> None:
        self._size -= len(self._kept.pop((path, sha), ()))
        self._kept[path, sha] = found = tuple(entries)
        self._size += len(found)
        while self._size > _ENTRIES or len(self._kept) > _TREES:
            self._size -= len(self._kept.pop(next(iter(self._kept))))


class Mirror:
    """One bare repository. Everything that writes refs or worktrees holds `lock()`; do not take it twice."""

    def __init__(
        self,
        path: Path,
        name: str,
        url: str,
        protocol: Protocol,
        transport: Transport,
        listings: "_Listings | None" = None,
    ) -> None:
        self.path, self.name, self.url = path, name, url
        self.protocol, self.transport = protocol, transport
        self._turn = asyncio.Lock()
        self._listings = listings or _Listings()
        self._trees: dict[str, str] = {}  # of commits that were asked for before: it never changes

    async def git(self, *args: str, **call: Unpack[Call]) -> bytes:
        """Run git on this mirror; raises GitError."""
        return await git(*args, **self._call(call))

    async def answer(self, *args: str, **call: Unpack[Call]) -> Answer:
        """Run git on this mirror and give its answer, good or bad."""
        return await answer(*args, **self._call(call))

    def _call(self, call: Call) -> Call:
        return {"git_dir": self.path, "transport": self.transport, **call}

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Held by one task of one process at a time: git's own locks fail instead of waiting."""
        async with self._turn, AsyncFileLock(f"{self.path}.lock", run_in_executor=False, poll_interval=0.01):
            yield

    async def has(self, *shas: str) -> bool:
        """Whether every one of these objects is here."""
        asked = "".join(f"{sha}\n" for sha in shas).encode()
        return b" missing\n" not in await self.git("cat-file", "--batch-check", stdin=asked)

    async def fetch(self, refs: Iterable[str] = (), credential: Credential | None = None) -> None:
        """Fetch branches (`main`), refs (`refs/pull/7/head`) or commits by sha; all branches when nothing is named.

        Commits that are all here already cost no network. Raises UserError where there is no such thing, TryAgain
        where the network or the server was at fault.
        """
        wanted = list(refs)
        if strange := [ref for ref in wanted if not _usable(ref)]:
            raise UserError(f"{strange[0][:100]!r} is no usable name of a branch.")
        shas = [ref for ref in wanted if _SHA.fullmatch(ref)]
        if wanted and len(shas) == len(wanted) and await self.has(*shas):
            return
        async with self.lock():
            missing = bool(shas) and not await self.has(*shas)
            specs = [_spec(ref) for ref in wanted if ref not in shas]
            if missing or not wanted:
                specs = [HEADS, *(spec for spec in specs if not spec.startswith("+refs/heads/"))]
            if specs:
                await self._fetch(specs, credential)
            if missing and not await self.has(*shas):
                await self._fetch(shas, credential)

    async def _fetch(self, specs: list[str], credential: Credential | None) -> None:
        options = ["--no-tags", "--no-write-fetch-head", "--quiet", *(["--prune"] if HEADS in specs else [])]
        try:
            await self.git(
                "fetch", *options, self.url, *specs, protocol=self.protocol, credential=credential, timeout=3600
            )
        except GitError as error:
            raise trouble(self.name, error) from error

    async def default_head(self, credential: Credential | None = None) -> Head | None:
        """Ask the origin for its default branch; None while it has no commit."""
        try:
            said = await self.git(
                "ls-remote", "--symref", self.url, "HEAD", protocol=self.protocol, credential=credential, timeout=120
            )
        except GitError as error:
            raise trouble(self.name, error) from error
        found = re.search(
            r"ref: refs/heads/(\S+)\tHEAD\n([0-9a-f]{40,64})\tHEAD", said.decode(errors="surrogateescape")
        )
        if found is None:
            return None
        await self.git("symbolic-ref", "HEAD", f"refs/heads/{found[1]}")
        return Head(found[1], found[2])

    async def resolve(self, ref: str) -> str | None:
        """The commit of a branch name, a full ref or a sha, as far as this mirror knows."""
        full = ref if ref.startswith("refs/") or ref == "HEAD" or _SHA.fullmatch(ref) else f"refs/heads/{ref}"
        said = await self.answer("rev-parse", "--verify", "--quiet", f"{full}^{{commit}}")
        return said.stdout.decode().strip() if said.code == 0 else None

    async def tree(self, sha: str) -> str:
        """The tree of a commit (or of a tree: itself)."""
        if known := self._trees.get(sha):
            return known
        found = (await self.git("rev-parse", "--verify", f"{sha}^{{tree}}")).decode().strip()
        if _SHA.fullmatch(sha):
            if len(self._trees) >= _TREES:
                self._trees.clear()
            self._trees[sha] = found
        return found

    async def read(self, sha: str, path: str) -> bytes | None:
        """A file's content at a commit or tree, of a symbolic link its target; None without such a file."""
        said = await self.answer("cat-file", "blob", f"{sha}:{path}")
        if said.code and not await self.has(sha):
            raise GitError(("cat-file", "blob", f"{sha}:{path}"), said.code, said.stderr)
        return None if said.code else said.stdout

    async def file(self, sha: str, path: str) -> bytes | None:
        """A file's content at a commit, None without one; UserError for what is there and no file: links, folders."""
        found = await self.listing(sha, path)
        if not found:
            return None
        if found[0].path != path or found[0].mode not in _FILE:
            raise UserError(f"`{path}` is no file.")
        return (await self.blobs([found[0].oid]))[found[0].oid]

    async def listing(self, sha: str, under: str = "") -> list[Entry]:
        """Every file of a commit or tree, or those below one folder (or that one file), in git's order."""
        if not under and (known := self._listings.of(self.path, sha)) is not None:
            return list(known)
        below = ["--", under.rstrip("/")] if under else []
        said = await self.git("ls-tree", "-r", "-z", "--full-tree", sha, *below)
        found = [_entry(line) for line in said.split(b"\0") if line]
        if not under and _SHA.fullmatch(sha):
            self._listings.keep(self.path, sha, found)
        return found

    async def blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Many files' contents by object name, in one call; what is no blob of this mirror is left out."""
        said = await self.git("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in oids).encode())
        found: dict[str, bytes] = {}
        at = 0
        while at < len(said):
            line = said.index(b"\n", at)
            words = said[at:line].decode().split(" ")
            at = line + 1
            if words[-1] == "missing":
                continue
            size = int(words[2])
            if words[1] == "blob":
                found[words[0]] = said[at : at + size]
            at += size + 1
        return found

    async def traits(self, sha: str | None) -> Traits:
        """What callers must be honest about before an agent works on this commit; None: there is no commit."""
        entries = await self.listing(sha) if sha else []
        attributes = {e.oid for e in entries if e.path.rpartition("/")[2] == ".gitattributes" and e.mode != "160000"}
        lfs = any(b"filter=lfs" in text for text in (await self.blobs(attributes)).values()) if attributes else False
        return Traits(tuple(e.path for e in entries if e.mode == "160000"), lfs, not entries)

    async def tidy(self) -> None:
        """Take away what a killed git left behind; call it only where nothing of this installation runs git here."""
        async with self.lock():
            await asyncio.to_thread(self._tidy)

    def _tidy(self) -> None:
        patterns = ("*.lock", "refs/**/*.lock", "worktrees/*/*.lock", "objects/pack/tmp_*", "objects/**/tmp_obj_*")
        for pattern in patterns:
            for left in self.path.glob(pattern):
                left.unlink(missing_ok=True)


class Mirrors:
    """All mirrors of one installation, below `data_dir/mirrors`; those of clones on this machine below `clones`.

    A repository's is kept under its id: one that takes over another's name never sees what that one held.
    """

    def __init__(self, data_dir: Path, github_url: str, transport: Transport | None = None) -> None:
        self.folder, self.clones = data_dir / "mirrors", data_dir / "clones"
        self.github_url = github_url.rstrip("/")
        self.transport = transport or Transport()
        self._known: dict[tuple[Path, str], Mirror] = {}
        self._listings = _Listings()

    async def get(self, full_name: str, repo_id: int | None = None) -> Mirror:
        """The mirror of `owner/name`, made empty when it is new; ValueError for what is no such name.

        With its numeric id it is that repository's, whatever that was called before, and no other's of this name.
        """
        if not _NAME.fullmatch(full_name):
            raise ValueError(f"{full_name!r} is not the name of a repository")
        # GitHub's names are the same in any case, so their folder is, too; no account's name begins with `_`.
        path = self.folder / (f"{full_name.lower()}.git" if repo_id is None else f"_/{repo_id}.git")
        protocol: Protocol = "http" if self.github_url.startswith("http://") else "https"
        return await self._open(path, full_name, f"{self.github_url}/{full_name}.git", protocol)

    async def local(self, path: Path) -> Mirror:
        """The mirror of a clone on this machine, the one place where git may read and write by path."""
        path = await asyncio.to_thread(path.resolve)
        key = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        return await self._open(self.clones / f"{key}.git", path.name, str(path), "file")

    def credential(self, token: str) -> Credential:
        """A token as git takes it, for this installation's GitHub and nobody else."""
        return Credential(self.github_url, token)

    async def all(self) -> list[Mirror]:
        """Every mirror on disk that belongs to a repository on GitHub; without its address until it is asked for."""
        known = {mirror.path: mirror for mirror in self._known.values()}
        found = await asyncio.to_thread(lambda: sorted(self.folder.glob("*/*.git")))
        return [known.get(path) or Mirror(path, path.stem, "", "https", self.transport) for path in found]

    async def tidy(self) -> None:
        """At start: take away what a killed git left behind in any mirror."""
        for mirror in await self.all():
            await mirror.tidy()

    async def _open(self, path: Path, name: str, url: str, protocol: Protocol) -> Mirror:
        fresh = Mirror(path, name, url, protocol, self.transport, self._listings)
        mirror = self._known.setdefault((path, name.lower()), fresh)
        if not await asyncio.to_thread((path / "HEAD").exists):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            async with mirror.lock():
                await git("init", "--quiet", "--bare", "--template=", str(path), transport=self.transport)
        return mirror


def trouble(name: str, error: GitError) -> Exception:
    """What a failed talk with the origin means: TryAgain, a UserError, or the error itself."""
    said = error.stderr
    with suppress(StopIteration):
        missing = next(re.finditer(r"couldn't find remote ref (?:refs/heads/)?(\S+)", said))
        return UserError(f"`{missing[1]}` does not exist in {name} (any more).")
    if re.search(r"returned error: 30[1278]", said):
        return UserError(f"{name} was renamed or moved on GitHub meanwhile; start this again under its new name.")
    if error.passing:
        return TryAgain(f"GitHub could not be reached for {name}: {said.strip()[-300:]}", 10)
    if re.search(r"not found|returned error: 404|does not appear to be a git repository", said):
        return UserError(f"There is no repository {name} that this App may read.")
    if re.search(r"Authentication failed|could not read Username|returned error: 40[13]", said):
        return UserError(f"GitHub did not accept this App's token for {name}.")
    return error


def _usable(ref: str) -> bool:
    return (
        not _NO_REF.search(ref) and max(len(part.encode(errors="replace")) for part in ref.split("/")) <= _LONGEST_PART
    )


def _spec(ref: str) -> str:
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    return f"+{full}:{full}"


def _entry(line: bytes) -> Entry:
    about, path = line.split(b"\t", 1)
    mode, _, oid = about.decode().split(" ")
    return Entry(path.decode(errors="surrogateescape"), mode, oid)
