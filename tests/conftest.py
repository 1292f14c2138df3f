"""What every test may ask for, and the witness who is shown what all of them do."""

import pytest

from tests import listening
from tests.listening import WITNESS

pytest_plugins = ["tests.corporation", "tests.house", "tests.town", "tests.postgres", "tests.stage", "tests.desk"]
LAST = "tests/security/test_canaries.py::test_nothing_that_the_suite_did_shows_a_secret"


def pytest_configure() -> None:
    listening.listen()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The search of everything comes when everything has been done."""
    items.sort(key=lambda item: item.nodeid == LAST)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What a test printed and logged; pytest hands it over once it is over."""
    for title, words in report.sections:
        WITNESS.saw("the output of", f"{report.nodeid} ({title})", words)
