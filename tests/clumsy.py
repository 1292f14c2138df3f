"""`tutti` with a fault planted where GitHub is called with a token: `python -m tests.clumsy serve`."""

from collections.abc import Mapping
from typing import Any

from bot import cli
from bot.github.caller import Caller

called = Caller.getitem


async def clumsy(self: Caller, url: str, *, oauth_token: str | None = None, **more: Any) -> Any:
    headers: Mapping[str, str] = {"authorization": f"token {oauth_token}"}
    if oauth_token:
        raise RuntimeError(f"a fault of ours with {len(headers)} header")
    return await called(self, url, oauth_token=oauth_token, **more)


if __name__ == "__main__":
    Caller.getitem = clumsy  # type: ignore[method-assign,assignment]
    cli.main()
