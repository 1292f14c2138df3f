"""Commands in comments: first words of lines, and nothing that is quoted, shown as code, listed or hidden."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.slash import Order, orders, strays, suggestion

KNOWN = {"implement", "plan", "approve", "review", "fix", "test", "explain", "ask", "describe", "split", "rebase"}
KNOWN |= {"cancel", "retry", "pause", "resume", "status", "cost", "why", "config", "help"}
REVIEW = Order("review")
TABLE: list[tuple[str, list[Order]]] = [
    ("/review", [REVIEW]),
    ("  /review  ", [REVIEW]),
    ("/review\r\n", [REVIEW]),
    ("/Review", [REVIEW]),
    ("/REVIEW", [REVIEW]),
    ("/fix 1 3", [Order("fix", ("1", "3"), text="1 3")]),
    ("/fix\u00a01", [Order("fix", ("1",), text="1")]),  # some keyboards write such a space
    ("/fix `1`", [Order("fix", ("1",), text="`1`")]),
    ("/fix 1 <!-- of mine -->", [Order("fix", ("1",), text="1 <!-- of mine -->")]),
    ("I think so.\n/review\nThanks!", [Order("review", text="Thanks!")]),
    ("/review\n/fix 2", [REVIEW, Order("fix", ("2",), text="2")]),
    ("/review  \n/fix 2", [REVIEW, Order("fix", ("2",), text="2")]),
    ("please /review this", []),
    ("> /review", []),
    ("> quoted\n/review", []),  # a lazy line still belongs to the quote
    ("> quoted\n\n/review", [REVIEW]),
    ("`/review`", []),
    ("`a\n/review b`", []),
    ("```\n/review\n```", []),
    ("    /review", []),
    ("- /review", []),
    ("1. /review", []),
    ("# /review", []),
    ("/review\n---", []),
    ("| a |\n|---|\n| /review |", []),
    ("a | b\n--|--\n/review | c", []),
    ("<!--\n/review\n-->", []),
    ("so <!--\n/review\n--> there", []),
    ("<details>\n/review\n</details>", []),
    ("<details>\n\n/review\n\n</details>", []),
    ("<details><summary>x</summary>\n\n/review\n\n</details>\n\n/fix", [Order("fix")]),
    ("it says <blockquote>\n\n/review\n\n</blockquote>", []),
    ("it says <code>\n/review</code>\n/fix", [Order("fix")]),
    ("`<details>` is a tag\n\n/review", [REVIEW]),
    ("<!-- <details> -->\n\n/review", [REVIEW]),
    ("**/review**", []),
    ("[x](y)\n/review", [REVIEW]),
    ("[x\n/review](y)", []),
    ('[x](y "\n/review\n")', []),
    ("![x\n/review](y)", []),
    ("/usr/bin/review", []),
    ("/review.", []),
    ("//review", []),
    ("\\/review", []),
    ("/fix\n\\/review", [Order("fix", text="\\/review")]),
    ("&#47;review", []),
    ("/\u212aelvin", []),  # a letter that is `k` where case does not matter
    ("", []),
]


@pytest.mark.parametrize(("comment", "meant"), TABLE)
def test_the_commands_of_a_comment(comment: str, meant: list[Order]) -> None:
    assert orders(comment) == meant


ARGUMENTS: list[tuple[str, tuple[str, ...], dict[str, str], str]] = [
    ("from tests", ("from", "tests"), {}, ""),
    ("tries=3 now", ("now",), {"tries": "3"}, ""),
    ('only="two words" tries=3', (), {"only": "two words", "tries": "3"}, ""),
    ("only=“two words”", (), {"only": "two words"}, ""),
    ('only=""', (), {"only": ""}, ""),
    ("at=a=b", (), {"at": "a=b"}, ""),
    ("https://example.org/?a=b", ("https://example.org/?a=b",), {}, ""),
    ("tries=3 tries=4", (), {"tries": "3"}, "`tries` is given twice"),
    ("=x y", ("y",), {}, "nothing stands before `=`"),
    ("tries=", (), {}, "`tries` has no value"),
    ("Tries=3", (), {}, "`Tries` is no key: a key is lower-case letters and hyphens"),
    ('only="two words', ("words",), {}, "the value of `only` is not in one pair of double quotes"),
    ('only="two"words', (), {}, "the value of `only` is not in one pair of double quotes"),
]


@pytest.mark.parametrize(("words", "arguments", "options", "problem"), ARGUMENTS)
def test_the_arguments_of_a_command(
    words: str, arguments: tuple[str, ...], options: dict[str, str], problem: str
) -> None:
    assert orders(f"/test {words}") == [Order("test", arguments, options, words, problem)]


def test_free_text_goes_on_to_the_end_of_the_paragraph() -> None:
    question = "why does\n  this `fail\n/here` with x= and\n/etc/hosts?"
    assert [order.text for order in orders(f"/ask {question}\n\nThanks!")] == [question]


def test_a_word_that_is_no_command_ends_no_text_where_the_commands_are_known() -> None:
    comment = "/ask why is\n/usr not found\n/review"
    assert [(order.word, order.text) for order in orders(comment, KNOWN)] == [
        ("ask", "why is\n/usr not found"),
        ("review", ""),
    ]
    assert [order.word for order in strays(comment, KNOWN)] == ["usr"]


def test_ten_are_enough() -> None:
    assert len(orders("/review\n" * 50)) == 10
    assert len(strays("/review\n" * 50 + "/revew\n" * 50, KNOWN)) == 10
    assert len(orders("/revew\n" * 50 + "/review\n", KNOWN)) == 1


MEANT = {
    "revew": "review",
    "reveiw": "review",
    "Reviiew": "review",
    "erview": "review",
    "pln": None,  # too short to tell
    "plna": "plan",
    "hlep": "help",
    "aprove": "approve",
    "implemet": "implement",
    "implment": "implement",
    "imlpemnt": "implement",
    "discribe": "describe",
    "resme": "resume",
    "review": None,
    "merge": None,
    "retest": None,
    "rerun": None,
    "label": None,
    "remove-label": None,
    "estimate": None,
    "shrug": None,
    "etc": None,
    "rest": None,
    "tests": None,
    "reviews": None,
    "plans": None,
    "configs": None,
    "host": None,
    "text": None,
    "task": None,
    "lans": None,
    "banana": None,
}


@pytest.mark.parametrize(("word", "meant"), MEANT.items())
def test_what_somebody_probably_meant(word: str, meant: str | None) -> None:
    assert suggestion(word, KNOWN) == meant


def test_in_doubt_nothing_is_suggested() -> None:
    assert suggestion("deplox", {"deploy", "deplow"}) is None


WORDS = st.text("abeiklmnpqrstvwy-", min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(st.one_of(WORDS, st.sampled_from(sorted(KNOWN))), st.frozensets(WORDS, max_size=8))
def test_what_is_suggested_is_known_and_was_not_what_was_said(word: str, known: frozenset[str]) -> None:
    assert suggestion(word, known) in known - {word} | {None}
    assert all(suggestion(one, known) is None for one in known)


HOSTILE = st.text(alphabet="/@review fix\n>`-#<![]()*_&;:\\ \t1=\"'|~\r\0", max_size=80)
SHELLS = {
    "quoted": lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    "indented": lambda text: "\n".join(f"    {line}" for line in text.split("\n")),
    "fenced": lambda text: f"````\n{text}\n````",
    "listed": lambda text: "- a\n" + "\n".join(f"  {line}" for line in text.split("\n")),
    "commented": lambda text: f"<!--\n{text}\n-->",
    "folded": lambda text: f"<details>\n\n{text}\n\n</details>",
}


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
@example('/a b="')
def test_no_text_makes_it_raise(words: str) -> None:
    for order in [*orders(words), *orders(words, KNOWN), *strays(words, KNOWN)]:
        suggestion(order.word, KNOWN)


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["/review", "/fix 1", "so", "", "`a`", "**b**", "*c"]), max_size=6))
def test_what_is_only_shown_is_never_run(shell: str, lines: list[str]) -> None:
    assert orders(SHELLS[shell]("\n".join(["/review", *lines]))) == []


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
def test_a_quoted_command_is_none_whatever_is_around_it(words: str) -> None:
    assert orders("\n".join(f"> {line}" for line in words.replace("\r", "\n").split("\n"))) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(sorted(KNOWN)), max_size=10))
def test_commands_come_back_in_order(words: list[str]) -> None:
    assert [order.word for order in orders("\n\n".join(f"/{word}" for word in words))] == words


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="abc ?.,=\"'()[]*_/@1", max_size=60), st.text(alphabet="abc =\"'`*_", max_size=40))
def test_of_free_text_nothing_is_lost(first: str, second: str) -> None:
    text = f"{first}\nx{second}"  # the `x`: else it might begin a list, a heading, a block of code
    assert [order.text for order in orders(f"/ask {text}")] == [text.strip()]


@pytest.mark.parametrize("unit", ["`a``", "![a](", "[[](", '/a b="', "<!-- ", "<details>", "/a\n\n", " "])
def test_hostile_markdown_of_a_whole_comment_is_read(unit: str) -> None:
    """Were it quadratic, the test would not end within its time."""
    assert orders("/a b" + unit * (8_000 // len(unit)) + "c")


def test_more_brackets_than_anybody_writes_are_not_read() -> None:
    assert orders("/review\n\n" + "[" * 6_000 + "\n\n/fix") == [REVIEW, Order("fix")]  # no line there is a command
    assert orders("/review\n\n/test " + "[" * 6_000 + "\n\n/fix") == [REVIEW]
