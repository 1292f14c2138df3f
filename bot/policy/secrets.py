"""Secrets in any text: where they stand, what they are, and the text without them.

What they look like is mostly what the library detect-secrets knows, of which only the patterns are used: its own walk
over a line can ask the service that a key belongs to. What guesses by entropy or by names of variables is left out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from bot.policy.canaries import spans
from bot.policy.patterns import KINDS, LITERALS

HIDDEN = "[a secret was left out]"
_ROUNDS = 20


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
