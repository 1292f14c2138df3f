"""What packages run when they are installed or built: scripts and build systems in files that hold much else, too."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from bot.policy.content import names, settings
from bot.policy.finding import Finding, Policy
from bot.policy.words import joined, shown
from bot.policy.work import File, Work

NAME = "install scripts"
_NPM = names("preinstall install postinstall preprepare prepare postprepare prepublish prepublishOnly prepack postpack")
_NPM += names("dependencies preuninstall uninstall postuninstall")
_PHP = names("pre-install-cmd post-install-cmd pre-update-cmd post-update-cmd pre-autoload-dump post-autoload-dump")
_PHP += names("post-root-package-install post-create-project-cmd pre-command-run")
_HOOKS = {"package.json": _NPM, "composer.json": _PHP}
_WHY = "on every machine that installs the package"
_DATA = re.compile(
    r"""\s*(?:\w{1,40}\s{0,3}=\s{0,3})?(?:[\s,()\[\]{}:]|\d|True|False|None|"[^"\\]*+"|'[^'\\]*+')*+(?:\#.*)?"""
)
_ACTS = re.compile(r"\b(?:exec|eval|compile|system|popen|subprocess|__import__|getattr)\b")


def judge(work: Work) -> Iterator[Finding]:
    for file in work.files:
        name = file.path.rpartition("/")[2].lower()
        if file.status == "D":
            continue
        if name in _HOOKS:
            yield from _scripts(work, file, _HOOKS[name])
        elif name == "pyproject.toml":
            yield from _build_system(work, file)
        elif name == "setup.py":
            yield from _setup(work, file)


def _scripts(work: Work, file: File, hooks: tuple[str, ...]) -> Iterator[Finding]:
    old, new = _json(file.old), _json(file.new)
    if new is None:
        yield _unread(work, file)
        return
    before, after = _table(old, "scripts"), _table(new, "scripts")
    changed = [hook for hook in hooks if before.get(hook) != after.get(hook) and hook in after]
    if changed:
        named = joined(f"`{hook}`" for hook in changed)
        sentence = f"It changes {named} among the scripts of {shown(file.path, work)}, which run {_WHY}."
        yield Finding("approve", NAME, file.path, sentence)


def _build_system(work: Work, file: File) -> Iterator[Finding]:
    old, new = _toml(file.old), _toml(file.new)
    if new is None:
        yield _unread(work, file)
    elif file.status == "A" and "backend-path" not in _table(new, "build-system"):
        return  # a new package that is built by a known builder
    elif _table(old, "build-system") != _table(new, "build-system"):
        sentence = (
            f"It changes what builds the package (`[build-system]` in {shown(file.path, work)}), which runs {_WHY}."
        )
        yield Finding("approve", NAME, file.path, sentence)


def _setup(work: Work, file: File) -> Iterator[Finding]:
    """Data in it is named, code needs approval."""
    old, new = settings(file.old), settings(file.new)
    if old is None or new is None:
        yield _unread(work, file)
        return
    changed = set(new.split("\n")) ^ set(old.split("\n"))
    code = file.status == "A" or any(_DATA.fullmatch(line) is None for line in changed)
    acts = code or _ACTS.search(new) is not None
    sentence = f"It changes {shown(file.path, work)}, which runs {_WHY}."
    yield Finding("approve" if acts else "flag", NAME, file.path, sentence)


def _unread(work: Work, file: File) -> Finding:
    sentence = f"{shown(file.path, work)} cannot be read, so what it runs when it is installed is not known."
    return Finding("approve", NAME, file.path, sentence)


def _json(data: bytes | None) -> Any:
    try:
        return json.loads(settings(data) or "")
    except (ValueError, RecursionError):
        return None


def _toml(data: bytes | None) -> Any:
    words = settings(data)
    try:
        return None if words is None else tomllib.loads(words)
    except (ValueError, RecursionError):
        return None


def _table(data: Any, key: str) -> dict[str, Any]:
    """A part of a file that is a table; empty where it is something else."""
    part = data.get(key) if isinstance(data, dict) else None
    return part if isinstance(part, dict) else {}


POLICY = Policy(NAME, "Scripts that run when a package is installed or built need approval when they change.", judge)
