"""Which remarks are noise, by the titles that reviewing agents give."""

from dataclasses import replace

import pytest

from bot.review.finding import Finding, Severity
from bot.review.noise import idle, of_a_linter

LINTER = [
    "Unused import `os`",
    "`json` is imported but never used",
    "The import of `Optional` is not used",
    "Remove unused variable `tmp`",
    "Remove the redundant parentheses",
    "Unused parameter `ctx`",
    "The variable `count` is never used",
    "Imports are not sorted alphabetically",
    "Import order does not follow isort",
    "Group the imports by origin",
    "Trailing whitespace on line 14",
    "Missing trailing comma",
    "Line too long (131 > 120 characters)",
    "Line 14 is too long",
    "This line exceeds 100 characters",
    "Missing newline at end of file",
    "No newline at end of file",
    "The file does not end with a newline",
    "Missing semicolon",
    "Missing docstring for `parse`",
    "Add a docstring to the public function",
    "Function `total` lacks a docstring",
    "Javadoc lacks a description of the parameter",
    "Missing Javadoc on public method",
    "Documentation of the method does not describe its parameters",
    "Missing type hints on `load`",
    "Add return type annotation",
    "Missing return type",
    "Inconsistent indentation",
    "Inconsistent quotes: single and double quotes are mixed",
    "Use double quotes for strings",
    "Formatting does not match the rest of the file",
    "Code is not formatted with black",
    "Not gofmt-ed: run gofmt",
    "PEP 8: two blank lines expected",
    "Variable name should be snake_case",
    "Function names should use camelCase",
    "Does not follow the naming convention",
    "Variable name `x` is not descriptive",
    "Use a more descriptive name than `d`",
    "nit: magic number 100",
    "Prefer const over let",
    "Use f-strings instead of format",
    "Typo in comment",
    "Remove commented-out code",
    "[style] Extra blank line",
    "**Nit:** missing blank line after imports",
    "Missing space after comma",
    "'error' is defined but never used",
    "SC2181: Check exit code directly",
    "Multiple imports on one line (E401)",
    "The lambda is not typed, says mypy",
]
DEFECT = [
    "Any caller chooses the algorithm (HS256)",
    "The digest is compared in variable time",
    "Missing await on `save()`",
    "Unused lock never released",
    "Lock is acquired but never released",
    "The unused connection is never closed",
    "Missing semicolon lets the shell run two commands",
    "Missing null check before `name.length`",
    "The result of `replace()` is never used, so nothing is escaped",
    "Variable `user` shadows the outer one, so the check is skipped",
    "Wrong variable is returned",
    "Import of user files follows symbolic links",
    "The order of locks differs from `close()`",
    "Orders are sorted by string, so 10 comes before 9",
    "Trailing slash in the path is not stripped",
    "The line items are counted twice",
    "Missing type check before the cast",
    "Content type is missing in the response",
    "The name is written into the log with the password",
    "Names longer than 64 bytes overflow the buffer",
    "Missing index on `orders.customer`",
    "No test covers an empty cart",
    "Quotes in the name break the query",
    "SQL injection through the quoted name",
    "The format string comes from the user",
    "Unquoted variable: word splitting deletes the wrong folder",
    "Import cycle breaks at start",
    "The documentation says seconds, the code waits milliseconds",
    "The return type says User but null is returned",
    "The comment is now false: the cache is not cleared",
    "Case is ignored when passwords are compared",
    "Indexing past the end when the list is empty",
    "Missing transaction around the two updates",
    "Resource leak: unused handle stays open",
    "Column names are not escaped",
    "Blank names are accepted",
    "Missing permission check",
    "The last line is lost without a newline at its end",
    "Constant-time comparison is needed for the token",
    "`const` array is mutated by sort",
    "E-mails are compared in lower case but stored as written",
    "Good codes are refused when the clock is behind",
    "No problem is reported when the upload fails",
    "Great circle distance is computed in degrees",
    "The fix is fine for one item but breaks for two",
    "Check of the signature is skipped for empty bodies",
    "Verify the certificate: the check is switched off",
    "The comment field is rendered without escaping",
]
IDLE = [
    "Nice use of a context manager",
    "Great test coverage!",
    "Good error handling",
    "Great to have this covered",
    "LGTM",
    "Looks good to me",
    "No issues found",
    "This change looks good",
    "The new tests are great",
    "Thanks for fixing this",
    "praise: clean separation",
    "Consider adding a comment",
    "Consider documenting this function",
    "Add a comment explaining the regular expression",
    "Missing comment",
    "It would be nice to document the format",
    "Maybe explain why this is needed",
    "Should we add a changelog entry?",
    "Could be documented better",
    "Complex condition could use a comment",
    "Please double-check that this is intended",
    "Make sure the migration works",
    "Consider refactoring this function",
    "Maybe rename this helper",
    "Is this intended?",
    "Why is this needed?",
    "Question: do we want 30 here?",
    "[question] Why thirty?",
    "Would a set be simpler here?",
]
SAID = [
    *DEFECT,
    "Is `user` ever None here? `find()` returns None and this will crash",
    "Does this leak the connection?",
]


def remark(title: str, severity: Severity = "minor", category: str = "style") -> Finding:
    return Finding("a.py", 1, 1, severity, 0.9, category, title)


@pytest.mark.parametrize("title", LINTER)
def test_what_a_linter_says_is_noise(title: str) -> None:
    assert of_a_linter(remark(title))
    assert of_a_linter(remark(title, category="correctness"))


@pytest.mark.parametrize("title", DEFECT)
@pytest.mark.parametrize("category", ["correctness", "style"])
def test_a_defect_is_none(title: str, category: str) -> None:
    assert not of_a_linter(remark(title, category=category))


@pytest.mark.parametrize("title", IDLE)
def test_where_there_is_nothing_to_do_nothing_is_said(title: str) -> None:
    assert idle(remark(title, category="correctness"))


@pytest.mark.parametrize("title", SAID)
def test_what_claims_something_is_said(title: str) -> None:
    assert not idle(remark(title, category="correctness"))


def test_what_is_not_used_may_be_a_grave_defect() -> None:
    title = "The parameter `tenant` is never used"
    assert of_a_linter(remark(title, "minor", "correctness"))
    assert not of_a_linter(remark(title, "major", "security"))


def test_what_its_own_agent_calls_praise_or_lint_is_noise_unless_it_is_grave() -> None:
    assert idle(remark("Good move to generics", category="praise"))
    assert not idle(remark("The move to generics", "major", "praise"))
    assert of_a_linter(remark("The rule of the project about blank lines", category="lint"))


def test_a_question_claims_what_its_body_says() -> None:
    asked = remark("Is there a test planned for the failing login?", category="tests")
    assert idle(asked)
    assert not idle(replace(asked, body="The login fails when the name has a space."))
