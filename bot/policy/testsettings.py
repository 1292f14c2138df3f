"""The files that say which tests run and how: which they are, and what they say of it."""

import configparser
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from bot.policy.content import settings

_SETTINGS = re.compile(
    r"(?:pyproject\.toml|setup\.cfg|tox\.ini|pytest\.(?:ini|toml)|\.pytest\.ini|\.coveragerc|noxfile\.py|conftest\.py"
    r"|package\.json|(?:jest|vitest|vite|karma|playwright|cypress|ava|wtr|web-test-runner)[\w.-]{0,30}\.\w{2,4}|\.nycrc[\w.]{0,9}"
    r"|\.mocharc[\w.]{0,9}|\.taprc|\.?codecov\.ya?ml|build\.gradle(?:\.kts)?|pom\.xml|\.simplecov|(?:spec|test)_helper\.rb"
    r"|rails_helper\.rb|\.rspec|makefile|gnumakefile|justfile|taskfile\.ya?ml|rakefile|phpunit[\w.]{0,9}\.xml[\w.]{0,9}"
    r"|nextest\.toml|tarpaulin\.toml|\.testcoverage\.ya?ml|\.c8rc[\w.]{0,9}|mix\.exs|run_?tests?\.\w{1,4}|tests?\.sh)"
)
_KEYS = ("testpaths", "python_files", "python_classes", "python_functions", "norecursedirs", "xfail_strict")
_SCRIPT = re.compile(r"(?:pre|post)?(?:tests?|check|ci|verify|unit|e2e|integration)(?:[:_-].*)?")
_TARGET = re.compile(
    r"(?P<name>(?:tests?|check|verify|unit|e2e|integration|ci)(?:[:_-][\w-]{0,40})?)\s{0,3}:(?!=)|def\s+(?P<session>\w*tests?\w*)\("
)
_BUILDERS = {"makefile", "gnumakefile", "justfile", "noxfile.py", "taskfile.yml", "taskfile.yaml"}


def is_settings(path: str) -> bool:
    """Whether a file is one of those, by its name."""
    return _SETTINGS.fullmatch(path.rpartition("/")[2].lower()) is not None


def definitions(name: str, data: bytes | None) -> dict[str, Any]:
    """What pytest is told about what is a test."""
    words = settings(data)
    if not words:
        return {}
    if name in ("pyproject.toml", "pytest.toml"):
        tables = _toml(words)
        for key in ("tool", "pytest", "ini_options") if name == "pyproject.toml" else ("pytest",):
            tables = tables.get(key, {}) if isinstance(tables, dict) else {}
        return {key: tables[key] for key in _KEYS if key in tables} if isinstance(tables, dict) else {}
    section = {"setup.cfg": "tool:pytest", "tox.ini": "pytest", "pytest.ini": "pytest", ".pytest.ini": "pytest"}.get(
        name
    )
    return {key: value for key, value in _section(words, section).items() if key in _KEYS} if section else {}


def _section(words: str, section: str) -> dict[str, str]:
    parser = _parsed(words)
    return dict(parser[section]) if section in parser else {}


def _parsed(words: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(words)
    except (configparser.Error, ValueError, AttributeError, TypeError):
        return configparser.RawConfigParser()
    return parser


def _toml(words: str) -> Any:
    try:
        return tomllib.loads(words)
    except (ValueError, RecursionError):
        return {}


def commands(name: str, data: bytes | None) -> dict[str, Any]:
    """The commands that run tests, by their names; without them all there is nothing to compare."""
    words = settings(data) or ""
    if name == "package.json":
        try:
            found = json.loads(words)
        except (ValueError, RecursionError):
            return {}
        scripts = found.get("scripts") if isinstance(found, dict) else None
        scripts = scripts if isinstance(scripts, dict) else {}
        return {f"npm run {key}": value for key, value in scripts.items() if _SCRIPT.fullmatch(key)}
    if name == "tox.ini":
        return {
            f"tox {section}": (parser[section].get("commands"), parser[section].get("commands_pre"))
            for parser in [_parsed(words)]
            for section in parser.sections()
            if section.startswith("testenv")
        }
    return dict(_targets(words, name)) if name in _BUILDERS else {}


def _targets(words: str, name: str) -> Iterator[tuple[str, list[str]]]:
    """The indented lines under each head that names a test."""
    head, body = "", list[str]()
    for line in [*words.split("\n"), "end"]:
        inner = name.startswith("taskfile") and _TARGET.match(line.strip()[:200])
        if inner or (line.strip() and not line[0].isspace()):
            if head:
                yield head, body
            hit = _TARGET.match(line.strip()[:200])
            head, body = (hit["name"] or hit["session"], [line.strip()]) if hit else ("", [])
        elif line.strip() and not line.strip().startswith("#"):
            body.append(line.strip())
