"""Requests to one GitHub for one installation (or for the App itself): rate limits, retries, redirects, time-outs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import cast

import aiohttp
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from gidgethub import HTTPException
from gidgethub.abc import GitHubAPI
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)
from yarl import URL

from bot import __version__
from bot.errors import TryAgain
from bot.github.limit import asked_wait
from bot.github.refusal import RefusalError

API_VERSION = "2022-11-28"

_SAFE = frozenset({"GET", "PUT", "DELETE", "PATCH"})
_BROKEN = frozenset({500, 502, 503, 504})
_JWT_REFRESHED = 7 * 60  # seconds after which gidgethub signs a new one
_ATTEMPTS = 4
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
_CONCURRENT = 50  # GitHub's own bound is 100 for an App's every process

Answer = tuple[int, Mapping[str, str], bytes]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Clock:
    """Time as it is, or as a test plays it. `patience`: longer waits are not sat out but become TryAgain."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    patience: float = 20.0


class Caller(GitHubAPI):
    """gidgethub's client over a shared aiohttp session. Raises TryAgain for whatever may pass, RefusalError for TLS."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api_url: str,
        clock: Clock,
        app_id: str | None = None,
        key: RSAPrivateKey | None = None,
    ) -> None:
        # PyJWT takes a key as it is, too, and loads one from its text for every token.
        super().__init__(f"tutti/{__version__}", base_url=api_url, app_id=app_id, private_key=cast("str | None", key))
        self._session, self._clock = session, clock
        self._origin = URL(api_url).origin()
        self._blocked_until = 0.0
        self._room = asyncio.Semaphore(_CONCURRENT)

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    async def manage_rate_limit(self, *, method: str, url: str) -> None:
        """Waits out the limit that GitHub told of, or raises TryAgain where that takes longer than our patience."""
        now = self._clock.now()
        wait = self._blocked_until - now
        if self.rate_limit is not None and self.rate_limit.remaining < 0:
            wait = max(wait, self.rate_limit.reset_datetime.timestamp() - now)
        if wait > self._clock.patience:
            raise TryAgain("GitHub's rate limit is used up", after=wait)
        if wait > 0:
            await self.sleep(wait)

    async def handle_rate_limit_error(self, *, method: str, url: str, exception: HTTPException, attempt: int) -> bool:
        """True for another try: a request refused by a rate limit was not executed, so it may always be repeated."""
        now = self._clock.now()
        wait = asked_wait(int(exception.status_code), exception.headers, str(exception), attempt, now)
        if wait is None:
            return False
        log.warning("github rate limit", method=method, status=int(exception.status_code), wait=round(wait))
        self._blocked_until = max(self._blocked_until, now + wait)
        if attempt >= _ATTEMPTS:
            raise TryAgain("GitHub's rate limit is used up", after=wait) from exception
        return True

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        safe = method in _SAFE or url.endswith("/access_tokens")  # a token minted in vain harms nobody
        retrying = AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(multiplier=0.5, max=8) + wait_random(0, 0.5),
            retry=retry_if_exception(lambda error: _repeatable(safe, error))
            | retry_if_result(lambda answer: safe and answer[0] in _BROKEN),
            retry_error_callback=_last,
            sleep=self.sleep,
        )
        try:
            answer: Answer = await retrying(self._signed, method, url, headers, body)
        except aiohttp.ClientSSLError as error:
            words = f"{self._origin} shows a certificate that is not trusted here (SSL_CERT_FILE names a private CA)."
            raise RefusalError("unreachable", words) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryAgain(f"GitHub could not be reached: {type(error).__name__}") from error
        return answer

    async def _signed(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """A machine that slept finds its JWT outdated (it is renewed by a clock that sleeps too): signs anew, once."""
        answer = await self._follow(method, url, headers, body)
        signed_at = self._app_jwt_refresh_at - _JWT_REFRESHED
        if answer[0] == 401 and self._app_jwt is not None and time.monotonic() - signed_at > 60:
            self._app_jwt = None
            answer = await self._follow(
                method, url, {**headers, "authorization": f"bearer {self._get_app_jwt()}"}, body
            )
        return answer

    async def _follow(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request and up to three redirects, with the same method, never to another host: it carries the token."""
        here, answer = self._own(URL(url, encoded=True)), await self._once(method, url, headers, body)
        for _ in range(3):
            status, received, _content = answer
            if not (status in (307, 308) or (status in (301, 302) and method == "GET")) or "location" not in received:
                break
            here = self._own(here.join(URL(received["location"])))
            answer = await self._once(method, str(here), headers, body)
        return answer

    def _own(self, url: URL) -> URL:
        if url.origin() != self._origin:
            raise RefusalError("moved", f"GitHub points to another host: {url.host}.")
        return url

    async def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sent = {**headers, "x-github-api-version": API_VERSION}
        where = URL(url, encoded=True)
        async with (
            self._room,
            self._session.request(
                method, where, headers=sent, data=body, timeout=_TIMEOUT, allow_redirects=False
            ) as response,
        ):
            return response.status, response.headers, await response.read()


def _repeatable(safe: bool, error: BaseException) -> bool:
    """A POST may be repeated only where it was never sent; a distrusted certificate stays distrusted."""
    if isinstance(error, aiohttp.ClientSSLError):
        return False
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return True
    return safe and isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError))


def _last(state: RetryCallState) -> Answer:
    """After the last try its own answer, or its own error."""
    assert state.outcome is not None
    answer: Answer = state.outcome.result()
    return answer
