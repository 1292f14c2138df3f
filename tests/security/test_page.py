"""docs/security.md says of the sandbox and the policies what they say of themselves."""

import re
from pathlib import Path

import pytest

from bot.policy.judge import listed
from bot.sandbox.selftest import HOLES
from tests.pages import bare, read, section, table

ROOT = Path(__file__).parents[2]


def test_every_policy_is_told_and_none_else() -> None:
    rows = table(section(read("docs/security.md"), "Before anything is published"), "policy")
    assert [(name, words) for name, words in rows] == listed()


def test_every_hole_of_the_weaker_tier_is_told_and_none_else() -> None:
    rows = table(section(read("docs/security.md"), "The sandbox"), "hole")
    assert {row[0]: row[1] for row in rows} == HOLES


def test_every_tier_is_told() -> None:
    rows = table(section(read("docs/security.md"), "The sandbox"), "tier")
    assert [bare(row[0]) for row in rows] == ["strong", "degraded", "none"]


@pytest.mark.parametrize(
    ("heading", "head"),
    [
        ("The sandbox", "tier"),
        ("The sandbox", "in the sandbox"),
        ("The model and the network", "way out"),
        ("Before anything is published", "text"),
        ("Reviews and fixes", "what is tried"),
        ("Tokens and keys", "secret"),
    ],
)
def test_every_row_names_the_test_that_shows_it(heading: str, head: str) -> None:
    for row in table(section(read("docs/security.md"), heading), head):
        shown = re.findall(r"`(tests/[\w/.]+)`", row[-1])
        assert shown, row[0]
        assert [name for name in shown if not (ROOT / name).exists()] == []


def test_a_weakness_is_reported_in_private() -> None:
    for page in ("SECURITY.md", "docs/security.md"):
        assert "*Report a vulnerability*" in read(page)
        assert not re.search(r"[\w.]+@[\w.]+", read(page)), "no address that nobody reads"
