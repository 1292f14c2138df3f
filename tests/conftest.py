"""What every test may ask for, and the witness who is shown what all of them do."""

import gc

import pytest

from tests import listening
from tests.halves import LAST, NAMES, chosen
from tests.listening import WITNESS

pytest_plugins = ["tests.corporation", "tests.house", "tests.town", "tests.postgres", "tests.stage", "tests.desk"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--half", choices=NAMES, help="only this half of the suite, and the search of what it did")


def pytest_configure() -> None:
    listening.listen()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The search of everything comes when everything has been done, in each half of the suite."""
    items.sort(key=lambda item: item.nodeid == LAST)
    if half := config.getoption("half"):
        mine = chosen([item.nodeid for item in items], half)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in mine])
        items[:] = [item for item in items if item.nodeid in mine]
    gc.freeze()  # modules and tests stay anyway: to look them through for garbage again and again costs a tenth
    gc.set_threshold(20_000, 20, 20)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What a test printed and logged; pytest hands it over once it is over."""
    for title, words in report.sections:
        WITNESS.saw("the output of", f"{report.nodeid} ({title})", words)
