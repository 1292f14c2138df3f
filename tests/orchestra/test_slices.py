"""The work of many tasks is cut where no task is cut: slices share no path, each is green, together they are the whole.

What is in a pull request already stays in it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.agents.job import Portion
from bot.check.trial import Verdict
from bot.git import merging
from bot.git.overlap import clash
from bot.orchestra.alone import Alone
from bot.orchestra.slices import Group, Whole, inseparable, packed
from bot.store.parts import Held
from bot.workflow.output import PullRequest
from tests.git.objects import Files, Objects

PATHS = ("a", "a/b", "a/c", "d/e", "d/f", "g")
TASKS = st.sampled_from("stuvwxyz")
TOUCHED = st.dictionaries(TASKS, st.frozensets(st.sampled_from(PATHS), max_size=3))
HELD = st.lists(st.tuples(st.lists(TASKS, max_size=3), st.frozensets(st.sampled_from(PATHS), max_size=1)), max_size=3)


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
    assert [group.jobs for group in groups] == [("t1", "t3"), ("t2",), ("t4", "t5"), ("t7",)]
    parts = packed(groups, files=4, most=5)
    assert [(group.jobs, sorted(group.paths)) for group in parts] == [
        (("t1", "t3", "t2"), ["a", "b", "c", "d"]),
        (("t4", "t5", "t7"), ["e", "e/f", "g"]),
    ]
    assert [group.jobs for group in packed(groups, files=1, most=2)] == [("t1", "t3"), ("t2", "t4", "t5", "t7")]


def test_what_is_in_a_pull_request_stays_there_and_what_has_met_since_is_in_the_first_of_them() -> None:
    touched = {"t1": {"a"}, "t2": {"b"}, "t3": {"b"}, "t4": {"d"}, "t5": {"e"}, "t6": {"f"}}
    held = [(["t4", "gone"], {"x"}), (["t1"], set[str]()), (["t3"], set[str]()), (["t2"], set[str]())]
    held += [(["lost"], set[str]())]
    groups = inseparable(
        {task: frozenset(paths) for task, paths in touched.items()}, [(jobs, frozenset(paths)) for jobs, paths in held]
    )
    assert packed(groups, files=1, most=4) == [
        Group(("t4", "gone"), frozenset({"d", "x"}), (0,)),
        Group(("t1",), frozenset({"a"}), (1,)),
        Group(("t2", "t3"), frozenset({"b"}), (2, 3)),
        Group(("t5", "t6"), frozenset({"e", "f"})),
    ]


@settings(max_examples=100, deadline=None)
@given(touched=TOUCHED, held=HELD, files=st.integers(1, 4), most=st.integers(1, 4))
def test_no_two_parts_can_conflict_and_nothing_is_lost(
    touched: Mapping[str, frozenset[str]],
    held: Sequence[tuple[Sequence[str], frozenset[str]]],
    files: int,
    most: int,
) -> None:
    parts = packed(inseparable(touched, held), files, most)
    assert len(parts) <= most
    every = [job for group in parts for job in group.jobs if touched.get(job)]
    assert sorted(every) == sorted(job for job, paths in touched.items() if paths)
    for number, group in enumerate(parts):
        stands = [held[one][1] for one in group.held]
        assert group.paths == frozenset().union(*stands, *(touched.get(job, frozenset()) for job in group.jobs))
        assert not any(clash(group.paths, other.paths) for other in parts[number + 1 :])
        assert all(job in group.jobs for one in group.held for job in held[one][0] if touched.get(job))


# ---- on real files ---------------------------------------------------------------------------------------------------

START: Files = {"a": "1\n", "b": "1\n", "keep": "1\n"}
GAVE = {"each/a": ("a",), "each/b": ("b", "gone again"), "each/c": ("new/c",)}


def made(objects: Objects, held: Sequence[Held] = ()) -> Whole:
    base, tree = objects.tree(START), objects.tree({"b": "2\n", "keep": "1\n", "new/c": "1\n"})
    portions = {job: Portion(job, "developer", f"Did {job}.", touched) for job, touched in GAVE.items()}
    return Whole(objects.mirror, base, tree, portions, held)


def commit(objects: Objects, files: Files, *parents: str) -> str:
    above = "".join(f"parent {parent}\n" for parent in parents)
    by = "Ada <ada@localhost> 0 +0000"
    return objects.put("commit", f"tree {objects.tree(files)}\n{above}author {by}\ncommitter {by}\n\n".encode())


class Suite:
    """Tests that are red on what is named here."""

    def __init__(self, *red: str) -> None:
        self.red, self.asked = red, list[str]()

    async def tested(self, number: int, tree: str) -> Verdict:
        self.asked.append(tree)
        assert number == len(self.asked)
        return Verdict("check", tree not in self.red)


async def test_each_slice_has_the_changes_of_its_tasks_alone_and_their_words(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "shop.git")
    work, suite, green = made(objects), Suite(), Verdict("check", True)
    one, other = await Alone(work, green, suite.tested).slices(PullRequest(files=2, max=5))
    assert (one.jobs, one.tree) == (("each/a", "each/b"), objects.tree({"b": "2\n", "keep": "1\n"}))
    assert (other.jobs, other.tree) == (("each/c",), objects.tree({**START, "new/c": "1\n"}))
    assert ("Did each/a." in one.words, "Did each/a." in other.words) == (True, False)
    assert suite.asked == [one.tree, other.tree]
    for files, most in ((3, 5), (1, 1), (None, 5)):
        assert await Alone(work, green, suite.tested).slices(PullRequest(files=files, max=most)) == ()
    assert await Alone(work, Verdict("check", False), suite.tested).slices(PullRequest(files=1, max=3)) == ()
    assert len(suite.asked) == 2, "what is one pull request is tested as the whole"


async def test_what_is_red_by_itself_goes_together_with_others_until_it_is_green(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "shop.git")
    work, opens, green = made(objects), PullRequest(files=1, max=3), Verdict("check", True)
    first, second, third = await Alone(work, green, Suite().tested).slices(opens)
    for red, jobs, count in (
        ([first], [("each/a", "each/b"), ("each/c",)], 3),
        ([second], [("each/a",), ("each/b", "each/c")], 3),
        ([third], [("each/a",), ("each/b", "each/c")], 4),
        ([first, second, third], [], 2),
    ):
        suite = Suite(*(one.tree for one in red), *([objects.tree({"b": "2\n", "keep": "1\n"})] if not jobs else []))
        cut = await Alone(work, green, suite.tested).slices(opens)
        assert ([one.jobs for one in cut], len(suite.asked)) == (jobs, count)
        assert all(one.verdict == green for one in cut)


async def test_new_work_goes_upon_the_pull_request_that_has_its_tasks_and_the_others_are_left_as_they_are(
    tmp_path: Path,
) -> None:
    objects = Objects(tmp_path / "shop.git")
    base = commit(objects, START)
    a = commit(objects, {**START, "a": "2\n"}, base)
    b = commit(objects, {**START, "b": "2\n"}, base)
    onto = commit(objects, {**START, "other": "1\n"}, base)
    clash_ = commit(objects, {**START, "a": "9\n"}, base)
    joined, kept = await merging.join(objects.mirror, onto, [a, b, clash_])
    both: Files = {"a": "2\n", "b": "2\n", "keep": "1\n", "other": "1\n"}
    assert (await objects.mirror.tree(joined), kept) == (objects.tree(both), (a, b))
    assert await merging.join(objects.mirror, onto, kept) == (joined, kept)

    held = (Held("one", ("each/a",), a, 2, (a,)), Held("two", ("each/b",), b, 3, (b,)))
    gave = {job: Portion(job, "developer", "", (path,)) for job, path in (("each/b", "b2"), ("each/c", "c"))}
    work = Whole(objects.mirror, onto, objects.tree({**both, "b2": "1\n", "c": "1\n"}), gave, held)
    suite, green = Suite(), Verdict("check", True)
    idle, more, new = await Alone(work, green, suite.tested).slices(PullRequest(files=2, max=3))
    assert (idle.jobs, idle.tree, idle.verdict) == (("each/a",), await objects.mirror.tree(a), None)
    assert (more.jobs, more.tree) == (("each/b",), objects.tree({**START, "b": "2\n", "b2": "1\n"}))
    assert (new.jobs, new.tree) == (("each/c",), objects.tree({**START, "other": "1\n", "c": "1\n"}))
    assert suite.asked == [more.tree, new.tree]
    (whole,) = await Alone(work, green, Suite().tested).slices(PullRequest())
    assert whole.tree == objects.tree({**START, "a": "2\n", "b": "2\n", "b2": "1\n", "c": "1\n"})
