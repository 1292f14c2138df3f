"""What is said to the bot by its name: a deed only where it is asked for plainly, a question in doubt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.mention import mention
from bot.slash import Order, orders

SAID = {
    "": "help",
    "please": "help",
    "hi": "help",
    "help": "help",
    "help me understand this": "ask",
    "what can you do?": "help",
    "implement this": "implement",
    "Please implement this issue.": "implement",
    "could you please build a parser for it?": "implement",
    "fix this issue": "implement",
    "fix the bug": "implement",
    "fix this": "fix",
    "build fails on main": "ask",
    "review": "review",
    "**review** this, please": "review",
    "Hey, can you review this pull request?": "review",
    "re-review please": "review",
    "take another look": "review",
    "look at this": "review",
    "review comments are wrong": "ask",
    "review is not needed": "ask",
    "review? No!": "ask",
    "did you review this?": "ask",
    "plan this": "plan",
    "make a plan": "plan",
    "plan B is better": "ask",
    "test this": "test",
    "run the tests": "test",
    "test coverage is low": "ask",
    "explain the second loop": "explain",
    "what does this do?": "explain",
    "why does this fail?": "ask",
    "why?": "why",
    "why did you change the parser?": "why",
    "why didn't you fix this?": "why",
    "describe this": "describe",
    "split this up": "split",
    "split it into two": "split",
    "rebase": "rebase",
    "rebase onto main": "rebase",
    "update the branch": "rebase",
    "try again": "retry",
    "rerun this": "retry",
    "go on": "resume",
    "continue": "resume",
    "resume parsing is broken": "ask",
    "status?": "status",
    "how far are you?": "status",
    "how much?": "cost",
    "how much did this cost?": "cost",
    "how much memory does it take?": "ask",
    "configuration": "config",
    "show me your config": "config",
    "config file is broken": "ask",
    "is this safe?": "ask",
    "approve": "approve",
    "please approve the plan.": "approve",
    "approve if the tests pass": "ask",
    "approve, but without tests": "ask",
    "approve button is grey": "ask",
    "can you approve this?": "ask",
    "I approve": "ask",
    "should we approve this?": "ask",
    "cancel": "cancel",
    "Stop!": "cancel",
    "ok, stop it now": "cancel",
    "stop working on this": "cancel",
    "abort the run": "cancel",
    "stop. This is the wrong branch": "cancel",
    "stop because main is broken": "cancel",
    "stop? no": "ask",
    "cancel, no wait": "ask",
    "cancel button is broken": "ask",
    "stop the tests from using the network": "ask",
    "could you stop?": "ask",
    "pause": "pause",
    "pause until tomorrow": "pause",
    "hold on": "pause",
    "wait a moment please": "pause",
    "wait, why did you do this?": "ask",
    "merge": "ask",
    "merge this": "ask",
    "do not review this": "ask",
    "please don't review this": "ask",
    "don\u2019t implement this": "ask",
    "never rebase": "ask",
    "no need to review": "ask",
    "can you not review this": "ask",
    "/review": "review",
    "/usr/bin is missing": "ask",
}


@pytest.mark.parametrize(("said", "meant"), SAID.items())
def test_what_is_said_means_a_command(said: str, meant: str) -> None:
    order = mention(f"@tutti {said}", "tutti")
    assert order is not None
    assert order.word == meant
    assert order.text == ("" if said.startswith("/r") else said)


def test_arguments_are_those_that_the_command_takes() -> None:
    assert mention("@tutti fix #1, 3 and 12 please", "tutti") == Order(
        "fix", ("1", "3", "12"), text="fix #1, 3 and 12 please"
    )
    assert mention("@tutti retry from the tests", "tutti") == Order(
        "retry", ("from", "tests"), text="retry from the tests"
    )
    assert mention("@tutti /test tries=3 now", "tutti") == Order("test", ("now",), {"tries": "3"}, "tries=3 now")


@pytest.mark.parametrize("thanks", ["thanks!", "Thank you so much", "hi, thanks", "nice catch", "LGTM", "\U0001f44d"])
def test_thanks_ask_for_nothing(thanks: str) -> None:
    assert mention(f"@tutti {thanks}", "tutti") is None


CALLED = [
    "@tutti review",
    "@Tutti: review",
    "@tutti, review",
    "@tutti[bot] review",
    "  @tutti - review",
    "I am done.\n@tutti review",
    "> before\n\n@tutti review",
    "@tutti\nreview",
    "@tutti review\n\n@tutti cancel",
]
NOT_CALLED = [
    "@tutti-dev review",
    "@tuttifrutti review",
    "@tutti/team review",
    "@tutti's review",
    "@tutti.example.org review",
    "@tutti[bot](x) review",
    "I asked @tutti review",
    "hey @tutti review",
    "> @tutti review",
    "`@tutti review`",
    "```\n@tutti review\n```",
    "    @tutti review",
    "- @tutti review",
    "# @tutti review",
    "<!-- @tutti review -->",
    "<details>\n\n@tutti review\n\n</details>",
    "\\@tutti review",
    "mail@tutti review",
]


@pytest.mark.parametrize("comment", CALLED)
def test_a_line_that_begins_with_the_name_calls_the_bot(comment: str) -> None:
    assert mention(comment, "tutti") == Order("review", text="review")


@pytest.mark.parametrize("comment", NOT_CALLED)
def test_a_name_elsewhere_or_another_one_does_not(comment: str) -> None:
    assert mention(comment, "tutti") is None
    assert mention(comment, "") is None


def test_the_text_ends_where_a_command_begins() -> None:
    comment = "@tutti why is\n/usr empty?\n/review"
    assert mention(comment, "tutti", {"review"}) == Order("ask", text="why is\n/usr empty?")
    assert [order.word for order in orders(comment, {"review"})] == ["review"]
    assert mention("@tutti please\n/review", "tutti") is None  # the command says it all


def test_what_comes_after_much_space_counts() -> None:
    assert mention("@tutti approve" + "\u00a0" * 500 + "nothing", "tutti") == Order(
        "ask", text="approve" + "\u00a0" * 500 + "nothing"
    )


WORDS = [
    "review",
    "approve",
    "cancel",
    "stop",
    "pause",
    "this",
    "please",
    "can you",
    "the",
    "plan",
    ",",
    "!",
    "\n",
    "it",
]
NEGATED = st.sampled_from(["do not", "don't", "never", "no need to", "please don't", "not", "you must not", "no"])


@settings(max_examples=100, deadline=None)
@given(NEGATED, st.lists(st.sampled_from(WORDS), max_size=6))
def test_what_is_denied_is_never_done(denied: str, words: list[str]) -> None:
    order = mention(f"@tutti {denied} {' '.join(words)}", "tutti")
    assert order is not None
    assert order.word == "ask"


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="@tutti[bot] stop,review\n>`-#<!()*&;:\\/\r\0", max_size=80), st.text(max_size=10))
def test_no_text_makes_it_raise_and_a_quoted_name_is_none(words: str, slug: str) -> None:
    mention(f"@tutti {words}", "tutti")
    mention(f"@{slug} {words}", slug)
    assert mention("\n".join(f"> {line}" for line in words.replace("\r", "\n").split("\n")), "tutti") is None


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="abc ?.,=\"'()[]*_/1", max_size=60), st.text(alphabet="abc =\"'`*_", max_size=40))
def test_of_a_question_nothing_is_lost(first: str, second: str) -> None:
    text = f"how {first}\nx{second}".strip()
    order = mention(f"@tutti {text}", "tutti")
    assert order is not None
    assert order.text == text
