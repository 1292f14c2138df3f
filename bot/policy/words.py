"""Names out of a stranger's files as they are shown: in code spans, without secrets, and with what hides made seen."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from bot.policy.secrets import redacted
from bot.policy.work import Work

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def unseen(letter: str) -> bool:
    """Whether a character shows nothing or moves others about: control, format, bidi, half and unknown ones."""
    if " " <= letter <= "~":
        return False
    return (
        unicodedata.category(letter) in _UNSEEN
        or letter in _BLANK
        or (unicodedata.category(letter) == "Zs" and letter != " ")
        or any(ord(letter) in selectors for selectors in _SELECTORS)
    )


def readable(words: str) -> str:
    """The words with every character that cannot be seen written as its number."""
    if words.isascii() and words.isprintable():
        return words
    return "".join(f"\\u{ord(letter):04x}" if unseen(letter) else letter for letter in words)


def shown(words: str, work: Work, limit: int = 160) -> str:
    """One line as a code span that nothing in it can end; of long ones the middle is left out."""
    text = _cut(readable(_cut(redacted(words, work.canaries), limit)).strip() or " ", limit)
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit // 2]}…{text[-(limit // 2 - 1) :]}"


def listing(names: Sequence[str], work: Work, most: int = 20) -> str:
    """Some names in a row, each as a code span, and how many more there are."""
    more = len(names) - most
    said = ", ".join(shown(name, work) for name in names[:most])
    return f"{said} and {more:,} more" if more > 0 else said


def plural(count: int, thing: str, many: str = "") -> str:
    return f"{count:,} {thing if count == 1 else many or thing + 's'}"


def joined(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
