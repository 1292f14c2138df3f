"""What of a pull request is to be read and by whom, and the files its findings stand in. The same each time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bot.errors import UserError
from bot.git.mirror import Mirror
from bot.git.patches import patches
from bot.publish.pull_ground import PullGround
from bot.publish.review_text import Coverage
from bot.review import reading
from bot.review.patch import FilePatch
from bot.review.reading import Packing, Plan
from bot.review.rules import tiers_of
from bot.review.tier import Choice, pick

MOST_TEXT = 1 << 20  # bytes of a file whose content is looked at
Lines = list[str]


@dataclass
class Sources:
    """Files of a pull request, at its head, where it left its base, and at the head `before` this one, where known.

    Those asked for are read from git at once.
    """

    mirror: Mirror
    head: str
    base: str
    before: str = ""
    _trees: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _texts: dict[tuple[str, str], Lines | None] = field(default_factory=dict)

    async def load(self, paths: Collection[str], base_paths: Collection[str] = ()) -> None:
        """Read these files, but for those that are too large or no text."""
        for side, wanted in ((self.head, paths), (self.base, base_paths), (self.before, paths)):
            if not side:
                continue
            tree = await self._tree(side)
            fresh = {path: tree[path] for path in wanted if path in tree and (side, path) not in self._texts}
            found = await self.mirror.blobs(set(fresh.values())) if fresh else {}
            for path, oid in fresh.items():
                self._texts[side, path] = _text(found.get(oid))

    async def _tree(self, side: str) -> Mapping[str, str]:
        if side not in self._trees:
            files = await self.mirror.listing(side)
            self._trees[side] = {entry.path: entry.oid for entry in files if entry.mode in ("100644", "100755")}
        return self._trees[side]

    def at_head(self, path: str) -> Lines | None:
        """The lines of a loaded file; None where there is no such file."""
        return self._texts.get((self.head, path))

    def at_base(self, path: str) -> Lines | None:
        return self._texts.get((self.base, path))

    def at_before(self, path: str) -> Lines | None:
        return self._texts.get((self.before, path))


def _text(data: bytes | None) -> Lines | None:
    """The lines of a text; none of what is no text."""
    if data is None:
        return None
    if len(data) > MOST_TEXT or b"\0" in data[:8_000]:
        return []
    lines = data.decode("utf-8", "replace").split("\n")
    return lines[:-1] if lines and lines[-1] == "" else lines


@dataclass(frozen=True)
class Study:
    """`files` is the whole change by path, `choice` who reads, `packing` what they read, `digests` of all hunks now."""

    files: Mapping[str, FilePatch]
    choice: Choice
    packing: Packing
    coverage: Coverage
    sources: Sources
    digests: Sequence[str]

    @property
    def quiet(self) -> bool:
        """Whether nothing is to be read (again)."""
        return not self.packing.parts


async def study(mirror: Mirror, ground: PullGround, agents: Sequence[str]) -> Study:
    """Find out what changed, what of it was not read before, and who reads it."""
    rules = ground.rules
    found = [patch async for patch in patches(mirror, ground.base, ground.head)]
    plan = reading.sort(found, rules.reading.ignore, await attributes(mirror, ground.trusted))
    fresh = reading.fresh(plan.files, set(ground.read))
    aside = {path for path, _ in plan.left}  # what nobody reads may still be what makes a change risky: a deletion
    choice = pick(tiers_of(rules), [*fresh, *(patch for patch in found if patch.path in aside)], agents)
    before = ground.before if ground.before and await mirror.has(ground.before) else ""
    sources = Sources(mirror, ground.head, ground.base, before)
    wanted = [patch.path for patch in fresh[: rules.reading.parts * 200]] if choice.agents else []
    await sources.load(wanted)
    to_read = fresh if choice.agents else []
    packing = reading.pack(to_read, rules.reading.part_tokens, rules.reading.parts, sources.at_head)
    files = {patch.path: patch for patch in found}
    coverage = _coverage(packing, plan, fresh if not to_read else [])
    return Study(files, choice, packing, coverage, sources, sorted(reading.digests(packing, plan, ground.read)))


def _coverage(packing: Packing, plan: Plan, spared: Sequence[FilePatch]) -> Coverage:
    """What was read, now or before; `spared` are files that need no agent."""
    covered = reading.coverage(packing, plan)
    left = (*((patch.path, "no agent needed") for patch in spared), *covered.left)
    return Coverage(covered.read - len(spared), covered.total, left)


async def attributes(mirror: Mirror, trusted: str) -> str:
    """The default branch's word on what is generated: a pull request must not hide its own files."""
    try:
        data = await mirror.file(trusted, ".gitattributes")
    except UserError:
        return ""
    return data.decode("utf-8", "replace") if data else ""
