"""Which paths the jobs of a run own, as far as that is known, and what that leaves to each. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from bot.graph.ownership import Owners
from bot.orchestra.part import Part
from bot.publish import graph_text

Strays = Callable[[Collection[str]], Mapping[str, str | None]]


class Claims:
    """One run's: `owned` are the globs of jobs, known from an earlier life. Globs in `allowed` hold for all of them."""

    def __init__(self, owned: Mapping[str, tuple[str, ...]], allowed: Sequence[str] = ()) -> None:
        self._allowed = tuple(allowed)
        self._owned, self._owners = dict(owned), self._exclusive(owned, {})

    def take(self, parts: Sequence[Part]) -> None:
        """Parts own their paths from now on: one with a matrix does once that is known. ValueError where two do."""
        owned = {**self._owned, **_owned(parts)}
        if owned != self._owned:
            self._owners = self._exclusive(owned, self._owned)
            self._owned = owned

    def fits(self, parts: Sequence[Part]) -> None:
        """Raises ValueError where parts may not be played beside those that are known, for two own a path."""
        self._exclusive({**self._owned, **_owned(parts)}, self._owned)

    def strays(self, job: str, paths: Collection[str]) -> dict[str, str | None]:
        """Of these paths those that a job may not change, with who owns each."""
        return self._owners.outside(job, paths)

    def writable(self, part: Part) -> Callable[[str], bool] | None:
        """What tells of a path whether an agent can write to it, None where it can to all.

        What it may ask for it must be able to write.
        """
        walled = part.spec.outside != "request" and any(self._owned.values())
        return partial(self._owners.may, part.name) if walled else None

    def outside(self, part: Part) -> Strays | None:
        """What tells of paths that are not a job's; what it may ask for is sorted out when it is merged."""
        if part.spec.outside == "request" or not (any(self._owned.values()) or self._allowed):
            return None
        return partial(self._owners.outside, part.name)

    def _exclusive(self, owned: Mapping[str, tuple[str, ...]], known: Mapping[str, tuple[str, ...]]) -> Owners:
        """Raises ValueError where two own a path, of which one is not `known`: those have been looked at before."""
        owners = Owners(owned, self._allowed)
        fresh = {job for job, globs in owned.items() if globs != known.get(job)}
        for one, other, example in owners.conflicts(fresh):
            raise ValueError(graph_text.two_owners(one, other, example))
        return owners


def fixed(part: Part) -> bool:
    """Whether a part is as its file has it, with nothing to be filled in."""
    return not part.spec.strategy.matrix and not any("{{" in text for _, text in part.spec.templates)


def _owned(parts: Sequence[Part]) -> dict[str, tuple[str, ...]]:
    return {part.name: part.spec.owns for part in parts if not _open(part) and part.spec.owns}


def _open(part: Part) -> bool:
    """Whether it is not known yet what a part owns: its matrix is still to be told, or its texts to be filled in."""
    return not part.ready and (bool(part.spec.strategy.matrix) or any("{{" in glob for glob in part.spec.owns))
