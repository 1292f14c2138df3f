"""The tests that stand in a file of tests, by patterns for each language; nothing is run or parsed as a program."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

_WIDEST = 2_000
MOST = 3_000
"""Tests of one file that are looked at."""

_NAMED = re.compile(
    r"(?:^|/)(?:test_[^/]*|tests|[^/]*[_.-](?:tests?|spec|cy|e2e)|[^/]*(?:Test|Tests|TestCase|Spec|IT))\.\w{1,8}$"
)
_FOLDER = re.compile(r"(?:^|/)(?:tests?|__tests__|specs?|e2e|[\w-]*[_-]tests?)/")


@dataclass(frozen=True)
class Language:
    """`cases` finds tests, `veils` comments and texts of many lines; `indented`: a test ends where indentation does."""

    cases: re.Pattern[str]
    veils: re.Pattern[str]
    indented: bool = False


@dataclass(frozen=True)
class Case:
    """A test: `line` is the 1-based one of its name, `lines` that one and what belongs to it, without empty ones."""

    name: str
    line: int
    lines: tuple[str, ...]


_QUOTED = r"""(?P<q>['"`])(?P<name>(?:\\.|(?!(?P=q))[^\\\n]){0,200})(?P=q)"""
# A text without an end goes to the end of its line, so that no letter is looked at twice.
_STRINGS = r"""|"(?:\\.|[^"\\\n])*+(?:"|\\?$)|'(?:\\.|[^'\\\n])*+(?:'|\\?$)"""
_SLASHES = re.compile(
    rf"(?P<veil>//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)){_STRINGS}|`(?:\\[\s\S]|[^`\\])*+(?:`|\\?\Z)", re.MULTILINE
)
_HASHES = re.compile(rf"(?P<veil>\#[^\n]*){_STRINGS}", re.MULTILINE)
_THREE = re.compile(
    rf"""(?P<veil>\#[^\n]*|\"{{3}}[\s\S]*?(?:\"{{3}}|\Z)|'{{3}}[\s\S]*?(?:'{{3}}|\Z)){_STRINGS}""", re.MULTILINE
)
_ANNOTATED = (
    r"(?:@(?:\w{1,40}\.){0,6}(?:Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate)\b(?:\([^)\n]{0,200}+\))?+"
    r"|\[(?:Fact|Theory|Test|TestMethod|TestCase)\b[^\]\n]{0,200}\])"
    r"(?:\s{0,50}+(?:@\w{1,60}+(?:\([^)\n]{0,300}+\))?+|\[[^\]\n]{0,300}+\])){0,8}+\s{0,50}+"
    r"(?:(?:\w{1,20}+\s{1,5}+){0,3}?fun\s{1,5}(?:`(?P<spoken>[^`\n]{1,200})`|(?P<fun>\w{1,200}))"
    r"|(?:[\w<>\[\],.?]{1,80}+\s{1,20}+){1,6}?(?P<method>\w{1,200})\s{0,5}\()"
    r"|\bvoid\s{1,5}(?P<name>test\w{1,200})\s{0,5}\("
)
_SCRIPT = Language(
    re.compile(
        rf"(?<![\w.$])(?:Deno\.)?[xf]?(?:it|test|specify)(?:\.\w{{1,20}}){{0,3}}\s{{0,20}}\(\s{{0,50}}{_QUOTED}"
        r"|(?<![\w.$])(?:it|test)(?:\.\w{1,20}){0,2}\.(?P<table>each)\b"
    ),
    _SLASHES,
)
_JAVA = Language(re.compile(_ANNOTATED), _SLASHES)
_C = Language(
    re.compile(
        r"^[ \t]*(?:TYPED_)?TEST(?:_F|_P)?\s{0,5}\(\s{0,20}\w{1,100}\s{0,20},\s{0,20}(?P<name>\w{1,200})"
        r"""|^[ \t]*(?:TEST_CASE|SCENARIO)\s{0,5}\(\s{0,20}"(?P<said>[^"\n]{1,200})""",
        re.MULTILINE,
    ),
    _SLASHES,
)
_PYTHON = Language(
    re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(?P<name>test\w*)", re.MULTILINE), _THREE, indented=True
)
_GO = Language(
    re.compile(r"^func[ \t]+(?:\([^)\n]{0,100}\)[ \t]*)?(?P<name>(?:Test|Fuzz|Example)\w*)[ \t]*\(", re.MULTILINE),
    _SLASHES,
)
_RUST = Language(
    re.compile(
        r"\#\[(?:\w{1,40}::){0,3}(?:test|rstest|test_case|quickcheck)\b[^\]\n]{0,200}\](?:\s{0,50}\#\[[^\]\n]{0,200}\]){0,6}"
        r"\s{0,50}(?:pub(?:\([^)\n]{0,30}\))?\s{1,5})?(?:async\s{1,5})?fn\s{1,5}(?P<name>\w{1,200})"
    ),
    _SLASHES,
)
_RUBY = Language(
    re.compile(
        rf"^[ \t]*[xf]?(?:it|specify|scenario|test|example)[ \t(]{{1,4}}{_QUOTED}|^[ \t]*def[ \t]+(?P<method>test_\w+)",
        re.MULTILINE,
    ),
    _HASHES,
)
_PHP = Language(
    re.compile(
        rf"\bfunction[ \t]+(?P<method>test\w+)|\#\[Test\]\s{{0,50}}public\s{{1,5}}function\s{{1,5}}(?P<marked>\w+)"
        rf"|(?<![\w>$])(?:it|test)\({_QUOTED}"
    ),
    _SLASHES,
)
_SWIFT = Language(re.compile(r"\bfunc[ \t]+(?P<name>test\w+)[ \t]*\("), _SLASHES)
_ELIXIR = Language(re.compile(rf"^[ \t]*(?:test|property)[ \t(]{{1,4}}{_QUOTED}", re.MULTILINE), _HASHES)

LANGUAGES: dict[str, Language] = {"py": _PYTHON, "go": _GO, "rs": _RUST, "rb": _RUBY, "php": _PHP, "swift": _SWIFT}
LANGUAGES |= dict.fromkeys(("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "dart"), _SCRIPT)
LANGUAGES |= dict.fromkeys(("java", "kt", "kts", "groovy", "scala", "cs"), _JAVA)
LANGUAGES |= dict.fromkeys(("c", "cc", "cpp", "cxx", "h", "hpp"), _C) | dict.fromkeys(("exs", "ex"), _ELIXIR)


def is_test_file(path: str) -> bool:
    """Whether a file is one of tests by its name or its folder, in a language that is known here."""
    return ending(path) in LANGUAGES and (named_a_test(path) or bool(_FOLDER.search(path)) or path.endswith(".rs"))


def named_a_test(path: str) -> bool:
    return _NAMED.search(path) is not None


def ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


def bare(text: str, language: Language) -> str:
    """The program without comments and texts of many lines, each line in its place."""
    return language.veils.sub(_veiled, text)


def _veiled(hit: re.Match[str]) -> str:
    return "\n" * hit[0].count("\n") if hit["veil"] else hit[0]


def cases(program: str, language: Language) -> tuple[Case, ...]:
    """The tests of a bare program, in order."""
    hits = [*islice(language.cases.finditer(program), MOST)]
    if not hits:
        return ()
    lines = program.split("\n")
    ends = [*accumulate(len(line) + 1 for line in lines)]
    found = [(_name(hit), bisect_left(ends, _at(hit) + 1)) for hit in hits]
    stops = [number for _, number in found[1:]] + [len(lines)]
    return tuple(
        Case(name, number + 1, _body(lines, number, max(stop, number + 1), language.indented))
        for (name, number), stop in zip(found, stops, strict=True)
    )


def cases_of(path: str, text: str) -> tuple[Case, ...]:
    """The tests of a program in the language that its name says; none where it is no known one."""
    language = LANGUAGES.get(ending(path))
    return cases(bare(text, language), language) if language and text else ()


def _name(hit: re.Match[str]) -> str:
    return next((value for key, value in hit.groupdict().items() if value and key != "q"), "without a name")


def _at(hit: re.Match[str]) -> int:
    return next((hit.start(key) for key, value in hit.groupdict().items() if value and key != "q"), hit.start())


def _body(lines: list[str], start: int, stop: int, indented: bool) -> tuple[str, ...]:
    body = lines[start + 1 : stop]
    if indented:
        body = [*_deeper(body, _indent(lines[start]))]
    return tuple(line.strip()[:_WIDEST] for line in (lines[start], *body) if line.strip())


def _deeper(lines: list[str], indent: int) -> Iterator[str]:
    """Lines up to the first that is indented no more than the head; the end of a head of many lines is no end."""
    for line in lines:
        if line.strip() and _indent(line) <= indent and not line.lstrip().startswith((")", "]")):
            return
        yield line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
