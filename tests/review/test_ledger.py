"""The life of findings from push to push."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.review.anchor import Placed, place
from bot.review.finding import Finding, Severity
from bot.review.ledger import Known, Reconciled, State, follow, reconcile, renewed, wanted
from bot.review.likeness import fingerprint
from tests.review.change import change, joined, lines_of, reader

BASE = {"a.py": joined(f"line_{n}()" for n in range(30)), "b.py": "one()\n"}
BUG = "    pay(order, twice)"


def pushed(*put: str, at: int = 10) -> dict[str, str]:
    lines = lines_of(BASE["a.py"])
    return {**BASE, "a.py": joined([*lines[:at], *put, *lines[at:]])}


def found(
    tree: dict[str, str],
    evidence: str = BUG,
    title: str = "The order is paid twice",
    *,
    path: str = "a.py",
    category: str = "bug",
    severity: Severity = "major",
    renamed: dict[str, str] | None = None,
) -> Placed:
    remark = Finding(path, 1, 1, severity, 0.9, category, title, evidence=evidence, agents=("correctness",))
    there = place(remark, change(BASE, tree, renamed), reader(tree), reader(BASE))
    assert isinstance(there, Placed), there
    return there


def followed(
    known: Known,
    tree: dict[str, str],
    *,
    before: dict[str, str] | None = None,
    renamed: dict[str, str] | None = None,
    base: dict[str, str] | None = None,
) -> Known:
    was = base or BASE
    files = change(was, tree, renamed)
    return follow([known], files, reader(tree), reader(was), reader(before) if before else None)[0]


def entered(name: str, placed: Placed) -> Known:
    """A finding that is said for the first time, under the name it has from now on."""
    finding = replace(placed.finding, id=name)
    mark = fingerprint(finding, finding.evidence.split("\n"))
    return Known(name, "open", finding, mark, inline=placed.inline is not None)


FIRST = pushed(BUG)
KNOWN = entered("1", found(FIRST))


def news(known: Sequence[Known], *new: Placed) -> tuple[list[str], list[str], list[str], list[str]]:
    """The titles that are said, and the names of those said again, reopened, declined."""
    result = reconcile(known, new)
    return (
        [one.finding.title for one in result.say],
        [one.id for one, _ in result.again],
        [one.id for one, _ in result.reopened],
        [one.reason for one in result.dropped],
    )


def test_what_is_said_for_the_first_time_is_open() -> None:
    assert news([], found(FIRST)) == (["The order is paid twice"], [], [], [])


def test_a_finding_moves_with_its_lines() -> None:
    lower = pushed("import x", BUG.replace("    ", "\t"), at=10)
    now = followed(KNOWN, lower)
    assert (now.state, now.finding.start, now.fingerprint) == ("open", 12, KNOWN.fingerprint)
    assert news([now], found(lower)) == ([], ["1"], [], [])


def test_it_is_known_again_in_other_words() -> None:
    words = ["Charges are doubled", "`pay` runs once too often", "Wrong argument"]
    for title in words:
        assert news([KNOWN], found(FIRST, title=title, category="logic")) == ([], ["1"], [], [])
    other = found(FIRST, title="SQL injection", category="security")
    assert news([KNOWN], other) == (["SQL injection"], [], [], [])


def test_a_rebase_changes_nothing() -> None:
    base = {**BASE, "a.py": "new_base()\n" * 4 + BASE["a.py"]}
    tree = {**base, "a.py": "new_base()\n" * 4 + FIRST["a.py"]}
    now = followed(KNOWN, tree, base=base)
    assert (now.state, now.finding.start) == ("open", 15)


def test_it_goes_with_a_renamed_file() -> None:
    tree = {"new.py": FIRST["a.py"], "b.py": BASE["b.py"]}
    now = followed(KNOWN, tree, renamed={"new.py": "a.py"})
    assert (now.state, now.finding.path, now.finding.start) == ("open", "new.py", 11)
    assert news([now], found(tree, path="new.py", renamed={"new.py": "a.py"})) == ([], ["1"], [], [])


def test_it_goes_with_a_new_file_that_gets_another_name() -> None:
    one = entered("1", found({**BASE, "n.py": f"x()\n{BUG}\n"}, path="n.py"))
    now = followed(one, {**BASE, "m.py": f"x()\ny()\n{BUG}\n"})
    assert (now.state, now.finding.path, now.finding.start) == ("open", "m.py", 3)


def test_lines_that_changed_are_mended_until_somebody_finds_it_again() -> None:
    tree = pushed("    pay(order, once)")
    now = followed(KNOWN, tree)
    assert (now.state, now.changed) == ("fixed", True)
    assert news([now], found(tree, "    pay(order, once)", "The order is still paid twice")) == ([], [], ["1"], [])
    assert news([now], found(tree, "    pay(order, once)", "Dead code")) == (["Dead code"], [], [], [])
    still = renewed(now, found(tree, "    pay(order, once)"))
    assert (still.id, still.state, still.finding.evidence) == ("1", "open", "    pay(order, once)")
    assert still.finding.title == KNOWN.finding.title


def test_what_was_mended_before_and_comes_back_is_new() -> None:
    mended = followed(KNOWN, pushed("    pay(order, once)"))
    later = followed(mended, FIRST)
    assert (later.state, later.changed) == ("fixed", False)
    assert news([later], found(FIRST)) == (["The order is paid twice"], [], [], [])


def test_a_file_that_leaves_the_change_takes_its_findings_along_until_it_is_back() -> None:
    gone = followed(KNOWN, BASE)
    assert (gone.state, gone.changed) == ("outdated", False)
    assert news([gone], found(FIRST)) == ([], [], ["1"], [])


def test_what_is_declined_is_not_said_again_while_its_lines_stay() -> None:
    declined = replace(KNOWN, state="declined", why="declined by `ann`")
    lower = pushed("x()", BUG)
    now = followed(declined, lower)
    assert (now.state, now.finding.start) == ("declined", 12)
    assert news([now], found(lower, title="Twice the money is taken")) == ([], [], [], ["declined by `ann`"])
    changed = pushed("    pay(order, Twice)")
    forgotten = followed(now, changed)
    assert forgotten.state == "outdated"
    assert news([forgotten], found(changed, "    pay(order, Twice)")) == (["The order is paid twice"], [], [], [])


def test_a_declined_one_stays_so_when_its_file_leaves_the_change() -> None:
    tree = {**BASE, "b.py": "one()\nopen(x)\n"}
    declined = replace(entered("2", found(tree, "open(x)", "It leaks", path="b.py")), state="declined")
    assert followed(declined, tree, base=tree).state == "declined"


def test_of_equal_lines_the_one_with_the_same_neighbours_is_meant() -> None:
    first = pushed("if a:", BUG, "elif b:", BUG, "end()")
    second = replace(KNOWN, finding=replace(KNOWN.finding, start=14, end=14))
    moved = pushed("x()", "if a:", BUG, "elif b:", BUG, "end()")
    assert followed(second, moved, before=first).finding.start == 15
    one_mended = pushed("if a:", "    pay(order)", "elif b:", BUG, "end()")
    assert (
        followed(replace(second, finding=replace(second.finding, start=12)), one_mended, before=first).state == "fixed"
    )
    assert followed(second, one_mended, before=first).state == "open"


def test_lines_that_were_taken_away_are_followed_on_the_old_side() -> None:
    tree = {**BASE, "a.py": BASE["a.py"].replace("line_7()\n", "")}
    remark = Finding("a.py", 8, 8, "major", 0.9, "bug", "line_7() was needed", evidence="line_7()", side="old")
    there = place(remark, change(BASE, tree), reader(tree), reader(BASE))
    assert isinstance(there, Placed)
    known = entered("1", there)
    assert followed(known, {**tree, "b.py": "two()\n"}).state == "open"
    assert followed(known, {**BASE, "a.py": BASE["a.py"] + "end()\n"}).state == "fixed"


def test_two_findings_of_one_line_are_told_apart_by_their_words() -> None:
    leak = entered("2", found(FIRST, title="The connection is never closed"))
    both = [replace(KNOWN, state="declined", why="declined"), leak]
    assert news(both, found(FIRST, title="The connection stays open, never closed")) == ([], ["2"], [], [])
    assert news(both, found(FIRST, title="The order is paid twice")) == ([], [], [], ["declined"])


def test_the_same_mistake_in_the_line_below_is_another_finding() -> None:
    tree = pushed("bug(1)", "bug(2)")
    one = entered("1", found(tree, "bug(1)", "bug(1) crashes"))
    assert news([one], found(tree, "bug(2)", "bug(2) crashes")) == (["bug(2) crashes"], [], [], [])


# ---- any course of pushes --------------------------------------------------------------------------------------------

TITLES = ["bug({n}) crashes", "`bug({n})` is called with the wrong order", "Broken call", "The result is lost"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 30)),
        st.tuples(st.just("plant"), st.integers(1, 25)),
        st.tuples(st.just("mend"), st.integers(0, 5)),
        st.tuples(st.just("decline"), st.integers(0, 5)),
        st.tuples(st.just("rename"), st.integers(0, 5)),
        st.tuples(st.just("rebase"), st.integers(0, 5)),
    ),
    min_size=4,
    max_size=14,
)


class Pull:
    """A pull request of one file with bugs, each a line of its own, and agents that report them in any words."""

    def __init__(self) -> None:
        self.base = [f"line_{n}()" for n in range(25)]
        self.lines = list(self.base)
        self.path, self.next = "f0.py", 0
        self.known: list[Known] = []
        self.before: dict[str, str] | None = None
        self.said: dict[str, str] = {}  # the line of each finding that was said, by its name

    @property
    def bugs(self) -> list[str]:
        return [line for line in self.lines if line.startswith("bug(")]

    def do(self, step: str, number: int) -> None:
        bugs = self.bugs
        if step == "insert":
            self.lines.insert(min(number, len(self.lines)), f"new_{number}({len(self.lines)})")
        elif step == "plant":
            self.next += 1
            self.lines.insert(min(number, len(self.lines)), f"bug({self.next})")
        elif step == "mend" and bugs:
            self.lines[self.lines.index(bugs[number % len(bugs)])] = f"mended({number}, {len(self.lines)})"
        elif step == "rename":
            self.path = f"f{number}.py"
        elif step == "rebase":
            self.base.insert(0, f"base_{number}_{len(self.base)}()")
            self.lines.insert(0, self.base[0])
        elif step == "decline" and self.known:
            chosen = self.known[number % len(self.known)]
            if chosen.state == "open":
                self.known = [replace(one, state="declined") if one is chosen else one for one in self.known]

    def push(self, data: st.DataObject) -> Reconciled:
        base, tree = {"f0.py": joined(self.base)}, {self.path: joined(self.lines)}
        files = change(base, tree, {self.path: "f0.py"} if self.path != "f0.py" else None)
        before = reader(self.before) if self.before else None
        head, old = wanted(self.known, files)
        self.known = follow(self.known, files, reader(tree, head), reader(base, old), before)
        self.before = tree
        new = []
        for bug in data.draw(st.lists(st.sampled_from(self.bugs), unique=True)) if self.bugs else []:
            title = data.draw(st.sampled_from(TITLES)).format(n=bug[4:-1])
            remark = Finding(self.path, 1, 1, "major", 0.9, "bug", title, evidence=bug, agents=("one",))
            there = place(remark, files, reader(tree), reader(base))
            assert isinstance(there, Placed), there
            new.append(there)
        return reconcile(self.known, new)

    def say(self, result: Reconciled) -> None:
        for placed in result.say:
            name = str(len(self.said) + 1)
            self.said[name] = placed.finding.evidence
            self.known.append(entered(name, placed))
        for known, placed in result.reopened:  # the line beside, told in the same words, may be what became of it
            self.said[known.id] = placed.finding.evidence
            self.known = [renewed(one, placed) if one.id == known.id else one for one in self.known]


@given(STEPS, st.data())
@settings(max_examples=40, deadline=None)
def test_nothing_is_said_twice_and_what_is_declined_stays_so(steps: list[tuple[str, int]], data: st.DataObject) -> None:
    pull = Pull()
    for step in steps:
        pull.do(*step)
        result = pull.push(data)
        standing = {one.finding.evidence: one for one in pull.known if one.state in ("open", "declined")}
        assert not [one for one in result.say if one.finding.evidence in standing]
        for known, placed in result.again:
            assert known.finding.evidence == placed.finding.evidence
        for one in result.dropped:
            assert standing[one.finding.evidence].state == "declined"
        pull.say(result)
        for known in pull.known:
            if known.state in ("open", "declined"):  # it still stands where the ledger says
                assert known.finding.path == pull.path
                assert pull.lines[known.finding.start - 1] == pull.said[known.id] == known.finding.evidence
            elif known.state == "fixed" and known.changed:
                assert pull.said[known.id] not in pull.lines


@pytest.mark.parametrize("state", ["open", "declined"])
def test_following_twice_changes_nothing(state: State) -> None:
    once = followed(replace(KNOWN, state=state), pushed("x()", BUG))
    assert followed(once, pushed("x()", BUG)) == once
