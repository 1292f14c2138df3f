"""Which findings are one, and what they are known by."""

from dataclasses import replace
from itertools import combinations

import pytest

from bot.review.finding import Finding, Severity
from bot.review.likeness import alike, family, fingerprint, words


def finding(
    title: str,
    body: str = "",
    *,
    at: tuple[int, int] = (10, 10),
    by: str = "",
    category: str = "correctness",
    evidence: str = "",
    severity: Severity = "major",
) -> Finding:
    agents = (by or category,)
    return Finding("a.py", *at, severity, 0.8, category, title, body, evidence, agents=agents)


def test_words_are_what_carries_meaning() -> None:
    assert words("The `maxRetryCount` is never reset") == {"max", "retry", "count", "reset"}
    assert words("HTTPServer.close_all()") == {"http", "server", "clos"}
    assert words("It is not.") == frozenset()


ONE = [  # (what one agent says, what another says of the same)
    (
        finding(
            "SQL injection through the name",
            "`name` goes into the statement. Bind it as a parameter.",
            category="security",
        ),
        finding("The query is built from user input with an f-string", "A quote in `name` breaks it.", at=(9, 11)),
    ),
    (
        finding("sendReceipt is not awaited, so the catch never sees its errors"),
        finding("Floating promise", "`sendReceipt` rejects later, outside of the try.", by="style", at=(11, 11)),
    ),
    (
        finding("The last page is lost when the total is a multiple of the size"),
        finding("Off by one in the page count", "For 40 items the last page is missing.", by="tests", at=(12, 13)),
    ),
    (
        finding("`row` may be None", "fetchone() gives None for an unknown id, so `row[0]` raises a TypeError."),
        finding("TypeError for an unknown id", "`fetchone()` returns None then.", by="tests", evidence="x = row[0]"),
    ),
    (
        finding("The body of the response is never closed", "Each call leaks a connection.", by="performance"),
        finding("Connection leak: response.Body is not closed on the error path", at=(13, 13)),
    ),
    (
        finding("One query per order", "`orders()` runs a SELECT for each of them.", by="performance"),
        finding("N+1 queries in the report", "Load all lines of the orders with one join.", at=(8, 10)),
    ),
    (
        finding("Timeout is given in milliseconds", evidence="time.sleep(DELAY)", by="performance"),
        finding("Worker waits 250 seconds", "DELAY is 250 and sleep takes seconds.", evidence="\ttime.sleep(DELAY)\n"),
    ),
    (
        finding("The map is written without holding the mutex"),
        finding("Data race on `counts`", "Two requests at once write the map.", by="security", at=(12, 12)),
    ),
    (
        finding("Strings are compared with == instead of equals", "`role` comes from JSON."),
        finding("Reference comparison of `role`", "Always false for a string that was parsed.", by="security"),
    ),
    (
        finding("A name longer than 31 bytes overflows the record", "`length` is up to 255.", category="security"),
        finding("label[length] can be outside of the array", "`length` is not bounded.", at=(12, 12)),
    ),
    (
        finding("A search that failed once fails for ever", "The rejected promise stays in the map."),
        finding("Failed searches are kept", "After one error the same search never works again.", by="performance"),
    ),
    (
        finding("All ports up to 5432 are opened", "from_port and to_port are a range.", evidence="from_port = 0"),
        finding("from_port 0 makes this a range", at=(11, 11), evidence="to_port = 5432", by="security"),
    ),
    (
        finding("The same thing is said in the very same words twice over"),
        finding("The same thing is said in the very same words twice over"),
    ),
]
FARTHER = [
    (
        finding("The response body is never closed", "`defer response.Body.Close()` is missing.", by="performance"),
        finding("Missing defer response.Body.Close() after Do", "Close the body after the check.", at=(16, 16)),
    ),
]
TWO = [  # two defects at one place
    (
        finding("SQL injection through the name", category="security", evidence="cur.execute(f'{name}')"),
        finding("The cursor is never closed", evidence="cur.execute(f'{name}')"),
    ),
    (
        finding("`user` may be None", "get() returns None for a stranger."),
        finding("`order` may be None", "find() returns None for an unknown number.", by="tests"),
    ),
    (
        finding("charge() is not awaited", evidence="charge()"),
        finding("notify() is not awaited", at=(11, 11), evidence="notify()"),
    ),
    (
        finding("Missing await", evidence="    charge(card)"),
        finding("Missing await", at=(11, 11), evidence="    notify(mail)", by="style"),
    ),
    (
        finding("SQL injection through the order's number", "The number of the order goes into the query."),
        finding("One query for each order", "The query runs for the number of every order.", by="performance"),
    ),
    (
        finding("The password is written to the log", category="security"),
        finding("The request is sent again without a limit on retries", by="performance"),
    ),
    (
        finding("Division by zero for an empty list"),
        finding("The average is rounded down", "Use `/` instead of `//`."),
    ),
    (
        finding("The file is read as a whole into memory", category="performance"),
        finding("Path traversal through the file name", category="security"),
    ),
    (
        finding("The cache is never invalidated", by="performance"),
        finding("The key leaves out the tenant", "Two tenants see the data of each other.", by="security"),
    ),
    (
        finding("SQL injection through the name", category="security"),
        finding("SQL injection through the name", category="security", at=(14, 14)),
    ),
]


@pytest.mark.parametrize(("one", "other"), [*ONE, *FARTHER])
def test_the_same_defect_in_other_words_is_one(one: Finding, other: Finding) -> None:
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(("one", "other"), TWO)
def test_two_defects_at_one_place_are_two(one: Finding, other: Finding) -> None:
    assert not alike(one, other)
    assert not alike(other, one)


def test_no_two_of_the_defects_above_are_one() -> None:
    """Every one of them told twice, all said of the same line."""
    told = [replace(one, start=10, end=10, evidence="") for pair in ONE for one in pair]
    mixed = [(a, b) for (i, a), (j, b) in combinations(enumerate(told), 2) if i // 2 != j // 2 and alike(a, b)]
    assert [(a.title, b.title) for a, b in mixed] == []


def test_findings_of_two_files_are_two() -> None:
    one = finding("The response is never closed")
    assert not alike(one, replace(one, path="b.py"))


def test_what_is_said_of_a_line_taken_away_is_what_is_said_of_the_one_in_its_place() -> None:
    one = finding("The owner of the report is no longer checked")
    other = finding("Removing this no longer checks the owner of the report", at=(40, 41), by="security")
    assert alike(replace(one, side="old"), other)
    assert not alike(replace(one, side="old"), finding("The owner is sent an e-mail twice"))


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("sql-injection", "security"),
        ("authorization", "security"),
        ("n-plus-one-queries", "performance"),
        ("missing-tests", "tests"),
        ("naming", "style"),
        ("bug", "correctness"),
        ("concurrency", "correctness"),
    ],
)
def test_categories_belong_to_families(category: str, expected: str) -> None:
    assert family(category) == expected


def test_a_fingerprint_stays_while_the_code_is_the_same() -> None:
    one = finding("SQL injection", category="security")
    mark = fingerprint(one, ["    cur.execute(f'{name}')", "", "    return  1"])
    assert len(mark) == 16
    moved = replace(one, path="new/name.py", start=70, end=72, title="In other words", category="injection")
    assert fingerprint(moved, ["\tcur.execute(f'{name}')\r", "\treturn 1"]) == mark
    assert fingerprint(one, ["    cur.execute('?', name)", "    return 1"]) != mark
    assert fingerprint(replace(one, category="performance"), ["    cur.execute(f'{name}')", "    return 1"]) != mark


def test_without_code_a_fingerprint_is_of_the_words() -> None:
    one = finding("The migration is missing")
    assert fingerprint(one, []) == fingerprint(replace(one, title="The migration is missing!"), [""])
    assert fingerprint(one, []) != fingerprint(finding("The changelog says nothing"), [])
