"""Names of new files that lie to people, or are something else on another machine."""

import re
from collections import defaultdict
from collections.abc import Iterator

from bot.policy.finding import Finding, Policy
from bot.policy.gitname import folded, is_git
from bot.policy.words import shown, unseen
from bot.policy.work import Work

NAME = "names"
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:\..*)?", re.I | re.S)
_WINDOWS = re.compile(r'[<>:"|?*]')
_LONGEST, _LONGEST_PATH, _DEEPEST = 255, 1024, 64


def judge(work: Work) -> Iterator[Finding]:
    for file in work.files:
        if file.status != "A":
            continue
        wrong = refused(file.path)
        odd = "" if wrong else unhandy(file.path)
        if wrong:
            yield Finding("refuse", NAME, file.path, f"The name {shown(file.path, work)} {wrong}.")
        elif odd:
            yield Finding("flag", NAME, file.path, f"The name {shown(file.path, work)} {odd}.")
    yield from _clashes(work)


def refused(path: str) -> str:
    """Why nothing may have this name, as what goes on from it; empty where it may."""
    parts = path.split("/")
    if _bytes(path) > _LONGEST_PATH or any(_bytes(part) > _LONGEST for part in parts) or len(parts) > _DEEPEST:
        return "is longer or lies deeper than file systems take"
    if any(is_git(part) for part in parts):
        return "is that of git's own folder on some systems"
    if any(part in ("", ".", "..") for part in parts) or "\\" in path:
        return "is no path inside of the repository"
    if any("\udc80" <= letter <= "\udcff" for letter in path):
        return "is not written in UTF-8"
    if any(unseen(letter) for letter in path):
        return "holds characters that cannot be seen or that turn the text about"
    return ""


def unhandy(path: str) -> str:
    """What people should know of a name, as what goes on from it."""
    parts = path.split("/")
    if any(_RESERVED.fullmatch(part) for part in parts) or _WINDOWS.search(path):
        return "cannot exist on Windows"
    if any(part != part.strip(" ") or part.endswith(".") for part in parts):
        return "has spaces or dots at an end, which Windows drops"
    if any(part.startswith("-") for part in parts):
        return "begins like an option, so programs may take it for one"
    return ""


def _bytes(name: str) -> int:
    return len(name.encode("utf-8", "surrogatepass"))


def _clashes(work: Work) -> Iterator[Finding]:
    """New paths that are the same as another where case does not count, one of them being a folder of it included."""
    new = {file.path for file in work.files if file.status == "A" and not refused(file.path)}
    added = {file.path for file in work.files if file.status == "A"}
    if not new:
        return
    before = _folders(work.paths - added)
    entries = {*(work.paths - added), *new, *before, *_folders(new)}
    alike = defaultdict[str, set[str]](set)
    for entry in entries:
        alike[folded(entry)].add(entry)
    if len(alike) == len(entries):
        return
    for path in sorted(new):
        own = {path, *(_folders({path}) - before)}
        others = set[str]().union(*(alike[folded(entry)] for entry in own)) - own
        if others:
            other = min(others)
            sentence = f"The names {shown(path, work)} and {shown(other, work)} are one and the same on many machines."
            yield Finding("refuse", NAME, path, sentence)


def _folders(paths: set[str] | frozenset[str]) -> set[str]:
    """Every folder that the paths lie in."""
    found, left = set[str](), {path.rpartition("/")[0] for path in paths}
    while left:
        left.discard("")
        found |= left
        left = {path.rpartition("/")[0] for path in left} - found
    return found


POLICY = Policy(
    NAME,
    "Names that hide characters, mean git's own folder, or clash with another are refused; unhandy ones are named.",
    judge,
)
