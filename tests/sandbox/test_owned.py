"""What of a tree may be written by whoever owns what fits some globs."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.review.glob import matcher
from bot.sandbox.owned import Writable, partition

FILES = (
    *("README.md", "docs/a.md", "docs/logo.svg", "docs/deep/b.svg", "src/api/a.py", "src/api/gen/x.py"),
    *("src/types.ts", "src/web/w.ts", "tools/run"),
)


def parted(globs: Sequence[str], files: Sequence[str] = FILES, most: int = 400) -> Writable:
    return partition(globs, files, matcher(globs), most)


def written(marks: Writable) -> list[str]:
    """What can be written with `+`, what of that can only be read with `-`."""
    return [f"{'+' if mark.writable else '-'}{mark.path or '.'}" for mark in marks.marks]


@pytest.mark.parametrize(
    ("globs", "marks", "granted"),
    [
        (["src/api/**"], ["+src/api"], ["src/api"]),
        (["src/api"], ["+src/api"], ["src/api"]),
        (["/src/api/"], ["+src/api"], ["src/api"]),
        (["docs/*.md"], ["+docs", "-docs/logo.svg", "-docs/deep"], ["docs/a.md"]),
        (
            ["src/**", "!src/api/gen/**"],
            ["+src", "+src/api", "-src/api/gen"],
            ["src/api/a.py", "src/types.ts", "src/web"],
        ),
        (["src/types.ts"], ["+src", "-src/api", "-src/web"], ["src/types.ts"]),
        (["/README.md"], ["+.", "-docs", "-src", "-tools"], ["README.md"]),
        (["src/*/w.ts"], ["+src", "-src/types.ts", "+src/api", "-src/api/a.py", "-src/api/gen"], ["src/web"]),
        (["src/new/**"], ["+src/new"], ["src/new"]),
        (["src/new/types.ts"], ["+src/new"], ["src/new"]),
        (["src/new.ts"], ["+src", "-src/types.ts", "-src/api", "-src/web"], ["src"]),
        (["README.md/**"], [], []),
        (["*"], ["+."], ["."]),
        ([], [], []),
        (["!src/**", "# src/**", "/"], [], []),
    ],
)
def test_which_folders_globs_open(globs: list[str], marks: list[str], granted: list[str]) -> None:
    found = parted(globs)
    assert written(found) == marks
    assert sorted(path or "." for path in found.granted) == sorted(granted)
    assert found.loose == ()


@pytest.mark.parametrize(
    ("globs", "folders"),
    [
        (["src/new/api/**", "web/*.ts", "b/c.txt", "d/e/"], ("b", "d/e", "src/new/api", "web")),
        (["*.md", "**/x", "/top.txt", "top/"], ()),
        (["README.md/deep/**"], ()),
    ],
)
def test_folders_that_globs_name_are_to_be_there(globs: list[str], folders: tuple[str, ...]) -> None:
    assert parted(globs).folders == folders


def test_a_file_that_is_named_beside_hundreds_of_others_is_opened_alone() -> None:
    many = [f"src/f{number}.ts" for number in range(150)]
    assert written(parted(["src/f7.ts"], many)) == ["+src/f7.ts"]
    assert written(parted(["src/new.ts"], many))[:2] == ["+src", "-src/f0.ts"]


def test_where_too_many_would_be_marked_what_is_owned_stays_open_and_most_of_the_rest_shut() -> None:
    code = [f"src/part{number // 30}/f{number}.py" for number in range(300)]
    docs = parted(["docs/"], [*code, "docs/a.md", "x"], 50)
    assert (written(docs), docs.loose) == (["+.", "-x", "-src"], ())
    texts = parted(["*.md"], [*code, "src/part0/a.md"], 50)
    assert len(texts.marks) <= 50
    assert effective(texts, "src/part0/new.md")
    assert not effective(texts, "src/part0/f0.py")
    assert texts.loose == ()
    tests = parted(["test_*.py"], code, 50)
    assert effective(tests, "src/part7/test_f210.py")
    assert len(tests.marks) <= 50
    deep = ("b/c/d/e/a.md", "b/f/g/h/a.md", "b/f/x.py", "i/j")
    spread = parted(["*.md"], [*code, *deep], 4)
    assert (written(spread), spread.loose) == (["+.", "-i", "-src"], ("b/f",))


# ---- whatever the globs and the tree ---------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c.md", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PARTS = st.sampled_from(["a", "b", "c.md", "*", "**", "*.md", "?", "[ab]"])
GLOBS = st.builds(
    lambda no, first, parts, last: no + first + "/".join(parts) + last,
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)


def tree(paths: list[str]) -> list[str]:
    """Those of the paths that can be files beside each other."""
    return [path for path in sorted(set(paths)) if not any(other.startswith(f"{path}/") for other in paths)]


def above(path: str) -> list[str]:
    """The folders around a path, the innermost first."""
    parts = path.split("/")[:-1]
    return [*("/".join(parts[:n]) for n in range(len(parts), 0, -1)), ""]


def effective(found: Writable, path: str) -> bool:
    marks = {mark.path: mark.writable for mark in found.marks}
    return next((marks[place] for place in (path, *above(path)) if place in marks), False)


@settings(max_examples=100)
@given(globs=st.lists(GLOBS, min_size=1, max_size=3), paths=st.lists(PATHS, max_size=10), fresh=PATHS)
@example(globs=["**/b"], paths=["a/d"], fresh="a/new/b")
def test_all_that_is_owned_can_be_written_and_nothing_else(globs: list[str], paths: list[str], fresh: str) -> None:
    files, owns = tree(paths), matcher(globs)
    found = partition(globs, files, owns)
    assert {path for path in files if effective(found, path)} == {path for path in files if owns(path)}
    folders = {"", *(folder for path in (*files, *(f"{made}/x" for made in found.folders)) for folder in above(path))}
    if owns(fresh) and fresh not in folders and not {fresh, *above(fresh)} & set(files):
        assert effective(found, next(folder for folder in above(fresh) if folder in folders))
    marked = {mark.path for mark in found.marks}
    for mark in found.marks:  # and nothing around a mark can be moved away
        for folder in above(mark.path):
            assert folder in marked or not folder or not effective(found, above(folder)[0])
    for path in filter(owns, files):
        assert {path, *above(path)} & {*found.granted}
    for number, mark in enumerate(found.marks):  # and what lies in another comes later
        assert not any(mark.path in above(early.path) for early in found.marks[:number])


@settings(max_examples=60)
@given(globs=st.lists(GLOBS, min_size=1, max_size=3), paths=st.lists(PATHS, max_size=10), most=st.integers(0, 6))
def test_however_few_marks_there_may_be_what_is_owned_can_be_written(
    globs: list[str], paths: list[str], most: int
) -> None:
    files, owns = tree(paths), matcher(globs)
    found = partition(globs, files, owns, most)
    assert len(found.marks) <= max(1, most)
    assert len(found.granted) <= max(1, most)
    assert all(effective(found, path) for path in files if owns(path))
