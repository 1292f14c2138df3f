"""The parts of the suite, which `make test` runs side by side, each in a process of its own.

So each has its own witness, PostgreSQL and folders, and ends with the search of all that it did. They are three on two
cores: every one of them waits a third of its time, for processes that it started.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from typing import IO

import pytest

LAST = "tests/security/test_canaries.py::test_nothing_that_the_suite_did_shows_a_secret"

# By measured seconds of a processor; what is nowhere here is of the last part.
PLACES = {
    "first": (
        "tests/backends/",
        "tests/sandbox/",
        "tests/security/test_a",
        "tests/test_a",
        "tests/test_c",
        "tests/test_d",
        "tests/test_s",
    ),
    "second": (
        "tests/git/",
        "tests/orchestra/",
        "tests/security/",
        "tests/test_f",
        "tests/test_pl",
        "tests/test_rebase",
    ),
}
NAMES = (*PLACES, "third")


def part_of(test: str) -> str:
    """The part that a test or a file of tests is of, by its id."""
    return next((name for name, places in PLACES.items() if test.startswith(places)), NAMES[-1])


def needless(file: str, part: str) -> bool:
    """Whether a part has no use for a file of tests; the search is one of every part."""
    return part_of(file) != part and not LAST.startswith(file)


def chosen(tests: Collection[str], part: str) -> set[str]:
    """The tests of a part, by their ids. Raises UsageError where the search is not among them."""
    if LAST not in tests:
        raise pytest.UsageError(f"each part ends with {LAST}, which is not there")
    return {test for test in tests if test == LAST or part_of(test) == part}


def together(*commands: Sequence[str]) -> int:
    """Run a command for each part, side by side; 0 if all end with it. Only the first one prints while they run."""
    running = list[subprocess.Popen[bytes]]()

    def end(number: int, _frame: object) -> None:
        """Have all clean up and end; Ctrl-C they have got themselves."""
        for each in running if number == signal.SIGTERM else ():
            each.send_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with ExitStack() as stack:
        said: list[IO[bytes]] = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands[1:]]
        for command, out in zip(commands, (None, *said), strict=True):
            running.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT if out else None))
        codes = [each.wait() for each in running]
        for name, out in zip(NAMES[1:], said, strict=False):
            _show(f"---- the {name} part, which ran at the same time ----", out)
    failed = [f"the {name} part (exit code {code})" for name, code in zip(NAMES, codes, strict=False) if code]
    sys.stdout.write(f"---- not well: {', '.join(failed)} ----\n" if failed else "---- all parts are well ----\n")
    return 1 if failed else 0


def _show(title: str, said: IO[bytes]) -> None:
    said.seek(0)
    sys.stdout.write(f"\n{title}\n")
    sys.stdout.flush()
    while piece := said.read(1 << 16):
        sys.stdout.buffer.write(piece)


def main() -> None:
    sys.exit(together(*([sys.executable, "-m", "pytest", f"--part={name}"] for name in NAMES)))


if __name__ == "__main__":
    main()
