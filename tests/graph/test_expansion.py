"""Matrices as in Actions, the names of their instances, and the order of graphs."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.graph.expansion import LETTERS, LONGEST, MOST, combinations, instance_name, layers
from bot.workflow.job import NAME

FRUIT = {"fruit": ["apple", "pear"], "animal": ["cat", "dog"]}


def test_a_matrix_is_every_combination_in_the_order_of_its_keys() -> None:
    found = [tuple(one.values()) for one in combinations(FRUIT)]
    assert found == [("apple", "cat"), ("apple", "dog"), ("pear", "cat"), ("pear", "dog")]
    assert combinations({"node": [{"version": 14, "env": "a"}]}) == [{"node": {"version": 14, "env": "a"}}]


def test_include_adds_as_the_documentation_of_actions_has_it() -> None:
    include = [
        {"color": "green"},
        {"color": "pink", "animal": "cat"},
        {"fruit": "apple", "shape": "circle"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]
    assert combinations({**FRUIT, "include": include}) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]
    assert combinations({"include": [{"site": "a"}, {"site": "b", "x": 1}]}) == [{"site": "a"}, {"site": "b", "x": 1}]


def test_exclude_takes_out_what_it_fits_in_part_before_include_adds() -> None:
    exclude = [{"fruit": "apple", "animal": "dog"}, {"fruit": "pear"}]
    assert combinations({**FRUIT, "exclude": exclude}) == [{"fruit": "apple", "animal": "cat"}]
    back = [{"fruit": "pear", "animal": "cat"}]
    assert combinations({**FRUIT, "exclude": exclude, "include": back})[1:] == back
    assert combinations({"x": [1, True], "exclude": [{"x": True}]}) == [{"x": 1}]


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        ({}, "no combination at all"),
        ({"a": [], "b": [1]}, "`a` of the matrix is an empty list"),
        ({"a": [1], "exclude": [{"a": 1}]}, "no combination at all"),
        ({"a": "x"}, "`a` of the matrix is no list"),
        ({"a": {"b": 1}}, "`a` of the matrix is no list"),
        ({"a": [["x"]]}, "has a list in its list"),
        ({1: ["x"]}, "`1` is no key"),
        ({"a": [1], "include": {"a": 1}}, "`include` of the matrix is no list"),
        ({"a": [1], "include": ["x"]}, "no list of maps"),
        ({"a": [1], "include": [{"b": [1]}]}, "`b` in `include` of the matrix is a list"),
        ({"a": [1], "exclude": [{"b": 1}]}, "`exclude` names `b`"),
        ({"a": ["x", "y", "x"]}, "the same: `a: x"),
        ({"a": [1], "include": [{"a": 2}, {"a": 2}]}, "the same: `a: 2"),
        ({"a": [20, "20"]}, "the same name: `a: 20"),
        ({"a": list(range(11)), "b": list(range(100))}, f"has 1100 combinations, and {MOST} are the most"),
        ({"a": list(range(MOST)), "b": list(range(MOST)), "c": list(range(MOST))}, "has 1000000000 combinations"),
        ({"include": [{"a": n} for n in range(MOST + 1)]}, "has 1001 combinations"),
        ({"a": list(range(MOST)), "include": [{"a": -1}]}, "has 1001 combinations"),
    ],
)
def test_what_is_no_matrix_is_refused_in_one_sentence(matrix: dict[Any, Any], why: str) -> None:
    with pytest.raises(ValueError, match="matrix") as error:
        combinations(matrix)
    assert why in str(error.value)


class Counted:
    """A value that counts how often it is read."""

    reads = 0

    def __init__(self, words: str) -> None:
        self.words = words

    def __str__(self) -> str:
        Counted.reads += 1
        return self.words


@pytest.mark.parametrize("key", ["exclude", "include"])
def test_each_value_is_read_a_few_times_whatever_there_is_to_compare_it_with(key: str) -> None:
    Counted.reads = 0
    matrix = {"a": [Counted(f"a{number}") for number in range(60)], key: [{"a": Counted(f"b{n}")} for n in range(60)]}
    assert len(combinations(matrix)) == (60 if key == "exclude" else 120)
    assert Counted.reads <= 120 * 3


SETS = [{f"k{key}": 3 for key in range(9) if number >> key & 1} for number in range(1, 512)]


@pytest.mark.parametrize(
    "matrix",
    [
        {**{f"k{key}": [1, 2] for key in range(9)}, "exclude": SETS},
        {**{f"k{key}": [1, 2] for key in range(9)}, "include": SETS},
        {"a": list(range(MOST)), "include": [{f"x{number}": 1} for number in range(MOST)]},
    ],
)
def test_what_would_take_too_long_to_compare_is_refused(matrix: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of the matrix are too much for its many combinations"):
        combinations(matrix)


def test_a_matrix_is_no_way_to_have_a_text_a_thousand_times() -> None:
    text = "x y " * 5_000
    with pytest.raises(ValueError, match=f"have 20002890 characters in all, and {LETTERS} are the most"):
        combinations({"a": list(range(MOST)), "b": [text[:-2]]})


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"part": "api"}, "build/api"),
        ({"part": "user-service"}, "build/user-service"),
        ({"os": "ubuntu-latest", "node": 20}, "build/ubuntu-latest--20"),
        ({"os": "linux", "fast": True}, "build/linux-true"),
    ],
)
def test_an_instance_is_named_for_its_values(values: Mapping[str, Any], name: str) -> None:
    assert instance_name("build", values) == name


@pytest.mark.parametrize(
    ("values", "start"),
    [({"v": "3.12"}, "build/3-12-"), ({"v": "../x y"}, "build/x-y-"), ({"v": "ü"}, "build/"), ({"v": ""}, "build/")],
)
def test_where_something_of_them_is_lost_a_digest_tells_them_apart(values: Mapping[str, Any], start: str) -> None:
    name = instance_name("build", values)
    assert name.startswith(start)
    assert len(name) == len(start) + 8
    with pytest.raises(ValueError, match="too long for one with a matrix"):
        instance_name("x" * LONGEST, values)


SCALARS = st.sampled_from(["a", "b", "a-b", "a--b", "-", "", ".", "a.b", "A", "ü", "x" * 95, "x" * 96]) | st.integers(
    0, 2
)
SCALARS |= st.sampled_from([True, False, None, {"name": "a"}, {"name": "a", "b": 1}, {"x": "a"}, 1.5])


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from("pq"), st.lists(SCALARS, min_size=1, max_size=5), max_size=2),
    st.lists(st.dictionaries(st.sampled_from("pqr"), SCALARS, min_size=1, max_size=3), max_size=3),
    st.sampled_from(["build", "j" * 60, "lead/back_end-2/api"]),
)
def test_no_two_instances_of_a_matrix_have_the_same_name(
    lists: dict[str, Any], include: list[dict[str, Any]], job: str
) -> None:
    found, refused = list[dict[str, Any]](), ""
    try:
        found = combinations({**lists, "include": include})
    except ValueError as wrong:
        refused = str(wrong)
    assert "the same" in refused or bool(found) == bool(lists or include)
    names = [instance_name(job, one) for one in found]
    assert len({*names}) == len(names)
    for name in names:
        assert len(name) <= LONGEST
        assert name.startswith(f"{job}/")
        assert NAME.fullmatch("_" + name[len(job) + 1 :])


# ---- order -----------------------------------------------------------------------------------------------------------

GRAPHS = st.lists(st.lists(st.integers(0, 7), max_size=3, unique=True), min_size=8, max_size=8).map(
    lambda rows: {str(number): [str(need) for need in row] for number, row in enumerate(rows)}
)


def dependants(needs: dict[str, list[str]], name: str) -> set[str]:
    """What needs a name, by way of others too."""
    found, waiting = set[str](), [name]
    by = {need: [one for one, wanted in needs.items() if need in wanted] for need in needs}
    while waiting:
        fresh = [one for one in by[waiting.pop()] if one not in found]
        found.update(fresh)
        waiting += fresh
    return found


def test_a_layer_holds_what_can_go_side_by_side_as_it_is_written() -> None:
    needs = {"end": ["b", "a"], "b": ["plan"], "a": ["plan"], "plan": [], "alone": []}
    assert layers(needs) == [["plan", "alone"], ["b", "a"], ["end"]]
    assert layers({}) == []


def test_a_circle_is_named_without_what_only_hangs_on_it() -> None:
    with pytest.raises(ValueError, match="in a circle: `a`, which needs `b`, which needs `a`"):
        layers({"x": ["a"], "a": ["b", "free"], "b": ["a"], "free": []})
    with pytest.raises(ValueError, match="in a circle: `a`, which needs `a`"):
        layers({"a": ["a"]})
    with pytest.raises(ValueError, match="`a` needs `b`, which is no job"):
        layers({"a": ["b"]})


@example({str(number): [str(number - 1)] if number else [] for number in range(500)})
@settings(max_examples=100, deadline=None)
@given(
    GRAPHS
    | GRAPHS.map(lambda needs: {name: [need for need in wanted if need < name] for name, wanted in needs.items()})
)
def test_every_name_comes_once_and_after_its_needs_unless_it_needs_itself(needs: dict[str, list[str]]) -> None:
    round_about = {name for name in needs if len(needs) < 20 and name in dependants(needs, name)}
    try:
        found = layers(needs)
    except ValueError as wrong:
        circle = str(wrong).split("`")[1::2]
        assert circle[0] == circle[-1]
        assert {*circle} <= round_about
        assert all(two in needs[one] for one, two in pairwise(circle))
        return
    assert not round_about
    place = {name: number for number, layer in enumerate(found) for name in layer}
    assert sum(map(len, found)) == len(needs) == len(place)
    for name, wanted in needs.items():
        assert place[name] == max((place[need] + 1 for need in wanted), default=0)
