"""Globs mean what they mean in a `.gitignore`, whichever way they are matched."""

import re
import warnings

import pathspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.review.automaton import BELOW, ITSELF, NOTHING, Automaton
from bot.review.glob import LONGEST, among, finder, matcher

PATHS = st.lists(st.text("ab.*[!\n\u2028\udcff", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)
PIECES = st.sampled_from(["a", "b", "*", "**", "/", "?", "[ab]", "[!a]", ".", "\\*", "[[a]", "(?P<ps_d>", "\udcff"])
GLOBS = st.builds(lambda no, pieces: no + "".join(pieces), st.sampled_from(["", "", "!"]), st.lists(PIECES, max_size=5))


def oracle(globs: list[str]) -> pathspec.GitIgnoreSpec | None:
    """None where they are no globs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return pathspec.GitIgnoreSpec.from_lines([glob or "# nothing" for glob in globs])
        except (ValueError, re.error):
            return None


@example(["*/"], ["a/b", "a"])
@example(["**/"], ["a/b"])
@example(["*"], ["\na"])
@example(["[(?P<ps_d>a]"], ["a", "P", ":"])
@example(["*a*[!a]*b"], ["aa/b", "aaab", "ab"])
@example(["**a**?**b"], ["aab", "ab", "c/axb"])
@example(["a", "!a", "a"], ["a", "b/a"])
@example(["a", "#b", ""], ["b", "a"])
@example(["*.ab/", "!b", "ab/*b"], ["x.ab/c", "ab/b", "ab/x/ab"])
@example(["!a"], ["a"])
@settings(max_examples=60, deadline=None)
@given(st.lists(GLOBS, max_size=4), st.lists(PATHS, min_size=1, max_size=6))
def test_paths_fit_as_they_do_in_git(globs: list[str], paths: list[str]) -> None:
    meant = oracle(globs)
    paths = [path for path in paths if not path.startswith("./")]  # git has no such paths
    if meant is None:
        for reads in (matcher, finder):
            with pytest.raises(ValueError, match="no globs"):
                reads(globs)
        return
    fits = matcher(globs)
    meant_paths = [path for path in paths if meant.match_file(path)]
    assert [path for path in paths if fits(path)] == meant_paths
    assert among(globs, paths) == {*meant_paths}
    deciding = {path: meant.check_file(path) for path in paths}
    by = {path: told.index if told.include else None for path, told in deciding.items()}
    assert {path: finder(globs)(path) for path in paths} == by


def test_a_list_without_globs_fits_nothing() -> None:
    assert not matcher([])("a")
    assert not matcher(["# a remark", ""])("# a remark")


@pytest.mark.parametrize("glob", ["[z-a]", "!", "a\\", "a" * (LONGEST + 1)])
def test_what_is_no_glob_is_refused_with_its_name(glob: str) -> None:
    with pytest.raises(ValueError, match="no globs"):
        matcher(["*.py", glob])


def test_a_name_that_was_made_for_a_glob_takes_no_longer_than_another() -> None:
    fits = matcher(["*a*a*a*a*a*a*a*b", "**/*a?a*a[a]*aa*aaa*c"])  # tried in every way it would outlast the universe
    assert not fits("a" * 250)
    assert fits("a" * 249 + "b")
    assert fits("a/" * 20 + "a" * 200 + "c")


@pytest.mark.parametrize(
    "glob", ["*a" * 12 + "b", "*[a]" * 20 + "b", "**/a/" * 20 + "b", "a/**/" * 9 + "*[a]*[a]*[a]b"]
)
@pytest.mark.parametrize("around", [["{}"], ["*", "!{}"], ["x", "{}", "!y"]])
def test_nor_does_one_whose_glob_is_odd_or_stands_beside_one_that_takes_back(glob: str, around: list[str]) -> None:
    globs = [one.format(glob) for one in around]
    for path in ("a" * 4_000, "a/" * 2_000 + "c"):
        assert matcher(globs)(path) == (len(globs) == 2)
        assert finder(globs)(path) == (0 if len(globs) == 2 else None)


@example("a", "a\n")
@example("*/", "a/b")
@example("**/a/**/b/**", "x/a/b/c")
@settings(max_examples=100, deadline=None)
@given(GLOBS.map(lambda glob: glob.removeprefix("!")), PATHS)
def test_all_ways_at_once_find_what_one_way_after_the_other_finds(glob: str, path: str) -> None:
    meant = oracle([glob])
    said = next((one.regex.pattern for one in meant.patterns if one.regex is not None), "") if meant else ""
    if not said.startswith("^"):  # remarks, and what any path fits
        return
    match = re.search(said, path)
    below = match is not None and match.groupdict().get("ps_d") is not None
    assert Automaton(said).tell(path) == (NOTHING if match is None else BELOW if below else ITSELF)
