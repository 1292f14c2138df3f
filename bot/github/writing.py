"""The form GitHub's text fields want: hidden markers, and the longest bodies it takes."""

import re

from bot.invisible import cleaned
from bot.storable import storable

BODY_LIMIT = 65_536
SUMMARY_LIMIT = 65_535
TITLE_LIMIT = 256

_MARKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/#@-]{0,199}")
_MARKERS = re.compile(r"<!-- tutti \S{1,200} -->")
_CUT = "\n\n(Cut here: GitHub takes no longer text.)"


def hidden(marker: str) -> str:
    """The HTML comment that makes our own text findable again; ValueError for a marker that could end it early."""
    if not _MARKER.fullmatch(marker) or "--" in marker:
        raise ValueError(f"no usable marker: {marker!r}")
    return f"<!-- tutti {marker} -->"


def marked(body: str, marker: str) -> str:
    """The body, clipped, with its hidden marker below it (none: just clipped)."""
    if not marker:
        return clipped(body)
    sign = hidden(marker)
    return clipped(body.replace(sign, "").rstrip(), BODY_LIMIT - len(sign) - 2) + f"\n\n{sign}"


def bears(body: str, marker: str) -> bool:
    """Whether a text of ours has this marker: it is the last one, for what we quote above it may hold others."""
    return next(iter(_MARKERS.findall(body)[-1:]), "") == hidden(marker)


def clipped(body: str, limit: int = BODY_LIMIT) -> str:
    """At most `limit` characters; what is cut says so, outside of any code block it was cut in; no NUL."""
    body = storable(body)
    if len(body) <= limit:
        return body
    kept = body[: limit - len(_CUT) - 4]
    fence = "\n```" if len(re.findall(r"^```", kept, re.MULTILINE)) % 2 else ""
    return f"{kept}{fence}{_CUT}"


def title(words: str) -> str:
    """One line of at most 256 characters, each of which is seen; no NUL."""
    line = " ".join(cleaned(storable(words)).split())
    return line if len(line) <= TITLE_LIMIT else line[: TITLE_LIMIT - 1] + "…"
