"""A pull request's change comes out as git has it, whatever its files are called and whatever is in them."""

import asyncio
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.git import patches as room
from bot.git.command import GitError, Transport
from bot.git.mirror import Mirror
from bot.git.patches import merge_base, patches
from bot.review.patch import FilePatch
from tests.git.stage import sh


class File(NamedTuple):
    mode: bytes
    text: bytes


Tree = Mapping[bytes, File]
Named = Mapping[str, File]
Shown = tuple[frozenset[int], frozenset[int]]  # lines of the old and of the new side


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """One repository for all stories."""
    path = tmp_path_factory.mktemp("patches") / "shop.git"
    path.mkdir()
    sh("git", "init", "-q", "--bare", cwd=path)
    return Mirror(path, "acme/shop", "", "https", Transport())


def plain(text: bytes) -> File:
    return File(b"100644", text)


def told(number: int, tree: Tree, parent: int) -> Iterator[bytes]:
    """A commit as `git fast-import` takes it."""
    yield b"" if parent else b"reset refs/heads/main\n\n"
    yield b"commit refs/heads/main\nmark :%d\ncommitter Ada <ada@example.com> 0 +0000\ndata 0\n" % number
    yield b"from :%d\n" % parent if parent else b""
    yield b"deleteall\n"
    for name, (mode, text) in tree.items():
        quoted = b'"%s"' % b"".join(b"\\%03o" % byte for byte in name)
        if mode == b"160000":
            yield b"M %s %s %s\n" % (mode, text, quoted)
        else:
            yield b"M %s inline %s\ndata %d\n%s\n" % (mode, quoted, len(text), text)


def history(bare: Mirror, trees: Sequence[Tree], parents: Sequence[int] = ()) -> list[str]:
    """Commits of these trees, each upon the one before it or the one whose number (from 1; 0: none) `parents` says."""
    upon = parents or range(len(trees))
    said = b"".join(line for number, tree in enumerate(trees) for line in told(number + 1, tree, upon[number]))
    said += b"".join(b"get-mark :%d\n" % (number + 1) for number in range(len(trees)))
    argv = ["git", "fast-import", "--quiet", "--force"]
    return subprocess.run(argv, cwd=bare.path, input=said, check=True, capture_output=True).stdout.decode().split()


async def read(bare: Mirror, old: Tree, new: Tree) -> dict[str, FilePatch]:
    return await change(bare, *history(bare, [old, new]))


async def change(bare: Mirror, base: str, head: str) -> dict[str, FilePatch]:
    found = [patch async for patch in patches(bare, base, head)]
    assert len({patch.path for patch in found}) == len(found)
    return {patch.path: patch for patch in found}


# ---- held against git itself -----------------------------------------------------------------------------------------

LINES = [b"a", b"b", b"", b"x\r", b"\ry", b"\x0c", b"one\xe2\x80\xa8two", b"\xff\xfe", b"-- a/x", b"++ b/x"]
LINES += [
    b"@@ -1 +1 @@",
    b"diff --git a/x b/x",
    b"\\ No newline at end of file",
    b"Binary files a and b differ",
    b"\x85",
]
NAMES = [
    b"a",
    b"b c.py",
    b'q"uote',
    b"n\nl",
    b"x\ndiff --git a/a b/a",
    b"diff --git a",
    b"\xff\xfe",
    b"t\tab",
    b":100644",
]
NAMES += ["src/ü.py".encode(), b"src/a b/-c", b"src/\\", b"src/\r"]

texts = st.builds(
    bytes.__add__, st.lists(st.sampled_from(LINES), max_size=12).map(b"\n".join), st.sampled_from([b"\n", b""])
)
contents = st.one_of(
    st.builds(File, st.sampled_from([b"100644", b"100755"]), texts),
    st.builds(File, st.just(b"100644"), st.sampled_from([b"\0", b"\0\n\0", b""])),
    st.builds(File, st.just(b"120000"), st.sampled_from([b"a", b"else\nwhere"])),
    st.builds(File, st.just(b"160000"), st.sampled_from([b"1" * 40, b"2" * 40])),
)


@st.composite
def edited(draw: st.DrawFn) -> tuple[Tree, Tree]:
    """A tree, and what a pull request makes of it."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=4))
    old = {name: draw(contents) for name in names[: draw(st.integers(0, len(names)))]}
    new: dict[bytes, File] = {name: draw(contents) for name in names if name not in old}
    for name, file in old.items():
        fate = draw(st.sampled_from(["stays", "goes", "moves", "is edited", "is another", "is run"]))
        lines = file.text.split(b"\n")
        at = draw(st.integers(0, len(lines)))
        if fate == "is another":
            new[name] = draw(contents)
        elif fate == "moves":
            new[b"moved/" + name] = file
        elif file.mode not in (b"100644", b"100755") or fate == "stays":
            new[name] = file
        elif fate == "is run":
            new[name] = file._replace(mode=b"100755")
        elif fate == "is edited":
            put = draw(st.lists(st.sampled_from(LINES), max_size=3))
            new[name] = file._replace(text=b"\n".join([*lines[:at], *put, *lines[at + draw(st.integers(0, 2)) :]]))
    return old, new


def applied(text: bytes, patch: FilePatch) -> bytes:
    """A file with its hunks put in, by their numbers and signs alone."""
    lines = text.split(b"\n")
    made: list[bytes] = []
    at, ended = 0, True
    for hunk in patch.hunks:
        first = hunk.old - 1 if hunk.old_count else hunk.old
        made += lines[at:first]
        at = first
        for raw, after in zip(hunk.raw(), [*hunk.raw()[1:], b""], strict=True):
            if raw[:1] in b" -":
                assert lines[at] == raw[1:]
                at += 1
            if raw[:1] in b" +":
                made.append(raw[1:])
                ended = not after.startswith(b"\\")
    rest = lines[at:]
    if rest and rest != [b""]:
        return b"\n".join([*made, *rest])
    return b"".join(line + b"\n" for line in made)[: None if ended else -1]


def shown(said: bytes) -> list[Shown]:
    """The lines that a diff shows of each file, counted by its heads' numbers alone."""
    found: list[tuple[set[int], set[int]]] = []
    lines = iter(said.split(b"\n"))
    for line in lines:
        if line.startswith(b"diff --git "):
            found.append((set(), set()))
        if head := re.match(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", line):
            old, olds, new, news = (int(number) if number else 1 for number in head.groups())
            found[-1][0].update(range(old, old + olds))
            found[-1][1].update(range(new, new + news))
            while olds or news:
                sign = next(lines)[:1]
                olds, news = olds - (sign in b" -"), news - (sign in b" +")
    return [(frozenset(old), frozenset(new)) for old, new in found]


@given(edited())
@settings(max_examples=25, deadline=None)
def test_a_change_of_any_files_is_read_as_git_tells_it(bare: Mirror, trees: tuple[Tree, Tree]) -> None:
    old, new = ({name.decode(errors="surrogateescape"): file for name, file in tree.items()} for tree in trees)
    base, head = history(bare, trees)
    found = asyncio.run(change(bare, base, head))
    _names_every_file_that_differs(found, old, new)
    for patch in found.values():
        _makes_the_new_file_of_the_old_one(patch, old.get(patch.old_path), new.get(patch.path))
    said = subprocess.run(
        ["git", "diff-tree", "-r", "-p", "-M", base, head], cwd=bare.path, check=True, capture_output=True
    ).stdout
    told = shown(said)
    for patch in found.values():
        del told[: patch.status == "T"]
        _takes_comments_on_what_is_shown(patch, *told.pop(0))
    assert told == []


def _names_every_file_that_differs(found: Mapping[str, FilePatch], old: Named, new: Named) -> None:
    assert {patch.old_path for patch in found.values() if patch.status in "DR"} == old.keys() - new.keys()
    differs = {path for path, file in new.items() if old.get(path) != file}
    assert {path for path, patch in found.items() if patch.status != "D"} == differs


def _makes_the_new_file_of_the_old_one(patch: FilePatch, old: File | None, new: File | None) -> None:
    if patch.binary:
        assert b"\0" in as_text(old) + as_text(new)
        return
    assert applied(b"" if patch.status == "T" else as_text(old), patch) == as_text(new)
    signs = [line.sign for hunk in patch.hunks for line in hunk.lines()]
    assert (patch.added, patch.deleted) == (signs.count("+"), signs.count("-"))


def _takes_comments_on_what_is_shown(patch: FilePatch, old: frozenset[int], new: frozenset[int]) -> None:
    for line in range(30):
        assert patch.takes(line, line, "old") == (line in old)
        assert patch.takes(line, line, "new") == (line in new)


def as_text(file: File | None) -> bytes:
    """What git compares of it."""
    if file is None:
        return b""
    return b"Subproject commit %s\n" % file.text if file.mode == b"160000" else file.text


# ---- what git has words of its own for -------------------------------------------------------------------------------


async def test_a_file_that_moves_and_changes_is_one_file(bare: Mirror) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(20))
    found = await read(bare, {b"a.py": plain(lines)}, {b"src/b.py": plain(lines.replace(b"line 4\n", b"line four\n"))})
    (patch,) = found.values()
    assert (patch.status, patch.old_path, patch.path) == ("R", "a.py", "src/b.py")
    assert [(hunk.old, hunk.new, hunk.new_count) for hunk in patch.hunks] == [(2, 2, 7)]


async def test_a_file_that_becomes_a_link_is_what_it_is_afterwards(bare: Mirror) -> None:
    old = {b"a": plain(b"one\ntwo\n"), b"b": plain(b"x\n")}
    found = await read(bare, old, {b"a": File(b"120000", b"b"), b"b": plain(b"y\n")})
    assert [(line.sign, line.text) for line in found["a"].hunks[0].lines()] == [("+", "b")]
    assert (found["a"].status, found["b"].status) == ("T", "M")
    assert found["b"].text(1, 1) == ["y"]


async def test_modes_binaries_and_submodules_are_told_apart(bare: Mirror) -> None:
    old = {b"run": plain(b"x\n"), b"data": plain(b"\0\1"), b"lib": File(b"160000", b"1" * 40)}
    new = {b"run": File(b"100755", b"x\n"), b"data": plain(b"\0\2"), b"lib": File(b"160000", b"2" * 40)}
    found = await read(bare, old, new)
    assert {path: (patch.binary, len(patch.hunks)) for path, patch in found.items()} == {
        "run": (False, 0),
        "data": (True, 0),
        "lib": (False, 1),
    }
    assert found["lib"].text(1, 1) == ["Subproject commit " + "2" * 40]


async def test_commits_with_the_same_files_have_no_change_between_them(bare: Mirror) -> None:
    assert await read(bare, {b"a": plain(b"x\n")}, {b"a": plain(b"x\n")}) == {}


async def test_settings_in_the_mirror_change_nothing(bare: Mirror, tmp_path: Path) -> None:
    config = (bare.path / "config").read_text()
    marker = tmp_path / "ran"
    (bare.path / "config").write_text(
        f"{config}[diff]\n\texternal = touch {marker}\n\tnoprefix = true\n\tcontext = 0\n\tsuppressBlankEmpty = true\n"
        f"\talgorithm = patience\n\tmnemonicPrefix = true\n\trenames = false\n\torderFile = {tmp_path}/none\n"
        f'[diff "x"]\n\tcommand = touch {marker}\n\ttextconv = touch {marker};\n[color]\n\tui = always\n'
    )
    (bare.path / "info").mkdir(exist_ok=True)
    (bare.path / "info" / "attributes").write_text("* diff=x\n")
    try:
        lines = b"1\n\n3\n4\n5\n6\n7\n"
        found = await read(bare, {b"a": plain(lines)}, {b"b": plain(lines.replace(b"4\n", b"four\n"))})
    finally:
        (bare.path / "config").write_text(config)
        (bare.path / "info" / "attributes").unlink()
    assert not marker.exists()
    assert found["b"].hunks[0].body == b" 1\n \n 3\n-4\n+four\n 5\n 6\n 7\n"


# ---- where a pull request begins -------------------------------------------------------------------------------------


async def test_a_pull_request_is_compared_with_where_it_left_its_base(bare: Mirror) -> None:
    trees = [{b"a": plain(b"%d\n" % number)} for number in range(4)]
    root, base, head, alone = history(bare, trees, parents=[0, 1, 1, 0])
    assert await merge_base(bare, base, head) == root
    assert await merge_base(bare, root, head) == root
    assert await merge_base(bare, base, alone) is None


async def test_a_rebase_leaves_the_digests_of_what_it_moves(bare: Mirror) -> None:
    old = b"".join(b"line %d\n" % number for number in range(40))
    new, ahead = old.replace(b"line 20\n", b"line twenty\n"), b"of the base\n"
    trees = [{b"a": plain(text), b"b": plain(text)} for text in (old, new, ahead + old, ahead + new)]
    base, head, base_now, head_now = history(bare, trees, parents=[0, 1, 1, 3])
    before = [patch async for patch in patches(bare, base, head)]
    after = [patch async for patch in patches(bare, base_now, head_now)]
    assert [patch.digest for patch in after] == [patch.digest for patch in before]
    assert [patch.hunks[0].digest for patch in after] == [patch.hunks[0].digest for patch in before]
    assert [patch.hunks[0].new for patch in after] == [patch.hunks[0].new + 1 for patch in before]
    assert len({patch.hunks[0].digest for patch in before}) == 2  # the same in two files is to be read in both


async def test_what_is_not_here_is_no_base_and_no_change(bare: Mirror) -> None:
    (here,) = history(bare, [{b"a": plain(b"x\n")}])
    with pytest.raises(GitError):
        await merge_base(bare, here, "1" * 40)
    with pytest.raises(GitError):
        await anext(patches(bare, here, "1" * 40))


# ---- bounds ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test can pass over."""
    monkeypatch.setattr(room, "MOST_BYTES", 4_000)
    monkeypatch.setattr(room, "MOST_LINES", 200)
    monkeypatch.setattr(room, "MOST_IN_ALL", 20_000)


@pytest.mark.usefixtures("small")
async def test_of_a_very_large_file_the_size_is_kept_and_nothing_else(bare: Mirror) -> None:
    new = {b"a": plain(b"x\n"), b"big": plain(b"%080d\n" % 7 * 150), b"long": plain(b"\n" * 201), b"z": plain(b"y\n")}
    found = await read(bare, {}, new)
    assert {path: (patch.too_large, patch.added) for path, patch in found.items()} == {
        "a": (False, 1),
        "big": (True, 150),
        "long": (True, 201),
        "z": (False, 1),
    }
    assert not found["big"].hunks
    assert found["z"].text(1, 1) == ["y"]


@pytest.mark.usefixtures("small")
async def test_files_that_are_too_many_together_are_named_without_their_lines(bare: Mirror) -> None:
    found = await read(bare, {}, {b"%02d" % number: plain(b"%099d\n" % number * 30) for number in range(10)})
    assert [bool(patch.hunks) for patch in found.values()] == [True] * 6 + [False] * 4
    assert [patch.too_large for patch in found.values()] == [False] * 6 + [True] * 4
    assert {patch.added for patch in found.values()} == {30}


@given(st.lists(st.integers(1, 90), max_size=12), st.binary(max_size=3))
@settings(max_examples=60)
def test_it_does_not_matter_in_which_pieces_git_is_heard(sizes: list[int], name: bytes) -> None:
    raw = b":100644 100644 1 2 M\0diff --git a\0:100644 100644 3 4 R100\0" + name.replace(b"\0", b"") + b"x\0y\0"
    one, two = b"diff --git a b\n@@ -1 +1 @@\n-a\n+diff --git b\n", b"diff --git c d\nrename from c\n"
    said, cutter, found = raw + b"\0" + one + two, room._Cutter(), list[bytes]()
    for size in [*sizes, 1_000]:
        found += [section.text for section in cutter.feed(said[:size])]
        said = said[size:]
    assert [*found, *(section.text for section in cutter.rest())] == [raw, one, two]


async def test_a_change_of_several_megabytes_is_cut_where_git_cuts_it(bare: Mirror) -> None:
    rows = b"".join(b"%06d diff --git a/x b/x\n" % number for number in range(15_000))
    new = {b"%02d" % number: plain(rows[number * 31 :]) for number in range(8)}  # nobody's pieces end where these do
    new |= {b"05 long": plain(b"x" * (3 << 20)), b"05 many": plain(b"\n" * 20_001), b"~": plain(b"y")}
    found = await read(bare, {}, new)
    assert sorted(found) == [name.decode() for name in sorted(new)]
    assert {path for path, patch in found.items() if patch.too_large} == {"05 long", "05 many"}
    for path, patch in found.items():
        if not patch.too_large:
            assert applied(b"", patch) == new[path.encode()].text
