"""Code that an agent quotes, found in the lines of a file. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

LEAST = 8  # letters of a piece of a line by which that line is known
PLACES = 1_000  # at which a quotation is looked for
_NUMBERED = re.compile(r"\s*[+-]?\s*\d+\s*[|:\u2502] ?")
_LEFT_OUT = re.compile(r"\W*(?:\.\.\.|\u2026)\W*")
_FENCE = re.compile(r"\s*(?:```|~~~)\w*\s*")

Place = tuple[int, int]  # first and last line, from 1


def fold(line: str) -> str:
    return " ".join(line.split())


def places(lines: Sequence[str], quoted: str) -> list[Place]:
    """Where these lines stand in a file, white space folded and blank lines left out of account.

    Without them, where they stand without numbers or signs of a diff before them; and then pieces of lines. Where all
    that finds nothing it is done once more without any white space: agents put spaces around operators, or none.
    """
    wanted = variants(quoted)
    for tidy in (fold, _squeezed):
        page = [(number, tidy(line)) for number, line in enumerate(lines, 1) if line.strip()]
        for kind in (_whole, _partly):
            for variant in ([tidy(line) for line in one] for one in wanted):
                found = [(page[at][0], page[at + len(variant) - 1][0]) for at in islice(kind(page, variant), PLACES)]
                if found:
                    return found
    return []


def _squeezed(line: str) -> str:
    return "".join(line.split())


def stands(lines: Sequence[str], text: str) -> list[Place]:
    """Where exactly these lines stand, white space folded and blank lines left out of account."""
    page = [(number, fold(line)) for number, line in enumerate(lines, 1) if line.strip()]
    wanted = [fold(line) for line in text.split("\n") if line.strip()]
    if not wanted:
        return []
    return [(page[at][0], page[at + len(wanted) - 1][0]) for at in islice(_whole(page, wanted), PLACES)]


def variants(quoted: str) -> list[list[str]]:
    """What a quotation may mean: as it is, then without what agents put before lines; folded, none of it empty."""
    given = [line for line in quoted.split("\n") if not _FENCE.fullmatch(line)]
    found: list[list[str]] = []
    for read in (given, bare(given), _unsigned(given)):
        folded = [fold(line) for line in read]
        for variant in ([line for line in folded if line], _begin(folded)):
            if variant and variant not in found:
                found.append(variant)
    return found


def bare(lines: Sequence[str]) -> list[str]:
    """The lines without numbers before them, where every one that is not blank has one."""
    told = [line for line in lines if line.strip()]
    if not told or not all(_NUMBERED.match(line) for line in told):
        return list(lines)
    return [_NUMBERED.sub("", line, count=1) for line in lines]


def _unsigned(lines: Sequence[str]) -> list[str]:
    """The lines without a diff's signs before them, where every one has one; what was taken away is left out."""
    told = [line for line in lines if line.strip()]
    signs = {line[0] for line in told}
    if not signs - {" "} or signs - set("+- "):
        return list(lines)
    kept = [line for line in told if line[0] != "-"] or told
    return [line[1:] for line in kept]


def _begin(folded: Sequence[str]) -> list[str]:
    """What stands before the first place where something was left out; all of it where nothing was."""
    kept: list[str] = []
    for line in folded:
        if _LEFT_OUT.fullmatch(line):
            if kept:
                break
        elif line:
            kept.append(line)
    return kept


def _whole(page: Sequence[tuple[int, str]], wanted: Sequence[str]) -> Iterator[int]:
    for at in range(len(page) - len(wanted) + 1):
        if page[at][1] == wanted[0] and all(page[at + n][1] == line for n, line in enumerate(wanted)):
            yield at


def _partly(page: Sequence[tuple[int, str]], wanted: Sequence[str]) -> Iterator[int]:
    """Where the first line is the end of a line, the last one the beginning of one; a single one a piece of one."""
    if sum(map(str.isalnum, "".join(wanted))) < LEAST:
        return
    if len(wanted) == 1:
        yield from (at for at, (_, line) in enumerate(page) if wanted[0] in line)
        return
    for at in range(len(page) - len(wanted) + 1):
        last = page[at + len(wanted) - 1][1]
        if page[at][1].endswith(wanted[0]) and last.startswith(wanted[-1]):
            between = range(1, len(wanted) - 1)
            if all(page[at + n][1] == wanted[n] for n in between):
                yield at
