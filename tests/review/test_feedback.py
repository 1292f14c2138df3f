"""What people mean who answer a finding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.review.feedback import applied, read, theirs
from bot.review.finding import Finding

REPLIES = {
    "declined": [
        "Won't fix.",
        "wontfix",
        "won\u2019t fix, this is internal tooling",
        "WONTFIX: see the ADR",
        "This is by design.",
        "It's intentional, the caller validates it.",
        "Intentional.",
        "That's deliberate: we want it to fail loudly.",
        "Done on purpose.",
        "Left as is on purpose, see above. Leaving it as is.",
        "Works as intended",
        "Not a bug, the list is never empty here.",
        "This isn't really a problem because ids are numeric",
        "false positive",
        "I think that's a false alarm",
        "I disagree, the lock is held by the caller.",
        "That is wrong, `find` raises for unknown ids.",
        "Nope, the framework escapes this.",
        "nit, ignoring",
        "Ignoring this one.",
        "Out of scope for this PR.",
        "Good catch, but that belongs in a separate PR",
        "That can't happen, the parser rejects it.",
        "`user` can never be null here",
        "Already handled in `parse()`.",
        "This is validated upstream by the gateway, it's checked by the caller... handled elsewhere",
        "Keeping it like this for now.",
        "Known limitation, documented in the README.",
        "It's fine as is",
        "Overkill for a script.",
        "The bot hallucinated this function.",
        "Makes no sense to me.",
        "I don't think this is necessary",
        "> SQL injection through the code\n\nNot exploitable, `code` is an enum.",
        "We are not going to change this.",
    ],
    "accepted": [
        "Good catch!",
        "Nice catch, will fix.",
        "Good point, I'll change it",
        "You're right.",
        "Yes, this is wrong",
        "This is wrong indeed, will fix",
        "Agreed, let me update that.",
        "Oops",
        "Yes, this is a real bug.",
        "Will do.",
        "Makes sense.",
        "Thanks for spotting this!",
        "Thanks!",
        "\U0001f44d",
        "My bad, I missed that one",
        "Not a false positive: you're right.",
        "This is not intentional, I'll fix it",
        "ack",
    ],
    "fixed": [
        "Fixed.",
        "Thanks, fixed!",
        "Done in abc1234",
        "Fixed in 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "Addressed in the latest commit.",
        "Good catch, fixed now",
        "I've just pushed a fix",
        "Should be fixed now.",
        "This has been resolved in #12",
        "Not a bug, but changed anyway.",
        "Oops, corrected.",
        "> Floating promise\n\ndone",
    ],
    "question": [
        "Why?",
        "What do you mean by unhandled?",
        "Is this a false positive?",
        "Can you show how this fails",
        "Should I fix this in another PR?",
        "How would that happen in practice?",
    ],
    "none": [
        "",
        "Hm.",
        "@alice please have a look",
        "/review",
        "> won't fix",
        "```\nwontfix = True\n```",
        "`by design`",
        "The value comes from the settings.",
        "It is not fixed yet.",
        "<!-- won't fix -->",
        "I wrote this on a train",
    ],
}


@pytest.mark.parametrize(("meant", "words"), [(meant, words) for meant, some in REPLIES.items() for words in some])
def test_what_an_answer_means(meant: str, words: str) -> None:
    assert read(words) == meant


def test_only_a_persons_own_words_count() -> None:
    assert theirs("> quoted\n\nmine `code` <b>too</b>\n\n~~~\nblock\n~~~\nend") == "mine    too \n\n \nend"


@given(st.text(alphabet="`~><!- \nwontfix?.", max_size=60))
@settings(max_examples=60)
def test_no_words_make_it_raise(words: str) -> None:
    assert read(words) in REPLIES


PAGE = ["def f():", "    a = 1", "    b = a / n", "    return b"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (PAGE, False),
        (["def f():", "    a = 1", "    b = a / max(n, 1)", "    return b"], True),
        (["# moved", "", *PAGE[:2], "    b = a / max(n,  1)", PAGE[3]], True),
        (["def f():", "    a = 1", "    b = 0", "    return b"], False),
        ([*PAGE, "    b = a / max(n, 1)"], False),
        ([], False),
        (["x"] * 90 + ["    b = a / max(n, 1)"], False),
    ],
)
def test_a_suggestion_is_taken_where_it_stands_in_the_place_of_its_lines(now: list[str], expected: bool) -> None:
    finding = Finding("a.py", 3, 3, "major", 0.9, "bug", "Division by zero", evidence="    b = a / n")
    assert applied(finding, "    b = a / max(n, 1)\n", now) is expected


def test_a_suggestion_that_keeps_the_lines_and_adds_some_is_taken_too() -> None:
    finding = Finding("a.py", 3, 3, "major", 0.9, "bug", "Division by zero", evidence="    b = a / n")
    suggestion = "    if not n:\n        return 0\n    b = a / n"
    assert applied(finding, suggestion, [*PAGE[:2], *suggestion.split("\n"), PAGE[3]])
    assert not applied(finding, suggestion, PAGE)
    assert not applied(finding, "    b = a / n", PAGE)
