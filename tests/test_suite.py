"""How a repository's tests are found: from its configuration, or by looking."""

import pytest

from bot.check.suite import choose, find

FOUND: list[tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = [
    ({}, (), ()),
    ({"README.md": ""}, (), ()),
    ({"tests/test_cart.py": ""}, (), ("python -m pytest -q",)),
    ({"shop/cart_test.py": ""}, (), ("python -m pytest -q",)),
    ({"conftest.py": ""}, (), ("python -m pytest -q",)),
    ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, (), ("python -m pytest -q",)),
    ({"setup.cfg": "[tool:pytest]\n"}, (), ("python -m pytest -q",)),
    ({"pyproject.toml": "[project]\n", "shop/testing.py": "", "latest.txt": ""}, (), ()),
    ({"tox.ini": "[testenv]\n", "tests/test_a.py": ""}, (), ("tox",)),
    ({"tox.ini": "[flake8]\n", "tests/test_a.py": ""}, (), ("python -m pytest -q",)),
    ({"noxfile.py": "", "tests/test_a.py": ""}, (), ("nox",)),
    ({"package.json": '{"scripts": {"test": "jest"}}'}, (), ("npm test",)),
    ({"package.json": '{"scripts": {"test": "jest"}}', "package-lock.json": ""}, ("npm ci",), ("npm test",)),
    ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, (), ()),
    ({"package.json": "{broken"}, (), ()),
    ({"package.json": "[]"}, (), ()),
    ({"package.json": '{"scripts": ["test"]}'}, (), ()),
    ({"package.json": '{"scripts": {"test": 7}}'}, (), ()),
    ({"package.json": '{"scripts": null}'}, (), ()),
    ({"go.mod": "module shop\n"}, (), ("go test ./...",)),
    ({"Cargo.toml": "[package]\n"}, (), ("cargo test",)),
    ({"Makefile": "all:\n\ntest: all\n\ttrue\n"}, (), ("make test",)),
    ({"makefile": "test:\n"}, (), ("make test",)),
    ({"Makefile": "testing:\n\ttrue\n.PHONY: test\n"}, (), ()),
    ({"Makefile": "test:\n", "tests/test_a.py": ""}, (), ("python -m pytest -q",)),
]


@pytest.mark.parametrize(("files", "setup", "test"), FOUND)
def test_tests_are_found_by_looking(files: dict[str, str], setup: tuple[str, ...], test: tuple[str, ...]) -> None:
    found = find(files, files.get)
    assert (found.setup, found.test) == (setup, test)
    assert (found.origin == "no tests were found") is not bool(test)


def test_configured_commands_win_and_a_configured_set_up_goes_with_tests_that_are_found() -> None:
    files = {"package.json": '{"scripts": {"test": "jest"}}', "package-lock.json": ""}
    assert choose((), ("sh check.sh", "sh more.sh"), files, files.get).shown == "sh check.sh && sh more.sh"
    assert choose((), ("x",), files, files.get).setup == ()
    assert choose(("yarn",), (), files, files.get).setup == ("yarn",)
    assert choose((), (), files, files.get).setup == ("npm ci",)
