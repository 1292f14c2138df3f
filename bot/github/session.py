"""The HTTP session to one GitHub: proxy and private CA come from the standard variables, cookies are not kept."""

import ssl
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL


def open_session(api_url: str) -> aiohttp.ClientSession:
    """A session that honours HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE for that address; close it at the end.

    Not by aiohttp's `trust_env`: that reads ~/.netrc too, and an entry for GitHub there makes every request fail. The
    TLS context is made here because aiohttp's own was made when it was imported.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy_for(URL(api_url)),
    )


def proxy_for(url: URL) -> URL | None:
    """The proxy that the environment names for an address, None for a direct way."""
    named = getproxies().get(url.scheme)
    if not named or url.host is None or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    return URL(named if "://" in named else f"http://{named}")
