"""Whatever a title says, git and every shell take the branch's name as it stands."""

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.git.slug import branch_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Add a search box", "feature/auto-7-add-a-search-box"),
        ("Größe für Äpfel — jetzt!", "feature/auto-7-grosse-fur-apfel-jetzt"),
        ("搜索 box", "feature/auto-7-sou-suo-box"),
        ("🎉🚀", "feature/auto-7"),
        ("", "feature/auto-7"),
        ("$(rm -rf /) `id`; --upload-pack=x | y > z", "feature/auto-7-rm-rf-id-upload-pack-x-y-z"),
        ("../../etc/passwd", "feature/auto-7-etc-passwd"),
        ("x.lock", "feature/auto-7-x-lock"),
        ("refs/heads/main@{1}", "feature/auto-7-refs-heads-main-1"),
        ("line\nbreak\x00and\u202ertl", "feature/auto-7-line-break-andrtl"),
        ("word " * 40, "feature/auto-7-" + "-".join(["word"] * 10)),
        ("x" * 200, "feature/auto-7-" + "x" * 50),
    ],
)
def test_a_title_becomes_a_branch(title: str, name: str) -> None:
    assert branch_name("feature/auto", title, 7) == name


def test_the_prefix_is_cleaned_too_and_later_attempts_differ() -> None:
    assert branch_name("Team A//..auto.lock/", "x", 3, attempt=2) == "Team-A/auto-lock-3-x-2"
    assert branch_name("-", "x", 3) == "auto-3-x"


@given(st.text(max_size=20), st.text(max_size=250), st.integers(1, 10**9), st.integers(1, 99))
def test_any_name_is_one_that_git_takes(prefix: str, title: str, number: int, attempt: int) -> None:
    name = branch_name(prefix, title, number, attempt)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_/-]*", name)
    assert str(number) in name
    assert len(name) < 200
    subprocess.run(["git", "check-ref-format", "--branch", name], check=True, stdout=subprocess.DEVNULL)
