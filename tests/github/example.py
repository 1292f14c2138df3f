"""GitHub's own webhook examples, as collected in the npm package @octokit/webhooks-examples (MIT, 7.6.1)."""

import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any

PLACE = Path(__file__).with_name("webhook-examples.json.xz")


@cache
def examples() -> list[tuple[str, dict[str, Any]]]:
    """Every example as (event, payload); treat them as read-only."""
    groups: dict[str, list[dict[str, Any]]] = json.loads(lzma.decompress(PLACE.read_bytes()))
    return [(event, payload) for event, payloads in groups.items() for payload in payloads]
