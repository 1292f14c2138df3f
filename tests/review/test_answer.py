"""What reviewing agents and the judge say at their end."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bot.review.answer import JUDGE_SCHEMA, LISTED, NO_ANSWER, SCHEMA, Verdict, read, salvaged, verdicts
from bot.review.finding import MOST, Finding, Remark

REMARK: dict[str, Any] = {
    "path": "shop/cart.py",
    "start_line": 41,
    "end_line": 43,
    "side": "new",
    "severity": "major",
    "confidence": 0.9,
    "category": "correctness",
    "title": "The discount is applied twice",
    "body": "`total()` subtracts it already.",
    "evidence": "    price = price - discount",
    "suggestion": None,
}
FINDING = Finding(
    path="shop/cart.py",
    start=41,
    end=43,
    severity="major",
    confidence=0.9,
    category="correctness",
    title="The discount is applied twice",
    body="`total()` subtracts it already.",
    evidence="    price = price - discount",
    agents=("correctness",),
)


def report(*remarks: object) -> str:
    return json.dumps({"findings": remarks})


def block(text: str, name: str = "json") -> str:
    return f"```{name}\n{text}\n```"


@pytest.mark.parametrize(
    "words",
    [
        block(report(REMARK)),
        "I read it all.\n\n" + block(report(REMARK)) + "\nThat is all.",
        block('{"findings": []}') + "\nNo, wait:\n" + block(report(REMARK)),
        block(report(REMARK), "JSON "),
        "~~~json\n" + report(REMARK) + "\n~~~",
        block(report(REMARK), ""),
        "```python\nx = 1\n```\n" + block(report(REMARK)) + "\n```text\n{}\n```",
        report(REMARK),
        "  \n" + json.dumps({"findings": [REMARK]}, indent=2) + "\n",
        "Here is what I found: " + report(REMARK) + " Nothing else.",
        block(report(REMARK)).replace("\n", "\r\n"),
        block(json.dumps([REMARK])),
        block(report({**REMARK, "suggestion": "```\nx\n```"})).replace('"```\\nx\\n```"', "null"),
    ],
)
def test_the_last_block_is_the_answer(words: str) -> None:
    assert read("correctness", words) == ([FINDING], [])


def test_finding_nothing_is_an_answer() -> None:
    assert read("tests", block('{"findings": []}')) == ([], [])


@pytest.mark.parametrize("words", ["", "Looks good to me!", block("{broken}"), "[1, 2", block("7"), "{" * 9_000])
def test_words_without_an_object_are_no_answer(words: str) -> None:
    assert read("style", words) == ([], [NO_ANSWER])


def test_a_draft_does_not_stand_in_for_a_last_block_that_is_broken() -> None:
    assert read("style", block(report(REMARK)) + "\n" + block('{"findings": [,]}')) == ([], [NO_ANSWER])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"end_line": 7}, "findings.1: end_line is before start_line"),
        ({"severity": "blocker"}, "findings.1.severity: Input should be 'critical', 'major', 'minor' or 'nit'"),
        ({"confidence": 95}, "findings.1.confidence: Input should be less than or equal to 1"),
        ({"start_line": 0}, "findings.1.start_line: Input should be greater than or equal to 1"),
        ({"hint": "x"}, "findings.1.hint: Extra inputs are not permitted"),
        ({"title": None}, "findings.1.title: Field required"),
        ({"category": "Off by one"}, "findings.1.category: String should match pattern '^[a-z][a-z0-9-]{0,39}$'"),
    ],
)
def test_a_problem_is_told_with_its_place(change: dict[str, object], problem: str) -> None:
    assert read("security", block(report(REMARK, {**REMARK, **change}))) == ([], [problem])


def test_problems_are_not_told_without_end() -> None:
    _, problems = read("security", report(*[{"path": "x"}] * 30))
    assert len(problems) == LISTED


def test_a_null_in_the_place_of_what_may_be_left_out_is_no_problem() -> None:
    findings, problems = read("tests", report({**REMARK, "side": None, "evidence": None}))
    assert problems == []
    assert (findings[0].side, findings[0].evidence) == ("new", "")


def test_what_is_valid_in_an_answer_that_is_not_is_taken_in_the_end() -> None:
    words = block(report({**REMARK, "severity": "bad"}, REMARK, "what?", {**REMARK, "hint": "beside the point"}))
    findings, problems = salvaged("correctness", words)
    assert findings == [FINDING, FINDING]
    assert [problem.partition(":")[0] for problem in problems] == ["findings.0.severity", "findings.2"]


@pytest.mark.parametrize(
    "words",
    [
        '```json\n{"findings": [' + json.dumps(REMARK) + ",]}\n```",
        '```json\n{"findings": [' + json.dumps(REMARK) + ', {"path": "shop/ca',
        "Found: " + json.dumps(REMARK) + " and } { no more",
    ],
)
def test_an_answer_that_is_no_json_still_holds_findings(words: str) -> None:
    assert salvaged("correctness", words) == ([FINDING], [NO_ANSWER])


def test_an_agent_does_not_give_findings_without_end() -> None:
    assert len(read("style", report(*[REMARK] * (MOST + 1)))[1]) == 1
    findings, problems = salvaged("style", report(*[REMARK] * (MOST + 1)))
    assert (len(findings), problems) == (MOST, ["findings: 51 of them, of which the first 50 are taken"])


def test_words_can_be_stored() -> None:
    findings, _ = read("x", block(report({**REMARK, "title": "a NUL and half: ?"}).replace("?", "\\u0000\\ud800")))
    assert findings[0].title == "a NUL and half: \ufffd\ufffd"


AROUND = ["{0}", "```json\n{0}\n```", '{{"findings": [{0}]}}']


@given(st.text(alphabet='{}[]",:`json\n 1abpath\\'), st.sampled_from(AROUND))
@settings(max_examples=100)
def test_no_words_make_it_raise(words: str, around: str) -> None:
    text = around.format(words)
    for function in (read, salvaged):
        function("agent", text)
    verdicts(text, ["1"])


# ---- the judge -------------------------------------------------------------------------------------------------------


def test_the_judge_is_heard_on_what_it_was_asked() -> None:
    items = [
        {"id": "1", "refuted": True, "reason": " It is checked in `parse()`. "},
        {"id": 2, "refuted": False},
        {"id": "9", "refuted": True, "reason": "nobody asked"},
    ]
    said, problems = verdicts(block(json.dumps({"verdicts": items})), ["1", "2"])
    assert said == {"1": Verdict(True, "It is checked in `parse()`."), "2": Verdict(False)}
    assert problems == []


def test_a_refutation_needs_a_reason_and_what_is_missing_is_not_refuted() -> None:
    without_reason = {"id": "1", "refuted": True, "reason": ""}
    items = [without_reason, {"id": "2", "refuted": "yes"}, "3", {"id": "4", "refuted": False}]
    said, problems = verdicts(json.dumps({"verdicts": items}), ["1", "2", "3", "4"])
    assert said == {"4": Verdict(False)}
    assert problems == [
        "verdicts.0.reason: say what refutes it",
        "verdicts.1.refuted: true or false is needed",
        "verdicts: nothing valid on 1, 2, 3",
    ]


def test_a_judge_that_says_nothing_refutes_nothing() -> None:
    assert verdicts("All fine.", ["1"]) == ({}, [NO_ANSWER])
    assert verdicts('{"verdicts": 1}', ["1"]) == ({}, ["verdicts: a list is needed"])


# ---- schemas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [SCHEMA, JUDGE_SCHEMA])
def test_schemas_are_as_strict_as_backends_demand(schema: dict[str, Any]) -> None:
    objects = [schema, next(iter(schema["properties"].values()))["items"]]
    for one in objects:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])


def test_the_schema_asks_for_what_is_read() -> None:
    model: type[BaseModel] = Remark
    assert set(SCHEMA["properties"]["findings"]["items"]["properties"]) == set(model.model_fields)
