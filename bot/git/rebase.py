"""Commits put anew upon another one, inside the mirror: no worktree and no file, the same input the same commits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.git import changes
from bot.git.command import GitError, Identity
from bot.git.mirror import Entry, Mirror

_FILES = ("100644", "100755")
_HELPER = Identity("Tutti", "rebase@tutti.invalid")  # signs what git needs for a merge and nobody ever sees
_MARK = re.compile(rb"(?:<{7}|>{7}|\|{7})(?: .*)?|={7}")
_TEXT = "CONFLICT (contents)"


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
class Conflict:
    """A path that both sides changed. `kinds` are git's words; `sides` the contents there were, by object name.

    `plain`: it is a text, and stands in the tree with markers.
    """

    path: str
    kinds: tuple[str, ...]
    sides: tuple[str, ...]
    plain: bool


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
class Flaws:
    """What is wrong with a resolution: paths with markers left, paths that are gone, paths that had no conflict."""

    marked: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    stray: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.marked or self.gone or self.stray)


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
        tree, conflicts = await _merged(mirror, commit, head)
        if conflicts:
            return Stretch(head, made, number - made, sha, tree, conflicts)
        new = await anew(mirror, commit, tree, head, identity, when)
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


async def flaws(mirror: Mirror, tree: str, resolved: str, conflicts: Sequence[Conflict]) -> Flaws:
    """What is wrong with `resolved`, which somebody made of `tree`, the files with markers."""
    wanted = {conflict.path: conflict for conflict in conflicts}
    changed = await changes.diff(mirror, tree, resolved)
    stray = tuple(change.path for change in changed if change.path not in wanted)
    before, after = [{e.path: e for e in await mirror.listing(one)} for one in (tree, resolved)]
    gone = tuple(path for path in wanted if path not in after or after[path].mode != before[path].mode)
    left = {path: after[path] for path in wanted if path not in gone}
    return Flaws(await _marked(mirror, wanted, left), gone, stray)


async def intents(mirror: Mirror, since: str, onto: str, paths: Sequence[str], most: int = 10) -> list[str]:
    """The messages of the newest commits between the two that changed one of the paths, newest first."""
    words = ("log", f"-{most}", "-z", "--format=%B", f"{since}..{onto}", "--", *paths)
    said = (await mirror.git(*words)).decode("utf-8", "replace")
    return [message.strip() for message in said.split("\0") if message.strip()]


def marks(text: bytes) -> set[bytes]:
    """The lines of a text that look like those between which git puts two sides of a conflict."""
    lines = (line.rstrip(b"\r") for line in text.split(b"\n"))
    return {line for line in lines if _MARK.fullmatch(line)}


async def _marked(mirror: Mirror, wanted: dict[str, Conflict], left: dict[str, Entry]) -> tuple[str, ...]:
    """Those with a mark that neither side had: a text about git may well have some of its own."""
    oids = {entry.oid for entry in left.values()} | {oid for path in left for oid in wanted[path].sides}
    texts = await mirror.blobs(sorted(oids)) if oids else {}
    own = {path: set[bytes]().union(*(marks(texts[oid]) for oid in wanted[path].sides)) for path in left}
    return tuple(path for path, entry in left.items() if marks(texts[entry.oid]) - own[path])


async def _count(mirror: Mirror, *words: str) -> int:
    return int(await mirror.git("rev-list", "--count", *words))


async def _merged(mirror: Mirror, commit: Original, head: str) -> tuple[str, tuple[Conflict, ...]]:
    """The files of `head` with the change of the commit: git merges commits, so there are three for it to merge.

    Their common one has the files that the commit was made upon.
    """
    parent = await mirror.tree(commit.parents[0]) if commit.parents else changes.EMPTY_TREE
    base = await changes.commit(mirror, parent, [], "base", 0, _HELPER)
    ours = await changes.commit(mirror, await mirror.tree(head), [base], "ours", 0, _HELPER)
    theirs = await changes.commit(mirror, commit.tree, [base], "theirs", 0, _HELPER)
    args = ("merge-tree", "--write-tree", "-z", "--messages", ours, theirs)
    said = await mirror.answer(*args)
    if said.code > 1:
        raise GitError(args, said.code, said.stderr)
    words = said.stdout.decode(errors="surrogateescape").split("\0")
    return words[0], _conflicts(words[1:]) if said.code else ()


def _conflicts(words: Sequence[str]) -> tuple[Conflict, ...]:
    """Git's list of what conflicts: objects by path and stage up to an empty word, then messages of several words."""
    end = words.index("")
    stages: dict[str, list[tuple[str, str, str]]] = {}
    for word in words[:end]:
        about, _, path = word.partition("\t")
        mode, oid, stage = about.split(" ")
        stages.setdefault(path, []).append((mode, oid, stage))
    kinds = _kinds(words[end + 1 :])
    return tuple(_conflict(path, kinds.get(path, ()), found) for path, found in stages.items())


def _conflict(path: str, kinds: tuple[str, ...], stages: Sequence[tuple[str, str, str]]) -> Conflict:
    modes = {mode for mode, _, stage in stages if stage != "1"}
    both = {stage for _, _, stage in stages} >= {"2", "3"}
    plain = both and kinds == (_TEXT,) and len(modes) == 1 and modes <= set(_FILES)
    return Conflict(path, kinds, tuple(oid for _, oid, stage in stages if stage != "1"), plain)


def _kinds(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What of conflict each path is in: every message is a number of paths, these, its kind, and a sentence."""
    found: dict[str, tuple[str, ...]] = {}
    at = 0
    while at < len(words) and words[at]:
        count = int(words[at])
        paths, kind = words[at + 1 : at + 1 + count], words[at + 1 + count]
        for path in paths if kind.startswith("CONFLICT") else ():
            found[path] = (*dict.fromkeys((*found.get(path, ()), kind)),)
        at += count + 3
    return found
