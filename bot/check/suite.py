"""Which commands test a repository: from its configuration, or by looking at its files. Pure."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

Read = Callable[[str], str | None]


@dataclass(frozen=True)
class Suite:
    """Command lines for a shell, in order. `origin` says in a few words where they come from."""

    setup: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    origin: str = "no tests were found"
    lint: tuple[str, ...] = ()

    @property
    def judging(self) -> tuple[str, ...]:
        """What a change has to pass: the tests, then the linters."""
        return self.test + self.lint

    @property
    def shown(self) -> str:
        return " && ".join(self.judging)


def configured(setup: Sequence[str], test: Sequence[str]) -> Suite:
    return Suite(tuple(setup), tuple(test), "configured in .github/tutti.yml")


def find(files: Collection[str], read: Read) -> Suite:
    """The suite of a repository with these files (paths from its root); `read` gives a file's text or None."""
    for look in (_tox, _pytest, _npm, _go, _cargo, _make):
        if suite := look(files, read):
            return suite
    return Suite()


def choose(
    setup: Sequence[str], test: Sequence[str], files: Collection[str], read: Read, lint: Sequence[str] = ()
) -> Suite:
    """The configured commands where there are any; what is found where there are none. Linters are not looked for."""
    if test:
        return replace(configured(setup, test), lint=tuple(lint))
    found = find(files, read)
    return Suite(tuple(setup) or found.setup, found.test, found.origin, tuple(lint))


def _tox(files: Collection[str], read: Read) -> Suite | None:
    if "noxfile.py" in files:
        return Suite(test=("nox",), origin="found noxfile.py")
    if "tox.ini" in files and "[testenv" in (read("tox.ini") or ""):
        return Suite(test=("tox",), origin="found tox.ini")
    return None


def _pytest(files: Collection[str], read: Read) -> Suite | None:
    settings = ("[tool.pytest" in (read("pyproject.toml") or "")) or "[tool:pytest]" in (read("setup.cfg") or "")
    tests = any(_is_pytest_file(path) for path in files)
    if not (settings or tests or "pytest.ini" in files or "conftest.py" in files):
        return None
    return Suite(test=("python -m pytest -q",), origin="found pytest tests")


def _is_pytest_file(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _npm(files: Collection[str], read: Read) -> Suite | None:
    try:
        package = json.loads(read("package.json") or "{}")
        script = package.get("scripts", {}).get("test", "")
    except (ValueError, AttributeError):
        return None
    if not isinstance(script, str) or not script or "no test specified" in script:
        return None
    setup = ("npm ci",) if "package-lock.json" in files else ()
    return Suite(setup, ("npm test",), "found a test script in package.json")


def _go(files: Collection[str], _read: Read) -> Suite | None:
    return Suite(test=("go test ./...",), origin="found go.mod") if "go.mod" in files else None


def _cargo(files: Collection[str], _read: Read) -> Suite | None:
    return Suite(test=("cargo test",), origin="found Cargo.toml") if "Cargo.toml" in files else None


def _make(files: Collection[str], read: Read) -> Suite | None:
    for name in ("Makefile", "makefile", "GNUmakefile"):
        if name in files and any(line.startswith("test:") for line in (read(name) or "").splitlines()):
            return Suite(test=("make test",), origin=f"found a test target in {name}")
    return None
