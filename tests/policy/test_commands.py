"""What the command for the tests runs stays what it was."""

import pytest

from tests.policy.made import file, found, levels, work

NAME = "test commands"
TEST = "def test_a():\n    assert f() == 1\n"
COMMANDED = {
    "a script": ("sh check.sh", "check.sh"),
    "a program": ("./run-tests --fast", "run-tests"),
    "a program of Python": ("python scripts/check.py", "scripts/check.py"),
    "a module": ("python -m tools.check", "tools/check.py"),
    "a makefile": ("make -f build/x.mk test", "build/x.mk"),
    "a makefile, close": ("make -fx.mk", "x.mk"),
    "a setting": ("pytest --config=ci/a.ini", "ci/a.ini"),
    "in a folder": ("cd web && sh check.sh", "web/check.sh"),
    "after another": ("pip list;bash -e 'ci/all.sh'", "ci/all.sh"),
    "a helper of tests": ("python tests/run.py", "tests/run.py"),
}


@pytest.mark.parametrize(("command", "path"), COMMANDED.values(), ids=COMMANDED)
def test_what_a_command_names_is_named_when_it_changes(command: str, path: str) -> None:
    for new in ("a = 2\n", None):
        assert levels(work(file(path, new, "a = 1\n"), commands=(command,)), NAME) == ["draft"]
    assert levels(work(file(f"other/{path}.txt", "2", "1"), commands=(command,)), NAME) == []
    assert levels(work(file("src/a.py", "2", "1"), commands=(command,)), NAME) == []


def test_tests_that_a_command_names_are_looked_at_elsewhere() -> None:
    command = ("python -m pytest tests/test_a.py",)
    assert levels(work(file("tests/test_a.py", f"{TEST}x = 1\n", TEST), commands=command), NAME) == []
    assert levels(work(file("tests/test_a.py", TEST), commands=command), NAME) == []


def test_a_new_file_that_stands_in_for_the_program_is_named() -> None:
    for path in ("pytest.py", "pytest/__main__.py"):
        assert levels(work(file(path, "exit()"), paths=("test_a.py",), commands=("python -m pytest -q",)), NAME) == [
            "draft"
        ]


SCRIPTS = {
    "deleted": ("scripts/test-all", "set -e\npytest\n", None),
    "emptied": ("ci.sh", "set -e\npytest\nmypy\n", "#!/bin/sh\n# pytest\n"),
    "ended": ("run_all_tests", "pytest\n", "exit 0\npytest\n"),
}


@pytest.mark.parametrize(("path", "old", "new"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_that_runs_fewer_tests_is_named(path: str, old: str, new: str | None) -> None:
    assert levels(work(file(path, new, old)), NAME) == ["draft"]
    assert levels(work(file(path, f"{old}ruff check\n", old)), NAME) == []
    assert levels(work(file("src/text.sh", new, old)), NAME) == []


TAKEN = {
    "nox": ("noxfile.py", "def tests(s): ...\n", None, "test_a.py"),
    "tox": ("tox.ini", "[testenv]\ncommands = true\n", None, "tests/test_a.py"),
    "tox, changed": ("tox.ini", "[testenv]\n", "[flake8]\n", "tests/test_a.py"),
    "pytest": ("pytest.ini", "[pytest]\n", None, "pyproject.toml"),
    "pytest for go": ("conftest.py", "x\n", None, "go.mod"),
    "npm": ("package.json", '{"scripts": {"test": "true"}}', None, "Makefile"),
    "npm, changed": ("package.json", '{"scripts": {"test": "true"}}', "{}", "go.mod"),
}


@pytest.mark.parametrize(("path", "new", "old", "there"), TAKEN.values(), ids=TAKEN)
def test_a_file_that_changes_how_tests_are_found_is_named(path: str, new: str, old: str | None, there: str) -> None:
    paths = (there, "tests/test_a.py") if there == "pyproject.toml" else (there,)
    ((level, sentence),) = found(work(file(path, new, old), paths=paths), NAME)
    assert level == "draft"
    assert "decided by another file before" in sentence
    assert levels(work(file(path, new, old), paths=paths, commands=("sh check.sh",)), NAME) == []
    assert levels(work(file(path, new)), NAME) == []


def test_a_file_that_comes_after_what_is_found_is_no_finding() -> None:
    for path in ("package.json", "Makefile", "conftest.py", "tests/test_b.py"):
        new = file(path, '{"scripts": {"test": "x"}}')
        assert levels(work(new, paths=("tests/test_a.py",)), NAME) == []
