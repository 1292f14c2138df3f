"""What every test may ask for, and the witness who is shown what all of them do."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import listening
from tests.listening import WITNESS
from tests.parts import LAST, NAMES, chosen, needless

pytest_plugins = ["tests.corporation", "tests.house", "tests.town", "tests.postgres", "tests.stage", "tests.desk"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", choices=NAMES, help="only this part of the suite, and the search of what it did")


def pytest_configure() -> None:
    listening.listen()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A part does not even read the tests of the others."""
    part = config.getoption("part")
    if not part or collection_path.suffix != ".py":
        return None
    return needless(collection_path.relative_to(config.rootpath).as_posix(), part) or None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The search of everything comes when everything has been done, in each part of the suite."""
    items.sort(key=lambda item: item.nodeid == LAST)
    if part := config.getoption("part"):
        mine = chosen([item.nodeid for item in items], part)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in mine])
        items[:] = [item for item in items if item.nodeid in mine]
    gc.freeze()  # modules and tests stay anyway: to look them through for garbage again and again costs a tenth
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A test's own folder, which is searched when the test is over; if all was well, it goes."""
    yield tmp_path
    WITNESS.look_at_files(tmp_path)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A suite that was started in the background is deaf to SIGINT, and so would be what it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What a test printed and logged; pytest hands it over once it is over."""
    for title, words in report.sections:
        WITNESS.saw("the output of", f"{report.nodeid} ({title})", words)
