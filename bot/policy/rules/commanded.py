"""Files that the commands for tests name, scripts that run tests, and new files that change which command it is.

Which command tests a repository without a configured one is found in `bot.check.suite`; the order here is its order.
"""

import re
from collections.abc import Iterator
from posixpath import normpath

from bot.policy.cases import cases_of, is_test_file
from bot.policy.content import text
from bot.policy.finding import Finding, Policy
from bot.policy.testsettings import commands, is_settings
from bot.policy.words import shown
from bot.policy.work import File, Work

NAME = "test commands"
_LONGEST = 20_000
_BETWEEN = re.compile(r"[\s;&|()<>\"'`=$,{}]+")
_ELSEWHERE = re.compile(r"(?:^|[\s;&|(])(?:cd|pushd|-C|--directory|--cwd|--prefix|--chdir|--dir)[\s=]")
_MODULE = re.compile(r"\s-m[ \t]{1,9}(\w{1,80}(?:\.\w{1,80}){0,9})")
_FOUND = frozenset({"nox", "tox", "python -m pytest -q", "npm test", "go test ./...", "cargo test", "make test"})
_RUNNER = re.compile(
    r"(?:.*/)?(?:(?:run[_-]?)?tests?|ci|check|run[_-]?(?:all[_-]?)?(?:tests?|ci|checks?))(?:\.(?:sh|bash|zsh|ps1|bat|cmd|py|js|mjs|rb|pl))?"
    r"|(?:.*/)?(?:scripts?|bin|ci|tools|hack)/(?:run[_-]?)?tests?[\w.-]{0,60}"
)
_NOTE = ("#", "//", "::", "rem ")
_ENDS = re.compile(r"(?:exit|return)(?:[ \t]+0)?;?|(?:sys\.exit|process\.exit|os\._exit)\(0?\);?|set \+e|true|:")
_SETTINGS_BEFORE = frozenset({"pyproject.toml", "tox.ini", "setup.cfg"})


def judge(work: Work) -> Iterator[Finding]:
    named = _named(work)
    for file in work.files:
        path = shown(file.path, work)
        if _is_named(file.path, *named) and not _judged_already(file):
            yield Finding("draft", NAME, file.path, f"{path} is part of what the command for the tests runs.")
        elif file.status != "A" and _RUNNER.fullmatch(file.path.lower()) and not is_settings(file.path):
            yield from _gutted(file, path)
    yield from _taken_over(work)


# ---- what a command names --------------------------------------------------------------------------------------------


def _named(work: Work) -> tuple[frozenset[str], frozenset[str]]:
    """The paths that the commands can mean, and those that can be below a folder that a command goes to."""
    here, anywhere = set[str](), set[str]()
    for command in work.commands:
        command = command[:_LONGEST]
        words = [word for word in _BETWEEN.split(command) if word]
        words += [word[2:] for word in words if word.startswith("-") and len(word) > 2]
        words += [path for hit in _MODULE.finditer(command) for path in _module(hit[1].replace(".", "/"))]
        found = {normpath(word.lstrip("/")) for word in words} - {".", ".."}
        here |= found
        if _ELSEWHERE.search(command):
            anywhere |= {word.removeprefix("../") for word in found}
    return frozenset(here), frozenset(anywhere)


def _module(path: str) -> tuple[str, ...]:
    """The files that can be meant by a module of Python, and so be run in the place of an installed one."""
    return f"{path}.py", f"{path}/__init__.py", f"{path}/__main__.py"


def _is_named(path: str, here: frozenset[str], anywhere: frozenset[str]) -> bool:
    if path in here or path in anywhere:
        return True
    parts = path.split("/")
    return bool(anywhere) and any("/".join(parts[at:]) in anywhere for at in range(max(1, len(parts) - 9), len(parts)))


def _judged_already(file: File) -> bool:
    """Whether it is a file of tests that were there, or a new one of tests: another policy looks at each of them."""
    return is_test_file(file.path) and bool(cases_of(file.path, text(file.new if file.status == "A" else file.old)))


# ---- scripts that run tests ------------------------------------------------------------------------------------------


def _gutted(file: File, path: str) -> Iterator[Finding]:
    before, after = _acts(file.old), _acts(file.new)
    if not before or _judged_already(file):
        return
    if file.status == "D":
        yield Finding("draft", NAME, file.path, f"It deletes {path}, which runs tests.")
    elif 2 * len(after) < len(before) or _stops(after) > _stops(before):
        yield Finding("draft", NAME, file.path, f"{path}, which runs tests, does less than it did.")


def _acts(data: bytes | None) -> list[str]:
    found = (line.strip() for line in text(data).split("\n"))
    return [line for line in found if line and not line.lower().startswith(_NOTE)]


def _stops(acts: list[str]) -> int:
    return sum(_ENDS.fullmatch(line[:100]) is not None for line in acts)


# ---- another command -------------------------------------------------------------------------------------------------


def _taken_over(work: Work) -> Iterator[Finding]:
    """New files after which the tests that were run so far are no longer looked for."""
    if work.commands and not _FOUND.intersection(work.commands):
        return  # configured
    before = work.paths - {file.path for file in work.files}
    first = min([*map(_way, before), *(_reason(file.path, file.old) for file in work.files)], default=_NONE)
    if first == _NONE:
        return
    for file in work.files:
        way = _reason(file.path, file.new)
        if way < first or (_shadows(file) and before & _SETTINGS_BEFORE and first <= _PYTEST):
            path = shown(file.path, work)
            sentence = f"{path} decides how the tests are run, which was decided by another file before."
            yield Finding("draft", NAME, file.path, sentence)
            first = min(first, way)


_NOX, _TOX, _PYTEST, _NPM, _GO, _CARGO, _MAKE, _NONE = range(8)
_WAYS = {"noxfile.py": _NOX, "tox.ini": _TOX, "pytest.ini": _PYTEST, "conftest.py": _PYTEST, "package.json": _NPM}
_WAYS |= {"go.mod": _GO, "Cargo.toml": _CARGO, "Makefile": _MAKE, "makefile": _MAKE, "GNUmakefile": _MAKE}


def _way(path: str) -> int:
    """Which way of finding tests a file can be the reason for: the smaller number comes first."""
    name = path.rpartition("/")[2]
    if name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py")):
        return _PYTEST
    return _WAYS.get(path, _NONE)


def _reason(path: str, data: bytes | None) -> int:
    """That of a file with its content."""
    words = text(data)
    if path in ("pyproject.toml", "setup.cfg"):
        return _PYTEST if ("[tool.pytest" if path == "pyproject.toml" else "[tool:pytest]") in words else _NONE
    if path == "tox.ini":
        return _TOX if "[testenv" in words else _NONE
    if path == "package.json":
        return _NPM if commands(path, data).get("npm run test") else _NONE
    return _way(path) if data is not None else _NONE


def _shadows(file: File) -> bool:
    return file.status == "A" and file.path in ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")


POLICY = Policy(
    NAME,
    "Changes of what the command for the tests names, of scripts that run tests, and of which command it is, are "
    "named; the pull request is a draft.",
    judge,
)
