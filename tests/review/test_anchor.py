"""Where findings are said, whatever lines their agents name."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.review.anchor import LONGEST, LONGEST_SUGGESTED, Dropped, Inline, Placed, place, wanted
from bot.review.finding import SEVERITIES, Finding, Severity, Side
from tests.review.change import WORDS, change, edits, joined, lines_of, reader

BEFORE = {
    "shop/cart.py": joined(
        [
            "import sqlite3",
            "",
            "class Cart:",
            "    def __init__(self, db):",
            "        self.db = db",
            "        self.lines = []",
            "",
            "    def add(self, sku, amount):",
            "        self.lines.append((sku, amount))",
            "",
            "    def remove(self, sku):",
            "        if sku not in self.known():",
            "            raise KeyError(sku)",
            "        self.lines = [line for line in self.lines if line[0] != sku]",
            "",
            "    def total(self):",
            "        return sum(price(sku) * amount for sku, amount in self.lines)",
        ]
    ),
    "shop/report.py": "def show(cart):\n    print(cart.total() / 100)\n    print('done')\n",
    "old/name.py": joined(f"line_{n} = {n}" for n in range(1, 20)),
    "gone.py": "def gone():\n    return 1\n",
}
CART = lines_of(BEFORE["shop/cart.py"])
AFTER = {
    "shop/cart.py": joined(
        [
            *CART[:11],
            CART[13],
            *CART[14:],
            "",
            "    def discounted(self, code):",
            "        row = self.db.execute(f\"SELECT percent FROM codes WHERE code = '{code}'\").fetchone()",
            "        if row is None:",
            "            return self.total()",
            "        return self.total() * (100 - row[0]) / 100",
        ]
    ),
    "shop/report.py": BEFORE["shop/report.py"],
    "new/name.py": BEFORE["old/name.py"].replace("line_10 = 10", "line_10 = ten()"),
    "added.txt": joined(f"entry {n}" for n in range(1, 61)),
}
FILES = change(BEFORE, AFTER, {"new/name.py": "old/name.py"})
QUERY = "        row = self.db.execute(f\"SELECT percent FROM codes WHERE code = '{code}'\").fetchone()"


def finding(
    start: int,
    end: int | None = None,
    evidence: str = "",
    *,
    path: str = "shop/cart.py",
    side: Side = "new",
    title: str = "SQL injection through the code",
    body: str = "",
    severity: Severity = "major",
    suggestion: str | None = None,
) -> Finding:
    last = start if end is None else end
    return Finding(path, start, last, severity, 0.9, "security", title, body, evidence, suggestion, side, ("security",))


def placed(one: Finding) -> Placed:
    found = place(one, FILES, reader(AFTER), reader(BEFORE))
    assert isinstance(found, Placed), found
    return found


def dropped(one: Finding) -> tuple[str, str]:
    found = place(one, FILES, reader(AFTER), reader(BEFORE))
    assert isinstance(found, Dropped), found
    assert found.given == (one,)
    return found.kind, found.reason


def test_a_finding_at_its_lines_stays_there() -> None:
    found = placed(finding(18, 18, QUERY))
    assert found.inline == Inline("shop/cart.py", "RIGHT", 18)
    assert (found.finding.evidence, found.exact) == (QUERY, True)
    assert placed(finding(17, 21, QUERY)).inline == Inline("shop/cart.py", "RIGHT", 21, 17)


@pytest.mark.parametrize("line", [1, 17, 19, 22, 300])
def test_what_is_quoted_is_found_where_it_stands(line: int) -> None:
    found = placed(finding(line, evidence=QUERY))
    assert found.inline == Inline("shop/cart.py", "RIGHT", 18)
    assert (found.finding.start, found.finding.end, found.exact) == (18, 18, True)


@pytest.mark.parametrize(
    "quoted",
    [
        QUERY.strip(),
        QUERY.replace("        row", "\trow") + "\r\n",
        f"18 | {QUERY}",
        f"+ 18 | {QUERY}",
        f"+{QUERY}",
        f"```python\n{QUERY}\n```",
        f"{QUERY}\n...\n        return self.total() * (100 - row[0]) / 100",
        "f\"SELECT percent FROM codes WHERE code = '{code}'\"",
        f"-        raise KeyError(sku)\n+{QUERY}",
    ],
)
def test_a_quotation_is_known_however_it_is_dressed(quoted: str) -> None:
    assert placed(finding(3, evidence=quoted)).inline == Inline("shop/cart.py", "RIGHT", 18)


def test_several_lines_are_found_with_blank_ones_left_out_and_pieces_at_both_ends() -> None:
    quoted = "for sku, amount in self.lines)\n    def discounted(self"
    found = placed(finding(2, evidence=quoted))
    assert found.inline == Inline("shop/cart.py", "RIGHT", 17, 15)
    assert not found.exact


def test_of_several_places_the_one_in_the_change_is_meant() -> None:
    before = ["close()", *(f"step({n})" for n in range(20)), "close()", *(f"walk({n})" for n in range(20)), "close()"]
    after = [*before[:21], "begin()", *before[21:]]
    files = change({"a": joined(before)}, {"a": joined(after)})
    for line in (5, 40):
        remark = finding(line, evidence="close()", path="a", title="close() comes before begin()")
        found = place(remark, files, lambda path: after, lambda path: before)
        assert isinstance(found, Placed)
        assert found.inline == Inline("a", "RIGHT", 23)


def test_a_quotation_that_stands_nowhere_is_made_up() -> None:
    assert dropped(finding(18, evidence="cursor.execute('DROP TABLE codes')")) == (
        "hallucinated",
        "quotes code that is not there",
    )
    assert dropped(finding(2, evidence="os.system(cmd)", path="shop/report.py"))[0] == "hallucinated"


def test_without_a_quotation_the_lines_have_to_exist() -> None:
    assert placed(finding(18, 18)).inline == Inline("shop/cart.py", "RIGHT", 18)
    assert placed(finding(21, 400)).inline == Inline("shop/cart.py", "RIGHT", 21)
    assert dropped(finding(22)) == ("hallucinated", "names lines that are not there")


def test_a_file_has_to_exist() -> None:
    assert dropped(finding(1, path="shop/basket.py")) == ("hallucinated", "names a file that is not there")


@pytest.mark.parametrize(
    "path", ["./shop/cart.py", "/shop/cart.py", "b/shop/cart.py", "shop\\cart.py", "cart.py", "`cart.py`"]
)
def test_a_file_is_known_by_the_names_that_agents_give_it(path: str) -> None:
    assert placed(finding(18, evidence=QUERY, path=path)).finding.path == "shop/cart.py"


def test_a_renamed_file_has_its_new_name() -> None:
    found = placed(finding(10, evidence="line_10 = ten()", path="old/name.py"))
    assert found.inline == Inline("new/name.py", "RIGHT", 10)
    assert dropped(finding(1, evidence="line_1 = 1", path="old/name.py")) == ("pre-existing", "was there before")


def test_what_was_there_before_is_not_said() -> None:
    assert dropped(finding(5, evidence="        self.db = db")) == ("pre-existing", "was there before")


def test_lines_beside_a_change_are_said_where_it_is_about_the_change() -> None:
    about = finding(11, evidence="    def remove(self, sku):", title="An unknown sku raises no KeyError any more")
    assert placed(about).inline == Inline("shop/cart.py", "RIGHT", 11)
    besides = finding(9, evidence=CART[8], title="Negative quantities get in")
    assert dropped(besides) == ("pre-existing", "was there before")


def test_a_line_that_was_taken_away_takes_a_comment_on_the_left() -> None:
    gone = finding(13, evidence="            raise KeyError(sku)", side="old", title="Unknown sku is accepted")
    assert placed(gone).inline == Inline("shop/cart.py", "LEFT", 13)
    unmarked = replace(gone, side="new", title="The check of the sku was removed")
    assert placed(unmarked).inline == Inline("shop/cart.py", "LEFT", 13)
    complaint = replace(gone, side="new", title="KeyError is the wrong exception")
    assert dropped(complaint) == ("hallucinated", "quotes code that this change takes away")


def test_a_line_of_the_old_side_that_is_still_there_is_said_on_the_new_one() -> None:
    kept = finding(14, evidence=CART[13], side="old", title="Without the KeyError this does nothing silently")
    assert placed(kept).inline == Inline("shop/cart.py", "RIGHT", 12)


def test_a_file_that_was_deleted_has_only_an_old_side() -> None:
    found = placed(finding(1, 2, "def gone():\n    return 1", path="gone.py", title="gone() is still called"))
    assert found.inline == Inline("gone.py", "LEFT", 2, 1)


def test_a_file_outside_the_change_is_spoken_of_only_where_the_change_breaks_it() -> None:
    uses = finding(
        2, evidence="    print(cart.discounted())", path="shop/use.py", title="discounted() needs a code now"
    )
    tree = {**AFTER, "shop/use.py": "def show(cart):\n    print(cart.discounted())\n"}
    found = place(uses, FILES, reader(tree), reader(BEFORE))
    assert isinstance(found, Placed)
    assert (found.inline, found.finding.start) == (None, 2)
    assert dropped(finding(2, evidence="    print(cart.total() / 100)", path="shop/report.py", title="Rounding")) == (
        "elsewhere",
        "is not about this change",
    )
    minor = place(replace(uses, severity="minor"), FILES, reader(tree), reader(BEFORE))
    assert isinstance(minor, Dropped)


def test_a_long_range_is_cut_to_what_a_reader_can_take_in() -> None:
    found = placed(finding(1, 60, path="added.txt"))
    assert found.inline == Inline("added.txt", "RIGHT", LONGEST, 1)
    assert not found.exact
    fixed = placed(finding(5, 34, path="added.txt", suggestion="x"))
    assert fixed.inline == Inline("added.txt", "RIGHT", 34, 5)
    assert fixed.exact


def test_a_range_over_two_hunks_is_said_in_the_first_that_has_a_change_in_it() -> None:
    before = [f"step({n})" for n in range(1, 41)]
    after = [*before[:4], "first()", *before[4:14], "second()", *before[14:]]
    files = change({"a": joined(before)}, {"a": joined(after)})
    assert len(files["a"].hunks) == 2
    for lines, expected in (((4, 20), (4, 8)), ((6, 20), (13, 19)), ((1, 3), (2, 3))):
        remark = finding(*lines, path="a", title="first() and second() are in the wrong order")
        found = place(remark, files, lambda path: after, lambda path: before)
        assert isinstance(found, Placed)
        assert found.inline == Inline("a", "RIGHT", expected[1], expected[0])
        assert not found.exact


def test_a_file_that_could_not_be_read_is_known_by_what_its_hunks_show() -> None:
    found = place(finding(1, evidence=QUERY), FILES, lambda path: [], lambda path: [])
    assert isinstance(found, Placed)
    assert found.inline == Inline("shop/cart.py", "RIGHT", 18)


FINDINGS = st.builds(
    Finding,
    path=st.sampled_from(["a", "b", "c", "./a", "nowhere"]),
    start=st.integers(1, 60),
    end=st.integers(0, 50),
    severity=st.sampled_from(SEVERITIES),
    confidence=st.just(0.9),
    category=st.just("bug"),
    title=st.sampled_from(["call(x) is wrong", "new() removes a", "the b"]),
    evidence=st.lists(st.sampled_from([*WORDS, "new()", "made up"]), max_size=4).map("\n".join),
    side=st.sampled_from(["new", "old"]),
    suggestion=st.sampled_from([None, "x"]),
).map(lambda one: replace(one, end=one.start + one.end))


@given(edits(), edits(), edits(), st.lists(FINDINGS, min_size=3, max_size=6))
@settings(max_examples=60, deadline=None)
def test_whatever_is_said_at_lines_is_taken(
    one: tuple[str, str], renamed: tuple[str, str], removed: tuple[str, str], findings: list[Finding]
) -> None:
    before = {"a": one[0], "was": renamed[0], "c": removed[0]}
    after = {"a": one[1], "b": renamed[1]}
    files = change(before, after, {"b": "was"})
    head, old = wanted(findings, files)
    for remark in findings:
        found = place(remark, files, reader(after, head), reader(before, old))
        assert found.given == (remark,)
        if isinstance(found, Placed) and found.inline is not None:
            there = found.inline
            first, side = there.start_line or there.line, "new" if there.side == "RIGHT" else "old"
            assert files[there.path].takes(first, there.line, found.finding.side)
            assert (found.finding.start, found.finding.end, found.finding.side) == (first, there.line, side)
            assert there.line - first < LONGEST_SUGGESTED
            lines = lines_of(after[there.path] if side == "new" else before[files[there.path].old_path])
            assert found.finding.evidence == "\n".join(lines[first - 1 : there.line])
