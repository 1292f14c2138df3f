"""Who owns which paths in a run: each job its own, by globs as in a `.gitignore`, and no path two of them. Pure."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import islice

from bot.graph.language import EFFORT, Language, beyond, common, valid
from bot.graph.meeting import Meetings, meet, prefix, prefixes
from bot.graph.named import fitting
from bot.review.glob import matcher

MOST = 100  # conflicts that are looked for
EACH, ALL, LETTERS = 200, 10_000, 1_000_000  # globs of one job, those of all jobs of a run, and their characters
_SPECIAL = re.compile(r"[\\*?\[\]!# ]")
_STRANGE = frozenset({".", "..", ".git"})  # no file and no folder of a repository is called so
_FRUITFUL = re.compile(r"/?(?:(?!\.{1,2}(?:/|$))[^\\\[\]!#\s/]+(?:/|$))+")  # a path fits it that has `x` for each star
_FEW = EFFORT // 20  # effort to see that what is taken back is not all
NOBODY = "\0"  # what no path holds


def literal(value: str) -> str:
    """What somebody said, for a glob that means exactly that: `*` in it is a star, and it opens no folder but its own.

    What is no part of a path, such as nothing at all, makes a glob that no path fits.
    """
    if not value or not value.isprintable():
        return NOBODY
    return _SPECIAL.sub(r"\\\g<0>", value)


def overlap(a: Sequence[str], b: Sequence[str], effort: int = EFFORT) -> str | None:
    """A path that fits both lists of globs, or None where there can be none. Raises ValueError for no glob.

    It is exact, negated globs (`!docs/`) included. Only for globs that were made to take long it may be a glob of `a`
    instead of a path, where it was not worth more `effort` to find out whether there is one.
    """
    if not any(meet(one, other) for one in prefixes(a) for other in prefixes(b)):
        return None
    return common(Language(a), Language(b), effort)[0]


def stray(a: Sequence[str], b: Sequence[str], effort: int = EFFORT) -> tuple[str | None, int]:
    """A path that fits `a` and not `b`, None where there is none, and what it took. Raises ValueError for no glob.

    It is exact, negated globs included. Where `effort` is not enough it is a glob of `a`, the first, and what it took
    is more than `effort`.
    """
    matcher(b)
    begun = [*prefixes(a)]
    near = [glob for glob in b if any(meet(prefix(glob.removeprefix("!")), begins) for begins in begun)]
    return beyond(Language(a), Language(near), effort)


@lru_cache(maxsize=1024)
def barren(globs: tuple[str, ...]) -> bool:
    """Whether nothing that can be in a repository fits any of the globs. Raises ValueError for no glob."""
    possible = [glob for glob in globs if _STRANGE.isdisjoint(glob.strip().strip("/").split("/"))]
    if any(map(_FRUITFUL.fullmatch, possible)) and not any(glob.startswith("!") for glob in globs):
        for glob in globs:
            valid(glob)
        return False
    return overlap(possible, ("*",), _FEW) is None


class Owners:
    """Who owns what, by the globs of each job. A job without globs owns nothing, and may change what nobody owns.

    Where there are globs in `allowed`, nobody may change anything else.
    """

    def __init__(self, globs_by_job: Mapping[str, Sequence[str]], allowed: Sequence[str] = ()) -> None:
        self._allowed = matcher(allowed) if allowed else None
        self._globs = {job: tuple(globs) for job, globs in globs_by_job.items() if globs}
        self._fits: dict[str, Callable[[str], bool]] = {}
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

    def conflicts(self, fresh: Collection[str] | None = None) -> list[tuple[str, str, str]]:
        """Two jobs and a path that both own, `MOST` at most; as exact as `overlap`.

        `fresh`: the jobs that were not looked at before; all without it. Raises ValueError for no glob, and for more
        globs than jobs may have.
        """
        self._few()
        return [*islice(Meetings(self._globs).each(fresh), MOST)]

    def _few(self) -> None:
        most = max(map(len, self._globs.values()), default=0)
        if most > EACH:
            raise ValueError(f"a job would own {most} globs, and {EACH} are the most: name folders, and not each file")
        every = sum(map(len, self._globs.values()))
        letters = sum(len(glob) for globs in self._globs.values() for glob in globs)
        if every > ALL or letters > LETTERS:
            raise ValueError(
                f"the jobs would own {every} globs of {letters} characters in all, and {ALL} of {LETTERS} are the"
                " most: name folders, and not each file"
            )

    @cached_property
    def _by_prefix(self) -> Mapping[str, Collection[str]]:
        found: dict[str, dict[str, None]] = {}
        for job, globs in self._globs.items():
            for begins in prefixes(globs):
                found.setdefault(begins, {})[job] = None
        return found

    def _owns(self, job: str, path: str) -> bool:
        if job not in self._fits:
            self._fits[job] = fitting(self._globs[job])
        return self._fits[job](path)
