"""What each agent of a review may cost: by the size of what it reads, and of what others left. Pure."""

from collections.abc import Mapping


class Shares:
    """The `usd` of several steps, whose `sizes` are given by their keys."""

    def __init__(self, usd: float, sizes: Mapping[str, float]) -> None:
        self._free, self._sizes = usd, dict(sizes)

    def take(self, key: str) -> float:
        """What a step that begins may cost: of all that nobody has, its part of what is still to be read."""
        whole = sum(self._sizes.values())
        share = max(self._free, 0.0) * self._sizes.pop(key) / whole
        self._free -= share
        return share

    def give_back(self, share: float, used: float) -> None:
        """A step has ended: what it did not use is for those that begin later."""
        self._free += share - used

    def used(self, key: str, usd: float) -> None:
        """A step ended before a restart."""
        self._sizes.pop(key)
        self._free -= usd
