"""All policies together: in order, bounded, never raising, and each found by its file."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import bot.policy.rules
from bot.policy.finding import LEVELS
from bot.policy.judge import MOST, judge, listed
from bot.policy.words import shown
from bot.policy.work import File, Work
from tests.github.test_events import untimed
from tests.policy.made import file, found, work
from tests.policy.test_secrets import OWN, SECRETS


def test_every_policy_has_a_file_a_name_and_a_sentence() -> None:
    (folder,) = bot.policy.rules.__path__
    assert len(listed()) == len([*Path(folder).glob("[!_]*.py")])
    assert [name for name, _ in listed()] == sorted(name for name, _ in listed())
    assert all(re.fullmatch(r"[A-Z].+\.", description) for _, description in listed())


def test_an_ordinary_change_has_no_finding() -> None:
    change = work(
        file("src/greeting.py", "def greet():\n    return 'hello'\n", "def greet():\n    return 'good day'\n"),
        file("tests/test_greeting.py", "def test_greets():\n    assert greet() == 'hello'\n"),
        file("docs/greeting.md", "# Greeting\n\nSee https://example.com/a?b=c.\n"),
        words={"title": "Say hello", "branch": "tutti/issue-1", "commit message": "Say hello\n\nCloses #1"},
        owns=("src/", "tests/", "*.md"),
        canaries=frozenset({OWN}),
    )
    assert judge(change) == ()


def test_the_strictest_come_first_and_in_one_order() -> None:
    files = [file("Makefile"), file("AGENTS.md"), file(".gitmodules"), file("tests/test_a.py", None, "x"), file("a:b")]
    findings = judge(work(*files))
    assert [finding.level for finding in findings] == ["refuse", "approve", "draft", "flag", "flag"]
    assert judge(work(*reversed(files))) == findings


def test_many_findings_of_one_policy_are_counted() -> None:
    files = [file(f"a/{number:02}/AGENTS.md") for number in range(MOST + 11)] + [file("yarn.lock"), file("x/yarn.lock")]
    sentences = [sentence for _, sentence in found(work(*files))]
    assert len(sentences) == MOST + 2
    assert sentences[MOST] == "And 11 more findings about protected files."
    assert sentences[-1] == "And 2 more findings about protected files."


def test_a_code_span_ends_where_it_shall() -> None:
    nothing = work()
    assert shown("a`b``c", nothing) == "```a`b``c```"
    assert shown("`", nothing) == "`` ` ``"
    assert shown("a\nb\u202e\ud800", nothing) == "`a\\u000ab\\u202e\\ud800`"
    assert shown(f"{'a' * 200}{'b' * 200}", nothing, 20) == f"`{'a' * 10}…{'b' * 9}`"
    assert shown("", nothing) == "` `"


NAMES = ["src/a.py", "tests/test_a.py", "a.test.js", "a_test.go", "lib.rs", "ATest.java", "a_spec.rb", "ATest.php"]
NAMES += ["pyproject.toml", "package.json", "tox.ini", "Makefile", "conftest.py", "setup.py", ".gitattributes"]
NAMES += [
    ".git/x",
    "../x",
    "Taskfile.yml",
    "noxfile.py",
    "codecov.yml",
    "jest.config.js",
    "",
    "/",
    "a\nb",
    ".gitmodules",
]
PIECES = [
    "def test_a():\n",
    "    assert x == 1\n",
    "@pytest.mark.skip\n",
    '"""',
    "'",
    "\n",
    "it('a', ",
    "#[test]\n",
    "fn a() {\n",
]
PIECES += [
    "@Test\nvoid a() {\n",
    "[pytest]\ntestpaths = a\n",
    '{"scripts": {"test": 1}}',
    "test:\n\ta\n",
    "fail_under = 9\n",
]
PIECES += [
    "assert (\n",
    "expect(a).toBe(",
    "/*",
    "`",
    "\\",
    "[tool.pytest.ini_options]\n",
    "-----BEGIN PRIVATE KEY-----\n",
]
TOKEN, PASSWORD = SECRETS["a GitHub token"], SECRETS["an Anthropic key"]
PIECES += [f"test_{TOKEN}", f" {PASSWORD}\n", OWN, "://a:", "@b.net", " filter=x", "\0", "=", "  ", "it.only('a'"]
contents = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(pieces).encode()),
)
anything = st.text(st.characters(exclude_categories=[]), max_size=12)
paths = st.one_of(
    st.sampled_from(NAMES), anything, st.builds("{}/{}".format, anything, st.sampled_from([*NAMES, TOKEN, OWN]))
)
modes = st.sampled_from(["000000", "100644", "100755", "120000", "160000", "040000", "?"])
files = st.builds(
    File,
    path=paths,
    status=st.sampled_from(["A", "M", "D", "T"]),
    old_mode=modes,
    new_mode=modes,
    old=contents,
    new=contents,
    added=st.integers(0, 30_000),
    deleted=st.integers(0, 30_000),
    binary=st.booleans(),
    size=st.integers(0, 2**26),
)
works = st.builds(
    Work,
    files=st.lists(files, max_size=3).map(tuple),
    paths=st.frozensets(paths, max_size=3),
    words=st.dictionaries(anything, st.one_of(anything, st.sampled_from([TOKEN, OWN])), max_size=2),
    owns=st.lists(st.one_of(anything, st.sampled_from(["src/**", "!", "[", "**", "\\"])), max_size=2).map(tuple),
    canaries=st.sampled_from([frozenset[str](), frozenset({OWN})]),
)


@untimed
@given(works)
def test_no_work_makes_a_policy_raise_and_no_finding_holds_a_secret_or_a_line_break(change: Work) -> None:
    findings = judge(change)
    assert len(findings) <= len(listed()) * (MOST + len(LEVELS))
    for finding in findings:
        said = f"{finding.path}{finding.sentence}"
        assert said.isprintable()
        assert TOKEN not in said
        assert PASSWORD not in said
        assert OWN not in said or not change.canaries
        assert finding.level in LEVELS
