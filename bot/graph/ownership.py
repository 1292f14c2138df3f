"""Who owns which paths in a run: each job its own, by globs as in a `.gitignore`, and no path two of them. Pure."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from bot.graph.language import EFFORT, Language, beyond, common
from bot.review.glob import matcher

MOST = 100  # conflicts that are looked for
_EFFORT = 8 * EFFORT  # for all pairs of jobs together
_SPECIAL = re.compile(r"[\\*?\[\]!# ]")
_WILD = re.compile(r"[*?\[\\\s]")
_STRANGE = frozenset({".", "..", ".git"})  # no file and no folder of a repository is called so
NOBODY = "\0"  # what no path holds


def literal(value: str) -> str:
    """What somebody said, for a glob that means exactly that: `*` in it is a star, and it opens no folder but its own.

    What is no part of a path, such as nothing at all, makes a glob that no path fits.
    """
    if not value or not value.isprintable():
        return NOBODY
    return _SPECIAL.sub(r"\\\g<0>", value)


def overlap(a: Sequence[str], b: Sequence[str]) -> str | None:
    """A path that fits both lists of globs, or None where there can be none. Raises ValueError for no glob.

    It is exact, negated globs (`!docs/`) included. Only for globs that were made to take long it may be a glob of `a`
    instead of a path, where it was not worth more time to find out whether there is one.
    """
    if not any(_meet(one, other) for one in _prefixes(a) for other in _prefixes(b)):
        return None
    return common(Language(a), Language(b))[0]


def stray(a: Sequence[str], b: Sequence[str], effort: int = EFFORT) -> tuple[str | None, int]:
    """A path that fits `a` and not `b`, None where there is none, and what it took. Raises ValueError for no glob.

    It is exact, negated globs included. Where `effort` is not enough it is a glob of `a`, the first, and what it took
    is more than `effort`.
    """
    matcher(b)
    begun = [*_prefixes(a)]
    near = [glob for glob in b if any(_meet(_prefix(glob.removeprefix("!")), prefix) for prefix in begun)]
    return beyond(Language(a), Language(near), effort)


@lru_cache(maxsize=1024)
def barren(globs: tuple[str, ...]) -> bool:
    """Whether nothing that can be in a repository fits any of the globs. Raises ValueError for no glob."""
    named = [glob for glob in globs if _STRANGE.isdisjoint(glob.strip().strip("/").split("/"))]
    return overlap(named, ("*",)) is None


class Owners:
    """Who owns what, by the globs of each job. A job without globs owns nothing, and may change what nobody owns.

    Where there are globs in `allowed`, nobody may change anything else.
    """

    def __init__(self, globs_by_job: Mapping[str, Sequence[str]], allowed: Sequence[str] = ()) -> None:
        self._allowed = matcher(allowed) if allowed else None
        self._globs = {job: tuple(globs) for job, globs in globs_by_job.items() if globs}
        self._fits: dict[str, Callable[[str], bool]] = {}
        self._by_prefix: dict[str, dict[str, None]] = {}
        for job, globs in self._globs.items():
            for prefix in _prefixes(globs):
                self._by_prefix.setdefault(prefix, {})[job] = None
        self._place = {job: place for place, job in enumerate(self._globs)}

    def of(self, path: str) -> str | None:
        """The job that owns a path, the first where there are several; None where nobody does."""
        near = {job for end in range(len(path) + 1) for job in self._by_prefix.get(path[:end], ())}
        return next((job for job in sorted(near, key=self._place.__getitem__) if self._owns(job, path)), None)

    def may(self, job: str, path: str) -> bool:
        """Whether a path is left to a job: one of its own, and without globs one that nobody owns."""
        return self._owns(job, path) if job in self._globs else self.of(path) is None

    def outside(self, job: str, paths: Collection[str]) -> dict[str, str | None]:
        """Of these paths those that a job may not change, with who owns each."""
        free = self._allowed or (lambda _path: True)
        return {path: self.of(path) for path in paths if not (free(path) and self.may(job, path))}

    def conflicts(self) -> list[tuple[str, str, str]]:
        """Two jobs and a path that both own, `MOST` at most; as exact as `overlap`. Raises ValueError for no glob."""
        known = {job: Language(globs) for job, globs in self._globs.items()}
        found, left = list[tuple[str, str, str]](), _EFFORT
        for one, other in self._pairs():
            path, tried = common(known[one], known[other], min(EFFORT, left))
            left = max(0, left - tried)
            if path is not None:
                found.append((one, other, path))
            if len(found) == MOST:
                break
        return found

    def _owns(self, job: str, path: str) -> bool:
        if job not in self._fits:
            self._fits[job] = matcher(self._globs[job])
        return self._fits[job](path)

    def _pairs(self) -> list[tuple[str, str]]:
        """The jobs that may own a path both: all that fits one begins as something may that fits the other."""
        found, around = set[tuple[int, int]](), list[str]()
        for prefix in sorted(self._by_prefix):
            while around and not prefix.startswith(around[-1]):
                around.pop()
            around.append(prefix)
            here = [self._place[job] for job in self._by_prefix[prefix]]
            there = (self._place[job] for above in around for job in self._by_prefix[above])
            found |= {(min(one, other), max(one, other)) for other in there for one in here if one != other}
        jobs = list(self._globs)
        return [(jobs[one], jobs[other]) for one, other in sorted(found)]


def _prefixes(globs: Sequence[str]) -> Iterator[str]:
    return (_prefix(glob) for glob in dict.fromkeys(globs) if not glob.startswith(("!", "#")))


@lru_cache(maxsize=4096)
def _prefix(glob: str) -> str:
    """What every path that fits a glob begins with; it may be more than this."""
    if "/" not in glob.rstrip().rstrip("/"):
        return ""
    return _WILD.split(glob.removeprefix("/"), maxsplit=1)[0]


def _meet(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
