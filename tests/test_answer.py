"""What an agent says at its end, and the commits that are made of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.answer import Answer, CommitWish, commits, concern, made_up_summary, read, title

BLOCK = '```json\n{"title": "T", "commits": [{"message": "feat: x", "paths": ["a.py"]}]}\n```'


def test_the_last_block_is_read_and_the_rest_is_the_summary() -> None:
    first = '```json\n{"title": "old"}\n```'
    answer = read(f"I did it.\n\n{first}\n\n{BLOCK}\n")
    assert (answer.title, answer.commits) == ("T", (CommitWish(message="feat: x", paths=("a.py",)),))
    assert answer.summary == f"I did it.\n\n{first}"


@pytest.mark.parametrize("words", ["", "Plain.", "```json\n{broken}\n```", '```json\n{"title": 7}\n```', "{}"])
def test_what_is_no_answer_is_a_summary(words: str) -> None:
    assert read(words) == Answer(summary=words.strip())


@given(st.text())
def test_no_words_make_it_raise(words: str) -> None:
    read(words)
    read(f"```json\n{{{words}}}\n```")


def test_words_in_json_are_as_harmless_as_any_others() -> None:
    wish = '{"message": "fix: fixes \\u00231 @x\\n\\nfixes #2", "paths": ["a"]}'
    block = f'{{"title": "\\u0040team closes \\u00231", "plan": ["@all"], "commits": [{wish}]}}'
    answer = read(f"<b> @team\n\n```json\n{block}\n```")
    assert answer == Answer(
        title="team closes `#1`",
        plan=("all",),
        commits=(CommitWish(message="fix: fixes `#1` x", paths=("a",)),),
        summary="&lt;b> @\u200bteam",
    )


def test_no_answer_holds_what_no_database_takes() -> None:
    answer = read('a\0\n\n```json\n{"title": "b\\u0000"}\n```')
    assert (answer.title, answer.summary) == ("b\ufffd", "a\ufffd")


HEADINGS = {
    "Say hello": ["feat: say hello", "test: say hello"],
    "API: x": ["feat: API: x", "test: API: x"],
    "GitHub login": ["feat: GitHub login", "test: GitHub login"],
    "iOS too": ["feat: iOS too", "test: iOS too"],
    "A search box": ["feat: a search box", "test: a search box"],
    "I cannot log in": ["feat: I cannot log in", "test: I cannot log in"],
    "feat: x": ["feat: x", "test: x"],
    "feat(shop)!: Say x": ["feat(shop)!: say x", "test: say x"],
    "Fix: crash": ["fix: crash", "test: crash"],
    "perf(db): faster": ["perf(db): faster", "test: faster"],
    "test(x): more": ["feat: more", "test(x): more"],
    "Note: x": ["feat: note: x", "test: note: x"],
}


@pytest.mark.parametrize(("heading", "subjects"), HEADINGS.items())
def test_a_heading_becomes_subjects_that_read_well(heading: str, subjects: list[str]) -> None:
    assert [message for message, _ in commits(Answer(), ["a.py", "tests/t.py"], heading, fix=False)] == subjects


CONCERNS = {
    "shop/cart.py": "feat",
    "tests/test_cart.py": "test",
    "tests/data.json": "test",
    "src/cart.spec.ts": "test",
    "shop/cart_test.go": "test",
    "contest/entry.py": "feat",
    "README.md": "docs",
    "docs/logo.svg": "docs",
    "LICENSE": "docs",
    "pyproject.toml": "build",
    "sub/package-lock.json": "build",
    "poetry.lock": "build",
    "Dockerfile": "build",
    ".github/workflows/ci.yml": "ci",
}


@pytest.mark.parametrize(("path", "kind"), CONCERNS.items())
def test_every_path_has_a_concern(path: str, kind: str) -> None:
    assert concern(path) == kind


def test_wishes_that_are_not_conventional_or_not_of_this_change_are_passed_over() -> None:
    wishes = [("update stuff", ["a.py"]), ("feat: b", ["b.py", "gone.py"]), ("fix: again", ["b.py"]), ("wip: c", ["c"])]
    answer = Answer(commits=tuple(CommitWish(message=m, paths=tuple(p)) for m, p in wishes))
    assert commits(answer, ["a.py", "b.py", "tests/t.py"], "Add B", fix=False) == [
        ("feat: b", ["b.py"]),
        ("feat: add B", ["a.py"]),
        ("test: add B", ["tests/t.py"]),
    ]


@pytest.mark.parametrize("heading", ["#1 is what I mean", "fix: #1", "Fix #1", "acme/shop#1, again", "Fix: GH-1"])
def test_a_heading_closes_no_issue_once_its_type_stands_before_it(heading: str) -> None:
    made = commits(Answer(title=heading), ["a.py", "docs/b.md"], title(Answer(), heading), fix=True, scope="fixes")
    assert len(made) == 2
    for message, _ in made:
        assert re.search(r"`(?:acme/shop)?(?:#|GH-)1`", message), message


paths = st.lists(st.sampled_from(["a.py", "b.md", "tests/c.py", "d.lock", ".github/e.yml", "f", "docs/g"]), unique=True)
wish = st.builds(CommitWish, message=st.text() | st.just("fix(x)!: y"), paths=paths.map(tuple))


@given(st.builds(Answer, commits=st.lists(wish).map(tuple)), paths, st.text(), st.booleans())
def test_every_path_goes_into_exactly_one_commit_with_one_short_line(
    answer: Answer, changed: list[str], heading: str, fix: bool
) -> None:
    groups = commits(answer, changed, title(answer, heading), fix=fix)
    assert sorted(path for _, mine in groups for path in mine) == sorted(changed)
    assert all(mine and len(message) <= 100 and "\n" not in message for message, mine in groups)


@given(st.text(), st.text())
def test_a_title_is_one_line_of_at_most_120_characters(mine: str, theirs: str) -> None:
    line = title(Answer(title=mine), theirs)
    assert len(line) <= 120
    assert len(line.splitlines()) <= 1


def test_a_summary_names_the_files() -> None:
    class Changed:
        path, added, deleted = "a.py", 3, 1

    assert made_up_summary([Changed()]) == "Changed 1 file: `a.py` (+3 -1)."
    assert made_up_summary([Changed()] * 12).endswith(" and 2 more.")
