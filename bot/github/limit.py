"""How long GitHub wants us to wait, read from a refusal. Pure."""

from collections.abc import Mapping

LONGEST = 3600.0  # seconds: GitHub's limits are counted by the hour


def asked_wait(status: int, headers: Mapping[str, str], message: str, attempt: int, now: float) -> float | None:
    """Seconds to wait before the request may be sent again; None where the refusal is no rate limit.

    `attempt` counts from 1, `now` is Unix time. The order is the one GitHub documents: `retry-after`, then the
    primary limit's reset, then a minute that doubles with every try.
    """
    if status not in (403, 429):
        return None
    if (after := _seconds(headers.get("retry-after"))) is not None:
        return _bounded(after)
    if headers.get("x-ratelimit-remaining") == "0":
        reset = _seconds(headers.get("x-ratelimit-reset"))
        return _bounded(60.0 if reset is None else reset - now)
    said = message.lower()
    if status == 429 or "rate limit" in said or "abuse detection" in said:
        return _bounded(60.0 * 2 ** (attempt - 1))
    return None


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isascii() and value.isdigit() else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), LONGEST)
