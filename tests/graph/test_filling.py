"""What the globs of a job are once they are filled in: paths of the repository, whoever gave them."""

from typing import Any

import pytest

from bot import expression
from bot.graph.filling import exactly, globs


@pytest.mark.parametrize(
    ("glob", "value", "found"),
    [
        ("/docs/*.md", "/docs/*.md", ["/docs/*.md"]),  # nothing is filled in
        ("{{ matrix.p }}", "api", ["/api"]),
        ("${{ matrix.p }}", "api", ["/api"]),
        ("{{ matrix.p }}", ["/api/", "web/a b"], ["/api/", "/web/a\\ b"]),
        ("{{ matrix.p }}", "*", ["/\\*"]),  # what an agent says is no glob
        ("/{{ matrix.p }}/", "/api//", ["/api/"]),
        ("!{{ matrix.p }}/", "!api/", ["!\\!api/"]),
        ("{{ matrix.p }}", 7, ["/7"]),
    ],
)
def test_what_is_filled_in_is_a_path_from_the_top(glob: str, value: Any, found: list[str]) -> None:
    assert globs(glob, expression.value(glob, {"matrix": {"p": exactly(value)}})) == found


@pytest.mark.parametrize(
    "value", ["/", "", ".", "..", "../../etc", "./web", "a/../b", ".git/hooks", "a\nb", None, {}, True]
)
@pytest.mark.parametrize("glob", ["{{ matrix.p }}", "${{ matrix.p }}"])
def test_what_is_no_path_is_refused_and_said(glob: str, value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"is filled in with is no path of a file or folder in the repository"
    ) as caught:
        globs(glob, exactly(value))
    assert str(caught.value).isprintable()  # whatever it was, a database has room for it
