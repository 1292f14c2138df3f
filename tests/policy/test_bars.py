"""Settings of tests: bars that are lowered, tests that are left out, commands that run something else."""

import pytest

from tests.policy.made import file, found, levels, work

BARS = {
    "pyproject": ("pyproject.toml", "fail_under = 90", "fail_under = 80", "lowers `fail_under` from 90 to 80"),
    "coverage": (".coveragerc", "fail_under=99.5\n", "", "no longer demands `fail_under` 99.5"),
    "pytest": ("tox.ini", "--cov-fail-under=90", "--cov-fail-under 50", "lowers `cov-fail-under` from 90 to 50"),
    "make": ("Makefile", "t:\n\tx --fail-under 9\n", "t:\n\tx --fail-under 8\n", "lowers `fail-under` from 9 to 8"),
    "jest": (
        "jest.config.js",
        "coverageThreshold: {lines: 80}",
        "coverageThreshold: {lines: 8}",
        "`lines` from 80 to 8",
    ),
    "nyc": (
        ".nycrc",
        '"check-coverage": true, "branches": 90',
        '"check-coverage": true, "branches": 9',
        "from 90 to 9",
    ),
    "simplecov": ("spec/spec_helper.rb", "minimum_coverage 90", "minimum_coverage 10", "from 90 to 10"),
    "jacoco": ("pom.xml", "jacoco <minimum>0.8</minimum>", "jacoco <minimum>0.1</minimum>", "from 0.8 to 0.1"),
    "codecov": ("codecov.yml", "target: 90%", "target: 50%", "lowers `target` from 90 to 50"),
    "slack": (".codecov.yml", "threshold: 1%", "threshold: 20%", "raises `threshold` from 1 to 20"),
}


@pytest.mark.parametrize(("path", "old", "new", "says"), BARS.values(), ids=BARS)
def test_a_lowered_bar_is_named(path: str, old: str, new: str, says: str) -> None:
    ((level, sentence),) = found(work(file(path, new, old)), "thresholds")
    assert level == "draft"
    assert says in sentence
    if new:
        assert found(work(file(path, old, new)), "thresholds") == []


def test_a_bar_that_stands_elsewhere_is_not_gone() -> None:
    moved = file(".coveragerc", None, "fail_under = 90"), file("pyproject.toml", "fail_under = 90", "")
    assert found(work(*moved), "thresholds") == []
    assert found(work(file("src/a.py", "", "fail_under = 90")), "thresholds") == []


PYTEST = "[tool.pytest.ini_options]\n"
NARROWED = {
    "fewer paths": ("pyproject.toml", f'{PYTEST}testpaths = ["a", "b"]', f'{PYTEST}testpaths = ["a"]', "`testpaths`"),
    "some paths": ("pyproject.toml", PYTEST, f'{PYTEST}testpaths = ["a"]', "`testpaths`"),
    "other files": (
        "pytest.ini",
        "[pytest]\npython_files=test_*.py",
        "[pytest]\npython_files=x_*.py",
        "`python_files`",
    ),
    "ignored": ("pyproject.toml", PYTEST, f'{PYTEST}addopts = "--ignore=tests/a.py"', "can leave tests out"),
    "deselected": ("setup.cfg", "[tool:pytest]\n", "[tool:pytest]\naddopts = --deselect a::b\n", "can leave tests out"),
    "chosen": ("tox.ini", "[pytest]\n", "[pytest]\naddopts = -k 'not slow'\n", "can leave tests out"),
    "marked": ("tox.ini", "[pytest]\n", '[pytest]\naddopts = -m "not slow"\n', "can leave tests out"),
    "collect_ignore": ("tests/conftest.py", "", "collect_ignore = ['a.py']\n", "can leave tests out"),
    "a hook": ("tests/conftest.py", None, "def pytest_collection_modifyitems(items): ...\n", "can leave tests out"),
    "only listed": ("tox.ini", "[pytest]\n", "[pytest]\naddopts = --co\n", "can leave tests out"),
    "ended": ("conftest.py", "import os\n", "import os\nos._exit(0)\n", "can leave tests out"),
    "a hook that skips": (
        "tests/conftest.py",
        "import pytest\n",
        "import pytest\ndef pytest_runtest_setup(item):\n    pytest.skip()\n",
        "`pytest_runtest_setup` in `tests/conftest.py` can keep tests",
    ),
    "a hook that forgets": (
        "tools/plugin.py",
        None,
        "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = 0",
        "`pytest_sessionfinish` in `tools/plugin.py` can keep tests",
    ),
    "jest": ("package.json", "{}", '{"jest": {"testPathIgnorePatterns": ["a"]}}', "can leave tests out"),
    "make": ("Makefile", "test:\n\tpytest\n", "test:\n\ttrue\n", "changes what `test` runs"),
    "make, after all": ("Makefile", "all:\n\tpytest\n", "all:\n\tpytest || true\n", "can leave tests out"),
    "npm": (
        "package.json",
        '{"scripts": {"test": "jest"}}',
        '{"scripts": {"test": "true"}}',
        "what `npm run test` runs",
    ),
    "tox": ("tox.ini", "[testenv]\ncommands = pytest\n", "[testenv]\ncommands = true\n", "what `tox testenv` runs"),
    "nox": ("noxfile.py", "def tests(s):\n    s.run('a')\n", "def tests(s):\n    pass\n", "what `tests` runs"),
    "task": ("Taskfile.yml", "tasks:\n  test:\n    cmd: a\n", "tasks:\n  test:\n    cmd: b\n", "what `test` runs"),
}


@pytest.mark.parametrize(("path", "old", "new", "says"), NARROWED.values(), ids=NARROWED)
def test_what_lets_fewer_tests_run_is_named(path: str, old: str | None, new: str, says: str) -> None:
    ((level, sentence),) = found(work(file(path, new, old)), "test settings")
    assert level == "draft"
    assert says in sentence


WIDENED = {
    "more paths": ("pyproject.toml", f'{PYTEST}testpaths = ["a"]', f'{PYTEST}testpaths = ["a", "b"]'),
    "every path": ("pyproject.toml", f'{PYTEST}testpaths = ["a"]', PYTEST),
    "a dependency": ("pyproject.toml", '[project]\ndependencies = ["a"]', '[project]\ndependencies = ["b"]'),
    "no TOML": ("pyproject.toml", "[" * 5000, "]" * 5000),
    "no INI": ("tox.ini", "a\n[b", "[[\n=\n"),
    "no JSON": ("package.json", "[" * 50_000, "{"),
    "a new project": ("pyproject.toml", None, f'{PYTEST}testpaths = ["tests"]\naddopts = "--ignore=x"'),
    "no longer ignored": ("tox.ini", "[pytest]\naddopts = --ignore=a\n", "[pytest]\n"),
    "another target": ("Makefile", "test:\n\tpytest\nx:\n\ta\n", "test:\n\tpytest\nx:\n\tb\n"),
    "a new script": ("package.json", '{"scripts": {}}', '{"scripts": {"test:new": "jest"}}'),
    "a hook": ("conftest.py", "", "def pytest_configure(config):\n    config.addinivalue_line('markers', 'x')\n"),
    "another hook": ("conftest.py", "", "def pytest_sessionfinish(session, exitstatus):\n    clean()\n"),
    "a fixture": ("tests/conftest.py", "", "@pytest.fixture\ndef a(): ...\n"),
}


@pytest.mark.parametrize(("path", "old", "new"), WIDENED.values(), ids=WIDENED)
def test_other_changes_of_settings_are_no_finding(path: str, old: str | None, new: str) -> None:
    assert levels(work(file(path, new, old)), "test settings") == []
    assert levels(work(file(path, new, old)), "thresholds") == []


def test_new_settings_of_tests_that_were_there_are_read() -> None:
    new = file("pyproject.toml", f'{PYTEST}addopts = "--collect-only"')
    assert levels(work(new, paths=("tests/test_a.py",)), "test settings") == ["draft"]
    assert levels(work(new), "test settings") == []
