"""Suggestions, checked by putting them where they belong."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.review.anchor import Inline, Placed
from bot.review.finding import Finding
from bot.review.suggestion import apply, checked
from tests.review.change import lines_of

PYTHON = """\
def total(lines):
    result = 0
    for line in lines:
        result = line.price
        if line.free:
            continue
    return result
"""
GO = """\
func get(url string) error {
\tresponse, err := http.Get(url)
\tif err != nil {
\t\treturn err
\t}
\treturn read(response)
}
"""
JS = """\
export function pay(order) {
  charge(order);
  if (order.late) {
    notify(order);
  }
  done(order);
}
"""


def placed(start: int, end: int, suggestion: str | None, path: str = "a.py") -> Placed:
    finding = Finding(path, start, end, "major", 0.9, "bug", "It is wrong", suggestion=suggestion)
    return Placed(finding, Inline(path, "RIGHT", end, start if start < end else None), True, (finding,))


def suggested(start: int, end: int, suggestion: str, page: str = PYTHON, path: str = "a.py") -> str | None:
    said, doubt = checked(placed(start, end, suggestion, path), lines_of(page))
    assert (said is None) == bool(doubt)
    return said


def doubt(start: int, end: int, suggestion: str, page: str = PYTHON, path: str = "a.py") -> str:
    said, why = checked(placed(start, end, suggestion, path), lines_of(page))
    assert said is None
    return why


RIGHT = "        result += line.price"


@pytest.mark.parametrize(
    "given",
    [
        RIGHT,
        RIGHT + "\n",
        "\n" + RIGHT + "\r\n",
        "result += line.price",
        f"```python\n{RIGHT}\n```",
        f"```suggestion\n{RIGHT}\n```\n",
        f"4 | {RIGHT}",
        f"-        result = line.price\n+{RIGHT}",
        f"    for line in lines:\n{RIGHT}",
        f"{RIGHT}\n        if line.free:\n            continue",
        f"    result = 0\n    for line in lines:\n{RIGHT}\n        if line.free:",
    ],
)
def test_what_was_lost_or_said_too_much_on_the_way_is_mended(given: str) -> None:
    assert suggested(4, 4, given) == RIGHT


def test_a_suggestion_stands_as_it_is_where_it_is_right() -> None:
    wider = "    for line in lines:\n        if not line.free:\n            result += line.price"
    assert suggested(3, 6, wider) == wider
    assert apply(lines_of(PYTHON), 3, 6, wider)[-2:] == ["            result += line.price", "    return result"]


def test_deeper_lines_keep_their_depth() -> None:
    stripped = "if line.free:\n    continue\nresult += line.price"
    assert suggested(4, 6, stripped) == "        if line.free:\n            continue\n        result += line.price"
    first_alone = "if line.free:\n            continue\n        result += line.price"
    assert suggested(4, 6, first_alone) == "        if line.free:\n            continue\n        result += line.price"
    one_level = "result = 0\n    count = 0"
    assert suggested(2, 2, one_level) == "    result = 0\n    count = 0"


def test_tabs_stay_tabs() -> None:
    spaces = "if err != nil {\n    return fail(err)\n}"
    assert suggested(3, 5, spaces, GO, "a.go") == "\tif err != nil {\n\t\treturn fail(err)\n\t}"
    indented = "    if err != nil {\n        return fail(err)\n    }"
    assert suggested(3, 5, indented, GO, "a.go") == "\tif err != nil {\n\t\treturn fail(err)\n\t}"


def test_line_ends_stay_as_the_file_has_them() -> None:
    page = [f"{line}\r" for line in lines_of(JS)]
    said, _ = checked(placed(2, 2, "  await charge(order);", "a.js"), page)
    assert said == "  await charge(order);"
    assert apply(page, 2, 2, said)[1:3] == ["  await charge(order);\r", "  if (order.late) {\r"]
    assert checked(placed(2, 2, "  charge(order);\r\n", "a.js"), page) == (None, "it changes nothing")


def test_a_fence_in_the_code_stays() -> None:
    page = "# Use\n\n```sh\nmake\n```\n"
    assert suggested(3, 5, "```sh\nmake test\n```\n\nor\n\n```sh\nmake\n```", page, "README.md") == (
        "```sh\nmake test\n```\n\nor\n\n```sh\nmake\n```"
    )
    assert suggested(3, 5, "```sh\nmake test\n```", page, "README.md") == "```sh\nmake test\n```"


@pytest.mark.parametrize(
    "given", ["        result = line.price", "result = line.price", "```\n        result = line.price \n```"]
)
def test_what_changes_nothing_is_none(given: str) -> None:
    assert doubt(4, 4, given) == "it changes nothing"


def test_a_closing_bracket_may_be_the_same_as_the_one_below() -> None:
    inner = "  if (order.late && order.mail) {\n    notify(order);\n  }"
    assert suggested(3, 5, inner, JS.replace("  done(order);\n", ""), "a.js") == inner
    nested = "func f() {\n\tg()\n}\n}\n"
    assert suggested(2, 2, "if x {\n\tg()\n}", nested, "a.go") == "\tif x {\n\t\tg()\n\t}"


def test_a_bracket_too_many_is_cut_off() -> None:
    assert suggested(4, 4, "    notify(order, now);\n  }", JS, "a.js") == "    notify(order, now);"


def test_where_it_cannot_be_told_what_is_repeated_there_is_no_suggestion() -> None:
    page = "begin()\nstep()\nend()\n"
    assert doubt(1, 1, "step()\nstep()", page, "a.js") == "it repeats the lines beside it"
    assert doubt(2, 2, "begin()\nend()", page, "a.js") == "it repeats the lines beside it"


def test_what_would_leave_a_bracket_open_is_no_suggestion() -> None:
    assert doubt(3, 3, "  if (order.late) { if (order.mail) {", JS, "a.js") == "it would leave a bracket open"
    assert suggested(3, 3, '  if (order.late && order.note !== ":(") {', JS, "a.js") is not None


def test_what_mends_a_bracket_is_one() -> None:
    assert (
        suggested(2, 2, "  charge(order);", JS.replace("charge(order)", "charge(order"), "a.js") == "  charge(order);"
    )


@pytest.mark.parametrize(
    ("path", "page", "at", "good", "bad"),
    [
        ("a.py", PYTHON, 4, "        result += line.price", "        result += line.price +"),
        ("a.json", '{\n  "a": 1,\n  "b": 2\n}\n', 2, '  "a": 3,', '  "a": 3'),
        ("a.toml", 'a = 1\nb = "x"\n', 2, 'b = "y"', "b = y"),
    ],
)
def test_a_file_that_parses_has_to_parse_afterwards(path: str, page: str, at: int, good: str, bad: str) -> None:
    assert suggested(at, at, good, page, path) == good
    assert doubt(at, at, bad, page, path) == "the file would not parse"
    assert suggested(at, at, bad, page + "}{", path) == bad


def test_a_pattern_in_code_that_python_warns_of_is_no_error() -> None:
    assert suggested(4, 4, "        result += int('\\d')") == "        result += int('\\d')"


def test_only_lines_that_are_certain_and_in_the_diff_take_one() -> None:
    one = placed(4, 4, RIGHT)
    page = lines_of(PYTHON)
    assert checked(replace(one, inline=None), page) == (None, "its lines are not in the diff")
    assert checked(replace(one, exact=False), page) == (None, "which lines it replaces is not certain")
    assert checked(replace(one, finding=replace(one.finding, side="old")), page) == (
        None,
        "it is for lines that are gone",
    )
    assert checked(placed(1, 31, RIGHT), [f"x{n} = 1" for n in range(40)]) == (None, "it replaces too many lines")
    assert checked(placed(1, 1, "y = 2\n" * 61), ["x = 1"]) == (None, "it is too long")


@pytest.mark.parametrize("none", [None, "", "  \n"])
def test_there_may_be_none(none: str | None) -> None:
    assert checked(placed(4, 4, none), lines_of(PYTHON)) == (None, "")


LINES = st.lists(
    st.sampled_from(["a()", "  b(c)", "\tif x {", "}", "", "    return", "d = [", "]"]), min_size=1, max_size=8
)


@given(LINES, st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_suggested_can_be_applied_and_changes_something(page: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(1, len(page)))
    end = data.draw(st.integers(start, len(page)))
    words = "\n".join(data.draw(LINES))
    said, why = checked(placed(start, end, words, "a.go"), page)
    if said is None:
        assert why or not words.strip()
        return
    applied = apply(page, start, end, said)
    assert applied != page
    assert applied[: start - 1] == page[: start - 1]
    assert applied[len(applied) - len(page) + end :] == page[end:]
    assert checked(placed(start, end, said, "a.go"), page)[0] == said  # nothing is mended twice


def test_a_blank_line_before_a_line_that_is_said_again_goes_with_it() -> None:
    page = ["a()", "a()", "  b(c)"]
    said, _ = checked(placed(1, 2, "a()\n\n  b(c)", "a.go"), page)
    assert said == "a()"
