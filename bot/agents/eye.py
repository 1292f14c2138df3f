"""What a person sees of one paragraph, or of one block of HTML, on GitHub's page. Pure."""

import html
import re
from collections import Counter
from dataclasses import dataclass, field
from string import punctuation

from markdown_it.common.utils import normalizeReference

from bot.agents.tag import (
    BREAKING,
    HIDING,
    KNOWN,
    LITERAL,
    LOOSE_TAG,
    MAY_HIDE,
    QUIET,
    STRICT_TAG,
    VOID,
    attributes,
    unshown,
)
from bot.invisible import INVISIBLE, cleaned

MARK, IMAGE = "[hidden text removed]", "[image]"
COMMENT, ELEMENT, TAG, ATTRIBUTE = "HTML comment", "hidden element", "unknown HTML tag", "HTML attribute"
ALT, TITLE, TARGET, LINK, FORMULA = "image description", "title", "link target", "link without words", "hidden formula"
TANGLE = "knot"
_LONGEST_TARGET = 200

_SPECIAL = re.compile(r"[\\`<&\[\]!$]")
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+)>")
_ENTITY = re.compile(r"&(?:amp;|#38;|#x26;){0,8}(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?", re.I)
_FORMULA = re.compile(r"\$\$[^$]*+\$\$|\$(?=[^\s$])(?:[^$\\]|\\[\s\S])*+(?<=\S)\$(?!\w)")
UNSEEN_IN_FORMULAS = re.compile(
    r"\\(?:[hv]?phantom|(?:text|page)?color|f?colorbox|style|class|cssId|href|[lr]lap|tiny|smash|require)|(?<!\\)%"
)
_TITLE_AND_END = re.compile(
    r"""(?:[ \t\n]+("(?:[^"\\]|\\[\s\S])*+"|'(?:[^'\\]|\\[\s\S])*+'|\((?:[^()\\]|\\[\s\S])*+\)))?[ \t\n]*\)"""
)
_BRACED = re.compile(r"[ \t\n]*<((?:[^<>\n\\]|\\.)*+)>")
_PIECE = re.compile(r"[^\s()\\]+|\\\S?|[()]")
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.){0,999})\]", re.DOTALL)
_ESCAPE = re.compile(rf"\\([{re.escape(punctuation)}])")
_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*", re.I)
_UNSAFE = re.compile(r"[<>\[\]()\"'`\\^{|}$]")
_RAW = [
    (re.compile(r"<!---?>"), ">"),
    (re.compile(r"<!--"), "-->"),
    (re.compile(r"<\?"), "?>"),
    (re.compile(r"<!\[CDATA\["), "]]>"),
    (re.compile("<![A-Za-z]"), ">"),
]


@dataclass
class Eye:
    """Reads a document piece by piece: what one piece opens may hide the next ones. `links`: label -> address."""

    links: dict[str, str]
    removed: Counter[str] = field(default_factory=Counter)
    used: set[str] = field(default_factory=set)
    footnotes: set[str] = field(default_factory=set)
    blind: bool = False  # something was opened that nothing ends: nobody sees the rest
    inside: list[str] = field(default_factory=list)  # the open elements of which nobody sees a word

    @property
    def sees(self) -> bool:
        return not self.blind and not self.inside

    def look(self, words: str, *, markup: bool = True, cells: bool = False) -> str:
        """What is seen of a paragraph, or (no `markup`) of a block of HTML; in `cells` code ends with its cell."""
        return _Look(self, words, markup, cells).seen()


@dataclass
class _Bracket:
    at: int
    out: int
    image: bool
    nested: bool = False


class _Look:
    def __init__(self, eye: Eye, words: str, markup: bool, cells: bool) -> None:
        self.eye, self.words, self.markup, self.cells = eye, words, markup, cells
        self.at = 0
        self.out: list[str] = []
        self.open: list[_Bracket] = []
        self.inactive = 0  # so many of the open brackets, from the outermost, cannot be links any more
        self.hrefs: list[str] = []
        self.missing: set[str] = set()
        self.patience = 8 * len(words) + 10_000
        self.ticks: dict[int, list[int]] = {}
        for run in reversed([*re.finditer("`+", words)]):
            self.ticks.setdefault(len(run[0]), []).append(run.start())

    def seen(self) -> str:
        while self.at < len(self.words) and not self.eye.blind:
            hit = _SPECIAL.search(self.words, self.at)
            self.say(self.words[self.at : hit.start() if hit else None])
            self.at = hit.start() if hit else len(self.words)
            if hit:
                self.special(hit[0])
        return "".join(self.out)

    def special(self, char: str) -> None:
        if char == "<":
            self.less()
        elif char == "&":
            self.entity()
        elif not self.markup:
            self.take(1)
        elif char == "\\":
            self.take(2 if self.words[self.at + 1 : self.at + 2] in punctuation else 1)
        elif char == "`":
            self.code()
        elif char == "$":
            self.formula()
        elif char == "]" and self.eye.sees:
            self.close()
        else:
            self.bracket()

    # ---- saying ------------------------------------------------------------------------------------------------------

    def say(self, words: str) -> None:
        last = self.out[-1] if self.out else ""
        if words and self.eye.sees and not words == last == MARK:
            glued = last in (MARK, IMAGE) and words[0] in "([:"
            self.out.append(" " + words if glued else words)

    def take(self, count: int) -> None:
        self.say(self.words[self.at : self.at + count])
        self.at += count

    def hide(self, kind: str, end: int, mark: str = MARK) -> None:
        """Pass over what stands up to `end`, as something of that kind."""
        if self.eye.sees:
            self.eye.removed[kind] += 1
            self.say(mark)
        self.at = end

    def go_blind(self, kind: str) -> None:
        self.hide(kind, len(self.words))
        self.eye.blind = True

    def find(self, end: str, start: int) -> int:
        """Where `end` ends after `start`; 0 where it is nowhere. What is missing once is not looked for again."""
        if end in self.missing:
            return 0
        found = self.words.find(end, start)
        if found < 0:
            self.missing.add(end)
        return found + len(end) if found >= 0 else 0

    # ---- code, formulas, entities ------------------------------------------------------------------------------------

    def code(self) -> None:
        run = re.compile("`+").match(self.words, self.at)
        assert run
        ends = self.ticks.get(len(run[0]), [])
        while ends and ends[-1] <= self.at:
            ends.pop()
        inner = self.words[run.end() : ends[-1]] if ends else ""
        whole = bool(ends) and not (self.cells and re.search(r"[|\n]", inner))
        self.take(len(run[0]) * 2 + len(inner) if whole else len(run[0]))

    def formula(self) -> None:
        found = _FORMULA.match(self.words, self.at)
        if found and UNSEEN_IN_FORMULAS.search(found[0]):
            self.hide(FORMULA, found.end())
        else:
            self.take(1)

    def entity(self) -> None:
        """An entity becomes what it stands for: nothing, where nobody would see it; what is markup stays an entity."""
        found = _ENTITY.match(self.words, self.at)
        meant = _decoded(found[0]) if found else ""
        if not found or meant == found[0]:
            self.take(1)
        elif not cleaned(meant).strip("\ufffd"):
            self.hide(INVISIBLE, found.end(), "")
        elif found[0].startswith("&amp;") or found[0][-1] != ";" or any(c in punctuation for c in meant):
            self.take(len(found[0]))
        else:
            self.say(" " if meant.isspace() and meant.isascii() else meant)
            self.at = found.end()

    # ---- HTML --------------------------------------------------------------------------------------------------------

    def less(self) -> None:
        if tag := (STRICT_TAG if self.markup else LOOSE_TAG).match(self.words, self.at):
            self.tag(tag)
        elif self.markup and (link := _AUTOLINK.match(self.words, self.at)):
            self.say(_quoted(link[1]))
            self.at = link.end()
        elif self.markup:
            self.raw()
        else:
            self.comment()

    def raw(self) -> None:
        """What Markdown hands over to the browser as it is, comments above all; else a `<` that is just seen."""
        end = next((end for begin, end in _RAW if begin.match(self.words, self.at)), "")
        if end and (stop := self.find(end, self.at + 2)):
            if end == "-->" and "--" in (inner := self.words[self.at + 4 : stop - 3]) and MAY_HIDE.search(inner):
                self.go_blind(COMMENT)  # GitHub takes `--` for no part of a comment: then this hides what follows
            self.say(self.eye.look(self.words[self.at : stop], markup=False))
            self.at = stop
        else:
            self.take_less()

    def comment(self) -> None:
        """A comment, or what browsers take for one; where it has no end nobody sees what follows."""
        if empty := re.compile("<!---?>").match(self.words, self.at):
            self.hide(COMMENT, empty.end())
        elif begin := re.compile("<(?:!--|[!?]|/(?![A-Za-z]))").match(self.words, self.at):
            ways = ("-->", "--!>") if begin[0] == "<!--" else (">",)
            ends = [end for way in ways if (end := self.find(way, begin.end()))]
            self.hide(COMMENT, min(ends)) if ends else self.go_blind(COMMENT)
            self.on_to(
                "?>" if begin[0] == "<?" else "]]>" if self.words.startswith("![CDATA[", begin.start() + 1) else ""
            )
        elif re.compile("</?[A-Za-z]").match(self.words, self.at):
            self.go_blind(COMMENT)
        else:
            self.take_less()

    def on_to(self, end: str) -> None:
        """Some browsers end it here, others at `end`: nobody sees what is between, though it may hide what follows."""
        if not end or self.words.startswith(end, self.at - len(end)):
            return
        if stop := self.find(end, self.at):
            self.eye.look(self.words[self.at : stop], markup=False)
            self.at = stop
        elif end == "]]>":
            self.eye.blind = True

    def take_less(self) -> None:
        self.say("&lt;" if re.compile(r"<[A-Za-z/!?&]").match(self.words, self.at) else "<")
        self.at += 1

    def tag(self, tag: re.Match[str]) -> None:
        name, self.at = tag["name"].lower(), tag.end()
        if self.eye.inside:
            self.deeper(name, end=bool(tag["end"]))
        elif tag["end"]:
            if name == "a" and self.hrefs and (target := self.hrefs.pop()):
                self.say(f" ({target})")
            self.pause(name)
        else:
            self.opened(name, attributes(tag["attributes"]))

    def deeper(self, name: str, *, end: bool) -> None:
        """A tag inside of what nobody sees: it counts where it can change when that ends."""
        inside = self.eye.inside
        if end and name == inside[-1]:
            inside.pop()
        elif not end and inside[-1] not in LITERAL and name in {inside[-1], *LITERAL}:
            inside.append(name)

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        kind = ALT if name == "img" else TITLE
        for each, value in attributes.items():
            if value.strip() and each not in QUIET:
                self.eye.removed[kind if each in ("alt", "title") else ATTRIBUTE] += 1
        if name not in VOID and (name in HIDING or unshown(attributes)):
            self.hide(ELEMENT, self.at)
            self.eye.inside.append(name)
        elif name == "img":
            self.say(IMAGE)
        elif name not in KNOWN:
            self.hide(TAG, self.at)
        else:
            self.pause(name)
        if name == "a" and self.eye.sees:
            self.hrefs.append(_target(attributes.get("href", "")))

    def pause(self, name: str) -> None:
        """What begins a new line keeps the words before and after it apart."""
        if name in BREAKING and self.out and not self.out[-1][-1:].isspace():
            self.say(" ")

    # ---- links and images --------------------------------------------------------------------------------------------

    def bracket(self) -> None:
        image = self.words.startswith("![", self.at)
        if not self.eye.sees or self.words[self.at] == "]" or not (image or self.words[self.at] == "["):
            self.take(1)
            return
        if self.open:
            self.open[-1].nested = True
        begin = self.at
        self.take(2 if image else 1)
        self.open.append(_Bracket(begin, len(self.out) - 1, image))

    def close(self) -> None:
        if not self.open:
            self.take(1)
            return
        opened = self.open.pop()
        active = opened.image or len(self.open) >= self.inactive
        self.inactive = min(self.inactive, len(self.open))
        found = self.resolved(opened) if active else None
        if self.eye.blind:
            return
        if found is None:
            if self.words.startswith("^", opened.at + 1) and not self.words.startswith(":", self.at + 1):
                self.eye.footnotes.add(normalizeReference(self.words[opened.at + 2 : self.at][:200]))
            self.take(1)
            return
        address, title, self.at = found
        words = "".join(self.out[opened.out + 1 :])
        del self.out[opened.out :]
        self.linked(opened.image, words, address, title)

    def linked(self, image: bool, words: str, address: str, title: str) -> None:
        if title.strip("\"'() \t\n"):
            self.eye.removed[TITLE] += 1
        if image:
            self.eye.removed[ALT] += bool(words.strip())
            self.say(IMAGE)
            return
        self.inactive = len(self.open)
        target = _target(address)
        if not words.strip():
            self.hide(LINK, self.at)
            return
        self.eye.removed[TARGET] += bool(address and not target)
        self.say(f"{words} ({target})" if target and target != words else words)

    def resolved(self, opened: _Bracket) -> tuple[str, str, int] | None:
        """(address, title, end) of the link or image whose words end here; None where it is none."""
        if self.words.startswith("(", self.at + 1) and (found := self.destination(self.at + 2)):
            return found
        begin, end, label = opened.at + 1 + opened.image, self.at + 1, ""
        if after := _LABEL.match(self.words, end):
            end, label = after.end(), after[1]
        if not label and (opened.nested or self.at - begin > 999):
            return None
        name = normalizeReference(label or self.words[begin : self.at]) if self.eye.links else ""
        if name not in self.eye.links:
            return None
        self.eye.used.add(name)
        return self.eye.links[name], "", end

    def destination(self, start: int) -> tuple[str, str, int] | None:
        address, at = self.address(start)
        ended = _TITLE_AND_END.match(self.words, at) if at else None
        self.patience -= (ended.end() if ended else at or start) - start
        if self.patience < 0:
            self.go_blind(TANGLE)
        return (address, ended[1] or "", ended.end()) if ended else None

    def address(self, start: int) -> tuple[str, int]:
        """The address that begins here, and where it ends (0: there is none)."""
        if braced := _BRACED.match(self.words, start):
            return braced[1], braced.end()
        space = re.compile(r"[ \t\n]*").match(self.words, start)
        begin = at = space.end() if space else start
        depth = 0
        while piece := _PIECE.match(self.words, at):
            if piece[0] == ")" and not depth:
                break
            depth += {"(": 1, ")": -1}.get(piece[0], 0)
            at = piece.end()
            self.patience -= len(piece[0])
            if self.patience < 0:
                break
        return (self.words[begin:at], at) if not depth else ("", 0)


def _decoded(entity: str) -> str:
    """What an entity stands for in the end, however often it is encoded."""
    before = ""
    while before != entity:
        before, entity = entity, html.unescape(entity)
    return entity


def _target(address: str) -> str:
    """Where a link leads, if that is the web and no longer than an address; else nothing."""
    meant = cleaned(html.unescape(_ESCAPE.sub(r"\1", address))).strip()
    return _quoted(meant) if len(meant) <= _LONGEST_TARGET and _ADDRESS.fullmatch(meant) else ""


def _quoted(address: str) -> str:
    return _UNSAFE.sub(lambda char: f"%{ord(char[0]):02X}", address)
