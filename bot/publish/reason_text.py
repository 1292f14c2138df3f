"""Why a run stands as it does, for people: what our own sentences are made of stays, and nothing else acts. Pure.

Each of them makes harmless what it takes in; here is the second wall, for what one of them lets through.
"""

import re
from urllib.parse import urlsplit

from bot.github.harmless import HOST, harmless
from bot.store.record import Run

_ALONE, _BEFORE = r"(?:\A|(?<=\n\n))", r"(?=\n\n|\Z)"  # nothing stands in the same paragraph
_FENCE = r"(?P<ticks>`{3,})[^`\n]*\n[\s\S]*?\n(?P=ticks)"
_FOLD = r"<details><summary>[\w ,.:'()-]+</summary>|</details>"
_BLOCK = re.compile(f"{_ALONE}(?:{_FENCE}|{_FOLD}){_BEFORE}")
_LOGIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]|\[bot\])*"  # of people and bots: a team's has a slash
_WORDS = re.compile(
    rf"{_ALONE}(?:Cancelled(?::| by)|Approved by|Paused by) @{_LOGIN}(?![\w/-])|\bcloses #\d+ when it is merged\b"
)


def told(run: Run, part: str | None = None) -> str:
    """The reason of a run, or a part of it, with links to the GitHub that it came from."""
    event = run.context.get("event", {})
    about = event.get("issue") or event.get("pull") or {}
    return fit(run.reason if part is None else part, urlsplit(about.get("url", "")).netloc or HOST)


def fit(reason: str, host: str = HOST) -> str:
    """A reason in which nobody but who did it is mentioned, and nothing is folded, drawn or linked but by us."""
    made, at = list[str](), 0
    for block in _BLOCK.finditer(reason):
        if block["ticks"] and harmless(block[0], host) != block[0]:
            continue
        made += [_sentences(reason[at : block.start()], host), block[0]]
        at = block.end()
    return "".join([*made, _sentences(reason[at:], host)])


def _sentences(words: str, host: str) -> str:
    """What stands between blocks: words of our own that act stand aside while the others are made harmless."""
    core, mark, ours = words.strip("\n"), "tutti", list[str]()
    if not core:
        return words
    while mark in core:
        mark += "i"

    def aside(found: re.Match[str]) -> str:
        ours.append(found[0])
        return f"{mark}{len(ours) - 1}."

    made = harmless(_WORDS.sub(aside, core), host)
    made = re.sub(rf"{mark}(\d+)\.", lambda found: ours[int(found[1])], made)
    before, after = words[: len(words) - len(words.lstrip("\n"))], words[len(words.rstrip("\n")) :]
    return f"{before}{made}{after}"
