"""The HTTP session to one GitHub."""

import aiohttp

from bot.proxy import outward_session


def open_session(api_url: str) -> aiohttp.ClientSession:
    """A session for that address; close it at the end."""
    return outward_session(api_url)
