"""The work of many tasks is cut where no task is cut: slices share no path, and together they are the whole."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.git.overlap import clash
from bot.orchestra.slices import inseparable, packed

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
