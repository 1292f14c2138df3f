"""The installation's own secrets, found however they are written: encoded, reversed, wrapped, or cut at the ends.

Only letters and digits are compared, in lower case: so base64 and its form for addresses are one, line breaks, quotes
and the signs of hex and percent codes do not matter, and a key that was put together of pieces is found.
"""

from base64 import b64encode
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote

LEAST = 6
"""Shorter secrets are not looked for: they are in every text."""

_LEAST_BARE = 12
_CUT = 8
_CHUNK = 1 << 14
_DROPPED = bytes(code for code in range(128) if not chr(code).isalnum())
_LOWER = bytes(range(256)).lower()
_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-%.~")


def spans(data: bytes, canaries: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where in the data a secret stands, from the first byte to the one after the last; overlapping ones, too."""
    whole, needles = _needles(frozenset(canaries))
    exact = [hit for secret in whole if secret in data for hit in _everywhere(data, secret)]
    yield from exact
    if needles:
        bare = data.translate(_LOWER, _DROPPED)
        hits = [hit for needle in needles if needle in bare for hit in _everywhere(bare, needle)]
        if hits:
            starts = sorted(exact)
            yield from (_widened(data, *hit) for hit in _in_the_data(data, hits) if not _inside(hit, starts))


@lru_cache(maxsize=4)
def _needles(canaries: frozenset[str]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The secrets as they are, longest first, and every form of them in letters and digits alone."""
    parts = {part for secret in canaries for part in _parts(secret)}
    whole = {part.encode("utf-8", "surrogatepass") for part in parts if len(part) >= LEAST}
    bare = {form.translate(_LOWER, _DROPPED) for part in parts for form in _forms(part)}
    return (
        tuple(sorted(whole, key=lambda secret: (-len(secret), secret))),
        tuple(sorted(form for form in bare if len(form) >= _LEAST_BARE)),
    )


def _parts(secret: str) -> Iterator[str]:
    """A secret, and the lines of one that has many (a private key), but for those that every such secret has."""
    yield secret.strip()
    lines = secret.split()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= 32 and not line.startswith("-----"))


def _forms(secret: str) -> Iterator[bytes]:
    """The middle of a secret in every writing that is looked for."""
    middle = secret[_CUT:-_CUT] if len(secret) >= 4 * _CUT else secret
    data = middle.encode("utf-8", "surrogatepass")
    yield data
    yield middle[::-1].encode("utf-8", "surrogatepass")
    yield data.hex().encode()
    yield quote(data, safe="").encode()
    for shift in range(3):  # where it begins in a group of three bytes decides how all of it looks
        code = b64encode(bytes(shift) + data)
        yield code[(0, 2, 3)[shift] : len(code) // 4 * 4 - (4 if (shift + len(data)) % 3 else 0)]


def _everywhere(data: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    at = data.find(needle)
    while at >= 0:
        yield at, at + len(needle)
        at = data.find(needle, at + len(needle))


def _in_the_data(data: bytes, hits: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Places among letters and digits as places in the data."""
    wanted = sorted({place for start, end in hits for place in (start, end - 1)})
    found, passed, index = dict[int, int](), 0, 0
    for begin in range(0, len(data), _CHUNK):
        chunk = data[begin : begin + _CHUNK]
        count = len(chunk.translate(None, _DROPPED))
        if index < len(wanted) and wanted[index] < passed + count:
            kept = [at for at, byte in enumerate(chunk, begin) if byte not in _DROPPED]
            while index < len(wanted) and wanted[index] < passed + count:
                found[wanted[index]] = kept[wanted[index] - passed]
                index += 1
        passed += count
    for start, end in hits:
        yield found[start], found[end - 1] + 1


def _inside(hit: tuple[int, int], exact: list[tuple[int, int]]) -> bool:
    """Whether a place is part of the nearest one before it that was found as it is."""
    index = bisect_right(exact, hit[0], key=lambda place: place[0])
    return index > 0 and hit[1] <= exact[index - 1][1]


def _widened(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Of a secret only the middle is compared: the rest of the word may be the rest of it."""
    least, most = max(0, start - 64), min(len(data), end + 64)
    while start > least and data[start - 1] not in b"=" and (data[start - 1] in _WORD or data[start - 1] >= 128):
        start -= 1
    while end < most and (data[end] in _WORD or data[end] >= 128):
        end += 1
    while start > 0 and data[start] & 0xC0 == 0x80:  # never through the middle of a character
        start -= 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return start, end
