"""Tests that were there before still are, still run, and demand what they did; whatever else needs a human's word."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from bot.policy.assertions import assertions, empty, looser, returns, swallows
from bot.policy.cases import LANGUAGES, MOST, Case, bare, cases, ending, is_test_file, named_a_test
from bot.policy.content import TEXT_LIMIT, text
from bot.policy.finding import Finding, Policy
from bot.policy.refactored import explained, gained, helpers, likeness
from bot.policy.rows import Table, never_built, tables, uncollected
from bot.policy.skips import Mark, marks
from bot.policy.words import joined, plural, shown
from bot.policy.work import File, Work

NAME = "test integrity"
_MOST_BYTES, _MOST_COMPARED, _MOST_NAMED, _MOST_MARKS = 8 * 2**20, 30, 5, 20


@dataclass(frozen=True)
class _Side:
    """The tests of a file before or after the change."""

    cases: tuple[Case, ...] = ()
    marks: tuple[Mark, ...] = ()
    tables: dict[str, Table] = field(default_factory=dict)
    program: str = ""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


@dataclass(frozen=True)
class _Study:
    file: File
    old: _Side
    new: _Side


def judge(work: Work) -> Iterator[Finding]:
    tests = [file for file in work.files if is_test_file(file.path)]
    if sum(len(file.old or b"") + len(file.new or b"") for file in tests) > _MOST_BYTES:
        yield Finding("draft", NAME, "", "It changes more tests than can be compared with what they were.")
        return
    yield from _uncounted(work)
    studies = [_Study(file, _side(file.path, file.old), _side(file.path, file.new)) for file in tests]
    gone, pairs = _compared(studies)
    for study in studies:
        if max(len(study.old.cases), len(study.new.cases)) >= MOST:
            yield _too_large(work, study.file)
        yield from _removed(work, study.file, study.old, gone.get(study.file.path, []))
    yield from _skipped(work, studies)
    yield from _left_out(work, studies)
    now = (case for study in studies for case in study.new.cases)
    moved = gained(((old, new) for _, old, new in pairs), now)
    made = {name: n for study in studies for name, n in helpers(study.old.program, study.new.program).items()}
    for study, old, new in pairs:
        yield from _weaker(work, study.file, old, new, moved, made)


def _uncounted(work: Work) -> Iterator[Finding]:
    """Files that are tests by their names alone, or too large to be read."""
    for file in work.files:
        known = ending(file.path) in LANGUAGES
        if file.status == "D" and named_a_test(file.path) and not known and _is_program(file.path):
            yield Finding("draft", NAME, file.path, f"It deletes the test {shown(file.path, work)}.")
        elif file.status == "M" and is_test_file(file.path) and max(file.size, len(file.old or b"")) > TEXT_LIMIT:
            yield _too_large(work, file)


def _too_large(work: Work, file: File) -> Finding:
    return Finding("draft", NAME, file.path, f"{shown(file.path, work)} is too large to be compared with what it was.")


def _is_program(path: str) -> bool:
    return ending(path) in {"sh", "bash", "bats", "ps1", "pl", "t", "lua", "feature", "robot", "r", "jl", "clj", "erl"}


def _side(path: str, data: bytes | None) -> _Side:
    words = text(data)
    if not words:
        return _Side()
    language = LANGUAGES[ending(path)]
    program = bare(words, language)
    found = cases(program, language)
    return _Side(found, tuple(marks(path, program, found)), tables(program), program)


# ---- what became of each test ----------------------------------------------------------------------------------------


def _compared(studies: list[_Study]) -> tuple[dict[str, list[Case]], list[tuple[_Study, Case, Case]]]:
    """The tests that are gone, by the file they were in, and what is left as it was before and is now.

    A test of the same name elsewhere is the same test, moved; one with another name and much the same lines is it, too.
    """
    pairs, lost = list[tuple[_Study, Case, Case]](), list[tuple[_Study, Case]]()
    spare = dict[str, list[Case]]()
    others = any(study.old.cases and not named_a_test(study.file.path) for study in studies)
    for study in studies:
        mine = dict[str, list[Case]]()
        for case in study.new.cases:
            mine.setdefault(case.name, []).append(case)
        for case in study.old.cases:
            same = mine.get(case.name)
            if same:
                pairs.append((study, case, same.pop(0)))
            else:
                lost.append((study, case))
        for case in (case for same in mine.values() for case in same if others or _looked_for(study.file)):
            spare.setdefault(case.name, []).append(case)
    gone = dict[str, list[Case]]()
    for study, case in _without_moved(lost, spare, pairs):
        gone.setdefault(study.file.path, []).append(case)
    return gone, pairs


def _looked_for(file: File) -> bool:
    """Whether pytest looks into a file by its name, if it does not look into others."""
    return ending(file.path) != "py" or named_a_test(file.path) or file.status != "A"


def _without_moved(
    lost: list[tuple[_Study, Case]], spare: dict[str, list[Case]], pairs: list[tuple[_Study, Case, Case]]
) -> Iterator[tuple[_Study, Case]]:
    """What is lost indeed; the others are added to the pairs."""
    unnamed = list[tuple[_Study, Case]]()
    for study, case in lost:
        if same := spare.get(case.name):
            pairs.append((study, case, same.pop(0)))
        else:
            unnamed.append((study, case))
    left = [case for same in spare.values() for case in same]
    exact = {case.lines[1:]: case for case in left if case.lines[1:]}
    uses = Counter[int]()
    for study, case in unnamed:
        twin = exact.pop(case.lines[1:], None) or _alike(case, study.new, left)
        if twin is None:
            yield study, case
        else:
            pairs.append((study, case, twin))
            uses[id(twin)] += 1
            table = study.new.tables.get(twin.name)
            if table and uses[id(twin)] < table.rows:
                continue  # one test for each row
            left = [one for one in left if one is not twin] if len(left) <= _MOST_COMPARED else left


def _alike(case: Case, here: _Side, left: list[Case]) -> Case | None:
    """A new test in the same file that shares at least half of the lines, or two thirds of the words."""
    lines = Counter(case.lines[1:])
    if not lines or len(left) > 10 * _MOST_COMPARED:
        return None
    spare = {id(one) for one in left}
    for other in islice((one for one in here.cases if id(one) in spare), _MOST_COMPARED):
        if 2 * (lines & Counter(other.lines[1:])).total() >= lines.total():
            return other
        table = here.tables.get(other.name, Table(0, ""))
        if 3 * likeness(" ".join(case.lines[1:]), f"{' '.join(other.lines[1:])} {table.words}") >= 2:
            return other
    return None


def _removed(work: Work, file: File, old: _Side, gone: list[Case]) -> Iterator[Finding]:
    path = shown(file.path, work)
    if file.status == "D" and gone:
        sentence = f"It deletes {path} with {plural(len(gone), 'test')}: {_named(gone, work)}."
        yield Finding("draft", NAME, file.path, sentence)
    elif file.status == "D" and not old.cases and named_a_test(file.path):
        yield Finding("draft", NAME, file.path, f"It deletes the test file {path}.")
    elif gone:
        yield Finding("draft", NAME, file.path, f"{path} no longer has {_named(gone, work)}.")


def _named(found: list[Case], work: Work) -> str:
    names = [shown(case.name, work) for case in found[:_MOST_NAMED]]
    more = len(found) - len(names)
    return joined([*names, f"{more:,} more"] if more > 0 else names)


# ---- skipped ---------------------------------------------------------------------------------------------------------


def _skipped(work: Work, studies: list[_Study]) -> Iterator[Finding]:
    """Marks on tests that were there before without one; in a file of new tests only those that silence others."""
    before = {case.name for study in studies for case in study.old.cases}
    marked = {mark.test for study in studies for mark in study.old.marks if mark.test}
    for study in studies:
        yield from islice(_silenced(work, study, before, marked), _MOST_MARKS)


def _silenced(work: Work, study: _Study, before: set[str], marked: set[str]) -> Iterator[Finding]:
    spared = Counter(mark.only for mark in study.old.marks if not mark.test)
    for mark in study.new.marks:
        if not mark.test and spared[mark.only] > 0:
            spared[mark.only] -= 1
            continue
        if mark.only:
            says = "lets only some of the tests run"
        elif not mark.test and study.old.cases:
            says = "keeps tests from running"
        elif mark.test in before and mark.test not in marked:
            says = f"keeps the test {shown(mark.test, work)} from running or from counting"
        else:
            continue
        where = shown(f"{study.file.path}:{mark.line}", work)
        yield Finding("draft", NAME, study.file.path, f"{where} {says}.")


def _left_out(work: Work, studies: list[_Study]) -> Iterator[Finding]:
    """Files and classes that nothing looks for any more, and tables that are shorter, over all files together."""
    shorter = sum(study.new.rows - study.old.rows for study in studies) < 0
    for study in studies:
        path = shown(study.file.path, work)
        if study.file.status != "M" or not study.old.cases:
            continue
        if line := never_built(study.file.old, study.file.new):
            yield Finding(
                "draft", NAME, study.file.path, f"{path} has {shown(line, work)}, so that it may not be built."
            )
        if ending(study.file.path) == "py" and (name := uncollected(study.old.program, study.new.program)):
            yield Finding(
                "draft", NAME, study.file.path, f"{path} has the tests of {shown(name, work)} under another name."
            )
        if shorter and study.new.rows < study.old.rows and study.new.cases:
            rows = plural(study.new.rows, "row")
            yield Finding(
                "draft", NAME, study.file.path, f"The tables of {path} have {rows} where they had {study.old.rows:,}."
            )


# ---- loosened --------------------------------------------------------------------------------------------------------


def _weaker(
    work: Work, file: File, old: Case, new: Case, moved: Counter[str], made: dict[str, int]
) -> Iterator[Finding]:
    if old.lines[1:] == new.lines[1:] and old.lines[0] == new.lines[0]:
        return
    before, after = assertions(old.lines), assertions(new.lines)
    left = [*(Counter(before) - Counter(after))][:_MOST_COMPARED]
    added = [*(Counter(after) - Counter(before))][:_MOST_COMPARED]
    says = f"The test {shown(new.name, work)} ({shown(file.path, work)})"
    void = next((one for one in added if empty(one)), None)
    loose = next(((was, now) for now in added for was in left if looser(was, now)), None)
    if swallows(new.lines) > swallows(old.lines):
        yield Finding("draft", NAME, file.path, f"{says} forgets that an assertion failed.")
    elif returns(new.lines) > returns(old.lines):
        yield Finding("draft", NAME, file.path, f"{says} can end before its first assertion.")
    elif void is not None:
        yield Finding("draft", NAME, file.path, f"{says} says {shown(void, work)}, which never fails.")
    elif loose is not None:
        was, now = loose
        sentence = f"{says} demands less: {shown(now, work)} where it was {shown(was, work)}."
        yield Finding("draft", NAME, file.path, sentence)
    elif len(after) < len(before) and len(before) > len(after) + explained(left, added, new, moved, made):
        now = plural(len(after), "assertion") if after else "no assertion"
        sentence = f"{says} has {now} where it had {len(before):,}."
        yield Finding("draft", NAME, file.path, sentence)


POLICY = Policy(
    NAME,
    "Tests that are deleted, skipped or loosened are named; the pull request is a draft until a human looked.",
    judge,
)
