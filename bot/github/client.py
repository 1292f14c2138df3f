"""The App at one GitHub: who it is, where it is installed, and one repository with a token for one step."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import aiohttp
import structlog

from bot.github.api import Repository
from bot.github.caller import Caller, Clock
from bot.github.delivery import missed, read_sent
from bot.github.entity import RepoRef, split_name
from bot.github.refusal import RefusalError
from bot.github.shape import MissingError, at, items, number, text, word
from bot.github.token import Tokens, private_key
from bot.github.wire import Wire, nothing, segment
from bot.settings import Settings

log = structlog.get_logger(__name__)

UNDER_WAY = timedelta(seconds=30)
MARGIN = timedelta(seconds=30)  # what GitHub's clock and its list may lag behind


@dataclass(frozen=True)
class App:
    """The App itself; `bot_id` is the numeric id of its account, 0 while it is installed nowhere."""

    id: int
    slug: str
    name: str
    bot_id: int
    permissions: Mapping[str, str]
    events: tuple[str, ...]


@dataclass(frozen=True)
class Installation:
    """An account the App is installed on, and what it was granted there."""

    id: int
    account: str
    suspended: bool
    permissions: Mapping[str, str]


class GitHub:
    """One per process, over a session of `open_session()`. Raises UserError without a usable App id and private key.

    Its methods raise RefusalError (for good) or TryAgain (passes). What one installation used up of its rate limit
    does not slow another.
    """

    def __init__(self, settings: Settings, session: aiohttp.ClientSession, clock: Clock | None = None) -> None:
        self._app_id, key = private_key(settings)
        self._session, self._clock, self._url = session, clock or Clock(), settings.api_url
        caller = Caller(session, self._url, self._clock, str(self._app_id), key)
        self._wire = Wire(caller, "", "the App", None)
        self._tokens = Tokens(self._wire, self._clock)
        self._callers: dict[int, Caller] = {}
        self._left: set[tuple[int, int | None]] = set()
        self._known: App | None = None
        self._asked: Counter[str] = Counter()
        self._asking = asyncio.Lock()

    async def app(self) -> App:
        """Who we are; asked once, then remembered (but for an account id that is not known yet)."""
        about = await self._about()
        if about.bot_id:
            return about
        for installation in await self.installations():
            if not installation.suspended:
                async with self._reading(installation.id) as wire:
                    return replace(about, bot_id=await self._own(wire))
        return about

    async def installations(self) -> list[Installation]:
        return await self._wire.pages("/app/installations", _read_installation)

    async def standing(self, installation: int) -> bool:
        """Whether the App is installed there and not suspended, as GitHub says now."""
        found = await self._wire.maybe(f"/app/installations/{installation}", _read_installation)
        return found is not None and not found.suspended

    def leave(self, installation: int, repos: Iterable[int | None] = (None,)) -> None:
        """Ask for no token any more for these repositories (None: for none of the installation), until `confirm`."""
        self._left |= {(installation, repo) for repo in repos}

    async def confirm(self, ref: RepoRef) -> None:
        """RefusalError unless the installation is ours, has the repository of this id, and that has this name, now."""
        caller, metadata = self._caller(ref.installation), {"metadata": "read"}
        async with self._tokens.lease(caller, ref.installation, ref.id, metadata, ref.full_name, anew=True) as token:
            self._left -= {(ref.installation, None), (ref.installation, ref.id)}
            if not token.calls_it(ref.full_name):
                raise RefusalError("moved", f"What was called {ref.full_name} has another name now: {token.name}.")

    @asynccontextmanager
    async def repository(self, ref: RepoRef, permissions: Mapping[str, str]) -> AsyncIterator[Repository]:
        """The repository with a token for it alone and these permissions alone, as `{"contents": "write"}`.

        A token that can write is minted here and revoked on leaving; one that can only read may be shared and reused.
        The repository is the one of that id, whatever it is called by now: who takes over an old name gets nothing.
        """
        if self._left & {(ref.installation, None), (ref.installation, ref.id)}:
            raise RefusalError("absent", f"The App is not installed on {ref.full_name} any more.")
        caller = self._caller(ref.installation)
        async with self._tokens.lease(caller, ref.installation, ref.id, permissions, ref.full_name) as token:
            ref = _named(ref, token.name)
            wire = Wire(caller, f"/repos/{ref.full_name}", ref.full_name, token.text)
            users = Wire(caller, "", ref.full_name, token.text)
            yield Repository(wire, ref, token.text, self._app_id, lambda: self._own(users))

    async def redeliver_missed(
        self, known: Callable[[Set[str]], Awaitable[Iterable[str]]], last_round: datetime
    ) -> list[str]:
        """Asks GitHub to send again what it delivered and we do not know; answers with those GUIDs.

        `last_round` (aware) is when this was called the time before: older deliveries are not looked at again. What is
        younger than 30 seconds may be on its way and is left to the next round. `known` gets GUIDs and answers with
        those that are stored. After an error call it with the same time again.
        """
        before = datetime.fromtimestamp(self._clock.now(), UTC) - UNDER_WAY
        since = last_round - UNDER_WAY - MARGIN
        sent = await self._wire.pages("/app/hook/deliveries", read_sent, until=lambda one: one.at < since)
        stored = set(await known({one.guid for one in sent})) if sent else set()
        asked = []
        for one in missed(sent, stored, self._asked, before):
            self._asked[one.guid] += 1
            try:
                await self._wire.send("POST", f"/app/hook/deliveries/{one.id}/attempts", nothing)
            except RefusalError as refusal:
                log.warning("redelivery refused", guid=one.guid, reason=str(refusal))
            else:
                asked.append(one.guid)
        return asked

    def _caller(self, installation: int) -> Caller:
        return self._callers.setdefault(installation, Caller(self._session, self._url, self._clock))

    @asynccontextmanager
    async def _reading(self, installation: int) -> AsyncIterator[Wire]:
        caller, where = self._caller(installation), f"installation {installation}"
        async with self._tokens.lease(caller, installation, None, {"metadata": "read"}, where) as token:
            yield Wire(caller, "", where, token.text)

    async def _about(self) -> App:
        async with self._asking:
            if self._known is None:
                self._known = await self._wire.get("/app", _read_app)
            return self._known

    async def _own(self, wire: Wire) -> int:
        """The id of our own account, asked with any token there is: the App's own key may not ask for users."""
        about = await self._about()
        if not about.bot_id:
            bot_id = await wire.get(f"/users/{segment(about.slug + '[bot]')}", lambda data: number(data, "id"))
            self._known = about = replace(about, bot_id=bot_id)
        return about.bot_id


def _named(ref: RepoRef, name: str) -> RepoRef:
    """The same repository by the name that GitHub gives it; as it was where that is no name."""
    try:
        owner, name = split_name(name)
    except MissingError:
        return ref
    return replace(ref, owner=owner, name=name)


def _read_app(data: object) -> App:
    return App(
        id=number(data, "id"),
        slug=word(data, "slug"),
        name=word(data, "name"),
        bot_id=0,
        permissions=_permissions(data),
        events=tuple(event for event in items(data, "events") if isinstance(event, str)),
    )


def _read_installation(data: object) -> Installation:
    return Installation(
        id=number(data, "id"),
        account=text(data, "account", "login"),
        suspended=at(data, "suspended_at") is not None,
        permissions=_permissions(data),
    )


def _permissions(data: object) -> dict[str, str]:
    found = at(data, "permissions")
    return {name: text(found, name) for name in found} if isinstance(found, dict) else {}
