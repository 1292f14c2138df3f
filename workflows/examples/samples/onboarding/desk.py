"""Frontend and backend together."""

import sys

from backend.answer import answer
from frontend.page import PAGES


def page(path: str) -> str:
    """The page at a path; raises KeyError for one that is not there."""
    return PAGES[path](answer)


if __name__ == "__main__":
    print(page(sys.argv[1]))
