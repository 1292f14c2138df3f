"""The corpus of the review benchmark is what its readme says: strict, accounted for, and of every kind."""

import json
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher, get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.cases import CORPUS, Case, Round, Said, Tree, fits, lines_of, load

CONTEXT = 3  # lines that a diff shows around a change

SMALL: dict[str, Any] = {
    "title": "Divide",
    "language": "python",
    "base": {"a.py": "x = 1\n"},
    "changes": {"a.py": "x = 1 / 0\n"},
    "expected": [{"id": "zero", "path": "a.py", "lines": [1, 1], "quote": "1 / 0", "severity": "major"}],
    "answers": {"correctness": [{"findings": [{"means": "zero", "title": "Divides by zero"}]}]},
}
REMARK = {"path": "a.py", "start_line": 1, "end_line": 1, "severity": "major", "confidence": 0.9, "category": "bug"}


@cache
def corpus() -> list[Case]:
    return load(CORPUS)


def test_the_corpus_has_the_size_and_the_mix_that_the_benchmark_promises() -> None:
    cases = corpus()
    defects = Counter(len(case.expected) for case in cases)
    assert len(cases) >= 44
    assert len({case.language for case in cases}) >= 12
    assert defects[0] >= 10
    assert defects[1] >= 25
    assert defects[2] >= 6
    assert sum(len(case.expected) for case in cases) <= 1.3 * len(cases)
    assert sum(len(case.rounds) == 6 for case in cases) >= 3
    assert len({case.title for case in cases}) == len(cases)


def test_every_kind_of_answer_is_in_it() -> None:
    shown = {kind for case in corpus() for round_ in case.rounds for kind in kinds(case, round_)}
    why = {f"unwanted: {unwanted.why}" for case in corpus() for unwanted in case.unwanted}
    assert shown | why >= {
        "found",
        "found by two agents",
        "found by two agents on other lines",
        "on a wrong line",
        "no such file",
        "no such lines",
        "no such code",
        "on a deleted line",
        "in a renamed file",
        "in a file with CRLF",
        "in a file without a newline at its end",
        "five findings of one agent",
        "asked again",
        "never valid",
        "two blocks",
        "no words",
        "suggestion fits",
        "suggestion changes nothing",
        "suggestion lost its indentation",
        "suggestion repeats a neighbour",
        "hostile words",
        "rebased",
        "fixed",
        "said again",
        "new in a push",
        "unwanted: hallucinated",
        "unwanted: pre-existing",
        "unwanted: linter",
        "unwanted: refuted",
        "unwanted: low-confidence",
        "unwanted: style",
        "unwanted: praise",
        "unwanted: question",
        "unwanted: invalid",
        "unwanted: cap",
        "unwanted: wrong",
    }


def test_what_is_called_hallucinated_cannot_be_found_in_the_code_and_what_is_meant_can() -> None:
    for case, round_, said in everything():
        if said.remark is None:
            continue
        tree = round_.base if said.remark.side == "old" else round_.head
        real = set(said_of(tree, said)) == {"found"}
        if any(one.why == "hallucinated" and fits(one, said.title) for one in case.unwanted):
            assert not real, f"{case.name}: {said.title}"
        else:
            assert "no such code" not in said_of(tree, said), f"{case.name}: {said.title}"


def test_what_is_said_to_be_outside_of_the_diff_is_and_planted_defects_are_within() -> None:
    for case, round_, said in everything():
        about = [one for one in case.unwanted if fits(one, said.title)]
        if said.remark and about:
            lines = set(range(said.remark.start_line, said.remark.end_line + 1))
            outside = not lines & shown_lines(round_, said.remark.path, said.remark.side)
            assert outside == about[0].outside_diff, f"{case.name}: {said.title}"
    for case in corpus():
        for round_ in case.rounds:
            for planted in round_.expected:
                lines = set(range(planted.lines[0], planted.lines[1] + 1))
                within = lines <= shown_lines(round_, planted.path, planted.side)
                assert within == (planted.place == "inline"), f"{case.name}: {planted.id}"


def test_one_title_means_one_thing_in_a_case() -> None:
    for case in corpus():
        meanings: dict[str, set[str]] = {}
        for said in case.said:
            meanings.setdefault(said.title, set()).add(said.means)
        assert [title for title, meant in meanings.items() if len(meant) > 1] == [], case.name


def test_recorded_findings_become_the_words_of_an_agent_that_keeps_to_its_orders() -> None:
    (case,) = [case for case in corpus() if case.name == "python-discount-sql"]
    words = case.rounds[0].answers["security"][0].words
    block = json.loads(words.split("```json\n")[1].split("```")[0])
    assert [finding["title"] for finding in block["findings"]] == ["SQL injection through the discount code"]
    assert "means" not in block["findings"][0]


def test_trees_follow_pushes_and_rebases(tmp_path: Path) -> None:
    second = {"rebase": True, "base": {"b.py": "y = 2\n"}, "changes": {"a.py": None, "c.py": "x = 1 / 0\n"}}
    case = written(tmp_path, SMALL | {"pushes": [second, {"changes": {"c.py": "x = 1\n"}, "expected_fixed": ["zero"]}]})
    opened, rebased, fixed = case.rounds
    assert dict(opened.head) == {"a.py": "x = 1 / 0\n"}
    assert dict(rebased.base) == {"a.py": "x = 1\n", "b.py": "y = 2\n"}
    assert dict(rebased.head) == {"b.py": "y = 2\n", "c.py": "x = 1 / 0\n"}
    assert rebased.rebased
    assert dict(fixed.head) == {"b.py": "y = 2\n", "c.py": "x = 1\n"}
    assert fixed.fixed == ("zero",)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ({"titel": "x"}, "titel: Extra inputs are not permitted"),
        ({"changes": {}}, "changes: Dictionary should have at least 1 item"),
        ({"changes": {"a.py": "x = 1\n"}}, "changes.a.py: changes nothing"),
        ({"changes": {"b.py": None}}, "changes.b.py: cannot be deleted, it is not there"),
        ({"expected": []}, "means zero, which is not planted or was fixed"),
        ({"expected": [SMALL["expected"][0] | {"lines": [2, 2]}]}, "expected.zero: the quote does not stand at lines"),
        ({"expected": [SMALL["expected"][0] | {"path": "b.py"}]}, "expected.zero: there is no file b.py"),
        ({"expected": SMALL["expected"] * 2}, "expected.zero: the id is given twice"),
        ({"answers": {}}, "expected.zero: nobody finds it"),
        ({"answers": {"poetry": []}}, "answers.poetry: there is no such agent"),
        ({"answers": {"tests": [{}]}}, "answers.tests.0: needs either words or findings"),
        ({"answers": {"tests": [{"words": '{"title": "Hm"}'}]}}, r"answers.tests.0.means: has 0 entries .* \['Hm'\]"),
        (
            {"expected": [], "answers": {"tests": [{"findings": [{"title": "Hmm"}]}]}},
            "'Hmm' is neither unwanted nor means a defect",
        ),
        ({"unwanted": [{"match": "DIVIDES", "why": "linter"}]}, "means a defect and is unwanted"),
        ({"unwanted": [{"match": "Nothing", "why": "linter"}]}, "unwanted: nobody says 'Nothing'"),
        ({"judge": [{"match": "Nothing", "refuted": True, "reason": ""}]}, "judge: nobody says 'Nothing'"),
        ({"judge": [{"match": "Divides", "refuted": True, "reason": ""}]}, "judge: refutes 'Divides by zero'"),
        ({"pushes": [{"changes": {"a.py": "x = 2\n"}}]}, "expected.zero: its quote is gone in round 1"),
        ({"pushes": [{"expected_fixed": ["zero"]}]}, "pushes.0.expected_fixed: zero still stands"),
        ({"pushes": [{"expected_fixed": ["one"]}]}, "pushes.0.expected_fixed: one was not open"),
        ({"pushes": [{"base": {"b.py": "y\n"}}]}, "pushes.0.base: only a rebase moves the default branch"),
    ],
)
def test_a_case_that_is_not_right_is_refused_by_its_file_and_entry(
    tmp_path: Path, broken: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=rf"^small\.yml: .*{complaint}"):
        written(tmp_path, SMALL | broken)


def test_a_finding_that_no_agent_could_give_and_a_key_given_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^small\.yml: answers\.tests\.0\.findings\.0\.confidence: "):
        written(tmp_path, SMALL | {"answers": {"tests": [{"findings": [{"title": "Hm", "confidence": 2}]}]}})
    (tmp_path / "small.yml").write_text("title: a\ntitle: b\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^small\.yml: line 1: 'title' is given twice"):
        load(tmp_path)


def written(folder: Path, case: dict[str, Any]) -> Case:
    """The one case of a folder; its findings are completed by `REMARK`."""
    case = json.loads(json.dumps(case))
    for entries in case["answers"].values():
        for entry in entries:
            if "findings" in entry:
                entry["findings"] = [REMARK | finding for finding in entry["findings"]]
    (folder / "small.yml").write_text(yaml.safe_dump(case), encoding="utf-8")
    return load(folder)[0]


def everything() -> Iterator[tuple[Case, Round, Said]]:
    for case in corpus():
        for round_ in case.rounds:
            for said in round_.said:
                yield case, round_, said


def kinds(case: Case, round_: Round) -> Iterator[str]:
    """The kinds of answers, files and pushes that a round shows."""
    yield from answered(round_)
    yield from agreed(round_)
    if round_.rebased:
        yield "rebased"
    if round_.fixed:
        yield "fixed"
    if round_ is not case.rounds[0]:
        new = {one.id for one in round_.expected}
        yield from ("new in a push" if said.means in new else "said again" for said in round_.said if said.means)
    for said in round_.said:
        if said.remark:
            tree = round_.base if said.remark.side == "old" else round_.head
            yield from said_of(tree, said)
            yield from placed(round_, said)
            yield from suggested(tree, said)
            if "@everyone" in said.remark.body and "![" in said.remark.body:
                yield "hostile words"


def answered(round_: Round) -> Iterator[str]:
    for entries in round_.answers.values():
        for entry in entries:
            tries = [valid(words) for words in (entry.words, entry.again) if words]
            if entry.again and tries[-1]:
                yield "asked again"
            if not any(tries):
                yield "never valid"
            if entry.words.count("```json") > 1:
                yield "two blocks"
            if not entry.words:
                yield "no words"


def valid(words: str) -> bool:
    """Whether the words hold JSON at all: in their last block, or as a whole."""
    block = words.rsplit("```json\n", 1)[-1].split("```")[0]
    try:
        return isinstance(json.loads(block), dict)
    except ValueError:
        return False


def agreed(round_: Round) -> Iterator[str]:
    agents: dict[str, set[str]] = {}
    lines: dict[str, set[int]] = {}
    for said in round_.said:
        if said.means and said.remark:
            agents.setdefault(said.means, set()).add(said.agent)
            lines.setdefault(said.means, set()).add(said.remark.start_line)
    for means, names in agents.items():
        if len(names) > 1:
            yield "found by two agents"
            if len(lines[means]) > 1:
                yield "found by two agents on other lines"
    if max(Counter(said.agent for said in round_.said).values(), default=0) >= 5:
        yield "five findings of one agent"


def said_of(tree: Tree, said: Said) -> Iterator[str]:
    """How a finding's place and evidence fit the code."""
    remark = said.remark
    assert remark is not None
    if remark.path not in tree:
        yield "no such file"
        return
    lines = lines_of(tree[remark.path])
    evidence = remark.evidence.split("\n")
    stands = [at for at in range(1, len(lines) + 1) if lines[at - 1 : at - 1 + len(evidence)] == evidence]
    if remark.evidence and not stands:
        yield "no such code"
    if remark.end_line > len(lines):
        yield "no such lines"
    elif remark.start_line in stands:
        yield "found"
    elif stands:
        yield "on a wrong line"


def placed(round_: Round, said: Said) -> Iterator[str]:
    remark = said.remark
    assert remark is not None
    content = round_.head.get(remark.path, "")
    if remark.side == "old":
        yield "on a deleted line"
    if said.means and renamed(round_, remark.path):
        yield "in a renamed file"
    if "\r\n" in content:
        yield "in a file with CRLF"
    if content and not content.endswith("\n"):
        yield "in a file without a newline at its end"


def suggested(tree: Tree, said: Said) -> Iterator[str]:
    remark = said.remark
    assert remark is not None
    if remark.suggestion is None or remark.path not in tree:
        return
    lines = lines_of(tree[remark.path])
    old, new = lines[remark.start_line - 1 : remark.end_line], remark.suggestion.split("\n")
    around = [
        *lines[max(0, remark.start_line - 2) : remark.start_line - 1],
        *lines[remark.end_line : remark.end_line + 1],
    ]
    if old == new:
        yield "suggestion changes nothing"
    elif {new[0], new[-1]} & {line for line in around if line.strip()}:
        yield "suggestion repeats a neighbour"
    elif old[0].startswith(" ") and not new[0].startswith(" "):
        yield "suggestion lost its indentation"
    else:
        yield "suggestion fits"


def renamed(round_: Round, path: str) -> str:
    """The path in the base of a file that the pull request gave another one, else ""."""
    if path in round_.base or path not in round_.head:
        return ""
    gone = {content: old for old, content in round_.base.items() if old not in round_.head}
    like = get_close_matches(round_.head[path], gone, n=1, cutoff=0.5)
    return gone[like[0]] if like else ""


def shown_lines(round_: Round, path: str, side: str) -> set[int]:
    """The lines of a file that its diff shows on one side; none where the file is not in the pull request."""
    before, after = round_.base.get(renamed(round_, path) or path, ""), round_.head.get(path, "")
    old, new = lines_of(before), lines_of(after)
    shown: set[int] = set()
    if before == after:
        return shown
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT):
        first, last = (group[0][1], group[-1][2]) if side == "old" else (group[0][3], group[-1][4])
        shown |= set(range(first + 1, last + 1))
    return shown
