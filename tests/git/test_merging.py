"""What jobs made is merged from objects alone; who never meets can be merged in any order, who may is known before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.git import changes, conflict, merging, overlap
from bot.git.command import Answer, Call, GitError, Transport
from bot.git.merging import Forecast, Merged
from bot.git.mirror import Mirror
from tests.git.objects import LINK, MODULE, TOOL, Files, Objects

SEVEN = "".join(f"line {number}\n" for number in range(1, 8))
ONE, EINS, LAST = SEVEN.replace("line 1", "one"), SEVEN.replace("line 1", "eins"), SEVEN.replace("line 7", "last")
OLD, NEW, NEWER = [(MODULE, sign * 40) for sign in "123"]
BOTH = ONE.replace("line 7", "last")


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    return Objects(tmp_path_factory.mktemp("objects") / "shop.git")


async def merged(objects: Objects, *sides: Files, folders: bool = False) -> Merged:
    base, ours, theirs = map(objects.tree, sides)
    return await merging.merge(objects.mirror, base, ours, theirs, folders=folders)


# ---- one merge -------------------------------------------------------------------------------------------------------

CLEAN: Mapping[str, tuple[Files, Files, Files, Files]] = {
    "two files": ({"a": "1\n", "b": "1\n"}, {"a": "2\n", "b": "1\n"}, {"a": "1\n"}, {"a": "2\n"}),
    "two ends of one text": ({"a": SEVEN}, {"a": ONE}, {"a": LAST}, {"a": BOTH}),
    "the same twice, and more": ({"a": "1\n"}, {"a": "2\n"}, {"a": "2\n", "b": "1\n"}, {"a": "2\n", "b": "1\n"}),
    "a mode and a text": ({"a": SEVEN}, {"a": (TOOL, SEVEN)}, {"a": LAST}, {"a": (TOOL, LAST)}),
    "a renamed file": ({"a": SEVEN}, {"new/a": SEVEN}, {"a": LAST, "b": ""}, {"new/a": LAST, "b": ""}),
    "a link": ({"a": (LINK, "b")}, {"a": (LINK, "c")}, {"a": (LINK, "b"), "b": ""}, {"a": (LINK, "c"), "b": ""}),
    "a link for a file": ({"a": "1\n"}, {"a": (LINK, "b")}, {"a": "1\n", "b": ""}, {"a": (LINK, "b"), "b": ""}),
    "no text": ({"a": b"\0\1"}, {"a": b"\0\2"}, {"a": b"\0\1", "b": b"\0"}, {"a": b"\0\2", "b": b"\0"}),
    "a folder for a file": ({"a": "1\n"}, {"a/b": "1\n"}, {"a": "1\n", "b": ""}, {"a/b": "1\n", "b": ""}),
    "a submodule": ({"m": OLD}, {"m": NEW}, {"m": OLD, "b": ""}, {"m": NEW, "b": ""}),
}


@pytest.mark.parametrize("told", CLEAN.values(), ids=CLEAN)
async def test_what_both_sides_changed_is_there(objects: Objects, told: tuple[Files, Files, Files, Files]) -> None:
    base, ours, theirs, expected = told
    assert await merged(objects, base, ours, theirs) == Merged(objects.tree(expected))
    assert await merged(objects, base, theirs, ours) == Merged(objects.tree(expected))


CONFLICTS: Mapping[str, tuple[Files, Files, Files, Mapping[str, bool]]] = {
    "one line": ({"a": SEVEN}, {"a": ONE}, {"a": EINS}, {"a": True}),
    "two new files": ({}, {"a": ONE}, {"a": EINS}, {"a": True}),
    "two new files of two modes": ({}, {"a": ONE}, {"a": (TOOL, EINS)}, {"a": False}),
    "gone and changed": ({"a": SEVEN}, {}, {"a": ONE}, {"a": False}),
    "no text": ({"a": b"\0\1"}, {"a": b"\0\2"}, {"a": b"\0\3"}, {"a": False}),
    "two links": ({"a": (LINK, "b")}, {"a": (LINK, "c")}, {"a": (LINK, "d")}, {"a": False}),
    "a file and a folder": ({}, {"a": "1\n"}, {"a/b": "1\n"}, {"a": False}),
    "two new names": ({"a": SEVEN}, {"b": SEVEN}, {"c": SEVEN}, {"a": False, "b": False, "c": False}),
    "two submodules": ({"m": OLD}, {"m": NEW}, {"m": NEWER}, {"m": False}),
}


@pytest.mark.parametrize("told", CONFLICTS.values(), ids=CONFLICTS)
async def test_a_conflict_is_told_by_its_paths_and_whether_a_text_with_markers_stands_there(
    objects: Objects, told: tuple[Files, Files, Files, Mapping[str, bool]]
) -> None:
    base, ours, theirs, expected = told
    made = await merged(objects, base, ours, theirs)
    assert {one.path.partition("~")[0]: one.plain for one in made.conflicts} == expected
    assert await merged(objects, base, ours, theirs) == made


async def test_a_text_that_conflicts_has_both_sides_and_the_rest_is_merged(objects: Objects) -> None:
    made = await merged(objects, {"a": SEVEN}, {"a": ONE, "b": "1\n"}, {"a": EINS, "c": "1\n"})
    text = (await objects.mirror.read(made.tree, "a") or b"").decode()
    assert [line for line in text.splitlines() if line[:7] not in ("<" * 7, ">" * 7)][:3] == ["one", "=======", "eins"]
    assert await merging.changed(objects.mirror, objects.tree({"a": SEVEN}), made.tree) == {"a", "b", "c"}


async def test_a_new_file_follows_a_renamed_folder_only_where_that_is_wanted(objects: Objects) -> None:
    base: Files = {f"old/{name}": f"{name}\n{SEVEN}" for name in "abc"}
    ours = {path.replace("old/", "new/"): text for path, text in base.items()}
    theirs = {**base, "old/d": "d\n"}
    assert await merged(objects, base, ours, theirs) == Merged(objects.tree({**ours, "old/d": "d\n"}))
    assert (await merged(objects, base, ours, theirs, folders=True)).tree == objects.tree({**ours, "new/d": "d\n"})


async def test_what_one_side_left_alone_needs_no_git() -> None:
    nowhere = Mirror(Path("/nonexistent"), "acme/shop", "", "file", Transport())
    for sides, tree in (("112", "2"), ("121", "2"), ("122", "2"), ("111", "1")):
        assert await merging.merge(nowhere, *sides) == Merged(tree)
    assert await merging.changed(nowhere, "1", "1") == frozenset()


async def test_commits_do_as_well_and_what_is_not_there_is_an_error(objects: Objects) -> None:
    sides = [objects.tree(files) for files in ({"a": SEVEN}, {"a": ONE}, {"a": LAST})]
    who = b"author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nsaid"
    commits = [objects.put("commit", b"tree %s\n%s" % (tree.encode(), who)) for tree in sides]
    assert await merging.merge(objects.mirror, *commits) == Merged(objects.tree({"a": BOTH}))
    assert await merging.changed(objects.mirror, commits[0], sides[1]) == {"a"}
    with pytest.raises(GitError):
        await merging.merge(objects.mirror, sides[0], sides[1], "1" * 40)


async def test_the_changed_paths_have_both_names_of_a_renamed_file_and_odd_ones(objects: Objects) -> None:
    before = objects.tree({"a": SEVEN, "keep/b": "1\n", "m": OLD, "t": ""})
    after = objects.tree({"n\na\udcff": SEVEN, "keep/b": "1\n", "m": NEW, "t": (TOOL, "")})
    assert await merging.changed(objects.mirror, before, after) == {"a", "n\na\udcff", "m", "t"}


async def test_where_one_side_deletes_a_file_it_may_stay_or_go_and_a_submodule_has_no_text(objects: Objects) -> None:
    sides: list[Files] = [{"a": SEVEN, "m": OLD}, {"m": NEW}]
    made = await merged(objects, *sides, {"a": ONE, "m": NEWER})
    kept: Files = {"m": NEWER}
    for files in (kept, {"a": ONE}):
        resolved = objects.tree({**kept, **files})
        assert not await conflict.flaws(objects.mirror, made.tree, resolved, made.conflicts)


# ---- many ------------------------------------------------------------------------------------------------------------

PATHS = ("a", "b", "d/a", "d/b", "d/e/c", "new")
TEXTS = st.sampled_from([SEVEN, ONE, LAST, b"\0\1", (TOOL, SEVEN), (LINK, "a")])
START: Files = dict.fromkeys(PATHS[:5], SEVEN)
EDITS = st.dictionaries(st.sampled_from(PATHS), st.tuples(st.integers(0, 2), st.none() | TEXTS), min_size=3)
QUICK = settings(max_examples=20, deadline=None, phases=[Phase.generate])


def edited(files: Files, edits: Mapping[str, object]) -> Files:
    return {path: file for path, file in {**files, **edits}.items() if file is not None}  # type: ignore[misc]


@QUICK
@given(edits=EDITS, turns=st.permutations(range(3)))
async def test_jobs_that_share_no_path_give_the_same_tree_in_any_order(
    objects: Objects, edits: Mapping[str, tuple[int, object]], turns: list[int]
) -> None:
    base = trunk = objects.tree(START)
    for turn in turns:
        mine = {path: text for path, (job, text) in edits.items() if job == turn}
        made = await merging.merge(objects.mirror, base, trunk, objects.tree(edited(START, mine)))
        assert made.conflicts == ()
        trunk = made.tree
    assert trunk == objects.tree(edited(START, {path: text for path, (_, text) in edits.items()}))


ORDERS = [
    ([], []),
    (["a", "b", "c"], [0, 1, 2]),
    (["x a", "x b", "c"], [2, 0, 1]),
    (["x y", "x", "y", "z"], [3, 1, 2, 0]),
    (["d", "d/e/f", "d/g", "dd"], [3, 1, 2, 0]),
    (["d d/e", "f", "g"], [0, 1, 2]),
]


@pytest.mark.parametrize(("paths", "expected"), ORDERS)
def test_first_comes_who_is_in_nobodys_way(paths: list[str], expected: list[int]) -> None:
    changed = {str(number): frozenset(some.split()) for number, some in enumerate(paths)}
    assert merging.order(changed) == [str(number) for number in expected]


@given(st.lists(st.frozensets(st.sampled_from(["a", "a/b", "a/b/c", "a/d", "ab", "b"])), max_size=6))
def test_two_may_conflict_where_a_path_of_one_is_or_holds_a_path_of_the_other(jobs: list[frozenset[str]]) -> None:
    def meet(one: str, other: str) -> bool:
        return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")

    changed = {str(number): paths for number, paths in enumerate(jobs)}
    slow = {
        (str(one), str(other))
        for one in range(len(jobs))
        for other in range(one + 1, len(jobs))
        if any(meet(a, b) for a in jobs[one] for b in jobs[other])
    }
    found = list(overlap.pairs(overlap.beside(changed)))
    assert set(found) == slow
    assert len(found) == len(slow)
    assert sorted(merging.order(changed)) == sorted(changed)


class Counting(Mirror):
    """A mirror that counts its merges."""

    merges = 0

    async def answer(self, *args: str, **call: Unpack[Call]) -> Answer:
        self.merges += "merge-tree" in args
        return await super().answer(*args, **call)


async def foretold(
    objects: Objects, base: Files, jobs: Mapping[str, Files], most: int = 9, start: Files | None = None
) -> tuple[Forecast, int]:
    """The forecast for jobs that began with `start` (as `base` unless said), and how many merges it took."""
    mirror = Counting(objects.folder, "acme/shop", "", "file", Transport())
    begun = base if start is None else start
    sides = {name: (objects.tree(begun), objects.tree(edited(begun, edits))) for name, edits in jobs.items()}
    return await merging.forecast(mirror, objects.tree(base), sides, most), mirror.merges


async def test_only_those_that_share_a_path_are_merged_to_see_who_conflicts(objects: Objects) -> None:
    jobs: dict[str, Files] = {str(number): {f"new/{number}": ""} for number in range(8)}
    assert await foretold(objects, START, jobs) == (Forecast(), 0)
    jobs |= {"one": {"a": ONE, "n": ""}, "last": {"a": LAST}, "eins": {"a": EINS}, "n": {"n/a": ""}}
    told, merges = await foretold(objects, START, jobs)
    assert told.pairs == {("one", "eins"): ("a",), ("one", "n"): ("n",)}
    assert (told.alone, told.untried, merges) == ({}, 0, 4)


async def test_what_conflicts_with_the_trunk_is_told_once_and_what_came_of_it_is_no_conflict(objects: Objects) -> None:
    base = {**START, "a": ONE, "theirs": "1\n"}
    jobs: Mapping[str, Files] = {"a": {"a": EINS, "b": ONE}, "b": {"b": EINS, "c": "1\n"}, "c": {"c": "1\n", "a": LAST}}
    told, _ = await foretold(objects, base, jobs, start=START)
    assert told == Forecast({("a", "b"): ("b",)}, {"a": ("a",)})


async def test_a_thousand_that_all_change_one_file_are_not_all_merged_with_each_other(objects: Objects) -> None:
    jobs = {str(number): {"a": SEVEN + str(number)} for number in range(5)}
    told, merges = await foretold(objects, START, jobs, most=2)
    assert told == Forecast({("0", "1"): ("a",), ("0", "2"): ("a",)}, {}, 8)
    assert merges == 2


# ---- parts of a change -----------------------------------------------------------------------------------------------

ONLY: Mapping[str, tuple[Files, Files, str, Files, tuple[str, ...]]] = {
    "nothing": ({"a": "1"}, {"a": "1"}, "", {"a": "1"}, ()),
    "all": ({"a": "1"}, {"a": "2", "b": "1"}, "a b", {"a": "2", "b": "1"}, ()),
    "none": ({"a": "1"}, {"a": "2", "b": "1"}, "", {"a": "1"}, ("a", "b")),
    "some": ({"a": "1", "b": "1"}, {"a": "2", "c": (TOOL, "")}, "c", {"a": "1", "b": "1", "c": (TOOL, "")}, ("a", "b")),
    "moved out": ({"in/a": "1"}, {"out/a": "1"}, "in/a", {}, ("out/a",)),
    "a folder upon a file": ({"a": "1"}, {"a/b": "1"}, "a/b", {"a": "1"}, ("a", "a/b")),
    "a file upon a folder": ({"a/b": "1"}, {"a": "1"}, "a", {"a/b": "1"}, ("a", "a/b")),
    "a file upon half a folder": ({"a/b": "1", "a/c": "1"}, {"a": "1"}, "a a/b", {"a/c": "1"}, ("a", "a/c")),
    "a file that makes room": ({"a": "1"}, {"a/b": "1", "a/c": "1"}, "a a/c", {"a/c": "1"}, ("a/b",)),
    "a submodule": ({"a": "1"}, {"a": "1", "m": OLD}, "m", {"a": "1", "m": OLD}, ()),
}  # fmt: skip


@pytest.mark.parametrize("told", ONLY.values(), ids=ONLY)
async def test_the_rest_of_a_change_is_left_out(
    objects: Objects, told: tuple[Files, Files, str, Files, tuple[str, ...]]
) -> None:
    start, made, accepted, expected, left = told
    trees = objects.tree(start), objects.tree(made)
    found = await merging.only(objects.mirror, *trees, accepted.split().__contains__)
    assert found == (objects.tree(expected), left)


SHAPES = st.lists(st.sampled_from(["a", "a/b", "a/c", "a/b/c", "d"]), unique=True).map(
    lambda paths: [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
)
SHAPED = SHAPES.flatmap(lambda paths: st.fixed_dictionaries({path: st.sampled_from("12") for path in paths}))


@QUICK
@given(start=SHAPED, made=SHAPED, accepted=st.frozensets(st.sampled_from(["a", "a/b", "a/c", "a/b/c", "d"])))
async def test_never_a_path_outside_gets_through(
    objects: Objects, start: Files, made: Files, accepted: frozenset[str]
) -> None:
    begun, ended = objects.tree(start), objects.tree(made)
    tree, left = await merging.only(objects.mirror, begun, ended, accepted.__contains__)
    through = await merging.changed(objects.mirror, begun, tree)
    assert through <= accepted
    assert through | set(left) == await merging.changed(objects.mirror, begun, ended)
    assert not through & set(left)


async def test_a_patch_can_be_read(objects: Objects) -> None:
    before, after = objects.tree({"a": "1\n", "b": "1\n"}), objects.tree({"a": b"\xff\n", "b": "2\n"})
    assert "-1\n+\ufffd\n" in await merging.patch_of(objects.mirror, before, after)
    assert "a/a" not in await merging.patch_of(objects.mirror, before, after, ["b"])
    assert await changes.patch(objects.mirror, before, before) == b""
