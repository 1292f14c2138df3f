"""The way out of this machine: the proxy and the certificates that the standard variables name."""

import ssl
from functools import lru_cache
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL


def outward_session(
    url: str, *, limit: int = 100, timeout: aiohttp.ClientTimeout | None = None
) -> aiohttp.ClientSession:
    """A session that honours HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE for that address and keeps no cookies.

    Not by aiohttp's `trust_env`: that reads ~/.netrc too, and an entry there comes between us and the address. The
    TLS context is made here because aiohttp's own was made when it was imported.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=_trusting(ssl.get_default_verify_paths()), limit=limit),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy_for(URL(url)),
        timeout=timeout or aiohttp.ClientTimeout(total=300, sock_connect=30),
    )


@lru_cache(maxsize=4)
def _trusting(_paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """The certificates of these files, read once: to read them takes as long as a request."""
    return ssl.create_default_context()


def proxy_for(url: URL) -> URL | None:
    """The proxy that the environment names for an address, None for a direct way."""
    named = getproxies().get(url.scheme)
    if not named or url.host is None or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    return URL(named if "://" in named else f"http://{named}")
