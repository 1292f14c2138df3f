"""What lies inside of what somebody owns: exactly as the globs say, and never a path too many."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings

from bot.graph.ownership import literal, stray
from bot.graph.territory import claimed, outside, within
from bot.review.glob import matcher
from tests.graph.test_ownership import GLOBS, NASTY, PATHS, read


def told(globs: Sequence[str], of: Sequence[str]) -> str | None:
    """None where it would take too long to find out."""
    try:
        return outside(globs, of)
    except ValueError:
        return None


@example(["**/a"], ["b", "!a/"])
@example(["!a", "*"], ["*", "!a"])
@example(["[!a]"], ["[b-y]"])
@example(["*/**/b"], ["[!a]*", "b/"])
@example(["**/*/**/**"], ["a/[ab]"])
@example(["a/**", "!b"], ["a", "!**/b/**"])
@settings(max_examples=100, deadline=None)
@given(GLOBS, GLOBS)
def test_nobody_is_inside_of_whom_a_path_lies_outside(globs: list[str], of: list[str]) -> None:
    fits, own = read(of), read(globs)
    if fits is None or own is None:
        return
    beyond = stray(globs, of)[0]
    assert [path for path in PATHS if own(path) and not fits(path)] == [] or beyond is not None
    if beyond is not None:
        assert own(beyond)
        assert not fits(beyond)
    first = told(globs, of)
    if first:
        assert first in globs
        assert not first.startswith("!")
        assert beyond is not None, "what lies in it as it stands is never refused"
    elif first is not None:
        kept = matcher(within(globs, of))
        assert [path for path in PATHS if kept(path) and not (fits(path) and own(path))] == []
        assert beyond is not None or within(globs, of) == tuple(globs)


@pytest.mark.parametrize(
    ("globs", "of", "reaching", "kept"),
    [
        (["/src/api/"], ["/src/"], "", ["/src/api/"]),
        (["/src/api/"], ["src"], "", ["/src/api/"]),
        (["/src/api"], ["/src/*/"], "/src/api", []),  # which may be a file
        (["*.tsx", "*.css"], ["*.tsx", "*.css", "*.html"], "", ["*.tsx", "*.css"]),
        (["/web/**/*.test.ts"], ["/web/**/*.ts"], "", ["/web/**/*.test.ts"]),
        (["/src/[a-m]*/"], ["/src/[a-z]*/"], "", ["/src/[a-m]*/"]),
        (["/src/[a-z]*/"], ["/src/[a-m]*/"], "/src/[a-z]*/", []),
        (["/src/[a-z]*/"], ["/src/[a-m]*/", "/src/[n-z]*/"], "", ["/src/[a-z]*/"]),
        (["/src/zq/"], ["/src/[!z]*/"], "/src/zq/", []),
        (["/zq*"], ["/zq", "/zq/**"], "/zq*", []),  # an example with `zq` for its star would fit
        (["/src/*"], ["/src/z*", "/src/zq*"], "/src/*", []),
        (["/src/**"], ["/src/**", "!README.md"], "", ["/src/**", "!README.md"]),
        (["/src/"], ["/src/**", "!README.md"], "", ["/src/", "!README.md"]),
        (["/src/**/*.py"], ["/src/", "!/src/keys/"], "", ["/src/**/*.py", "!/src/keys/", "!/src/keys/**"]),
        (["/src/api/"], ["/src/", "!/src/keys/"], "", ["/src/api/"]),
        (["/src/keys/pub/"], ["/src/**", "!/src/keys/**", "/src/keys/pub/**"], "", ["/src/keys/pub/"]),
        (["/src/keys/"], ["/src/**", "!/src/keys/**"], "/src/keys/", []),
        (["!/src/keys/", "/src/**"], ["/src/**", "!/src/keys/**"], "", ["!/src/keys/", "/src/**", "!/src/keys/**"]),
        (["/src/**", "!/src/x/"], ["/src/**", "!/src/keys/**"], "", ["/src/**", "!/src/x/", "!/src/keys/**"]),
        (["/docs/", "/src/a"], ["/src/"], "/docs/", []),
        (["!/docs/", "*"], ["!/docs/", "*"], "", ["!/docs/", "*"]),
        (["/a"], ["!/b"], "/a", []),
        ([], ["/src/"], "", ["/src/"]),
        (["/src/"], [], "", ["/src/"]),
    ],
)
def test_ordinary_parts_are_told_apart(globs: list[str], of: list[str], reaching: str, kept: list[str]) -> None:
    assert outside(globs, of) == reaching
    if not reaching:
        assert within(globs, of) == tuple(kept)


def test_what_would_take_too_long_is_refused_with_its_name() -> None:
    kinds = [f"*.{one}{other}" for one in "abcdefgh" for other in "uvxyz"]
    with pytest.raises(ValueError, match=re.escape("whether `/src/**/*.ax` lies in what it is a part of")):
        outside(["*.au", "/src/**/*.ax"], kinds)
    assert within(["/src/**/*.ax"], [*kinds, "!/keys/"]) == ("/src/**/*.ax", "!/keys/", "!/keys/**")
    assert outside(kinds[3:], kinds) == ""


@pytest.mark.parametrize("glob", NASTY)
def test_globs_that_were_made_to_take_long_are_never_taken_for_a_part(glob: str) -> None:
    assert told([glob.format(name="a")], [glob.format(name="b"), "!/x"]) != ""


@pytest.mark.parametrize(
    ("path", "of", "owned"),
    [
        ("src/a.py", ["/src/*.py"], ["/src/a.py"]),
        ("src", ["/src/**"], ["/src/"]),
        ("src", ["/src/*", "!/src/keys"], ["/src/"]),
        ("src", ["/src/*.py"], None),
        ("src", ["??"], None),  # an example with `zq` in the folder would fit
        ("src/[id]", ["/src/"], [f"/src/{literal('[id]')}"]),
        ("src/keys/x", ["/src/**", "!/src/keys/**"], None),
    ],
)
def test_what_an_agent_claims_is_its_own_as_a_whole(path: str, of: Sequence[str], owned: list[str] | None) -> None:
    if owned is None:
        with pytest.raises(ValueError, match="is not yours to give"):
            claimed(path, of)
    else:
        assert claimed(path, of) == tuple(owned)
