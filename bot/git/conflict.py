"""Conflicts of a merge: what git says of them, and what is wrong with a resolution that somebody made."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.git import changes
from bot.git.mirror import Entry, Mirror

_FILES = ("100644", "100755")
_MARK = re.compile(rb"(?:<{7}|>{7}|\|{7})(?: .*)?|={7}")
_TEXT = "CONFLICT (contents)"


@dataclass(frozen=True)
class Conflict:
    """A path that both sides changed. `kinds` are git's words; `sides` the contents there were, by object name.

    `plain`: it is a text, and stands in the tree with markers.
    """

    path: str
    kinds: tuple[str, ...]
    sides: tuple[str, ...]
    plain: bool


@dataclass(frozen=True)
class Flaws:
    """What is wrong with a resolution: paths with markers left, paths that are gone, paths that had no conflict."""

    marked: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    stray: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.marked or self.gone or self.stray)


async def flaws(mirror: Mirror, tree: str, resolved: str, found: Sequence[Conflict]) -> Flaws:
    """What is wrong with `resolved`, which somebody made of `tree`, the files with markers.

    A text that both sides changed must stay, with its mode; of any other conflict it may be that nothing stays.
    """
    wanted = {conflict.path: conflict for conflict in found}
    changed = await changes.diff(mirror, tree, resolved)
    stray = tuple(change.path for change in changed if change.path not in wanted)
    before, after = [{e.path: e for e in await mirror.listing(one)} for one in (tree, resolved)]
    gone = tuple(path for path, one in wanted.items() if one.plain and not _stays(before[path], after.get(path)))
    left = {path: after[path] for path in wanted if path in after and path not in gone}
    return Flaws(await _marked(mirror, wanted, left), gone, stray)


def conflicts(words: Sequence[str]) -> tuple[Conflict, ...]:
    """Git's list of what conflicts: objects by path and stage up to an empty word, then messages of several words."""
    end = words.index("")
    stages: dict[str, list[tuple[str, str, str]]] = {}
    for word in words[:end]:
        about, _, path = word.partition("\t")
        mode, oid, stage = about.split(" ")
        stages.setdefault(path, []).append((mode, oid, stage))
    kinds = _kinds(words[end + 1 :])
    return tuple(_conflict(path, kinds.get(path, ()), found) for path, found in stages.items())


def marks(text: bytes) -> set[bytes]:
    """The lines of a text that look like those between which git puts two sides of a conflict."""
    lines = (line.rstrip(b"\r") for line in text.split(b"\n"))
    return {line for line in lines if _MARK.fullmatch(line)}


async def _marked(mirror: Mirror, wanted: dict[str, Conflict], left: dict[str, Entry]) -> tuple[str, ...]:
    """Those with a mark that neither side had: a text about git may well have some of its own."""
    oids = {entry.oid for entry in left.values()} | {oid for path in left for oid in wanted[path].sides}
    texts = await mirror.blobs(sorted(oids)) if oids else {}
    marked = {oid: marks(text) for oid, text in texts.items()}  # a submodule has none
    own = {path: set[bytes]().union(*(marked.get(oid, ()) for oid in wanted[path].sides)) for path in left}
    return tuple(path for path, entry in left.items() if marked.get(entry.oid, set()) - own[path])


def _stays(before: Entry, after: Entry | None) -> bool:
    return after is not None and after.mode == before.mode


def _conflict(path: str, kinds: tuple[str, ...], stages: Sequence[tuple[str, str, str]]) -> Conflict:
    modes = {mode for mode, _, stage in stages if stage != "1"}
    both = {stage for _, _, stage in stages} >= {"2", "3"}
    plain = both and kinds == (_TEXT,) and len(modes) == 1 and modes <= set(_FILES)
    return Conflict(path, kinds, tuple(oid for _, oid, stage in stages if stage != "1"), plain)


def _kinds(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What of conflict each path is in: every message is a number of paths, these, its kind, and a sentence.

    Where submodules conflict, advice to people follows the last one.
    """
    found: dict[str, tuple[str, ...]] = {}
    at = 0
    while at < len(words) and words[at].isdecimal():
        count = int(words[at])
        paths, kind = words[at + 1 : at + 1 + count], words[at + 1 + count]
        for path in paths if kind.startswith("CONFLICT") else ():
            found[path] = (*dict.fromkeys((*found.get(path, ()), kind)),)
        at += count + 3
    return found
