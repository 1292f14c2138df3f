"""Installation tokens, for one repository and a few permissions: shared where they only read, else revoked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.errors import TryAgain, UserError
from bot.github.caller import Caller, Clock
from bot.github.refusal import RefusalError
from bot.github.shape import items, moment, text, word
from bot.github.wire import Wire, nothing
from bot.settings import Settings

log = structlog.get_logger(__name__)

_CACHED_SECONDS = 50 * 60.0  # GitHub gives 60 minutes; a step that gets a shared token has 10 of them at least
_REVOKE_SECONDS = 5.0

_Key = tuple[int, int | None, frozenset[tuple[str, str]]]


def private_key(settings: Settings) -> tuple[int, RSAPrivateKey]:
    """The App's id and its private key; UserError where one is missing or cannot be used."""
    if settings.app_id is None or settings.private_key is None:
        raise UserError("TUTTI_APP_ID and TUTTI_PRIVATE_KEY are needed: both are on the App's settings page.")
    pem = settings.private_key.get_secret_value().replace("\\n", "\n")  # as some hosts' secret stores hand it over
    if (key := _loaded(pem)) is None:
        raise UserError("TUTTI_PRIVATE_KEY is no RSA private key in PEM form without a password.")
    return settings.app_id, key


@lru_cache(maxsize=4)
def _loaded(pem: str) -> RSAPrivateKey | None:
    """None for what is no such key. Remembered, for to look at a key takes as long as a dozen requests."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPrivateKey) else None


@dataclass(frozen=True)
class Token:
    """`name` is what GitHub called its one repository when it was minted; empty where it did not say or there are many.

    It is handed out again up to the Unix time `until`.
    """

    text: str
    name: str
    until: float

    def calls_it(self, where: str) -> bool:
        """Whether the repository had this name when the token was minted, as far as it is known."""
        return self.name.casefold() in ("", where.casefold())


class Tokens:
    """Mints with the App's key (`wire`)."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire, self._clock = wire, clock
        self._shared: dict[_Key, Token] = {}
        self._minting: dict[_Key, asyncio.Lock] = {}

    @asynccontextmanager
    async def lease(
        self,
        caller: Caller,
        installation: int,
        repo: int | None,
        permissions: Mapping[str, str],
        where: str,
        *,
        anew: bool = False,
    ) -> AsyncIterator[Token]:
        """A token for one repository (None: all of them) and these permissions; `where` is for sentences.

        `anew`: minted now, so that GitHub says now whether it would give one.
        """
        key = (installation, repo, frozenset(permissions.items()))
        if set(permissions.values()) <= {"read"}:
            async with self._shared_one(key, where, anew=anew) as token:
                yield token
            return
        minted = await self._mint(key, where)
        try:
            yield minted
        finally:
            await _revoke(Wire(caller, "", where, minted.text))

    @asynccontextmanager
    async def _shared_one(self, key: _Key, where: str, *, anew: bool) -> AsyncIterator[Token]:
        async with self._minting.setdefault(key, asyncio.Lock()):
            known = None if anew else self._shared.get(key)
            cached = known is not None and known.until > self._clock.now() and known.calls_it(where)
            token = known if known is not None and cached else await self._mint(key, where)
            self._shared[key] = token
        try:
            yield token
        except RefusalError as refusal:
            if refusal.kind != "credentials" or not cached:
                raise
            self._shared.pop(key, None)  # revoked from outside: the App was suspended, or installed anew
            raise TryAgain(str(refusal), after=1.0) from refusal

    async def _mint(self, key: _Key, where: str) -> Token:
        installation, repo, wanted = key
        data: dict[str, object] = {"permissions": dict(sorted(wanted))}
        if repo is not None:
            data["repository_ids"] = [repo]
        path = f"/app/installations/{installation}/access_tokens"
        try:
            return await self._wire.send("POST", path, self._read, **data)
        except RefusalError as refusal:
            raise _explained(refusal, wanted, where) from refusal

    def _read(self, data: object) -> Token:
        now = self._clock.now()
        until = min(now + _CACHED_SECONDS, moment(data, "expires_at").timestamp() - 10 * 60)
        names = [text(repo, "full_name", limit=300) for repo in items(data, "repositories")]
        return Token(word(data, "token"), names[0] if len(names) == 1 else "", until)


def _explained(refusal: RefusalError, wanted: frozenset[tuple[str, str]], where: str) -> RefusalError:
    asked = ", ".join(f"{name}: {level}" for name, level in sorted(wanted))
    if refusal.kind == "absent":
        sentence = f"The App is not installed on {where} any more."
    elif refusal.kind == "permission":
        sentence = f"The App was not granted all of {asked} on {where}; an owner can accept it in the installation."
    elif refusal.kind == "suspended":
        sentence = f"The App's installation is suspended, so nothing can be done in {where}."
    else:
        return refusal
    return RefusalError(refusal.kind, sentence, refusal.status, refusal.words)


async def _revoke(wire: Wire) -> None:
    """A token that could not be revoked ends by itself within the hour: worth a line in the log, not a failed step."""
    try:
        async with asyncio.timeout(_REVOKE_SECONDS):
            await wire.send("DELETE", "/installation/token", nothing)
    except (RefusalError, TryAgain, TimeoutError) as error:
        log.warning("token not revoked", where=wire.where, reason=str(error) or "timed out")
