"""Conditions and values of workflows: as in Actions, strict, and nothing that computes."""

import itertools
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.expression import WIDEST, Status, condition, condition_problem, names_in, value, value_problem
from bot.syntax import LONGEST

ROOTS = ("needs", "matrix", "inputs", "issue", "repo")
OUTPUTS = {"parts": ["api", "web"], "items": 3, "e-mail": "Hi", "owners": {"api": "a", "x.y": "b"}, "none": None}
NAMES: dict[str, Any] = {
    "needs": {
        "plan": {"result": "success", "outputs": OUTPUTS},
        "code-review": {"result": "failure", "outputs": {}},
    },
    "matrix": {"part": "api"},
    "issue": {"title": "{{ 7 }} ${{ x }} '\"", "number": 3},
}
WELL = Status()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("needs.plan.result == 'success'", True),
        ('needs.plan.result != "success"', False),
        ("${{ needs.code-review.result == 'failure' }}", True),
        ("{{ needs.plan.outputs.e-mail == 'Hi' }}", True),
        ("needs.plan.outputs.items >= 3 && needs.plan.outputs.items < 4", True),
        ("needs.plan.outputs.items == 4 || needs.plan.outputs.parts[1] == 'web'", True),
        ("!needs.plan.outputs.items == 3", False),  # as in Actions: first `!`, then `==`
        ("not needs.plan.outputs.items == 3", False),
        ("!(needs.plan.outputs.items == 4) && !false", True),
        ("!!needs.plan.outputs.parts | length", True),
        ("true && !null", True),
        ("'it''s && !so' == \"it's && !so\"", True),
        ("needs.plan.outputs.owners[matrix.part] == 'a'", True),
        ("needs.plan.outputs.owners['x.y'] == 'b'", True),
        ("'api' in needs.plan.outputs.parts and 'x' not in needs.plan.outputs.parts", True),
        ("contains(needs.plan.outputs.parts, 'API')", True),
        ("contains(issue.number, 3)", True),
        ("startsWith(issue.title, '{{') && endsWith(issue.title, '\"')", True),
        ("needs.code-review.outputs.x | default('y') == 'y'", True),
        ("needs.plan.outputs.none | default('y') == 'y'", True),
        ("needs.plan.outputs.parts | first == 'api' && needs.plan.outputs.parts | last == 'web'", True),
        ("needs.plan.outputs.parts | join('-') == 'api-web'", True),
        ("needs.plan.outputs.e-mail | upper == 'HI'", True),
        ("needs.plan.outputs.parts[-1] == 'web'", True),
        ("false && needs.nobody.outputs.x", False),
        ("", True),
    ],
)
def test_conditions_hold_as_in_actions(text: str, holds: bool) -> None:
    assert condition_problem(text, ROOTS) == ""
    assert condition(text, NAMES, WELL) is holds


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("skipped", [False, True])
def test_a_condition_that_asks_for_no_status_holds_only_where_all_went_well(
    failed: bool,
    cancelled: bool,
    skipped: bool,
) -> None:
    status = Status(failed, cancelled, skipped)
    well = not (failed or cancelled or skipped)
    meant = {"success()": well, "failure()": failed, "cancelled()": cancelled, "always()": True, "": well, "true": well}
    meant |= {"!cancelled()": not cancelled, "failure() || success()": failed or well, "always() && false": False}
    assert {text: condition(text, NAMES, status) for text in meant} == meant


@pytest.mark.parametrize("text", ["{}", "!{}", "{} && true", "false || {}"])
def test_a_list_is_neither_true_nor_false(text: str) -> None:
    """Many jobs that say no are a list of them, which must let nothing out."""
    with pytest.raises(ValueError, match="a list is neither true nor false: ask for its `length`"):
        condition(text.format("needs.plan.outputs.parts"), NAMES, WELL)


def test_what_is_not_there_is_not_looked_for_where_a_need_failed() -> None:
    assert not condition("needs.plan.outputs.gone", NAMES, Status(failed=True))
    with pytest.raises(ValueError, match=r"`needs\.plan\.outputs\.gone` cannot be told: there is no `needs\.plan"):
        condition("needs.plan.outputs.gone", NAMES, WELL)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{{ needs.plan.outputs.parts }}", ["api", "web"]),
        (" ${{ needs.plan.outputs.items }}\n", 3),
        ("{{ needs.plan.outputs.none }}", None),
        ("{{ needs.plan.outputs.owners }}", {"api": "a", "x.y": "b"}),
        ("{{ issue.title }}", "{{ 7 }} ${{ x }} '\""),  # what somebody said is no expression
        ("src/{{ matrix.part }}/**", "src/api/**"),
        ("#${{ issue.number }}: {{ needs.plan.outputs.parts }}, {{ true }}{{ null }}!", '#3: ["api", "web"], true!'),
        ("{{ '{{ a }}' }} {{ '}}' }}", "{{ a }} }}"),
        ("{% for x in y %} {# no #} 100 % } }}", "{% for x in y %} {# no #} 100 % } }}"),
        ("", ""),
    ],
)
def test_a_whole_expression_is_its_value_and_others_are_filled_in(text: str, meant: object) -> None:
    assert value_problem(text, ROOTS) == ""
    assert value(text, NAMES) == meant


HOSTILE = [
    "10**9",
    "9*9",
    "1 + 1",
    "'a' ~ 'b'",
    "'a' % 3",
    "range(3)",
    "'x' | center(99999999)",
    "needs | attr('__class__')",
    "needs | map(attribute='x') | list",
    "[x for x in needs]",
    "lambda: 1",
    "success(1)",
    "contains('a')",
    "contains(*needs)",
    "contains('a', b='b')",
    "contains.x('a', 'b')",
    "needs.items()",
    "issue.title.format(1)",
    "issue.title | default('a', true)",
    "cycler('a')",
    "namespace(a=1)",
    "needs if needs else issue",
    "needs is defined",
    "issue.title[0:3]",
    "{'a': 1}",
    "(1, 2)",
    "-issue",
    "99999999999999999999",
    "'\\ud800'",
    "'\\0'",
    "a } } {% for x in y %}",
    "{# a #}",
    "{{ {{ 1 }} }}",
    "'a",
    "'\\x'",
    "a b",
    "a,",
    "!",
    "(!)",
    "a.",
    "a..b",
    "not",
    "&",
    "a &&& b",
    "ü",
    "'x' |",
    "'x' | 'y'",
    "(" * 400 + "1" + ")" * 400,
    "!" * 900 + "1",
    "[" * 300 + "]" * 300,
    "1" + " && 1" * 190,
    f"'{'x' * LONGEST}'",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_else_is_an_expression(text: str) -> None:
    wrong = condition_problem(text, (*ROOTS, "a", "b"))
    assert wrong.startswith("the expression `")
    assert len(wrong) < 300
    with pytest.raises(ValueError, match=r"^the expression `"):
        condition(text, {**NAMES, "a": 1, "b": 2}, WELL)
    assert value_problem(f"x {{{{ {text} }}}}", (*ROOTS, "a", "b"))
    with pytest.raises(ValueError, match=r"^the expression `"):
        value(f"x {{{{ {text} }}}}", {**NAMES, "a": 1, "b": 2})


@pytest.mark.parametrize("name", ["__class__", "__init__", "items", "keys", "get", "_x"])
def test_nothing_of_python_is_reached_and_its_names_are_free(name: str) -> None:
    for whole in ("needs", "needs.plan.outputs.parts", "issue.title", "issue.number"):
        with pytest.raises(ValueError, match="there is no"):
            value(f"{{{{ {whole}.{name} }}}}", NAMES)
        with pytest.raises(ValueError, match="there is no"):
            value(f"{{{{ {whole}['{name}'] }}}}", NAMES)
    assert value(f"{{{{ needs.{name} }}}}", {"needs": {name: 1}}) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 < 'a'", "these cannot be compared"),
        ("'a' in issue.number", "these cannot be compared"),
        ("issue.number | upper", "the filter `upper` is not for a number"),
        ("issue.title | join", "the filter `join` is not for a text"),
        ("issue.title | last", "the filter `last` is not for a text"),  # of `\\*` it would be a star in a glob
        ("[] | first", "there is no first one of none"),
        ("needs.plan.outputs.parts[2]", "there is no `needs.plan.outputs.parts"),
        ("inputs.x", "there is no `inputs`"),
        ("needs[needs]", "there is no `needs`"),
    ],
)
def test_what_cannot_be_told_is_said_in_one_sentence_with_the_expression(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="cannot be told") as error:
        condition(text, NAMES, WELL)
    assert f"the expression `{text}`" in str(error.value)
    assert why in str(error.value)


def test_no_text_grows_beyond_what_one_can_hold() -> None:
    names = {"needs": {"xs": ["x" * 1_000] * 50}}
    assert len(value("{{ needs.xs | join }}", names)) == 50_000
    for text in ("{{ needs.xs | join(needs.xs | join) }}", "{{ needs.xs | join }}" * 3, "{{ needs.xs }} " * 2):
        with pytest.raises(ValueError, match=f"more than {WIDEST} characters"):
            value(text, names)


def test_what_was_meant_is_said() -> None:
    assert "there is no name `need`; did you mean `needs`?" in condition_problem("need.plan.result", ROOTS)
    assert "there is no function `succes()`; did you mean `success`?" in condition_problem("succes()", ROOTS)
    assert "there is no filter `uper`; did you mean `upper`?" in value_problem("{{ issue.title | uper }}", ROOTS)
    assert "`failure()` belongs in `if`" in value_problem("{{ failure() }}", ROOTS)
    assert "has no end: `}}` is missing" in value_problem("a {{ issue.title }", ROOTS)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("needs.plan.outputs.parts", {"needs.plan.outputs.parts"}),
        ("always() && needs.code-review.result == 'x'", {"needs.code-review.result"}),
        ("a {{ needs.a.outputs.xs[0].name }} ${{ matrix.part | upper }}", {"needs.a.outputs.xs", "matrix.part"}),
        (
            "contains(needs.a.outputs.m[matrix.part]['k'], inputs['x'])",
            {"needs.a.outputs.m", "matrix.part", "inputs.x"},
        ),
        ("issue['a.b'].c", {"issue"}),
        ("{{ 1 }}", set()),
        ("9 * 9", set()),
    ],
)
def test_the_names_in_a_text_are_known_before_it_is_told(text: str, names: set[str]) -> None:
    assert names_in(text) == names


WORDS = [
    "needs",
    ".plan",
    ".outputs",
    "issue",
    "'a'",
    "''",
    "1",
    "(",
    ")",
    "[",
    "]",
    "!",
    "&&",
    "||",
    "==",
    "|",
    "length",
]
WORDS += [
    "not",
    "in",
    "contains",
    "(",
    ",",
    "success()",
    "{{",
    "}}",
    "-",
    "null",
    "default",
    "\\",
    "\n",
    "é",
    "if",
    "else",
]


@example("!")
@example("issue in issue")
@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=20))
def test_whatever_is_written_is_refused_or_told_and_never_more(text: str) -> None:
    wrong = condition_problem(text, tuple(NAMES)), value_problem(text, tuple(NAMES))
    with suppress(ValueError):  # whatever else it raises is a fault
        assert isinstance(condition(text, NAMES, WELL), bool)
        assert wrong[0] == "" or "there is no name" in wrong[0]  # beside an `&&` that is never come to
    with suppress(ValueError):
        value(text, NAMES)
        assert wrong[1] == "" or "there is no name" in wrong[1]
    names_in(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["!", "", "!!"]), min_size=3, max_size=3), st.sampled_from(["&&", "||"]))
def test_the_signs_of_actions_are_the_words_of_jinja(nots: list[str], sign: str) -> None:
    text = f"{nots[0]}a {sign} {nots[1]}(b && {nots[2]}c)"
    for a, b, c in itertools.product([True, False], repeat=3):
        one, two = a ^ (nots[0] == "!"), (b and c ^ (nots[2] == "!")) ^ (nots[1] == "!")
        meant = (one and two) if sign == "&&" else (one or two)
        assert condition(text, {"a": a, "b": b, "c": c}, WELL) is meant
