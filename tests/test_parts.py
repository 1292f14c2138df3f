"""The suite in parts: no test is forgotten or done twice, each part is searched, and any one can fail."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts import LAST, NAMES, PLACES, chosen, needless, part_of

ROOT = Path(__file__).parents[1]
FILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py"))
TOGETHER = "import sys; from tests.parts import together; sys.exit(together(*(['sh', '-c', a] for a in sys.argv[1:])))"


def together(*commands: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", TOGETHER, *commands]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_every_file_is_of_one_part() -> None:
    assert {part_of(f"{file}::test_it") for file in FILES} == {*NAMES}
    assert [
        place for places in PLACES.values() for place in places if not any(f.startswith(place) for f in FILES)
    ] == []


def test_a_part_reads_its_own_files_and_the_one_with_the_search() -> None:
    for file in FILES:
        read = [name for name in NAMES if not needless(file, name)]
        assert read == [*NAMES] if LAST.startswith(file) else read == [part_of(file)]


def test_each_part_ends_with_the_search_or_does_not_begin() -> None:
    tests = ["tests/test_cli.py::test_it", "tests/test_feature.py::test_it", "tests/test_page.py::test_it"]
    assert [chosen([*tests, LAST], name) for name in NAMES] == [{test, LAST} for test in tests]
    with pytest.raises(pytest.UsageError, match="which is not there"):
        chosen(tests, "second")


@pytest.mark.parametrize("codes", [(0, 0, 0), (1, 0, 0), (0, 5, 0), (0, 0, 2)])
def test_it_is_well_when_all_are(codes: tuple[int, ...]) -> None:
    process = together(*(f"echo {name}; exit {code}" for name, code in zip(NAMES, codes, strict=True)))
    said = [line for line in process.communicate()[0].splitlines() if line]
    assert process.returncode == (1 if any(codes) else 0)
    assert [said[0], said[2], said[4]] == [*NAMES]
    assert [f"the {name} part" in said[5] for name in NAMES] == [bool(code) for code in codes]


def test_whoever_ends_it_ends_all(tmp_path: Path) -> None:
    stays = "while :; do sleep 0.01; done"
    trap = "trap 'echo ended; exit 2' INT"
    first, second = tmp_path / "first", tmp_path / "second"
    process = together(
        f"{trap}; until [ -e {first} ] && [ -e {second} ]; do sleep 0.01; done; echo up; {stays}",
        *(f"{trap}; touch {there}; {stays}" for there in (first, second)),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[0]
    assert said.count("ended") == 3
    assert process.returncode == 1
