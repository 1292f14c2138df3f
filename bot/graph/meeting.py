"""Which jobs own a path both: without a look at each two, and with languages only where two globs can meet. Pure."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from bot.graph.language import EFFORT, Language, common, valid
from bot.graph.named import Named, named, shared

_EFFORT = 4 * EFFORT  # for all pairs of jobs together
_PAIR, _TRY, _LETTER = 10, 50, 10  # what it takes besides: for two jobs, for two globs, for a letter of a glob
_WILD = re.compile(r"[*?\[\\\s]")


@lru_cache(maxsize=16_384)
def prefix(glob: str) -> str:
    """What every path that fits a glob begins with; it may be more than this."""
    one = named(glob)
    if one is not None:
        return one.begins
    if "/" not in glob.rstrip().rstrip("/"):
        return ""
    return _WILD.split(glob.removeprefix("/"), maxsplit=1)[0]


def prefixes(globs: Sequence[str]) -> Iterator[str]:
    """The same of each glob of a list by which a path may fit."""
    return (prefix(glob) for glob in dict.fromkeys(globs) if not glob.startswith(("!", "#")))


def meet(one: str, other: str) -> bool:
    """Whether a path may begin with both."""
    return one.startswith(other) or other.startswith(one)


class _Claim(NamedTuple):
    """What a job owns: names by the folders that they may be, all other globs with how they begin, what is negated."""

    names: Mapping[str, Named]
    loose: Sequence[tuple[str, str]]
    less: Sequence[str]

    @property
    def begins(self) -> Iterator[str]:
        """How the names begin."""
        return (one.begins for one in self.names.values())

    @property
    def all(self) -> Iterator[tuple[str, str, bool]]:
        """Each glob with how it begins, and whether it is a name."""
        yield from ((one.glob, one.begins, True) for one in self.names.values())
        yield from ((*one, False) for one in self.loose)


class Meetings:
    """Of jobs, each with its globs, those of which two own the same path. Raises ValueError for no glob."""

    def __init__(self, globs_by_job: Mapping[str, Sequence[str]]) -> None:
        self._claims = {job: _claim(globs) for job, globs in globs_by_job.items()}
        self._globs, self._place = globs_by_job, {job: place for place, job in enumerate(globs_by_job)}
        loose = {job: [begins for _, begins in claim.loose] for job, claim in self._claims.items() if claim.loose}
        every = {job: [*claim.begins, *loose.get(job, ())] for job, claim in self._claims.items()} if loose else {}
        self._names = _Beginnings({job: claim.names for job, claim in self._claims.items()})
        self._loose, self._every = _Beginnings(loose), _Beginnings(every)
        self._languages: dict[tuple[str, ...], Language] = {}
        self._left = _EFFORT

    def each(self, fresh: Collection[str] | None = None) -> Iterator[tuple[str, str, str]]:
        """Two jobs in their order and a path that both own; only those with one that is `fresh`, where that is said."""
        done = set[str]()
        for one in self._claims:
            if fresh is not None and one not in fresh:
                continue
            done.add(one)
            known = self._named(one)
            for other in sorted((known.keys() | self._near(one)) - done, key=self._place.__getitem__):
                path = known[other] if other in known else self._shared(one, other)
                if path is not None:
                    turned = self._place[other] < self._place[one]
                    yield (other, one, path) if turned else (one, other, path)

    def _named(self, job: str) -> dict[str, str]:
        """The others that name something that this one names too, each with one of the shortest paths that fit both."""
        found, mine = dict[str, str](), self._claims[job].names
        for key in _outermost(mine):
            for its, others in self._names.meeting(key):
                for other in others:
                    path = shared(mine[key], self._claims[other].names[its])
                    if other != job and (other not in found or (len(path), path) < (len(found[other]), found[other])):
                        found[other] = path
        return found

    def _near(self, job: str) -> set[str]:
        """The others of which a glob that is no name may fit what one of this job's does, or the other way round."""
        claim = self._claims[job]
        by_loose = (self._every.meeting(begins) for begins in _outermost(begins for _, begins in claim.loose))
        by_names = (self._loose.meeting(begins) for begins in _outermost(claim.begins)) if self._loose else ()
        return {other for found in (*by_loose, *by_names) for _, others in found for other in others}

    def _shared(self, one: str, other: str) -> str | None:
        """A path that both own, by globs of which one at least is no name; after too much of it a glob in its place."""
        mine, its = [*self._claims[one].all], [*self._claims[other].all]
        self._left -= _PAIR + len(mine) * len(its) // 2
        for glob, begins, is_name in mine:
            for another, its_begin, is_too in its:
                if (is_name and is_too) or not meet(begins, its_begin):
                    continue
                if self._left <= 0:
                    return glob
                both = self._language(one, glob), self._language(other, another)
                path, took = common(*both, min(EFFORT, max(0, self._left)))
                self._left -= took + _TRY
                if path is not None:
                    return path
        return None

    def _language(self, job: str, glob: str) -> Language:
        """Of one glob with all that are negated: a list fits what one of these fits, and nothing else."""
        less = self._claims[job].less
        alone = tuple(one for one in self._globs[job] if one == glob or one in less) if less else (glob,)
        if alone not in self._languages:
            self._left -= _LETTER * sum(map(len, alone))
            self._languages[alone] = Language(alone)
        return self._languages[alone]


def _claim(globs: Sequence[str]) -> _Claim:
    """What is taken back with `!` may be a part of what a glob names: then that names nothing as it is."""
    less = [glob for glob in globs if glob.startswith("!")]
    names, loose = dict[str, Named](), list[tuple[str, str]]()
    for glob in dict.fromkeys(globs):
        one = named(glob) if not less else None
        if one is not None:
            key = f"{one.path}/"
            names[key] = one if one.whole else names.get(key, one)
            continue
        valid(glob)
        if not glob.startswith(("!", "#")):
            loose.append((glob, prefix(glob)))
    return _Claim(names, loose, less)


class _Beginnings:
    """Who has something that begins so, for what may begin so too."""

    def __init__(self, by_job: Mapping[str, Iterable[str]]) -> None:
        self._jobs: dict[str, list[str]] = {}
        for job, begins in by_job.items():
            for one in dict.fromkeys(begins):
                self._jobs.setdefault(one, []).append(job)
        self._sorted, self._above = sorted(self._jobs), dict[str, str | None]()
        last: str | None = None
        for one in self._sorted:
            self._above[one] = self._nearest(one, last)
            last = one

    def __bool__(self) -> bool:
        return bool(self._sorted)

    def meeting(self, begins: str) -> Iterator[tuple[str, Sequence[str]]]:
        """All that begin with this, or this with them, and whose they are."""
        first = bisect_left(self._sorted, begins)
        for at in range(first, len(self._sorted)):
            if not self._sorted[at].startswith(begins):
                break
            yield self._sorted[at], self._jobs[self._sorted[at]]
        above = self._nearest(begins, self._sorted[first - 1] if first else None)
        while above is not None:
            yield above, self._jobs[above]
            above = self._above[above]

    def _nearest(self, begins: str, before: str | None) -> str | None:
        """The longest that this begins with, of those up to the one `before` it in their order."""
        while before is not None and not begins.startswith(before):
            before = self._above[before]
        return before


def _outermost(begins: Iterable[str]) -> Iterator[str]:
    """Without those that begin with another."""
    last: str | None = None
    for one in sorted(begins):
        if last is None or not one.startswith(last):
            last = one
            yield one
