"""What git can tell between commits: logs with the files they touch, diffs, sizes of changes."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.emulator.bare import Bare
from bot.emulator.world import Size

RECORD, PART = "\x1e", "\x1f"
FORMAT = PART.join(["%H", "%T", "%P", "%an", "%ae", "%at", "%cn", "%ce", "%ct", "%B", ""])
STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


@dataclass(frozen=True)
class Signature:
    name: str
    email: str
    when: float


@dataclass(frozen=True)
class Commit:
    """A commit; `files` are (letter, path) pairs against its first parent, none for merges."""

    sha: str
    tree: str
    parents: list[str]
    author: Signature
    committer: Signature
    message: str
    files: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class FileDiff:
    """One file of a diff, in GitHub's words for `status`; `patch` starts at the first hunk, None for binary files."""

    path: str
    old_path: str | None
    status: str
    sha: str
    added: int
    deleted: int
    patch: str | None


async def log(bare: Bare, *revs: str, limit: int = 250, files: bool = True) -> list[Commit]:
    """Commits, newest first."""
    names = ["--name-status", "--no-renames"] if files else ["--no-patch"]
    argv = ["log", "-z", *names, f"--max-count={limit}", f"--format={RECORD}{FORMAT}", *revs, "--"]
    out = (await bare.git(*argv)).decode(errors="replace")
    return [_commit(record) for record in out.split(RECORD)[1:]]


def _commit(record: str) -> Commit:
    sha, tree, parents, *rest, message, names = record.split(PART)
    author = Signature(rest[0], rest[1], float(rest[2]))
    committer = Signature(rest[3], rest[4], float(rest[5]))
    listed = [each for each in names.strip("\0\n").split("\0") if each]
    files = list(zip((each.strip()[:1] for each in listed[::2]), listed[1::2], strict=False))
    return Commit(sha, tree, parents.split(), author, committer, message.rstrip("\n"), files)


async def diff(bare: Bare, base: str, head: str) -> list[FileDiff]:
    """What head changed since it left base (three dots); rename detection as on GitHub."""
    return await _diff(bare, "-M", f"{base}...{head}", context=3)


async def bare_diff(bare: Bare, old: str, new: str) -> list[FileDiff]:
    """What is different between two commits, without context and without renames."""
    return await _diff(bare, "--no-renames", f"{old}..{new}", context=0)


async def _diff(bare: Bare, renames: str, span: str, *, context: int) -> list[FileDiff]:
    raw = await bare.git("diff", "-z", "--raw", "--numstat", "--no-abbrev", renames, span, "--")
    shown = await bare.git("diff", f"-U{context}", "--no-color", "--no-ext-diff", renames, span, "--")
    patches = re.split(r"^diff --git ", shown.decode(errors="replace"), flags=re.M)[1:]
    return _read_diff(raw.decode(errors="surrogateescape").split("\0"), patches)


def _read_diff(fields: list[str], patches: list[str]) -> list[FileDiff]:
    heads: list[tuple[str, str, str, str | None]] = []
    counts: list[tuple[int, int]] = []
    rest = iter(fields)
    for each in rest:
        if each.startswith(":"):
            _, _, _, sha, letter = each.split(" ")
            path = next(rest)
            old = path if letter[0] in "RC" else None
            heads.append((letter[0], sha, next(rest) if old else path, old))
        elif each:
            added, deleted, path = each.split("\t")
            counts.append((0, 0) if added == "-" else (int(added), int(deleted)))
            if not path:
                next(rest), next(rest)
    return [_file(*parts) for parts in zip(heads, counts, patches, strict=True)]


def _file(head: tuple[str, str, str, str | None], count: tuple[int, int], patch: str) -> FileDiff:
    letter, sha, path, old = head
    start = patch.find("\n@@ ")
    hunks = patch[start + 1 :].rstrip("\n") if start >= 0 else None
    return FileDiff(path, old, STATUS.get(letter, "changed"), sha, *count, hunks)


async def measure(bare: Bare, base: str, head: str) -> Size:
    """How big the change from base to head is, and whether it merges."""
    commits = int(await bare.line("rev-list", "--count", f"{base}..{head}"))
    short = await bare.line("diff", "--shortstat", f"{base}...{head}", "--")
    numbers = {word[:3]: int(number) for number, word in re.findall(r"(\d+) (file|insertion|deletion)", short)}
    merges = await bare.merged_tree(base, head) is not None
    return Size((base, head), commits, numbers.get("ins", 0), numbers.get("del", 0), numbers.get("fil", 0), merges)


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
