"""The suite in two halves: no test is forgotten or done twice, each half is searched, and either one can fail."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.halves import FIRST, LAST, NAMES, belongs, chosen

ROOT = Path(__file__).parents[1]
FILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py"))
TOGETHER = "import sys; from tests.halves import together; sys.exit(together(*(['sh', '-c', a] for a in sys.argv[1:])))"


def together(first: str, second: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", TOGETHER, first, second]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_every_file_is_in_one_half() -> None:
    halves = {file: [name for name in NAMES if belongs(f"{file}::test_it", name)] for file in FILES}
    assert {tuple(names) for names in halves.values()} == {("first",), ("second",)}
    assert [place for place in FIRST if not any(file.startswith(place) for file in FILES)] == []


def test_each_half_ends_with_the_search_or_does_not_begin() -> None:
    tests = ["tests/test_cli.py::test_it", "tests/test_page.py::test_it"]
    assert [chosen([*tests, LAST], name) for name in NAMES] == [{test, LAST} for test in tests]
    with pytest.raises(pytest.UsageError, match="which is not there"):
        chosen(tests, "second")


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (0, 5)])
def test_it_is_well_when_both_are(first: int, second: int) -> None:
    process = together(f"echo one; exit {first}", f"echo two; exit {second}")
    said = process.communicate()[0].splitlines()
    assert process.returncode == (1 if first or second else 0)
    assert (said[0], said[3]) == ("one", "two")
    assert [f"the {name} half" in said[4] for name in NAMES] == [bool(first), bool(second)]


def test_whoever_ends_it_ends_both(tmp_path: Path) -> None:
    there, stays = tmp_path / "there", "while :; do sleep 0.01; done"
    trap = "trap 'echo ended; exit 2' INT"
    process = together(
        f"{trap}; until [ -e {there} ]; do sleep 0.01; done; echo up; {stays}", f"{trap}; touch {there}; {stays}"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[0]
    assert said.count("ended") == 2
    assert process.returncode == 1
