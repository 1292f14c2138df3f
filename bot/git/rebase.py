"""Commits put anew upon another one, inside the mirror: no worktree and no file, the same input the same commits."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.git import changes, merging
from bot.git.command import GitError, Identity
from bot.git.conflict import Conflict
from bot.git.merging import Merged
from bot.git.mirror import Mirror


@dataclass(frozen=True)
class Plan:
    """The commits of a branch that `onto` lacks, oldest first, and how many of them are not put anew.

    `fork` is where the branch left (None: they have no commit in common), `merges` counts merge commits, `known` those
    whose change `onto` has already. Of more than were asked for, only the number is known: `commits` is empty then.
    """

    fork: str | None
    total: int = 0
    commits: tuple[str, ...] = ()
    merges: int = 0
    known: int = 0


@dataclass(frozen=True)
class Stretch:
    """How far it went: `head` is the newest commit, `made` counts those before it, `empty` those that change nothing.

    Where a commit conflicts: it is `stopped`, and `tree` has the files, with markers in those of `conflicts`.
    """

    head: str
    made: int = 0
    empty: int = 0
    stopped: str = ""
    tree: str = ""
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True)
class Original:
    """A commit as it was written: its raw `author` line and `encoding`, and its message, byte by byte."""

    tree: str
    parents: tuple[str, ...]
    author: bytes
    encoding: bytes
    message: bytes

    @property
    def subject(self) -> str:
        return self.message.decode("utf-8", "replace").strip().partition("\n")[0]


async def plan(mirror: Mirror, onto: str, head: str, most: int) -> Plan:
    """What is to be put anew upon `onto`, as `git rebase` has it: no merge commits, nothing that is there already."""
    said = await mirror.answer("merge-base", onto, head)
    if said.code > 1:
        raise GitError(("merge-base", onto, head), said.code, said.stderr)
    if said.code:
        return Plan(None)
    fork = said.stdout.decode().strip()
    total, merges = [await _count(mirror, *options, f"{onto}..{head}") for options in ((), ("--merges",))]
    if total - merges > most:
        return Plan(fork, total, merges=merges)
    options = ("--reverse", "--topo-order", "--no-merges", "--right-only", "--cherry-pick")
    commits = (await mirror.git("rev-list", *options, f"{onto}...{head}")).decode().split()
    return Plan(fork, total, tuple(commits), merges, total - merges - len(commits))


async def replay(mirror: Mirror, commits: Sequence[str], onto: str, identity: Identity, when: int) -> Stretch:
    """Put `commits` upon `onto` in turn, committed by `identity` at `when`, until one conflicts."""
    head, made = onto, 0
    for number, sha in enumerate(commits):
        commit = await original(mirror, sha)
        merged = await _merged(mirror, commit, head)
        if merged.conflicts:
            return Stretch(head, made, number - made, sha, merged.tree, merged.conflicts)
        new = await anew(mirror, commit, merged.tree, head, identity, when)
        head, made = new, made + (new != head)
    return Stretch(head, made, len(commits) - made)


async def anew(mirror: Mirror, commit: Original, tree: str, onto: str, identity: Identity, when: int) -> str:
    """The commit with the files of `tree`, upon `onto`; `onto` itself where it has these files already.

    Author, the author's date and message stay; a signature does not, for it was for another commit.
    """
    if tree == await mirror.tree(onto):
        return onto
    committer = f"committer {identity.name} <{identity.email}> {when} +0000".encode()
    lines = [f"tree {tree}".encode(), f"parent {onto}".encode(), commit.author, committer]
    text = b"\n".join([*lines, *([commit.encoding] if commit.encoding else []), b"", commit.message])
    return (await mirror.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=text)).decode().strip()


async def original(mirror: Mirror, sha: str) -> Original:
    """A commit, read as it is stored."""
    head, _, message = (await mirror.git("cat-file", "commit", sha)).partition(b"\n\n")
    lines = head.split(b"\n")

    def of(word: bytes) -> list[bytes]:
        return [line for line in lines if line.startswith(word + b" ")]

    tree, parents = of(b"tree")[0].split()[1], [line.split()[1] for line in of(b"parent")]
    encoding = (of(b"encoding") or [b""])[0]
    return Original(tree.decode(), tuple(one.decode() for one in parents), of(b"author")[0], encoding, message)


async def intents(mirror: Mirror, since: str, onto: str, paths: Sequence[str], most: int = 10) -> list[str]:
    """The messages of the newest commits between the two that changed one of the paths, newest first."""
    words = ("log", f"-{most}", "-z", "--format=%B", f"{since}..{onto}", "--", *paths)
    said = (await mirror.git(*words)).decode("utf-8", "replace")
    return [message.strip() for message in said.split("\0") if message.strip()]


async def _count(mirror: Mirror, *words: str) -> int:
    return int(await mirror.git("rev-list", "--count", *words))


async def _merged(mirror: Mirror, commit: Original, head: str) -> Merged:
    """The files of `head` with the change of the commit; in folders that it renamed, too, as `git rebase` has it."""
    parent = await mirror.tree(commit.parents[0]) if commit.parents else changes.EMPTY_TREE
    return await merging.merge(mirror, parent, await mirror.tree(head), commit.tree, folders=True)
