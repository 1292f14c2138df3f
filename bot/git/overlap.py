"""Who may get in whose way, by the paths that each changed: a shared path, or a file where another has a folder.

Pure.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

Paths = frozenset[str]


def order(changed: Mapping[str, Paths]) -> list[str]:
    """The jobs in the order to merge them, by the paths that each changed; as given where nothing else counts.

    Who shares no path with anybody comes first, then who shares some with the fewest others.
    """
    found = beside(changed)
    return sorted(changed, key=lambda name: found[name].bit_count())


def beside(changed: Mapping[str, Paths]) -> dict[str, int]:
    """For each job a bit for every other one, in their order, that it may conflict with.

    They share a path, or one has a file where the other has a folder. Bits, for a thousand may all change one file.
    """
    at, below = defaultdict[str, int](int), defaultdict[str, int](int)
    for number, paths in enumerate(changed.values()):
        for path in paths:
            at[path] |= 1 << number
        for folder in {folder for path in paths for folder in above(path)}:
            below[folder] |= 1 << number
    found = dict[str, int]()
    for number, (name, paths) in enumerate(changed.items()):
        mask = 0
        for path in paths:
            mask |= at[path] | below.get(path, 0)
        for folder in {folder for path in paths for folder in above(path)}:
            mask |= at.get(folder, 0)
        found[name] = mask & ~(1 << number)
    return found


def pairs(masks: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Each two of `beside` that may conflict, once, in their order."""
    names = list(masks)
    for number, (name, mask) in enumerate(masks.items()):
        for other in range(number + 1, mask.bit_length()):
            if mask >> other & 1:
                yield name, names[other]


def clash(one: Paths, other: Paths) -> bool:
    """Whether two sets of changed paths may conflict."""
    return any(beside({"one": one, "other": other}).values())


def above(path: str) -> list[str]:
    """The folders that a path is in, from the root."""
    return [path[:at] for at, sign in enumerate(path) if sign == "/"]
