"""Settings that let fewer tests run, and commands that run them."""

import re
from collections.abc import Iterator
from typing import Any

from bot.policy.content import names, settings
from bot.policy.finding import Finding, Policy
from bot.policy.testsettings import commands, definitions, is_settings
from bot.policy.words import joined, shown
from bot.policy.work import File, Work

NAME = "test settings"
_WORDS = names(
    """
    --ignore --ignore-glob --deselect --passWithNoTests --testPathIgnorePatterns --exitfirst --maxfail --bail --grep
    --exclude-group collect_ignore collect_ignore_glob pytest_ignore_collect pytest_collection_modifyitems
    pytest_pyfunc_call pytest_runtest_protocol pytest_runtest_call pytest_runtest_makereport pytest_deselected
    norecursedirs testPathIgnorePatterns modulePathIgnorePatterns testIgnore passWithNoTests skipTests
    maven.test.skip maven.test.failure.ignore ignoreFailures excludeTestsMatching ignore_outcome ignore_errors
    """
)
_NARROWS = re.compile(
    rf"(?<![\w-])(?:{'|'.join(re.escape(word) for word in _WORDS)})(?![\w-])|(?:^|[\s\"'=])-k[\s\"'=]"
    r"|(?:^|[\s\"'=])-m[\s\"',=]{1,4}not\b|<exclude(?:s|Group)?\b|\|\|\s{0,3}(?:true|exit 0)\b"
)
_HINTS = (*_WORDS, "-k", "-m", "<exclude", "||")
_OPEN = frozenset({"testpaths", "norecursedirs"})  # without them more is looked at, not less
_FIRST = ("conftest.py", "pytest.ini", "pytest.toml")
"""New ones count, too: they come before what other files say."""


def judge(work: Work) -> Iterator[Finding]:
    for file in work.files:
        if is_settings(file.path) and (file.status != "A" or file.path.lower().endswith(_FIRST)):
            yield from _narrower(work, file)
            yield from _changed(work, file, file.path.rpartition("/")[2].lower())


def _changed(work: Work, file: File, name: str) -> Iterator[Finding]:
    path = shown(file.path, work)
    old, new = definitions(name, file.old), definitions(name, file.new)
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and _fewer(key, old.get(key), new.get(key), file.status == "D"):
            yield Finding("draft", NAME, file.path, f"{path} changes `{key}`, which says what is a test.")
    after = commands(name, file.new)
    changed = [key for key, was in commands(name, file.old).items() if after.get(key) != was]
    if changed:
        named = joined(shown(key, work) for key in changed[:5])
        yield Finding("draft", NAME, file.path, f"{path} changes what {named} runs.")


def _fewer(key: str, was: Any, now: Any, deleted: bool) -> bool:
    """Whether a change of a setting can leave tests out; None stands for the setting's not being there."""
    if key in _OPEN and now is None and not deleted:
        return False
    if key == "testpaths":
        return was is None or not set(_listed(was)) <= set(_listed(now))
    if key == "norecursedirs":
        return not set(_listed(now)) <= set(_listed(was))
    return key != "xfail_strict" or str(was).lower() in ("true", "1", "yes", "on")


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else str(value or "").split()


def _narrower(work: Work, file: File) -> Iterator[Finding]:
    """New lines that leave tests out; the first of each file is told."""
    old, new = settings(file.old), settings(file.new)
    if old is None or new is None:
        yield Finding("draft", NAME, file.path, f"{shown(file.path, work)} cannot be read as settings of tests.")
        return
    before = {line.strip() for line in old.split("\n")}
    used = sum(_count(line) for line in before)
    if file.status != "A" and sum(_count(line) for line in {line.strip() for line in new.split("\n")}) <= used:
        return
    for number, line in enumerate(new.split("\n"), 1):
        if line.strip() not in before and not line.lstrip().startswith(("#", "//", ";")) and _count(line):
            where = shown(f"{file.path}:{number}", work)
            yield Finding("draft", NAME, file.path, f"{where} can leave tests out: {shown(line.strip(), work, 100)}.")
            return


def _count(line: str) -> int:
    return len(_NARROWS.findall(line[:2000])) if any(hint in line for hint in _HINTS) else 0


POLICY = Policy(
    NAME, "Settings that let fewer tests run, and changed test commands, are named; the pull request is a draft.", judge
)
