"""The paths that lists of globs fit, read letter by letter: is there one that fits both, or one alone. Pure."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from bot.review.automaton import BELOW, ITSELF, NOTHING, Automaton
from bot.review.glob import LONGEST, matcher

EFFORT = 200_000  # letters that are tried, and places in globs that are left for others, for two lists
_BEGUN, _DOT, _DOTS, _NAMED = range(4)  # what is read of the name of a file or folder: `.` and `..` are none
_LAST = 0x10FFFF  # there is no letter after it
_ORDINARY = "xyzwvutsrqponmlkjihgfedcba0123456789"
_WHOLE = {  # what pathspec looks for anywhere in a path
    ".": "^[^/]*.",
    "/": "^[^/]+/",
    "(?P<ps_d>/)": "^[^/]+(?P<ps_d>/)",
}
_EITHER, _FOLDER = "(?:(?P<ps_d>/)|$)", "(?P<ps_d>/)"

Here = tuple[int, int, int]
"""What is read of a path, as numbers of two languages and as a kind of name."""
Spot = tuple[int, bool, bool, bool]
"""Of one glob: places in it, whether a folder fits, whether all that follows does, whether it does if nothing does."""
GONE: Spot = (0, False, False, False)


class _Reader(Automaton):
    """One glob, of which `tell` is what `told` says after all letters of a path."""

    def __init__(self, said: str, *, includes: bool) -> None:
        super().__init__(_WHOLE.get(said, said))
        self.includes = includes
        self.folders = self._end == _FOLDER
        self.begin: Spot = (self._from[0], False, False, False)
        self.takes = self._takes
        steps = [take.pattern for take in self._takes]
        self.ranges = sum(1 << place for place, step in enumerate(steps) if _is_class(step))
        self._letters = [_letters(step) for step in steps]
        self.letters = frozenset[str]().union(*self._letters)

    def step(self, spot: Spot, letter: str) -> Spot:
        """Where one is a letter later."""
        places, below, all_, _ = spot
        last = bool(places & self._last)
        if all_ or (last and not self._end):
            return 0, below, True, False
        ends = last and self._end == _EITHER and letter == "\n"  # it looks past a last line break
        return self._after(places, letter), below or (last and letter == "/"), False, ends

    def told(self, spot: Spot) -> int:
        """NOTHING, BELOW or ITSELF, if the path ends here."""
        places, below, all_, ends = spot
        if all_ or ends or (places & self._last and (not self._end or self._end == _EITHER)):
            return ITSELF
        return BELOW if below else NOTHING

    def waits(self, spot: Spot) -> tuple[frozenset[str], bool]:
        """The letters that make a difference here, and whether others may, next to them."""
        places, found = spot[0], frozenset[str]()
        left = places & ~self._last
        while left:
            found |= self._letters[(left & -left).bit_length() - 1]
            left &= left - 1
        if places & self._last and self._end == _EITHER:
            found |= {"\n"}
        return found, bool(places & self.ranges)


def _is_class(step: str) -> bool:
    return len(step) > 2 and step.startswith("[") and step != "[^/]"


def _letters(step: str) -> frozenset[str]:
    """The letters at which what a step takes begins or ends."""
    if step in ("[^/]", "."):
        return frozenset("\n" if step == "." else ())  # which a dot does not take
    return frozenset(step[1:-1] if _is_class(step) else step[-1])


class Waits(NamedTuple):
    """What may come after what has been read: the letters that make a difference, and whether those next to them may.

    `over`: no path fits that begins so. `whole`: all do that go on. `fits`: a path does that ends here.
    """

    letters: frozenset[str]
    near: bool
    over: bool
    whole: bool
    fits: bool


class Language:
    """What a list of globs fits, by numbers for all that may have been read of a path. ValueError for no glob.

    `effort` is what all steps took so far.
    """

    def __init__(self, globs: Sequence[str]) -> None:
        self.globs = tuple(globs)
        self.effort = 0
        self._readers = [one for glob in globs if (one := reader(glob)) is not None]
        self.letters = frozenset[str]().union(*(reader.letters for reader in self._readers))
        self.ranges = any(reader.ranges for reader in self._readers)
        self.takes = {take.pattern: take for reader in self._readers for take in reader.takes}
        self._numbers, self._spots, self._waits = dict[tuple[Spot, ...], int](), list[tuple[Spot, ...]](), list[Waits]()
        self._steps: dict[tuple[int, str], int] = {}
        self._number(tuple(reader.begin for reader in self._readers))

    def step(self, number: int, letter: str) -> int:
        """What has been read a letter later."""
        found = self._steps.get((number, letter))
        if found is None:
            spots = self._spots[number]
            self.effort += sum(2 + 4 * spot[0].bit_count() for spot in spots)
            after = tuple(reader.step(spot, letter) for reader, spot in zip(self._readers, spots, strict=True))
            found = self._steps[number, letter] = self._number(after)
        return found

    def waits(self, number: int) -> Waits:
        """What may come after what has been read."""
        return self._waits[number]

    def _number(self, spots: tuple[Spot, ...]) -> int:
        spots = self._deciding(spots)
        if spots not in self._numbers:
            self._numbers[spots] = len(self._spots)
            self._spots.append(spots)
            self._waits.append(self._waiting(spots))
        return self._numbers[spots]

    def _deciding(self, spots: tuple[Spot, ...]) -> tuple[Spot, ...]:
        """The same without what decides nothing any more: so that there is not a number for each set of folders.

        Whatever comes, the last glob that all of it fits itself wins over those before it and over every folder, and
        the last folder over those before it.
        """
        itself = max((place for place, spot in enumerate(spots) if spot[2]), default=-1)
        below = max((place for place, spot in enumerate(spots) if spot[1]), default=-1) if itself < 0 else len(spots)
        if itself < 1 and below < 1:
            return spots
        found = list[Spot]()
        for place, (reader, spot) in enumerate(zip(self._readers, spots, strict=True)):
            if place < itself or (place < below and reader.folders):
                spot = GONE
            found.append((spot[0], spot[1] and place >= below, spot[2], spot[3]))
        return tuple(found)

    def _waiting(self, spots: tuple[Spot, ...]) -> Waits:
        both = [*zip(self._readers, spots, strict=True)]
        letters, near = frozenset[str](), False
        for reader, spot in both:
            mine, its_near = reader.waits(spot)
            letters, near = letters | mine, near or its_near
        return Waits(letters, near, self._over(spots), self._whole(spots), self._fit(spots))

    def _over(self, spots: tuple[Spot, ...]) -> bool:
        """Whether nothing can fit any more: what may is taken back by a glob after it, whatever comes."""
        for reader, spot in zip(reversed(self._readers), reversed(spots), strict=True):
            if reader.includes and any(spot):
                return False
            if spot[2]:
                return True
        return True

    def _whole(self, spots: tuple[Spot, ...]) -> bool:
        """Whether whatever comes fits, for nothing can take it back any more. Not always seen: it saves work alone."""
        taken = any(any(spot) for reader, spot in zip(self._readers, spots, strict=True) if not reader.includes)
        return not taken and any(spot[1] or spot[2] for spot in spots)

    def _fit(self, spots: tuple[Spot, ...]) -> bool:
        """What fits itself wins over what lies in a folder that does; of each kind the last."""
        found: bool | None = None
        for reader, spot in zip(reversed(self._readers), reversed(spots), strict=True):
            told = reader.told(spot)
            if told == ITSELF:
                return reader.includes
            if told == BELOW and found is None:
                found = reader.includes
        return bool(found)


def valid(glob: str) -> None:
    """Raises ValueError for no glob."""
    _said(glob)


def common(one: Language, other: Language, effort: int = EFFORT) -> tuple[str | None, int]:
    """A path that fits both lists, or None where there is none; and what it took to find out.

    It is one of the shortest. Where `effort` is not enough it is a glob of `one`, so that lists that may have one in
    common are never said to have none.
    """
    return _shortest(one, other, lambda its: its.fits, lambda its: its.over, effort)


def beyond(one: Language, other: Language, effort: int = EFFORT) -> tuple[str | None, int]:
    """The same for a path that fits `one` and not `other`."""
    return _shortest(one, other, lambda its: not its.fits, lambda its: its.whole, effort)


def _shortest(
    one: Language, other: Language, right: Callable[[Waits], bool], hopeless: Callable[[Waits], bool], effort: int
) -> tuple[str | None, int]:
    """A path that fits `one` and is `right` to the other, which it cannot become where that is `hopeless`."""
    tried = len(one.letters | other.letters) * len({**one.takes, **other.takes}) if one.ranges or other.ranges else 0
    if tried > effort:
        return one.globs[0], tried
    fresh = next(letter for letter in _usual() if letter not in one.letters and letter not in other.letters)
    kinds = _kinds(one, other, fresh) if one.ranges or other.ranges else []
    start, begun = (0, 0, _BEGUN), one.effort + other.effort
    seen: dict[Here, tuple[Here, str]] = {start: (start, "")}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for letter in _worth(one.waits(here[0]), other.waits(here[1]), kinds, fresh):
            if letter == "/" and here[2] != _NAMED:
                continue
            tried += 1
            there = one.step(here[0], letter), other.step(here[1], letter), _named(here[2], letter)
            if there in seen:
                continue
            mine, its = one.waits(there[0]), other.waits(there[1])
            if mine.over or hopeless(its):
                continue
            seen[there] = (here, letter)
            if mine.fits and right(its) and there[2] == _NAMED:
                return _path(seen, there), tried + one.effort + other.effort - begun
            waiting.append(there)
        if (taken := tried + one.effort + other.effort - begun) > effort:
            return one.globs[0], taken
    return None, tried + one.effort + other.effort - begun


def _path(seen: Mapping[Here, tuple[Here, str]], at: Here) -> str:
    letters = list[str]()
    while seen[at][1]:
        at, letter = seen[at]
        letters.append(letter)
    return "".join(reversed(letters))


def _worth(mine: Waits, its: Waits, kinds: Sequence[str], fresh: str) -> Sequence[str]:
    """The letters that are worth a try: of those that make no difference to each other one."""
    if mine.near or its.near:
        return kinds
    return [fresh, *sorted((mine.letters | its.letters) - {fresh, "/", "\0"}, key=_plain), "/"]


def _kinds(one: Language, other: Language, fresh: str) -> Sequence[str]:
    """A letter for each kind: those of one kind are the same to every place in both lists, a plain one first.

    Kinds begin where a range does or has ended, and with what comes first of all.
    """
    letters = one.letters | other.letters | {"\n"}
    letters |= {chr(ord(letter) + 1) for letter in letters if ord(letter) < _LAST} | {"\1"}
    takes = {**one.takes, **other.takes}.values()
    kinds: dict[tuple[bool, ...], str] = {}
    for letter in (fresh, *sorted(letters - {fresh, "/", "\0"}, key=_plain)):
        kinds.setdefault((letter == ".", letter == "\n", *(take.match(letter) is not None for take in takes)), letter)
    return [*kinds.values(), "/"]


def _plain(letter: str) -> tuple[bool, bool, str]:
    return not letter.isalnum(), not letter.isprintable(), letter


def _named(kind: int, letter: str) -> int:
    """What is read of a name a letter later."""
    if letter == "/":
        return _BEGUN
    return {_BEGUN: _DOT, _DOT: _DOTS}.get(kind, _NAMED) if letter == "." else _NAMED


def _usual() -> Iterator[str]:
    """Letters for what may be any."""
    return chain(_ORDINARY, map(chr, range(0x4E00, 0xD800)))


@lru_cache(maxsize=4096)
def reader(glob: str) -> _Reader | None:
    """None for a remark and the like, which no path fits. Raises ValueError for no glob."""
    said, includes = _said(glob)
    return _Reader(said, includes=includes) if said is not None and includes is not None else None


@lru_cache(maxsize=4096)
def _said(glob: str) -> tuple[str | None, bool | None]:
    """What pathspec says of a glob; it is compiled only where that may fail, for it takes longer than all else."""
    try:
        said, includes = GitIgnoreSpecPattern.pattern_to_regex(glob)
    except ValueError:
        said, includes = None, None
        matcher([glob])  # which says what is wrong
    if len(glob) > LONGEST or "[" in glob:
        matcher([glob])
    return said, includes
