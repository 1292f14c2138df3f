"""Words shown just as they are: a span of code in Markdown, which nothing in them can end. Pure."""

import re

from bot.invisible import cleaned
from bot.storable import storable

_WORK = "ci|cd|build|deploy|test|tests|actions|checks|pipeline|workflow"
_SKIP = re.compile(
    rf"\[(\s*(?:skip(?:[\s_-]+\w+)?|no[\s_-]+(?:{_WORK})|\w+[\s_-]+skip)\s*)\]",
    re.IGNORECASE,
)
_NO_CI = re.compile(r"(?<!\*)\*{3,}+\s*+NO_CI\s*\*{3,}", re.IGNORECASE)


def unmarked(words: str) -> str:
    """The words without the marks in commits and pull requests that keep checks from running."""
    return _SKIP.sub(r"(\1)", _NO_CI.sub("NO_CI", words))


def code(words: str, limit: int = 300) -> str:
    """A name or a command as a code span that nothing in it can end, at most `limit` characters of it."""
    words = " ".join(unmarked(cleaned(storable(words))).split())
    kept = words if len(words) <= limit else words[: limit - 1] + "…"
    ticks = "`" * (max((len(run) for run in re.findall("`+", kept)), default=0) + 1)
    pad = " " if kept.startswith("`") or kept.endswith("`") else ""
    return f"{ticks}{pad}{kept}{pad}{ticks}" if kept else ""
