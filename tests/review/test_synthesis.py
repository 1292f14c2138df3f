"""One review of what several agents found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.review.anchor import Dropped, Files, Inline, Placed
from bot.review.answer import Verdict
from bot.review.finding import SEVERITIES, Finding, Severity
from bot.review.rules import Bars, Caps
from bot.review.synthesis import capped, gathered, judged, merged, numbered
from tests.review.change import WORDS, change, edits, joined, lines_of, reader

BEFORE = {"pay.ts": joined(["export async function pay(p) {", "  const c = await charge(p);", "  return c.id;", "}"])}
NOW = [
    "import { log } from './log';",
    "export async function pay(p) {",
    "  const c = await charge(p);",
    "  try {",
    "    sendReceipt(p.id, c.id);",
    "  } catch (error) {",
    "    log.warn('no receipt', error);",
    "  }",
    "  db.query(`UPDATE orders SET paid = 1 WHERE id = ${p.id}`);",
    "  return c.id;",
    "}",
]
AFTER = {"pay.ts": joined(NOW)}
FILES = change(BEFORE, AFTER)


def finding(
    line: int,
    title: str,
    body: str = "",
    *,
    severity: Severity = "major",
    confidence: float = 0.8,
    category: str = "correctness",
    evidence: str | None = None,
    suggestion: str | None = None,
) -> Finding:
    quoted = NOW[line - 1] if evidence is None else evidence
    return Finding("pay.ts", line, line, severity, confidence, category, title, body, quoted, suggestion)


AWAIT = finding(5, "sendReceipt is not awaited, so the catch never sees its errors", "Unhandled rejection.")
FLOATING = finding(
    6, "Floating promise", "`sendReceipt` rejects later.", severity="minor", confidence=0.9, evidence=NOW[4]
)
QUERY = finding(9, "SQL injection through the id", severity="critical", confidence=0.7, category="security")


@dataclass(frozen=True)
class Reviewed:
    """What is said at lines and in the text, and what is not."""

    inline: Sequence[Placed]
    body: Sequence[Placed]
    dropped: Sequence[Dropped]


def review(caps: Caps | None = None, verdicts: dict[str, Verdict] | None = None, **found: list[Finding]) -> Reviewed:
    return of_change(FILES, BEFORE, AFTER, found, caps or Caps(), verdicts or {})


def of_change(
    files: Files,
    before: dict[str, str],
    after: dict[str, str],
    found: dict[str, list[Finding]],
    caps: Caps,
    verdicts: Mapping[str, Verdict],
) -> Reviewed:
    """All steps in a row."""
    kept, dropped = gathered(found, files, reader(after), reader(before), Bars())
    kept, refuted = judged(kept, verdicts)
    kept, over = capped(kept, caps)
    inline, body = ([one for one in kept if bool(one.inline) == where] for where in (True, False))
    return Reviewed(inline, body, [*dropped, *refuted, *over])


def why(said: Reviewed) -> list[tuple[str, str]]:
    return [(one.kind, one.reason) for one in said.dropped]


def test_each_finding_is_said_at_its_line_and_the_gravest_comes_first() -> None:
    said = review(correctness=[AWAIT], security=[QUERY])
    assert [one.inline for one in said.inline] == [Inline("pay.ts", "RIGHT", 9), Inline("pay.ts", "RIGHT", 5)]
    assert [one.finding.agents for one in said.inline] == [("security",), ("correctness",)]
    assert (said.body, said.dropped) == ([], [])


def test_what_two_agents_found_is_said_once_with_both_names() -> None:
    fixed = replace(AWAIT, suggestion="await sendReceipt(p.id, c.id);")
    (one,) = review(correctness=[fixed], style=[FLOATING]).inline
    assert one.finding.agents == ("style", "correctness")
    assert (one.finding.severity, one.finding.confidence) == ("major", 1.0)
    assert one.finding.title == "Floating promise"
    assert one.suggestion == "    await sendReceipt(p.id, c.id);"
    assert one.inline == Inline("pay.ts", "RIGHT", 5)
    assert len(one.given) == 2


def test_an_agent_that_says_it_twice_does_not_agree_with_itself() -> None:
    (one,) = review(correctness=[AWAIT, replace(AWAIT, confidence=0.7)]).inline
    assert one.finding.confidence == 0.8


def test_agreement_lifts_over_the_bar() -> None:
    unsure = [replace(one, severity="minor", confidence=0.65) for one in (AWAIT, FLOATING)]
    assert why(review(correctness=unsure[:1])) == [("unsure", "not sure enough: 0.65, where minor needs 0.70")]
    assert len(review(correctness=unsure[:1], style=unsure[1:]).inline) == 1


def test_style_has_a_bar_of_its_own() -> None:
    named = finding(9, "The name says pay, the function sends mail", category="naming", confidence=0.85)
    assert why(review(style=[named])) == [("unsure", "not sure enough: 0.85, where style needs 0.90")]
    assert len(review(style=[replace(named, confidence=0.95)]).inline) == 1


def test_noise_is_not_said_and_it_is_told_why() -> None:
    linter = finding(1, "Imports are not sorted", category="style", confidence=1)
    praise = finding(4, "Nice error handling", confidence=1)
    made_up = finding(5, "eval of user input", evidence="eval(p.code)", confidence=1)
    said = review(style=[linter, praise], security=[made_up])
    assert why(said) == [
        ("hallucinated", "quotes code that is not there"),
        ("linter", "a linter says that"),
        ("idle", "asks for nothing to be done"),
    ]
    assert (said.inline, said.body) == ([], [])


def test_the_judge_drops_what_it_refutes() -> None:
    given = {"correctness": [AWAIT], "security": [QUERY]}
    asked = numbered(gathered(given, FILES, reader(AFTER), reader(BEFORE), Bars())[0])
    assert [(one.id, one.placed.finding.title) for one in asked] == [("1", QUERY.title), ("2", AWAIT.title)]
    said = review(
        None, {"1": Verdict(True, "`id` is a number."), "2": Verdict(False), "3": Verdict(True, "?")}, **given
    )
    assert [one.finding.title for one in said.inline] == [AWAIT.title]
    assert why(said) == [("refuted", "refuted: `id` is a number.")]


def test_caps_keep_the_most_certain_and_name_the_rest() -> None:
    titles = ["The warning hides the order's number", "Errors of the log are thrown on", "Retries are not counted"]
    some = [finding(7, title, severity="nit", confidence=c) for title, c in zip(titles, (0.9, 1, 0.95), strict=True)]
    said = review(Caps(nit=1), correctness=some)
    assert [one.finding.title for one in said.inline] == [titles[1]]
    assert why(said) == [("cap", "beyond the limit of 1 nit finding in one review")] * 2
    assert [one.finding.title for one in said.dropped] == [titles[2], titles[0]]


def test_merging_keeps_the_place_that_github_takes() -> None:
    one = replace(AWAIT, agents=("correctness",))
    inline = Placed(one, Inline("pay.ts", "RIGHT", 5), True, (one,))
    other = replace(one, confidence=0.9, agents=("tests",), start=7, end=7, evidence=NOW[6])
    in_text = Placed(other, None, False, (other,))
    (both,) = merged([inline, in_text])
    assert (both.inline, both.finding.start) == (Inline("pay.ts", "RIGHT", 5), 5)


TITLES = ["SQL injection", "Not awaited: call()", "Missing docstring", "Nice!", "The `x` is counted twice", "Why?"]
REMARKS = st.builds(
    Finding,
    path=st.sampled_from(["a", "b"]),
    start=st.integers(1, 30),
    end=st.just(0),
    severity=st.sampled_from(SEVERITIES),
    confidence=st.sampled_from([0.3, 0.6, 0.95]),
    category=st.sampled_from(["bug", "style", "security"]),
    title=st.sampled_from(TITLES),
    evidence=st.sampled_from(["", *WORDS, "new()", "made up"]),
    suggestion=st.sampled_from([None, "new()", "call(x)"]),
).map(lambda one: replace(one, end=one.start))
VERDICTS = st.dictionaries(st.sampled_from(["1", "2", "3"]), st.builds(Verdict, st.booleans(), st.just("no")))


@given(edits(), st.dictionaries(st.sampled_from(["one", "two", "three"]), st.lists(REMARKS, max_size=4)), VERDICTS)
@settings(max_examples=60, deadline=None)
def test_every_finding_ends_in_one_place(
    texts: tuple[str, str], found: dict[str, list[Finding]], verdicts: dict[str, Verdict]
) -> None:
    before, after = {"a": texts[0]}, {"a": texts[1], "b": "one\n"}
    caps = Caps(critical=1, major=1, minor=1, nit=0)
    said = of_change(change(before, after), before, after, found, caps, verdicts)
    parts = [one.given for one in (*said.inline, *said.body)] + [one.given for one in said.dropped]
    ended = Counter(given for some in parts for given in some)
    assert ended == Counter(replace(one, agents=(agent,)) for agent, some in found.items() for one in some)
    assert all(one.reason for one in said.dropped)
    said_of = Counter(one.finding.severity for one in said.inline)
    assert all(said_of[severity] <= getattr(caps, severity) for severity in SEVERITIES)


@pytest.mark.parametrize("line", [5, 6])
def test_what_is_said_in_the_end_is_what_stands_there(line: int) -> None:
    (one,) = review(correctness=[replace(AWAIT, start=line, end=line)]).inline
    assert one.finding.evidence == lines_of(AFTER["pay.ts"])[4]
