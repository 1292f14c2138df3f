"""Settings that let fewer tests run, and commands that run them."""

import re
from collections.abc import Iterator
from typing import Any

from bot.policy.cases import is_test_file
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
    --co --collect-only --collectonly --setup-only --setup-plan --listTests --list-tests --stepwise --last-failed
    os._exit sys.exit pytest.exit process.exit
    maven.test.skip maven.test.failure.ignore ignoreFailures excludeTestsMatching ignore_outcome ignore_errors
    """
)
_NARROWS = re.compile(
    rf"(?<![\w-])(?:{'|'.join(re.escape(word) for word in _WORDS)})(?![\w-])|(?:^|[\s\"'=])-k[\s\"'=]"
    r"|(?:^|[\s\"'=])-m[\s\"',=]{1,4}not\b|<exclude(?:s|Group)?\b|\|\|\s{0,3}(?:true|exit 0)\b"
)
_HINTS = (*_WORDS, "-k", "-m", "<exclude", "||")
_HOOK = re.compile(
    r"^[ \t]*(?:async[ \t]+)?def[ \t]+(?P<name>pytest_(?:runtest_setup|runtest_teardown|configure|sessionstart|"
    r"sessionfinish|unconfigure|collect\w{0,40}|itemcollected|make_collect_report|pycollect_\w{0,40}|report_teststatus|"
    r"cmdline_\w{0,40}|load_initial_conftests|generate_tests|fixture_\w{0,40}))\b"
    r"(?P<body>.{0,500}\n(?:(?:[ \t)\]].{0,500})?\n){0,200}+)",
    re.MULTILINE,
)
_QUITS = re.compile(
    r"\bskip\w{0,20}\b|\bxfail\b|\b_?exit\b|\bexitstatus[ \t]{0,3}=(?!=)|\bSystemExit\b"
    r"|\bitems\b[ \t]{0,3}(?:\[:\]|=(?!=)|\.(?:clear|pop|remove))|\boutcome\b"
    r"|\bget_result\b|\bforce_result\b|\btestsfailed\b|\breturn[ \t]+\[\]"
)
_OPEN = frozenset({"testpaths", "norecursedirs"})  # without them more is looked at, not less
_FIRST = ("conftest.py", "pytest.ini", "pytest.toml")
"""New ones count, too: they come before what other files say."""


def judge(work: Work) -> Iterator[Finding]:
    tested = any(map(is_test_file, work.paths.difference(file.path for file in work.files)))
    for file in work.files:
        name = file.path.lower().rpartition("/")[2]
        if is_settings(name) and (tested or file.status != "A" or name.endswith(_FIRST)):
            yield from _narrower(work, file)
            yield from _changed(work, file, name)
        yield from _hooked(work, file)


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


def _hooked(work: Work, file: File) -> Iterator[Finding]:
    """Hooks of pytest that skip, end or forget, and did not before."""
    if not file.path.lower().endswith(".py") or "pytest_" not in (new := settings(file.new) or ""):
        return
    before = {(hit["name"], hit["body"]) for hit in _HOOK.finditer(f"{settings(file.old)}\n")}
    for hit in _HOOK.finditer(f"{new}\n"):
        if (hit["name"], hit["body"]) not in before and _QUITS.search(hit["body"]):
            said = f"{shown(hit['name'], work)} in {shown(file.path, work)}"
            yield Finding("draft", NAME, file.path, f"{said} can keep tests from running or from counting.")


def _count(line: str) -> int:
    return len(_NARROWS.findall(line[:2000])) if any(hint in line for hint in _HINTS) else 0


POLICY = Policy(
    NAME, "Settings that let fewer tests run, and changed test commands, are named; the pull request is a draft.", judge
)
