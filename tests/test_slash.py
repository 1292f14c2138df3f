"""Commands in comments: first words of lines, and nothing that is quoted, shown as code, listed or hidden."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slash import Order, orders

REVIEW = Order("review")
TABLE: list[tuple[str, list[Order]]] = [
    ("/review", [REVIEW]),
    ("  /review  ", [REVIEW]),
    ("/review\r\n", [REVIEW]),
    ("/fix 1 3", [Order("fix", ("1", "3"))]),
    ("/fix `1`", [Order("fix", ("1",))]),
    ("I think so.\n/review\nThanks!", [REVIEW]),
    ("/review\n/fix 2", [REVIEW, Order("fix", ("2",))]),
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
    ("| a |\n|---|\n| /review |", []),
    ("<!--\n/review\n-->", []),
    ("<details>\n/review\n</details>", []),
    ("**/review**", []),
    ("[x](y)\n/review", [REVIEW]),
    ("/usr/bin/review", []),
    ("/Review", []),
    ("//review", []),
    ("\\/review", []),
    ("&#47;review", []),
    ("", []),
]


@pytest.mark.parametrize(("comment", "meant"), TABLE)
def test_the_commands_of_a_comment(comment: str, meant: list[Order]) -> None:
    assert orders(comment) == meant


def test_ten_are_enough() -> None:
    assert len(orders("/review\n" * 50)) == 10


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="/review fix\n>`-#<![]()*_&;\\ \t1", max_size=80))
def test_no_text_makes_it_raise_and_a_quoted_command_is_none(words: str) -> None:
    orders(words)
    quoted = "\n".join(f"> {line}" for line in words.split("\n"))
    assert orders(quoted) == []
