"""What people see of an issue on GitHub's page, and no word besides: agents read nothing that nobody sees. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_block import StateBlock, reference
from markdown_it.token import Token

from bot.agents.eye import FORMULA, MARK, UNSEEN_IN_FORMULAS, Eye
from bot.invisible import swept
from bot.storable import storable

DEFINITION, FOOTNOTE, LABEL, DRAWING, CELL = (
    "link definition",
    "footnote",
    "label of a code block",
    "drawing",
    "table cell",
)
LONGEST = 70_000  # GitHub takes no longer text
_LEFT_OUT = "\n[the rest is left out]"
_ROUNDS = 6
_FRAME = re.compile(r"[\s>*+#.)\d-]*")
_DELIMITERS = re.compile(r"^[ \t>|:-]*-[ \t|:-]*$", re.MULTILINE)
_COLUMN = re.compile(r":?-+:?")
_LANGUAGE = re.compile(r"[A-Za-z][\w+#.-]{0,19}")
_FOOTNOTE = re.compile(r" *\[\^([^\]\s]{1,200})\]:")
_IN_DIAGRAMS = re.compile(
    r"%%|acc(?:Descr|Title)|\b(?:click|href|callback)\b"
    r"|(?:style|classDef|linkStyle)\b.*(?:color|opacity|display|visibility|font)"
)
_DRAWN = {"mermaid": _IN_DIAGRAMS, "math": UNSEEN_IN_FORMULAS}
_DRAWN |= dict.fromkeys(("geojson", "topojson", "stl"), re.compile(""))


@dataclass(frozen=True)
class Seen:
    """The text, and what is not in it any more: (kind, how often), kinds as singular nouns."""

    text: str
    removed: tuple[tuple[str, int], ...] = ()


@lru_cache(64)  # the agents of one run are all told of one issue
def visible(markdown: str) -> Seen:
    """Markdown without what GitHub's page hides: comments, alt texts, titles, invisible characters and more.

    A short mark stands where something was. Code stays as it is but for invisible characters.
    """
    removed: Counter[str] = Counter()
    words = storable(markdown)
    text = words if len(words) <= LONGEST else words[:LONGEST] + _LEFT_OUT
    for _ in range(_ROUNDS):
        shown, characters = swept(text, MARK)
        seen, parts = _seen(shown)
        removed.update(characters)
        removed.update(parts)
        if seen == text:
            return _told(text, removed)
        text = seen
    return _told(_without_markup(swept(text)[0]), removed)


def _told(text: str, removed: Counter[str]) -> Seen:
    return Seen(text, tuple((kind, count) for kind, count in removed.items() if count))


def visible_title(words: str) -> Seen:
    """One line without invisible characters: in titles GitHub shows tags and all other markup as they are."""
    text, removed = swept(" ".join(storable(words).split()), MARK)
    return _told(" ".join(text.split()), Counter(removed))


def sentence(removed: Iterable[tuple[str, int]]) -> str:
    """What was taken away, for people; nothing where nothing was."""
    parts = [f"{count} {kind if count == 1 else _plural(kind)}" for kind, count in removed if count]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return f"Hidden text was removed from what the agent reads: {listed}." if parts else ""


def _plural(kind: str) -> str:
    word, of, rest = kind.partition(" of ")
    word, without, less = (word, of, rest) if of else kind.partition(" without ")
    return f"{word}s{without}{less}"


def _without_markup(text: str) -> str:
    """For text that becomes markup again and again as markup is taken out of it: then nothing in it is any."""
    return text.translate(str.maketrans("`~<>[]&\\$", "'-(()()+/S"[:9]))


# ---- a document, leaf by leaf ----------------------------------------------------------------------------------------


class _Blocks(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - its name there
        """GitHub takes every address for one, and then shows nothing of the definition."""
        return True


def _definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if not reference(state, start, end, silent):
        return False
    state.push("definition", "", 0).map = [start, state.line]
    return True


def _parser() -> MarkdownIt:
    made = _Blocks("commonmark").enable("table").disable("inline")
    made.block.ruler.at("reference", _definition)
    return made


_BLOCKS = _parser()
Part = str | Callable[[], str]


def _seen(text: str) -> tuple[str, Counter[str]]:
    environment: dict[str, dict[str, dict[str, str]]] = {}
    tokens = _BLOCKS.parse(text, environment)
    found = environment.get("references", {})
    document = _Document(text.split("\n"), Eye({name: link["href"] for name, link in found.items()}))
    for token in tokens:
        if token.map and token.map[0] >= document.at:
            document.add(token)
    return document.end(), document.eye.removed


class _Document:
    """The lines that are seen so far. What depends on a later line is a function until the end."""

    def __init__(self, lines: list[str], eye: Eye) -> None:
        self.lines, self.eye = lines, eye
        self.at = 0
        self.out: list[Part] = []
        self.footnote = ""  # the one that indented lines go on with

    def add(self, token: Token) -> None:
        show = _LEAVES.get(token.type)
        if show is None or token.map is None:
            return
        start, end = token.map
        self.between(start)
        self.at = end
        if self.eye.blind:
            return
        if token.type not in ("code_block", "definition"):
            self.footnote = ""
        show(self, token, self.lines[start:end])

    def between(self, end: int) -> None:
        """Lines of no leaf: marks of lists and quotes, empty ones, and what is too deep to be read as Markdown."""
        for line in self.lines[self.at : end]:
            seen = self.eye.look(line, cells=True)
            if self.eye.sees or seen:
                self.out.append(seen)

    def end(self) -> str:
        self.between(len(self.lines))
        parts = [part if isinstance(part, str) else part() for part in self.out]
        return "\n".join(part for part, after in pairwise([*parts, ""]) if not part == after == MARK)

    def put(self, words: str, frames: list[tuple[str, str]]) -> None:
        """Words with the marks of the lists and quotes around them."""
        *lines, last = words.rstrip().split("\n")
        heads = [frames[min(number, len(frames) - 1, 1)][0] for number in range(len(lines) + 1)]
        self.out += [head + line for head, line in zip(heads, [*lines, last + frames[-1][1]], strict=True)]

    # ---- leaves ------------------------------------------------------------------------------------------------------

    def paragraph(self, token: Token, raw: list[str]) -> None:
        """A paragraph, and the footnotes that begin in it: a footnote that nothing refers to is not shown."""
        lines, frames = token.content.split("\n"), _frames(raw, token.content)
        starts = [number for number, line in enumerate(lines) if not number or _FOOTNOTE.match(line)]
        for start, end in pairwise([*starts, len(lines)]):
            self.piece("\n".join(lines[start:end]), frames[start:end] or [("", "")])

    def piece(self, words: str, frames: list[tuple[str, str]]) -> None:
        was = self.eye.sees
        seen = self.eye.look(words, cells=bool(_DELIMITERS.search(words)))
        if note := _FOOTNOTE.match(words):
            self.footnote = normalizeReference(note[1])
            self.later(frames[0][0] + seen, self.eye.footnotes, self.footnote, FOOTNOTE)
        elif was or seen:
            self.put(seen, frames)

    def later(self, shown: str, wanted: set[str], name: str, kind: str) -> None:
        """Shown if something else in the document refers to it."""

        def decide() -> str:
            if name in wanted:
                return shown
            self.eye.removed[kind] += 1
            return MARK

        self.out.append(decide)

    def html(self, token: Token, raw: list[str]) -> None:
        was = self.eye.sees
        seen = self.eye.look(token.content.rstrip("\n"), markup=False)
        lines = [line.strip() for line in seen.split("\n") if line.strip()]
        if (was or seen) and lines:
            self.put("\n".join(lines), _frames(raw, token.content))

    def table(self, _token: Token, raw: list[str]) -> None:
        """Row by row and cell by cell; cells beyond the columns are not shown."""
        columns = len(_COLUMN.findall(raw[1])) if len(raw) > 1 else 1
        for line in raw:
            was = self.eye.sees
            frame, cells = _cells(line)
            if len(cells) > columns + (not cells[-1].strip()):
                self.eye.removed[CELL] += was
                cells = [*cells[:columns], MARK]
            seen = frame + "|".join(self.eye.look(cell, cells=True) for cell in cells)
            if was or self.eye.sees:
                self.out.append(seen)

    def fence(self, token: Token, raw: list[str]) -> None:
        if not self.eye.sees:
            return
        words, head = token.info.split(), raw[0].partition(token.markup)[0]
        kind = words[0] if words and _LANGUAGE.fullmatch(words[0]) else ""
        self.eye.removed[LABEL] += token.info.strip() != kind
        unseen = _DRAWN.get(kind.lower())
        if unseen and unseen.search(token.content):
            self.eye.removed[FORMULA if kind.lower() == "math" else DRAWING] += 1
            self.out.append(head + MARK)
        else:
            self.out += [f"{head}{token.markup}{kind}", *raw[1:]]

    def code(self, _token: Token, raw: list[str]) -> None:
        if not self.eye.sees:
            return
        if self.footnote:
            self.later("\n".join(raw), self.eye.footnotes, self.footnote, FOOTNOTE)
        else:
            self.out += raw

    def definition(self, _token: Token, raw: list[str]) -> None:
        if not self.eye.sees:
            return
        label = re.search(r"\[((?:[^\[\]\\]|\\.)+)\]:", "\n".join(raw), re.DOTALL)
        self.later("", self.eye.used, normalizeReference(label[1]) if label else "", DEFINITION)


_LEAVES: dict[str, Callable[[_Document, Token, list[str]], None]] = {
    "inline": _Document.paragraph,
    "html_block": _Document.html,
    "table_open": _Document.table,
    "fence": _Document.fence,
    "code_block": _Document.code,
    "definition": _Document.definition,
}


def _cells(line: str) -> tuple[str, list[str]]:
    """What stands before the first cell of a row, and the cells; `\\|` separates none."""
    begin = re.compile(r"[\s>]*\|?").match(line)
    frame = begin[0] if begin else ""
    ends = [
        len(frame) - 1,
        *(m.start() for m in re.finditer(r"\\.|\|", line) if m[0] == "|" and m.start() >= len(frame)),
    ]
    return frame, [line[start + 1 : end] for start, end in pairwise([*ends, len(line)])]


def _frames(raw: list[str], words: str) -> list[tuple[str, str]]:
    """What stands before and after each of the words' lines: marks of lists, quotes and headings, and blanks."""
    return [_frame(whole, line) for whole, line in zip(raw, words.split("\n"), strict=False)] or [("", "")]


def _frame(whole: str, line: str) -> tuple[str, str]:
    line, bare = line.rstrip(), whole.rstrip()
    at = len(bare) - len(line) if bare.endswith(line) else max(whole.find(line), 0)
    before, after = whole[:at], whole[at + len(line) :]
    return before if _FRAME.fullmatch(before) else "", after if _FRAME.fullmatch(after) else ""
