"""What the policies say of a change: its files are read from git objects, and the words that would go with it."""

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence

from bot.agents.custom import Custom
from bot.git import changes
from bot.git.changes import Change
from bot.git.mirror import Mirror
from bot.policy.finding import Finding
from bot.policy.judge import judge
from bot.policy.work import CONTENT_LIMIT, File, Work
from bot.publish import strategy_text
from bot.publish.verdict import WISH
from bot.workflow.spec import Workflow

NOTHING = Custom()


async def scrutinise(
    mirror: Mirror,
    tree: str,
    changed: Sequence[Change],
    words: Mapping[str, str],
    owns: Sequence[str],
    commands: Sequence[str],
    secrets: Collection[str],
    wanted: Custom = NOTHING,
    smallest: bool = False,
) -> tuple[Finding, ...]:
    """The findings on a change that leads to `tree`.

    `words` say by place what else would be published, `owns` what the jobs may change, `commands` what tests it, and
    `wanted` what the repository itself allows and protects. `smallest`: it is to be as small as can be.
    """
    sizes = await _sizes(mirror, {oid for change in changed for oid in (change.old, change.new) if oid.strip("0")})
    small = {oid for oid, size in sizes.items() if size <= CONTENT_LIMIT}
    contents = await mirror.blobs(sorted(small)) if small else {}
    files = tuple(_file(change, contents, sizes) for change in changed)
    paths = frozenset(entry.path for entry in await mirror.listing(tree))
    work = Work(
        files=files,
        paths=paths,
        words=words,
        owns=tuple(owns),
        canaries=frozenset(secrets),
        commands=tuple(filter(None, commands)),
        allowed=wanted.owns,
        protected=wanted.protected,
        smallest=smallest,
    )
    return await asyncio.to_thread(judge, work)


def wish(workflow: Workflow) -> list[Finding]:
    """What a workflow itself has to say about whatever it made: that a person is to look at it, where it wants that."""
    return [Finding("approve", WISH, "", strategy_text.wants_a_look(workflow.worktrees))] if workflow.waits else []


async def patch_id(mirror: Mirror, base: str, tree: str) -> str:
    """The SHA-256 of the patch: what an approval is bound to."""
    return hashlib.sha256(await changes.patch(mirror, base, tree)).hexdigest()


async def _sizes(mirror: Mirror, oids: Collection[str]) -> dict[str, int]:
    """The sizes of blobs in bytes; commits of submodules are not here and left out."""
    if not oids:
        return {}
    asked = "".join(f"{oid}\n" for oid in sorted(oids)).encode()
    said = await mirror.git("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", stdin=asked)
    rows = [line.split(" ") for line in said.decode().splitlines()]
    return {row[0]: int(row[2]) for row in rows if row[1:2] == ["blob"]}


def _file(change: Change, contents: Mapping[str, bytes], sizes: Mapping[str, int]) -> File:
    return File(
        path=change.path,
        status=change.status,
        old_mode=change.old_mode,
        new_mode=change.new_mode,
        old=contents.get(change.old),
        new=contents.get(change.new),
        added=change.added,
        deleted=change.deleted,
        binary=change.binary,
        size=sizes.get(change.new, 0),
    )
