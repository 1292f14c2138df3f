"""The work of many tasks is cut where no task is cut: slices share no path, and together they are the whole."""

from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.agents.job import Portion
from bot.git.overlap import clash
from bot.orchestra.slices import Whole, inseparable, packed
from tests.git.objects import Files, Objects

PATHS = ("a", "a/b", "a/c", "d/e", "d/f", "g")
TOUCHED = st.dictionaries(st.sampled_from("stuvwxyz"), st.frozensets(st.sampled_from(PATHS), max_size=3))


def test_tasks_that_share_a_path_stay_together_and_the_last_part_takes_the_rest() -> None:
    touched = {
        "t1": {"a", "b"},
        "t2": {"c"},
        "t3": {"b", "d"},
        "t4": {"e"},
        "t5": {"e/f"},
        "t6": set[str](),
        "t7": {"g"},
    }
    groups = inseparable({task: frozenset(paths) for task, paths in touched.items()})
    assert [jobs for jobs, _ in groups] == [("t1", "t3"), ("t2",), ("t4", "t5"), ("t7",)]
    parts = packed(groups, files=4, most=5)
    assert [(jobs, sorted(paths)) for jobs, paths in parts] == [
        (("t1", "t3", "t2"), ["a", "b", "c", "d"]),
        (("t4", "t5", "t7"), ["e", "e/f", "g"]),
    ]
    assert [jobs for jobs, _ in packed(groups, files=1, most=2)] == [("t1", "t3"), ("t2", "t4", "t5", "t7")]


@settings(max_examples=100, deadline=None)
@given(touched=TOUCHED, files=st.integers(1, 4), most=st.integers(1, 4))
def test_no_two_parts_can_conflict_and_nothing_is_lost(
    touched: Mapping[str, frozenset[str]], files: int, most: int
) -> None:
    parts = packed(inseparable(touched), files, most)
    assert len(parts) <= most
    assert sorted(job for jobs, _ in parts for job in jobs) == sorted(job for job, paths in touched.items() if paths)
    for number, (jobs, paths) in enumerate(parts):
        assert paths == frozenset().union(*(touched[job] for job in jobs))
        assert not any(clash(paths, other) for _, other in parts[number + 1 :])


async def test_each_slice_has_the_changes_of_its_tasks_alone_and_their_words(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "shop.git")
    start: Files = {"a": "1\n", "b": "1\n", "keep": "1\n"}
    base, tree = objects.tree(start), objects.tree({"b": "2\n", "keep": "1\n", "new/c": "1\n"})
    paths = {"each/a": ("a",), "each/b": ("b", "gone again"), "each/c": ("new/c",)}
    portions = {job: Portion(job, "developer", f"Did {job}.", touched) for job, touched in paths.items()}
    work = Whole(objects.mirror, base, tree, portions)
    one, other = await work.cut(files=2, most=5)
    assert (one.jobs, one.tree) == (("each/a", "each/b"), objects.tree({"b": "2\n", "keep": "1\n"}))
    assert (other.jobs, other.tree) == (("each/c",), objects.tree({**start, "new/c": "1\n"}))
    assert ("Did each/a." in one.words, "Did each/a." in other.words) == (True, False)
    assert await work.cut(files=3, most=5) == await work.cut(files=1, most=1) == await work.cut(None, 5) == ()
