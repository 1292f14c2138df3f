"""Commits are put anew upon another one as `git rebase` does it, from objects alone; what conflicts is told by path."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.git import conflict, rebase
from bot.git.command import Transport
from bot.git.mirror import Mirror
from tests.git.stage import ENV, TUTTI, WHEN, sh

Files = Mapping[str, str | bytes | None]
SEVEN = "".join(f"line {number}\n" for number in range(1, 8))
MARKED = "<<<<<<< {ours}\nline one\n=======\nline eins\n>>>>>>> {theirs}\n"


def changed(*lines: tuple[int, str]) -> str:
    """The seven lines, some of them in other words."""
    words = SEVEN.splitlines()
    for number, said in lines:
        words[number - 1] = said
    return "".join(f"{line}\n" for line in words)


@dataclass
class Repository:
    """A clone with two branches, `main` and `topic`; the mirror that reads it is its own folder of objects."""

    folder: Path
    marks: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        sh("git", "init", "-q", "-b", "main", cwd=self.folder)
        self.mirror = Mirror(self.folder / ".git", "acme/shop", "", "file", Transport())

    def tell(self, base: Files, main: Sequence[Files], topic: Sequence[Files]) -> None:
        """Write a history: a first commit, and what either branch made of it since."""
        stream = list[bytes]()
        sides = [("main", base), *(("main", one) for one in main), *(("topic", one) for one in topic)]
        for mark, (branch, files) in enumerate(sides, start=1):
            begins = b"from :1\n" if branch == "topic" and "topic" not in self.marks else b""
            self.marks[branch] = mark
            author = f"author Grün {mark} <g{mark}@example.com> {1_600_000_000 + mark} +0{mark % 10}30\n".encode()
            message = f"{branch} {mark}\n\nWhy: — so.".encode()
            stream += [f"commit refs/heads/{branch}\nmark :{mark}\n".encode(), author]
            stream += [f"committer Ada <ada@example.com> {1_600_000_000 + mark} +0000\n".encode()]
            stream += [b"data %d\n%s\n" % (len(message), message), begins, *(_put(*one) for one in files.items())]
        sh("git", "fast-import", "--quiet", "--force", cwd=self.folder, stdin=b"".join(stream))
        if not topic:
            sh("git", "branch", "topic", "main", cwd=self.folder)

    def rev(self, name: str) -> str:
        return sh("git", "rev-parse", name, cwd=self.folder)

    def shown(self, head: str, since: str = "main") -> list[str]:
        """Tree, author, his date and message of every commit, newest first."""
        return sh("git", "log", "--format=%T %an %ae %ad %B", "--date=raw", f"{since}..{head}", cwd=self.folder).split(
            "\n\n\n"
        )

    def rebased(self) -> str:
        """The head that git itself makes of it; empty where it stops at a conflict, and REBASE_HEAD is that."""
        sh("git", "checkout", "-q", "--force", "topic", cwd=self.folder)
        argv = ["git", "rebase", "-q", "--no-keep-empty", "--empty=drop", "main", "topic"]
        said = subprocess.run(argv, cwd=self.folder, env=ENV, capture_output=True, check=False)
        return self.rev("HEAD") if said.returncode == 0 else ""

    async def replay(self) -> rebase.Stretch:
        onto, head = self.rev("main"), self.rev("topic")
        plan = await rebase.plan(self.mirror, onto, head, 100)
        return await rebase.replay(self.mirror, plan.commits, onto, TUTTI, WHEN)


def _put(path: str, text: str | bytes | None) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return (
        f"D {path}\n".encode() if raw is None else b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(raw), raw)
    )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


# ---- as git does it --------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["one", "two", "three"])
EDITS = st.dictionaries(st.integers(1, 7), WORDS, min_size=1, max_size=2).map(lambda said: changed(*said.items()))
CHANGES = st.dictionaries(st.sampled_from(["a", "b", "new/c"]), st.none() | EDITS | EDITS, min_size=1, max_size=2)
SIDES = st.lists(CHANGES, min_size=1, max_size=3)


@settings(
    max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(main=SIDES, topic=SIDES)
async def test_it_ends_with_the_commits_that_git_rebase_makes_or_stops_where_that_stops(
    tmp_path_factory: pytest.TempPathFactory, main: list[Files], topic: list[Files]
) -> None:
    repository = Repository(tmp_path_factory.mktemp("history") / "repository")
    repository.tell({"a": SEVEN, "b": SEVEN, "new/keep": "1\n"}, main, topic)
    made = await repository.replay()
    if theirs := repository.rebased():
        assert not made.stopped
        assert repository.shown(made.head) == repository.shown(theirs)
    else:
        assert made.stopped == repository.rev("REBASE_HEAD")
        assert {one.path for one in made.conflicts} == set(
            sh("git", "diff", "--name-only", "--diff-filter=U", cwd=repository.folder).split()
        )


async def test_author_date_and_message_stay_the_committer_is_the_bot_and_a_repeat_gives_the_same(
    repository: Repository,
) -> None:
    repository.tell({"a": SEVEN}, [{"a": changed((1, "one"))}], [{"a": changed((7, "seven"))}, {"b": "new\n"}])
    made = await repository.replay()
    assert made == await repository.replay()
    assert (made.made, made.empty, made.stopped) == (2, 0, "")
    assert sh("git", "show", f"{made.head}:a", cwd=repository.folder) == changed((1, "one"), (7, "seven")).strip()
    assert repository.shown(made.head)[0].split(" ", 1)[1].startswith("Grün 4 g4@example.com 1600000004 +0430 topic 4")
    committer = sh("git", "log", "-1", "--format=%cn %ct", made.head, cwd=repository.folder)
    assert committer == f"{TUTTI.name} {WHEN}"


async def test_what_the_other_side_has_merges_and_what_becomes_empty_is_left_out_and_counted(
    repository: Repository,
) -> None:
    one, same, theirs = {"a": changed((1, "one"))}, {"b": "same\n"}, {"d": "both\n"}
    repository.tell({"a": SEVEN}, [one, same, theirs], [theirs, {**one, **same}, {"c": "own\n"}])
    sh("git", "checkout", "-q", "--force", "topic", cwd=repository.folder)
    sh("git", "merge", "-q", "-s", "ours", "-m", "Merge", "main~2", cwd=repository.folder)
    plan = await rebase.plan(repository.mirror, repository.rev("main"), repository.rev("topic"), 100)
    assert (plan.total, plan.merges, plan.known, len(plan.commits)) == (4, 1, 1, 2)
    made = await repository.replay()
    assert (made.made, made.empty) == (1, 1)
    assert repository.shown(made.head) == repository.shown(repository.rebased())


async def test_more_commits_than_may_be_are_only_counted_and_strangers_have_no_fork(repository: Repository) -> None:
    repository.tell({"a": SEVEN}, [{"b": "1\n"}], [{"c": "1\n"}, {"c": "2\n"}, {"c": "3\n"}])
    onto, head = repository.rev("main"), repository.rev("topic")
    assert await rebase.plan(repository.mirror, onto, head, 2) == rebase.Plan(repository.rev("main~1"), 3)
    alone = sh("git", "commit-tree", "-m", "alone", repository.rev("topic^{tree}"), cwd=repository.folder)
    assert await rebase.plan(repository.mirror, onto, alone, 2) == rebase.Plan(None)


# ---- conflicts -------------------------------------------------------------------------------------------------------

CONFLICTS = [
    ("both change a line", {"a": SEVEN}, {"a": changed((1, "one"))}, {"a": changed((1, "eins"))}, {"a": True}),
    ("both add a file", {}, {"n": "1\n"}, {"n": "2\n"}, {"n": True}),
    ("one deletes it", {"a": SEVEN}, {"a": None}, {"a": changed((1, "eins"))}, {"a": False}),
    ("the other deletes it", {"a": SEVEN}, {"a": changed((1, "one"))}, {"a": None}, {"a": False}),
    ("it is no text", {"a": b"\0\1"}, {"a": b"\0\2"}, {"a": b"\0\3"}, {"a": False}),
    ("a folder in its place", {"a": SEVEN}, {"a": None, "a/b": "1\n"}, {"a": changed((1, "x"))}, {"a": False}),
    ("odd name", {"a b\n": SEVEN}, {"a b\n": changed((1, "one"))}, {"a b\n": changed((1, "x"))}, {"a b\n": True}),
]


@pytest.mark.parametrize(
    ("base", "main", "topic", "found"), [row[1:] for row in CONFLICTS], ids=[r[0] for r in CONFLICTS]
)
async def test_a_conflict_is_told_by_its_paths_and_whether_a_text_with_markers_stands_there(
    repository: Repository, base: Files, main: Files, topic: Files, found: Mapping[str, bool]
) -> None:
    def quoted(files: Files) -> Files:
        return {f'"{path}"'.replace("\n", "\\n"): text for path, text in files.items()}

    repository.tell({"keep": "1\n", **quoted(base)}, [quoted(main)], [{"before": "1\n"}, quoted(topic)])
    made = await repository.replay()
    assert made.stopped == repository.rev("topic")
    assert made.made == 1
    named = {one.path.partition("~")[0]: one.plain for one in made.conflicts}
    assert named == found


async def conflicted(repository: Repository) -> rebase.Stretch:
    """Two commits that say something else in the first line, and one that has nothing to do with it."""
    sides = [{"a": changed((1, "line one"))}], [{"a": changed((1, "line eins")), "b": "b\n"}]
    repository.tell({"a": SEVEN, "c": "c\n"}, *sides)
    return await repository.replay()


def tree(repository: Repository, of: str, files: Files) -> str:
    """The tree with these files instead."""
    lines = [f"commit refs/heads/x\ncommitter A <a@b> 1 +0000\ndata 0\nM 040000 {of} \n".encode()]
    sh(
        "git",
        "fast-import",
        "--quiet",
        "--force",
        cwd=repository.folder,
        stdin=b"".join([*lines, *(_put(*one) for one in files.items())]),
    )
    return repository.rev("x^{tree}")


async def test_a_resolution_goes_on_and_is_the_commit_of_its_author(repository: Repository) -> None:
    stretch = await conflicted(repository)
    resolved = tree(repository, stretch.tree, {"a": changed((1, "line one, eins"))})
    assert not await conflict.flaws(repository.mirror, stretch.tree, resolved, stretch.conflicts)
    commit = await rebase.original(repository.mirror, stretch.stopped)
    assert commit.subject == "topic 3"
    new = await rebase.anew(repository.mirror, commit, resolved, stretch.head, TUTTI, WHEN)
    assert repository.shown(new)[0].startswith(f"{resolved} Grün 3")
    assert await rebase.anew(repository.mirror, commit, resolved, new, TUTTI, WHEN) == new  # nothing is left of it


@pytest.mark.parametrize(
    ("files", "flaws"),
    [
        ({}, conflict.Flaws(marked=("a",))),
        ({"a": "======= \n" + SEVEN}, conflict.Flaws()),
        ({"a": "=======\n" + SEVEN}, conflict.Flaws(marked=("a",))),
        ({"a": SEVEN + ">>>>>>> 1234\r\n"}, conflict.Flaws(marked=("a",))),
        ({"a": SEVEN + "<<<<<<<< eight\n"}, conflict.Flaws()),
        ({"a": SEVEN + "||||||| base"}, conflict.Flaws(marked=("a",))),
        ({"a": None}, conflict.Flaws(gone=("a",))),
        ({"a": SEVEN, "c": "other\n"}, conflict.Flaws(stray=("c",))),
        ({"a": SEVEN, "d": "new\n"}, conflict.Flaws(stray=("d",))),
        ({"a": SEVEN, "c": None}, conflict.Flaws(stray=("c",))),
    ],
)
async def test_what_is_wrong_with_a_resolution_is_read_from_objects(
    repository: Repository, files: Files, flaws: conflict.Flaws
) -> None:
    stretch = await conflicted(repository)
    made = tree(repository, stretch.tree, files)
    assert await conflict.flaws(repository.mirror, stretch.tree, made, stretch.conflicts) == flaws


async def test_marks_that_a_text_has_of_its_own_are_no_conflict(repository: Repository) -> None:
    lesson = f"How a conflict looks:\n{MARKED.format(ours='HEAD', theirs='topic')}"
    repository.tell({"a": lesson}, [{"a": "1\n" + lesson}], [{"a": "2\n" + lesson}])
    stretch = await repository.replay()
    made = tree(repository, stretch.tree, {"a": "1\n2\n" + lesson})
    assert not await conflict.flaws(repository.mirror, stretch.tree, made, stretch.conflicts)
    left = await conflict.flaws(repository.mirror, stretch.tree, stretch.tree, stretch.conflicts)
    assert left == conflict.Flaws(marked=("a",))


async def test_the_intents_of_the_other_side_are_its_messages_about_those_paths(repository: Repository) -> None:
    repository.tell({"a": SEVEN}, [{"a": "1\n"}, {"b": "1\n"}, {"a": "2\n"}], [])
    said = await rebase.intents(repository.mirror, repository.rev("main~3"), repository.rev("main"), ["a"])
    assert [words.partition("\n")[0] for words in said] == ["main 4", "main 2"]
