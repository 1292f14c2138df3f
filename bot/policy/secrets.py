"""Secrets in any text: where they stand, what they are, and the text without them.

What they look like is mostly what the library detect-secrets knows, of which only the patterns are used: its own walk
over a line can ask the service that a key belongs to. What guesses by entropy or by names of variables is left out.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from bot.policy.canaries import spans
from bot.policy.patterns import KINDS, LITERALS

HIDDEN = "[a secret was left out]"
_ROUNDS = 20
_MOST_DECODED = 2**21
_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{40,}+(?:\r?\n[ \t]{0,20}[A-Za-z0-9+/_-]{20,}+)*+")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){20,}+")
_SPACES = b" \t\r\n"
_STANDARD = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True)
class Secret:
    """A secret from byte `start` to before byte `end`; `kind` is a noun for people, with its article."""

    start: int
    end: int
    kind: str


def secrets(data: bytes, canaries: Iterable[str], *, binary: bool = False, most: int = 100) -> list[Secret]:
    """The first secrets of every kind, in order, none inside another. In binary data only what cannot be by chance."""
    found = [Secret(start, end, "a secret of this Tutti") for start, end in islice(spans(data, canaries), most)]
    found += _patterned(data, binary, most)
    found += islice(_decoded(data), most)
    kept = list[Secret]()
    for secret in sorted(found, key=lambda secret: (secret.start, -secret.end)):
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
        elif secret.end > kept[-1].end:
            kept[-1] = Secret(kept[-1].start, secret.end, kept[-1].kind)
    return kept


def _patterned(data: bytes, binary: bool, most: int) -> Iterator[Secret]:
    here = {literal for literal in LITERALS if literal in data}
    if not here:
        return
    text = data.decode("latin-1")
    for kind in KINDS:
        if (kind.anywhere or not binary) and not here.isdisjoint(kind.literals):
            for start, end in islice(kind.places(text), most):
                yield Secret(start, end, kind.name)


def _decoded(data: bytes) -> Iterator[Secret]:
    """Long words in base64 or hex that are a secret once decoded; no more than 2 MB of them."""
    left = _MOST_DECODED
    for hit in _ENCODED.finditer(data):
        if len(hit[0]) > left:
            continue
        left -= len(hit[0])
        for plain in _plain(hit[0].translate(None, _SPACES)):
            if secret := next(_patterned(plain, not plain.isascii(), 1), None):
                yield Secret(hit.start(), hit.end(), secret.kind)
                break


def _plain(word: bytes) -> Iterator[bytes]:
    word = word[: len(word) - (len(word) % 4 == 1)].translate(_STANDARD)
    yield b64decode(word + b"=" * (-len(word) % 4))
    for hit in _HEX.finditer(word):
        yield binascii.unhexlify(hit[0])


def redacted(text: str, canaries: Iterable[str]) -> str:
    """The text with every secret replaced by HIDDEN: for whatever agents and tests say, before it is shown anywhere."""
    own = frozenset(canaries)
    data = text.encode("utf-8", "surrogatepass")
    for _ in range(_ROUNDS):  # what is left around a secret can be one
        found = secrets(data, own, most=len(data))
        if not found:
            break
        data = _without(data, found)
    else:
        return HIDDEN
    return data.decode("utf-8", "surrogatepass")


def _without(data: bytes, found: list[Secret]) -> bytes:
    pieces, at = list[bytes](), 0
    for secret in found:
        pieces += [data[at : secret.start], HIDDEN.encode()]
        at = secret.end
    return b"".join([*pieces, data[at:]])
