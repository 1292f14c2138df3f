"""Links, modes, names and sizes: what a tree may not hold."""

import unicodedata

import pytest

from bot.policy.work import CONTENT_LIMIT, LINK, SUBMODULE, File
from tests.policy.made import file, found, levels, work

TARGETS = {
    "/etc/passwd": "leads to a place outside of the repository",
    "C:/x": "leads to a place outside of the repository",
    "\\\\host\\share": "leads to a place outside of the repository",
    "../../x": "leads out of the repository",
    "..": "",
    "../b/../../x": "leads out of the repository",
    "b/..": "leads out of the repository",
    "../.git/hooks": "leads into git's own folder",
    ".GIT": "leads into git's own folder",
    "": "has a target that is no path",
    "a\0b": "has a target that is no path",
    "a\u202eb": "has a target that is no path",
    "../README.md": "",
    "./b/c": "",
}


@pytest.mark.parametrize(("target", "wrong"), TARGETS.items())
def test_a_link_stays_in_the_repository_and_needs_approval(target: str, wrong: str) -> None:
    ((level, sentence),) = found(work(file("docs/link", target, mode=LINK)), "links and modes")
    assert (level, wrong in sentence) == ("refuse" if wrong else "approve", True)


def test_modes() -> None:
    def of(was: str, mode: str, old: str | None = "old") -> list[str]:
        return levels(work(file("a", "x", old, mode=mode, was=was)), "links and modes")

    assert of("100644", "100644") == []
    assert of("100644", "100755") == ["flag"]
    assert of("100755", "100644") == ["flag"]
    assert of("000000", "100755", None) == []
    assert of("100644", SUBMODULE) == ["refuse"]
    assert of(SUBMODULE, SUBMODULE) == ["refuse"]
    assert of(SUBMODULE, "100644") == ["refuse"]
    assert of("100644", "100664") == ["refuse"]
    assert of("100644", "040000") == ["refuse"]
    assert levels(work(file("a", None, "x", was=LINK)), "links and modes") == []


NAMES = {
    "src/main.py": "",
    "docs/a b (1).md": "",
    "Größe/naïve.txt": "",
    "日本語.md": "",
    ".github/x": "",
    ".gitignore": "",
    "a/.git/config": "refuse",
    ".GIT": "refuse",
    ".g\u200cit/hooks/x": "refuse",
    "git~1/x": "refuse",
    ".git /x": "refuse",
    ".git.": "refuse",
    ".git::$INDEX_ALLOCATION/x": "refuse",
    "../x": "refuse",
    "a//b": "refuse",
    "/a": "refuse",
    "a\\b": "refuse",
    "a\nb": "refuse",
    "a\x7fb": "refuse",
    "cod\u202egpj.exe": "refuse",
    "a\u200bb": "refuse",
    "a\u3164": "refuse",
    "a\udcffb": "refuse",
    "x" * 256: "refuse",
    "ä" * 128: "refuse",
    "x" * 255: "",
    "aux.txt": "flag",
    "a/COM1": "flag",
    "a:b": "flag",
    "what?": "flag",
    "end.": "flag",
    " start": "flag",
    "-rf": "flag",
    "auxiliary.py": "",
}


@pytest.mark.parametrize(("path", "level"), NAMES.items(), ids=ascii)
def test_names_are_what_they_seem_everywhere(path: str, level: str) -> None:
    assert levels(work(file(path)), "names") == ([level] if level else [])
    assert levels(work(file(path, "new", "old"), file(path, None, "old")), "names") == []


def test_what_cannot_be_seen_is_shown_as_its_number() -> None:
    ((_, sentence),) = found(work(file("cod\u202egpj.`exe")), "names")
    assert "``cod\\u202egpj.`exe``" in sentence


CLASHES = {
    "another case": ("README.MD", "README.md", True),
    "another form of the letter": (unicodedata.normalize("NFD", "é.md"), "é.md", True),
    "a folder of another case": ("SRC/new.py", "src/old.py", True),
    "a file in place of a folder": ("Src", "src/old.py", True),
    "a folder in place of a file": ("readme.md/x", "README.md", True),
    "sharp s": ("straße", "STRASSE", True),
    "the same folder": ("src/new.py", "src/old.py", False),
    "another name": ("README.txt", "README.md", False),
}


@pytest.mark.parametrize(("new", "there", "clashes"), CLASHES.values(), ids=CLASHES)
def test_no_two_names_are_one_where_case_does_not_count(new: str, there: str, clashes: bool) -> None:
    assert levels(work(file(new), paths=(there,)), "names") == (["refuse"] if clashes else [])


def test_a_clash_that_was_there_before_is_nobodys_fault() -> None:
    assert levels(work(file("a/new.py"), paths=("A/x", "a/x", "B", "b")), "names") == []


def sized(size: int, status: str = "A", *, binary: bool = False, lines: int = 0) -> File:
    mode = "000000" if status == "A" else "100644"
    return File("big", status, mode, "100644", None, None, lines, 0, binary, size)  # type: ignore[arg-type]


def test_sizes() -> None:
    assert levels(work(sized(CONTENT_LIMIT)), "sizes") == []
    assert levels(work(sized(CONTENT_LIMIT + 1)), "sizes") == ["refuse"]
    assert levels(work(sized(CONTENT_LIMIT + 1, "M")), "sizes") == ["approve"]
    assert found(work(sized(3 * 2**20, binary=True)), "sizes") == [("flag", "`big` has 3 MB, and it is no text.")]
    assert found(work(sized(1, lines=20_001)), "sizes") == [("flag", "It changes 20,001 lines.")]
    assert found(work(*[sized(1)] * 301), "sizes") == [("flag", "It changes 301 files.")]
    assert found(work(*[sized(8 * 2**20)] * 3), "sizes") == [("flag", "The changed files have 24 MB together.")]
