"""The worktrees agents work in: made ahead in a pool, given once, destroyed afterwards."""

import asyncio
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from bot.git.command import GitError, Transport, answer
from bot.git.mirror import Mirror

_log = structlog.get_logger(__name__)
_AT_ONCE = 100  # folders that one `rm` removes
_CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
[user]
\tname = Tutti agent
\temail = agent@tutti.invalid
[gc]
\tauto = 0
[commit]
\tgpgSign = false
"""


@dataclass(frozen=True)
class Worktree:
    """A checkout of `tree` on top of commit `base`. `path` is the agent's; `git_dir` is the bot's side of it.

    `run` is empty while it waits in the pool; `made` is in seconds since 1970.
    """

    id: str
    path: Path
    git_dir: Path
    agent_dir: Path
    mirror: Path
    repository: str
    base: str
    tree: str
    made: float
    run: str = ""

    def record(self) -> str:
        """As JSON, for `of`."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def of(cls, record: str) -> "Worktree":
        """From `record()`; raises ValueError, TypeError or KeyError where it is damaged."""
        said = json.loads(record)
        return cls(**said | {name: Path(said[name]) for name in ("path", "git_dir", "agent_dir", "mirror")})


class Pool:
    """Worktrees below `data_dir`: `size` fresh ones kept for a repository, `most` in all.

    `worktrees/<id>` is the checkout, `agentgit/<id>` the throw-away repository its `.git` points to, and a note beside
    it says what it is: `<id>.fresh` until it is given away, then `<id>.taken`. Renaming the note is the claim, so two
    processes never get the same one, and what has no `.fresh` note is never given to anybody again.
    """

    def __init__(self, data_dir: Path, size: int = 2, most: int = 16) -> None:
        self.data_dir = data_dir
        self.folder, self.agents, self.trash = (data_dir / name for name in ("worktrees", "agentgit", "trash"))
        self.size, self.most = size, most
        self._wanted: dict[Path, tuple[Mirror, str]] = {}
        self._one, self._rubbish = asyncio.Lock(), asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        for folder in (self.folder, self.agents, self.trash):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def take(self, mirror: Mirror, sha: str, tree: str | None = None, run: str = "") -> Worktree:
        """A worktree nobody had before, on commit `sha`, with the content of `tree` where given.

        The mirror must have `sha` (and `tree`) already; GitError where it has not.
        """
        content = tree or await mirror.tree(sha)
        worktree = await self._from_pool(mirror, sha, content) or await self._make(mirror, sha, content)
        worktree = replace(worktree, run=run)
        handing = asyncio.create_task(asyncio.to_thread(self._hand_over, worktree))
        try:
            await asyncio.shield(handing)
        except BaseException:
            await asyncio.wait({handing})  # a thread goes on though nobody waits for it
            await self.destroy(worktree)
            raise
        return worktree

    async def destroy(self, worktree: Worktree) -> None:
        """Out of sight at once, deleted in the background; nothing happens where it is gone already."""
        for place in (worktree.path, worktree.agent_dir, worktree.git_dir):
            self._drop(place)
        for note in ("fresh", "taken"):
            self._drop(self.folder / f"{worktree.id}.{note}")
        self._start(self._empty_trash())

    def refill(self, mirror: Mirror, sha: str) -> None:
        """In the background: fresh worktrees of this repository at `sha`, older ones moved on to it."""
        busy = mirror.path in self._wanted
        self._wanted[mirror.path] = (mirror, sha)
        if not busy:
            self._start(self._refill(mirror.path))

    async def sweep(self, keep: set[str]) -> None:
        """At start, before any run: destroy every worktree but untouched fresh ones and the runs or ids in `keep`."""
        known = {w.id: w for w in self.taken() if w.run in keep or w.id in keep}
        for worktree in self.fresh():
            if await _untouched(worktree):
                known[worktree.id] = worktree
        sides = (self.data_dir.glob(f"{place}/worktrees/*") for place in ("mirrors/*/*.git", "clones/*.git"))
        for place in (*self.folder.iterdir(), *self.agents.iterdir(), *(side for found in sides for side in found)):
            if place.name.partition(".")[0] not in known:
                self._drop(place)
        self._start(self._empty_trash())

    def fresh(self) -> list[Worktree]:
        """Those that wait to be given away."""
        return _notes(self.folder, "fresh")

    def taken(self) -> list[Worktree]:
        """Those that were given away and not destroyed yet."""
        return _notes(self.folder, "taken")

    async def wait(self) -> None:
        """Until nothing is being made or deleted any more."""
        while self._background:
            await asyncio.gather(*self._background)

    async def close(self) -> None:
        """End the work in the background; what it leaves half done is swept up at the next start."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _from_pool(self, mirror: Mirror, sha: str, content: str) -> Worktree | None:
        mine = [w for w in self.fresh() if w.mirror == mirror.path]
        for worktree in sorted(mine, key=lambda w: (w.base != sha, -w.made)):
            if not self._claim(worktree):
                continue
            try:
                return await _move(mirror, worktree, sha, content)
            except BaseException as error:
                await self.destroy(worktree)
                if not isinstance(error, GitError):
                    raise
                _log.warning("pool.damaged", worktree=worktree.id, reason=str(error))
        return None

    async def _make(self, mirror: Mirror, sha: str, content: str) -> Worktree:
        """Tried twice: under load git was seen to miss the folder that it had made itself a moment before."""
        try:
            return await self._made(mirror, sha, content)
        except GitError as error:
            _log.info("pool.again", repository=mirror.name, reason=str(error))
            return await self._made(mirror, sha, content)

    async def _made(self, mirror: Mirror, sha: str, content: str) -> Worktree:
        name = secrets.token_hex(6)
        worktree = Worktree(
            id=name,
            path=self.folder / name,
            git_dir=mirror.path / "worktrees" / name,
            agent_dir=self.agents / name,
            mirror=mirror.path,
            repository=mirror.name,
            base=sha,
            tree="",
            made=time.time(),
        )
        try:
            async with mirror.lock():
                await mirror.git("worktree", "add", "--detach", "--no-checkout", "--quiet", str(worktree.path), sha)
            return await _move(mirror, worktree, sha, content)
        except BaseException:
            await self.destroy(worktree)
            raise

    def _hand_over(self, worktree: Worktree) -> None:
        """Give it a `.git` of the agent's own: whatever it writes there, the bot never reads as configuration."""
        own = worktree.agent_dir
        for folder in ("objects/info", "refs/heads"):
            (own / folder).mkdir(parents=True)
        (own / "config").write_text(_CONFIG)
        (own / "HEAD").write_text("ref: refs/heads/work\n")
        (own / "refs/heads/work").write_text(f"{worktree.base}\n")
        (own / "objects/info/alternates").write_text(f"{worktree.mirror / 'objects'}\n")
        copy_index(worktree, own / "index")
        (worktree.path / ".git").unlink()
        (worktree.path / ".git").write_text(f"gitdir: {own}\n")
        (self.folder / f"{worktree.id}.taken").write_text(worktree.record())

    def _claim(self, worktree: Worktree) -> bool:
        note = self.folder / f"{worktree.id}.fresh"
        with suppress(FileNotFoundError):
            note.rename(note.with_suffix(".taken"))
            return True
        return False

    async def _refill(self, path: Path) -> None:
        """One repository after the other, so that runs keep the machine."""
        done = ""
        try:
            while done != self._wanted[path][1]:
                mirror, done = self._wanted[path]
                async with self._one:
                    await self._stock(mirror, done)
        except (GitError, OSError) as error:
            _log.warning("pool.refill", repository=str(path), reason=str(error))
        finally:
            del self._wanted[path]

    async def _stock(self, mirror: Mirror, sha: str) -> None:
        content = await mirror.tree(sha)
        mine = [w for w in self.fresh() if w.mirror == mirror.path]
        for worktree in mine:
            if worktree.base != sha and self._claim(worktree):
                try:
                    self._offer(await _move(mirror, worktree, sha, content))
                except BaseException:
                    await self.destroy(worktree)
                    raise
        for _ in range(self.size - len(mine)):
            await self._make_room()
            self._offer(await self._make(mirror, sha, content))

    def _offer(self, worktree: Worktree) -> None:
        """The note appears whole or not at all."""
        draft = self.folder / f"{worktree.id}.draft"
        draft.write_text(worktree.record())
        (self.folder / f"{worktree.id}.taken").unlink(missing_ok=True)
        draft.rename(self.folder / f"{worktree.id}.fresh")

    async def _make_room(self) -> None:
        for worktree in sorted(self.fresh(), key=lambda w: w.made)[: max(0, len(self.fresh()) + 1 - self.most)]:
            if self._claim(worktree):
                await self.destroy(worktree)

    def _drop(self, place: Path) -> None:
        """Failures are logged, never raised: a run must end and the bot must start, whatever an agent left.

        A folder that its owner may not write to is not renamed either. The one above is the bot's alone, so that
        nobody puts a link in its place between the look and the change.
        """
        try:
            if stat.S_ISDIR(place.lstat().st_mode):
                with suppress(PermissionError):
                    place.chmod(0o700)
            place.rename(self.trash / f"{place.name}.{secrets.token_hex(6)}")
        except FileNotFoundError:
            pass
        except OSError as error:
            _log.warning("pool.drop", place=str(place), reason=str(error))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _empty_trash(self) -> None:
        """By `rm`, not here: deleting 20,000 files would hold up everything else in this process."""
        async with self._rubbish:
            places = [str(place) for place in self.trash.iterdir()]
            for some in (places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE)):
                if await _run("rm", "-rf", "--", *some):
                    await _run("chmod", "-R", "u+rwX", "--", *some)
                    if await _run("rm", "-rf", "--", *some):
                        _log.warning("pool.trash", among=some)


async def _move(mirror: Mirror, worktree: Worktree, sha: str, content: str) -> Worktree:
    """Bring an untouched checkout to a tree: only what differs is written."""
    if worktree.tree:
        # Git reads again every file that is not older, in whole seconds, than its index (Documentation/technical/
        # racy-git). Nobody has written here since: so the index holds as of now, and 20,000 files need no reading.
        os.utime(worktree.git_dir / "index")
    if content != worktree.tree:
        await mirror.git("read-tree", "-u", "--reset", content, git_dir=worktree.git_dir, work_tree=worktree.path)
    if sha != worktree.base:
        await mirror.git("update-ref", "--no-deref", "HEAD", sha, git_dir=worktree.git_dir)
    return replace(worktree, base=sha, tree=content)


async def _untouched(worktree: Worktree) -> bool:
    """Whether a fresh worktree is as it was made; an unclean end of the machine may have left it otherwise."""
    try:
        said = await answer(
            *("status", "--porcelain", "-z", "--untracked-files=all", "--ignored", "--ignore-submodules=all"),
            git_dir=worktree.git_dir,
            work_tree=worktree.path,
        )
    except GitError as error:
        _log.warning("pool.damaged", worktree=worktree.id, reason=str(error))
        return False
    return (said.code, said.stdout) == (0, b"")


def copy_index(worktree: Worktree, to: Path) -> None:
    """Copy what the bot's git knows of every file as it was checked out: size, and time of the last change.

    By its own time git tells which files it must read again all the same: those that are not older. Whoever compares
    whole seconds there must not compare fractions here.
    """
    shutil.copyfile(worktree.git_dir / "index", to)
    moment = int((worktree.git_dir / "index").stat().st_mtime)
    os.utime(to, (moment, moment))


def _notes(folder: Path, kind: str) -> list[Worktree]:
    found = []
    for note in sorted(folder.glob(f"*.{kind}")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            found.append(Worktree.of(note.read_text()))
    return found


async def _run(*argv: str) -> int:
    nothing = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=nothing, stdout=nothing, stderr=nothing, env={"PATH": Transport().path}
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:  # cancelled: what it leaves half done is swept up at the next start
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(asyncio.ensure_future(process.wait()))
