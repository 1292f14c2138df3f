"""Characters nobody sees: they hide words from people, turn the order of others round, or command a terminal. Pure.

What emoji and the scripts of Asia need stays where they need it.
"""

import re

INVISIBLE, DIRECTION, CONTROL = "invisible character", "text direction mark", "control character"

_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_JOINING = "\u0620-\u064a\u066e-\u06d3\u0710-\u07ff\u0840-\u085b\u08a0-\u08c9\u0900-\u0ddf\u0f40-\u0fbc\u1000-\u109f"
_JOINING += "\u1780-\u17d3\u1820-\u18aa\ua840-\ua87f\ua8e0-\ua8ff\ua980-\ua9df"
_ZWNJ, _ZWJ, _TEXT, _PICTURE = "\u200c", "\u200d", "\ufe0e", "\ufe0f"

# What Unicode calls ignorable, and all of its class Cf but for the signs that are seen (numbers' marks of Arabic etc.).
_UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ORDERS = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f"
_TERMINAL = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]"
_KEPT = (
    f"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]{_PICTURE})){_ZWJ}(?=[{_EMOJI}])"
    f"|(?<=[{_EMOJI}])[{_TEXT}{_PICTURE}]|(?<=[0-9#*]){_PICTURE}(?=\u20e3)"
    f"|(?<=[{_JOINING}])[{_ZWJ}{_ZWNJ}](?=[{_JOINING}])"
)
_FOUND = re.compile(
    f"(?P<kept>{_KEPT})|(?P<terminal>{_TERMINAL})|(?P<unseen>[{_UNSEEN}]+)|(?P<turning>[{_TURNING}]+)"
    f"|(?P<orders>[{_ORDERS}]+)"
)
_KINDS = {"terminal": CONTROL, "unseen": INVISIBLE, "turning": DIRECTION, "orders": CONTROL}
_LINES = str.maketrans({"\u2028": " ", "\u2029": " "})
_HIDES_WORDS = 4  # so many invisible characters in a row are a message of their own, not a slip


def cleaned(words: str) -> str:
    """The words as they are seen: no invisible character, no mark of direction, no control but tab and line feed."""
    return swept(words)[0]


def swept(words: str, mark: str = "") -> tuple[str, dict[str, int]]:
    """The words cleaned, `mark` in place of a long row of what was removed, and how many of each kind that was."""
    words = words.replace("\r\n", "\n").replace("\r", "\n").translate(_LINES)
    removed: dict[str, int] = {}

    def instead(found: re.Match[str]) -> str:
        way = found.lastgroup or ""
        if way == "kept":
            return found[0]
        removed[_KINDS[way]] = removed.get(_KINDS[way], 0) + (1 if way == "terminal" else len(found[0]))
        return mark if way == "unseen" and len(found[0]) >= _HIDES_WORDS else ""

    return (words if words.isascii() and words.isprintable() else _FOUND.sub(instead, words)), removed
