"""Who broke the tests is found though much came since, and what is taken back takes with it only what builds on it."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.check.trial import Verdict
from bot.git import merging
from bot.orchestra.blame import Blame
from bot.orchestra.trunk import Trunk
from bot.publish import swarm_text
from bot.store.db import Database
from tests.git.objects import Files, Objects

BASE: Files = {"a": "1\n"}


@dataclass
class Story:
    """A trunk on which jobs merge files. The tests are red where a file holds one of the `bad` words."""

    objects: Objects
    trunk: Trunk
    bad: Collection[str] = ("BAD",)
    tested: list[str] = field(default_factory=list)

    @property
    def blame(self) -> Blame:
        return Blame(self.objects.mirror, self.trunk, set(), self.test)

    async def test(self, tree: str) -> Verdict:
        files = await self.files(tree)
        self.tested.append(" ".join(sorted(files)))
        return Verdict("test", not any(word in text for word in self.bad for text in files.values()))

    async def files(self, tree: str) -> dict[str, str]:
        mirror = self.objects.mirror
        return {e.path: (await mirror.blobs([e.oid]))[e.oid].decode() for e in await mirror.listing(tree)}

    async def merge(self, job: str, **files: str) -> None:
        """A job that began with everything merged so far makes these files."""
        now = await self.files(self.trunk.tree)
        made = self.objects.tree({**now, **files})
        async with self.trunk.lock:
            merged = await merging.merge(self.objects.mirror, self.trunk.tree, self.trunk.tree, made)
            key = f"{job}.merge.{len(self.trunk.of(job)) + 1}"
            await self.trunk.append(key, job, made, merged.tree)

    async def left(self) -> list[str]:
        return sorted(await self.files(self.trunk.tree))


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    db = Database(f"sqlite:///{tmp_path / 'tutti.db'}")
    await db.migrate()
    objects = Objects(tmp_path / "shop.git")
    yield Story(objects, Trunk(db, objects.mirror, "run", objects.tree(BASE)))
    await db.close()


async def test_the_first_who_broke_the_tests_is_found_in_few_tests_and_then_the_next(story: Story) -> None:
    for number in range(8):
        await story.merge(f"job-{number}", **{f"f{number}": "BAD\n" if number in (2, 5) else "1\n"})
    assert await story.blame.culprit() == "job-2"
    assert len(story.tested) <= 4
    assert await story.blame.take_back("job-2", "Bad.")
    assert await story.blame.culprit() == "job-5"
    assert await story.blame.take_back("job-5", "Bad, too.")
    assert (await story.test(story.trunk.tree)).passed
    assert story.trunk.taken_back() == {"job-2": "Bad.", "job-5": "Bad, too."}
    assert await story.left() == sorted(["a", *(f"f{number}" for number in range(8) if number not in (2, 5))])


async def test_who_mended_what_it_broke_is_not_blamed_for_another(story: Story) -> None:
    await story.merge("one", f1="BAD\n")
    await story.merge("two", f2="BAD\n")
    await story.merge("three", f3="1\n")
    assert await story.blame.culprit() == "one"
    await story.merge("one", f1="good\n")
    assert await story.blame.culprit() == "two"
    await story.merge("two", f2="still BAD\n")
    assert await story.blame.culprit() == "two"


async def test_where_the_tests_were_red_before_nobody_is_blamed(story: Story) -> None:
    story.bad = ("1",)
    await story.merge("one", f1="2\n")
    assert await story.blame.culprit() is None


async def test_what_builds_on_work_that_is_taken_back_goes_with_it_and_nothing_else(story: Story) -> None:
    await story.merge("bad", f="one\ntwo\nBAD\n")
    await story.merge("other", g="1\n")
    await story.merge("on it", f="one\ntwo\nBAD, but longer\n")
    await story.merge("on that", f="one\ntwo\nBAD, but longer still\n", h="1\n")
    assert await story.blame.culprit() == "bad"
    assert await story.blame.take_back("bad", "Bad.")
    built = swarm_text.built_on("bad")
    assert story.trunk.taken_back() == {"on that": built, "on it": built, "bad": "Bad."}
    assert await story.left() == ["a", "g"]
    await story.merge("bad", f="better\n")
    assert list(story.trunk.taken_back()) == ["on that", "on it"]
    assert story.blame.jobs() == ["other", "bad"]


async def test_who_broke_the_tests_when_it_merged_again_is_found_though_all_was_green_when_the_next_came(
    story: Story,
) -> None:
    await story.merge("one", f1="1\n")
    await story.merge("two", f2="1\n")
    green = {story.trunk.tree}
    await story.merge("three", f3="1\n")
    await story.merge("one", f1="BAD\n")
    blame = Blame(story.objects.mirror, story.trunk, green, story.test)
    assert await blame.culprit() == "one"
