"""Our section of a pull request's text: how it is found again, renewed, and known to be up to date. Pure."""

import hashlib
import re

from bot.github.writing import BODY_LIMIT

_BEGIN, _END = "<!-- tutti description:begin", "<!-- tutti description:end -->"
_EITHER = re.compile(rf"{re.escape(_BEGIN)}(?: (?P<head>[0-9a-f]+) (?P<digest>[0-9a-f]+))? -->|{re.escape(_END)}")


def with_section(body: str, section: str, head: str, digest: str) -> str | None:
    """The text with the section where ours stood, or else below it; not a character of the rest is touched.

    `head` is the commit that it describes, `digest` of what it was made from. None where GitHub takes no longer text.
    """
    ours = f"{_BEGIN} {head} {digest} -->\n{_unmarked(section)}\n{_END}"
    if place := _place(body):
        made = body[: place[0]] + ours + body[place[1] :]
    else:
        made = f"{body}\n\n{ours}" if body.strip() else ours
    return made if len(made) <= BODY_LIMIT else None


def without_section(body: str) -> str:
    """What people wrote."""
    place = _place(body)
    return f"{body[: place[0]].rstrip()}\n\n{body[place[1] :].strip()}".strip() if place else body


def is_current(title: str, body: str, head: str) -> bool:
    """Whether our section describes this commit, and neither it nor what people wrote was changed since."""
    place = _place(body)
    mark = _EITHER.match(body, place[0]) if place else None
    return mark is not None and (mark["head"], mark["digest"]) == (head, _digest(title, body, section_of(body)))


def section_of(body: str) -> str:
    """What our section says; empty where there is none."""
    place = _place(body)
    if place is None:
        return ""
    mark = _EITHER.match(body, place[0])
    assert mark is not None
    return body[mark.end() : place[1] - len(_END)].replace("\r\n", "\n").strip()


def digest_of(title: str, body: str, section: str) -> str:
    """Of what people wrote and of the section that is made of it."""
    return _digest(title, body, _unmarked(section).strip())


def _digest(title: str, body: str, section: str) -> str:
    words = without_section(body).replace("\r\n", "\n").strip()
    return hashlib.sha256("\0".join([title, words, section]).encode("utf-8", "replace")).hexdigest()[:16]


def _place(body: str) -> tuple[int, int] | None:
    """Where our section begins and ends: the last begin whose end is the next mark. A mark without its other half is
    somebody's, who took a part of ours out: what stands between it and the next is not ours to replace.
    """
    begin, found = None, None
    for mark in _EITHER.finditer(body):
        if mark[0] != _END:
            begin = mark.start()
        elif begin is not None:
            found, begin = (begin, mark.end()), None
    return found


def _unmarked(section: str) -> str:
    """Without our marks in it: in code they are words of an agent."""
    return section.replace("<!-- tutti", "<!-- Tutti")
