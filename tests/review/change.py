"""Changes of made-up files, as the pull request of a test has them."""

from collections.abc import Collection, Iterable, Mapping
from difflib import unified_diff

from hypothesis import strategies as st

from bot.review.anchor import Content
from bot.review.patch import FilePatch, Status, parse

Tree = Mapping[str, str]


def patch(path: str, before: str | None, after: str | None, old_path: str = "") -> FilePatch:
    """The change of one file as git would show it."""
    status: Status = "A" if before is None else "D" if after is None else "R" if old_path else "M"
    lines = list(unified_diff(lines_of(before), lines_of(after), n=3, lineterm=""))
    section = f"diff --git a/{path} b/{path}\n" + "".join(f"{line}\n" for line in lines)
    return parse(section.encode(), path, old_path or path, status)


def change(before: Tree, after: Tree, renamed: Mapping[str, str] | None = None) -> dict[str, FilePatch]:
    """The diff of two trees, by path; `renamed` is the old path of each new one."""
    was = renamed or {}
    found = {}
    for path in sorted({*before, *after} - {*was.values()}):
        old, new = before.get(was.get(path, path)), after.get(path)
        if old != new or path in was:
            found[path] = patch(path, old, new, was.get(path, ""))
    return found


def reader(tree: Tree, loaded: Collection[str] | None = None) -> Content:
    """A file's lines by its path; only those that were loaded may be asked for."""

    def lines(path: str) -> list[str] | None:
        assert loaded is None or path in loaded, path
        return lines_of(tree[path]) if path in tree else None

    return lines


def lines_of(text: str | None) -> list[str]:
    lines = (text or "").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


WORDS = ["a = 1", "b = 2", "    return a", "", "}", "call(x)", "x += 1", "# note"]


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, str]:
    """A file, and the same with some lines put in, taken away or replaced."""
    before = draw(st.lists(st.sampled_from(WORDS), max_size=12)) * draw(st.integers(1, 4))
    after: list[str] = []
    places = draw(st.sets(st.integers(0, max(len(before), 1)), max_size=3))
    for number, line in enumerate([*before, ""]):
        if number in places:
            after += draw(st.lists(st.sampled_from([*WORDS, "new()"]), max_size=6))
            if draw(st.booleans()):
                continue
        after.append(line)
    return joined(before), joined(after[:-1] if after and after[-1] == "" else after)


def joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
