"""A glob's expression tried in all ways at once: the time it takes grows with the path and with nothing else. Pure."""

import re
import warnings

NOTHING, BELOW, ITSELF = range(3)
"""What a path is to a glob: nothing, something in a folder that fits, or what fits itself."""

_EITHER, _FOLDER = "(?:(?P<ps_d>/)|$)", "(?P<ps_d>/)"
_TOKENS = re.compile(
    r"\^|\(\?:\.\+/\)\?|\(\?:/\.\+\)\?|\(\?:\(\?P<ps_d>/\)\|\$\)|\(\?P<ps_d>/\)|\[\^/\][*+]?|\[\^?\]?[^\]]*\]|\\.|.",
    re.DOTALL,
)
_STEPS = {
    "^": (),
    "(?:.+/)?": (".", ".*", "/"),
    "(?:/.+)?": ("/", ".", ".*"),
    "[^/]+": ("[^/]", "[^/]*"),
}
_LOOPS = {"[^/]*": "[^/]", ".*": "."}
_REMEMBERED = 20_000


class Automaton:
    """One of the expressions that pathspec makes of a glob; `tell` says what a path is to it."""

    def __init__(self, said: str) -> None:
        tokens = _TOKENS.findall(said)
        self._end = tokens.pop() if tokens and tokens[-1] in (_EITHER, _FOLDER) else ""
        steps, skips = list[str](), dict[int, int]()
        for token in tokens:
            taken = _STEPS.get(token, (token,))
            if token.endswith(")?"):
                skips[len(steps)] = len(steps) + len(taken)
            steps += taken
        self._loops = [step in _LOOPS for step in steps]
        self._takes = [_one(_LOOPS.get(step, step)) for step in steps]
        self._last = 1 << len(steps)
        self._from = self._closed(skips)
        self._known: dict[tuple[int, str], int] = {}

    def _closed(self, skips: dict[int, int]) -> list[int]:
        """Of each place in the expression where one is as soon as one is there, as bits."""
        found = [0] * len(self._loops) + [self._last]
        for place in reversed(range(len(self._loops))):
            found[place] = 1 << place | (found[place + 1] if self._loops[place] else 0)
            found[place] |= found[skips[place]] if place in skips else 0
        return found

    def tell(self, path: str) -> int:
        """NOTHING, BELOW or ITSELF."""
        places, below = self._from[0], False
        for at, character in enumerate(path):
            if places & self._last:
                if not self._end or (self._end == _EITHER and character == "\n" and at == len(path) - 1):
                    return ITSELF  # what pathspec makes of a glob looks past a last line break
                below = below or character == "/"
            places = self._after(places, character)
            if not places:
                break
        return ITSELF if places & self._last and self._end != _FOLDER else BELOW if below else NOTHING

    def _after(self, places: int, character: str) -> int:
        found = self._known.get((places, character))
        if found is None:
            found, left = 0, places & ~self._last
            while left:
                place = (left & -left).bit_length() - 1
                left &= left - 1
                if self._takes[place].match(character):
                    found |= self._from[place if self._loops[place] else place + 1]
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[places, character] = found
        return found


def _one(step: str) -> re.Pattern[str]:
    """What one character has to be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `[[`, which means in a glob what it means
        return re.compile(step)
