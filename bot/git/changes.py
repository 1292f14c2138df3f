"""What becomes of an agent's work inside the mirror: taken in, compared, committed, pushed."""

import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.errors import UserError
from bot.git.collector import MOST_BYTES, Harvest, harvest
from bot.git.command import Answer, Credential, GitError, Identity
from bot.git.mirror import Mirror, trouble

__all__ = [
    "Change",
    "Harvest",
    "PushRefused",
    "admit",
    "applied",
    "commit",
    "commits",
    "diff",
    "harvest",
    "packed",
    "patch",
    "push",
]

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_STALE = "somebody else has pushed to it meanwhile, and Tutti never overwrites the work of others"


class PushRefused(UserError):  # noqa: N818 - it is GitHub's answer, no error of the program
    """GitHub did not take a branch; its text says why in GitHub's own words."""


@dataclass(frozen=True)
class Change:
    """One path that differs. `added` and `deleted` count lines; modes and names of objects are zeros for none."""

    path: str
    status: Literal["A", "M", "D", "T"]
    old_mode: str
    new_mode: str
    old: str
    new: str
    added: int
    deleted: int
    binary: bool


async def admit(mirror: Mirror, harvest: Harvest) -> str:
    """Check the objects of a harvest strictly and take them into the mirror; gives the tree. A repeat is fine."""
    if harvest.pack:
        said = await mirror.answer(
            *("index-pack", "--stdin", "--strict", "--fix-thin", f"--max-input-size={2 * MOST_BYTES}"),
            stdin=harvest.pack,
        )
        if said.code:
            raise UserError(f"Git refuses what the agent made: {_reason(said.stderr)}")
    return await mirror.tree(harvest.tree)


async def diff(mirror: Mirror, base: str, tree: str) -> list[Change]:
    """Every path that differs between two commits or trees, a rename as one gone and one new."""
    options = ("-r", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")
    said = await mirror.git(
        "diff-tree", "--raw", "--numstat", *options, await mirror.tree(base), await mirror.tree(tree)
    )
    words = said.decode(errors="surrogateescape").split("\0")[:-1]
    raw = [(words[n], words[n + 1]) for n in range(0, len(words) - 1, 2) if words[n].startswith(":")]
    counts = dict(_count(line) for line in words[2 * len(raw) :])
    return [_change(about, path, counts[path]) for about, path in raw]


async def patch(mirror: Mirror, base: str, tree: str, paths: Sequence[str] = ()) -> bytes:
    """The difference as `git apply` takes it, binary files included; bytes, for not every text is UTF-8.

    With `paths` that of these alone.
    """
    options = ("-r", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
    below = ["--", *paths] if paths else []
    return await mirror.git("diff-tree", *options, await mirror.tree(base), await mirror.tree(tree), *below)


async def packed(mirror: Mirror, base: str, tree: str) -> bytes:
    """What a repository that has `base` lacks of `tree`, as a thin pack; empty where they are the same."""
    if base == tree:
        return b""
    options = ("--stdout", "--revs", "--thin", "--delta-base-offset", "-q")
    return await mirror.git("pack-objects", *options, stdin=f"{tree}\n^{base}\n".encode())


async def commit(mirror: Mirror, tree: str, parents: Sequence[str], message: str, when: int, identity: Identity) -> str:
    """Make a commit object, signed by `identity` at `when` (seconds since 1970, UTC): the same input, the same sha."""
    text = message.replace("\0", "").encode(errors="replace")
    options = [word for parent in parents for word in ("-p", parent)]
    said = await mirror.git("commit-tree", tree, *options, stdin=text, identity=identity, when=when)
    return said.decode().strip()


async def commits(
    mirror: Mirror, base: str, tree: str, groups: Iterable[tuple[str, Iterable[str]]], when: int, identity: Identity
) -> str:
    """One commit for each (message, paths) on top of commit `base`, the last one reaching `tree`; gives its sha.

    A path that no group names goes with the last one; a group that changes nothing makes no commit. Without any change
    or group the answer is `base`.
    """
    changes = {change.path: change for change in await diff(mirror, base, tree)}
    plan = _plan(list(changes), groups)
    sha, at = base, await mirror.tree(base)
    goal = await mirror.tree(tree)
    with tempfile.TemporaryDirectory(prefix="tutti-commit-") as folder:
        index = Path(folder) / "index"
        for number, (message, paths) in enumerate(plan, 1):
            new = goal if number == len(plan) else await _apply(mirror, index, at, [changes[path] for path in paths])
            if new != at:
                sha, at = await commit(mirror, new, [sha], message, when, identity), new
    return sha


async def applied(mirror: Mirror, tree: str, some: Sequence[Change]) -> str:
    """The files of a commit or tree with these changes; what stands where a new file needs a folder gives way."""
    with tempfile.TemporaryDirectory(prefix="tutti-apply-") as folder:
        return await _apply(mirror, Path(folder) / "index", tree, some)


async def push(mirror: Mirror, sha: str, branch: str, expected: str | None, credential: Credential | None) -> None:
    """Make `branch` of the origin point to `sha`, if it is at `expected` (None: not there) or at `sha` already.

    Raises PushRefused where the origin says no, TryAgain where the network or the server was at fault.
    """
    ref = f"refs/heads/{branch}"
    args = (
        "push",
        "--porcelain",
        "--no-verify",
        f"--force-with-lease={ref}:{expected or ''}",
        mirror.url,
        f"{sha}:{ref}",
    )
    said = await mirror.answer(*args, protocol=mirror.protocol, credential=credential)
    if said.code == 0 or await _stands(mirror, ref, sha, credential):
        return
    sentence = _refusal(branch, said)
    raise PushRefused(sentence) if sentence else trouble(mirror.name, GitError(args, said.code, said.stderr))


async def _stands(mirror: Mirror, ref: str, sha: str, credential: Credential | None) -> bool:
    """Whether a push that seems to have failed was taken: an answer that gets lost makes git's transport push twice."""
    said = await mirror.answer("ls-remote", mirror.url, ref, protocol=mirror.protocol, credential=credential)
    return said.code == 0 and said.stdout.split() == [sha.encode(), ref.encode()]


def _plan(paths: list[str], groups: Iterable[tuple[str, Iterable[str]]]) -> list[tuple[str, list[str]]]:
    """Each changed path in exactly one group: the first that names it, or the last of all."""
    open_paths = set(paths)
    plan: list[tuple[str, list[str]]] = []
    last = ""
    for message, named in groups:
        mine = [path for path in dict.fromkeys(named) if path in open_paths]
        open_paths.difference_update(mine)
        last = message
        if mine:
            plan.append((message, mine))
    if open_paths and plan and plan[-1][0] == last:
        plan[-1][1].extend(sorted(open_paths))
    elif open_paths and last:
        plan.append((last, sorted(open_paths)))
    return plan


async def _apply(mirror: Mirror, index: Path, tree: str, changes: Sequence[Change]) -> str:
    await mirror.git("read-tree", tree, index=index)
    lines = [f"{change.new_mode if change.status != 'D' else '0'} {change.new}\t{change.path}\0" for change in changes]
    stdin = "".join(lines).encode(errors="surrogateescape")
    await mirror.git("update-index", "-z", "--index-info", index=index, stdin=stdin)
    return (await mirror.git("write-tree", index=index)).decode().strip()


def _change(about: str, path: str, count: tuple[str, str]) -> Change:
    old_mode, new_mode, old, new, status = about.removeprefix(":").split(" ")
    binary = count[0] == "-"
    added, deleted = (0, 0) if binary else (int(count[0]), int(count[1]))
    kind: Literal["A", "M", "D", "T"] = {"A": "A", "D": "D", "T": "T"}.get(status, "M")  # type: ignore[assignment]
    return Change(path, kind, old_mode, new_mode, old, new, added, deleted, binary)


def _count(line: str) -> tuple[str, tuple[str, str]]:
    added, deleted, path = line.split("\t", 2)
    return path, (added, deleted)


def _refusal(branch: str, said: Answer) -> str:
    """The origin's own words for saying no to this branch, as one text; empty where it said nothing of the kind."""
    lines = said.stdout.decode(errors="replace").splitlines()
    short = next((re.sub(r".*\[[a-z ]*rejected\] ?\(?|\)$", "", line) for line in lines if line.startswith("!")), "")
    if "stale info" in short or "fetch first" in short:
        return f"GitHub did not take the branch `{branch}`: {_STALE}."
    remote = [line.removeprefix("remote:").strip() for line in said.stderr.splitlines() if line.startswith("remote:")]
    words = " ".join(word.removeprefix("error: ") for word in remote if word)
    if not short and not re.search(r"returned error: 40[13]", said.stderr):
        return ""
    return f"GitHub did not take the branch `{branch}`: {words or short}".rstrip(".") + "." if words or short else ""


def _reason(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith(("error:", "fatal:"))]
    return re.sub(r"^(error|fatal): ", "", lines[0] if lines else "no reason given")[:300]
