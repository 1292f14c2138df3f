"""The two halves of the suite, which `make test` runs side by side, each in a process of its own.

So each has its own witness, PostgreSQL and folders, and ends with the search of all that it did.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from types import FrameType

import pytest

NAMES = ("first", "second")
LAST = "tests/security/test_canaries.py::test_nothing_that_the_suite_did_shows_a_secret"

# What takes about as long as everything else: whatever starts the bot, an agent or a sandbox as processes.
FIRST = (
    "tests/backends/",
    "tests/sandbox/",
    "tests/security/",
    "tests/test_approval.py",
    "tests/test_ask.py",
    "tests/test_authority_matrix.py",
    "tests/test_cli.py",
    "tests/test_crash.py",
    "tests/test_demo.py",
    "tests/test_describe.py",
    "tests/test_plan",
    "tests/test_rebase",
    "tests/test_serve.py",
    "tests/test_staged.py",
)


def belongs(test: str, half: str) -> bool:
    """Whether the test of that id is one of a half; the search is one of both."""
    return test == LAST or (half == "first") is test.startswith(FIRST)


def chosen(tests: Collection[str], half: str) -> set[str]:
    """The tests of a half, by their ids. Raises UsageError where the search is not among them."""
    if LAST not in tests:
        raise pytest.UsageError(f"each half ends with {LAST}, which is not there")
    return {test for test in tests if belongs(test, half)}


def together(first: Sequence[str], second: Sequence[str]) -> int:
    """Run two commands side by side; 0 if both end with it. What the second printed comes after the first's end."""
    both = list[subprocess.Popen[bytes]]()

    def end(number: int, _frame: FrameType | None) -> None:
        """Have both clean up and end; Ctrl-C they have got themselves."""
        for each in both if number == signal.SIGTERM else ():
            each.send_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with tempfile.TemporaryFile() as said:
        both.append(subprocess.Popen(first))
        both.append(subprocess.Popen(second, stdout=said, stderr=subprocess.STDOUT))
        codes = [each.wait() for each in both]
        said.seek(0)
        sys.stdout.write("\n---- the second half, which ran at the same time ----\n")
        sys.stdout.flush()
        while part := said.read(1 << 16):
            sys.stdout.buffer.write(part)
    failed = [f"the {name} half (exit code {code})" for name, code in zip(NAMES, codes, strict=True) if code]
    sys.stdout.write(f"---- not well: {', '.join(failed)} ----\n" if failed else "---- both halves are well ----\n")
    return 1 if failed else 0


if __name__ == "__main__":
    first, second = ([sys.executable, "-m", "pytest", f"--half={name}"] for name in NAMES)
    sys.exit(together(first, second))
