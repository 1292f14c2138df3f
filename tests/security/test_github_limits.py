"""C59: GitHub that refuses for a while, breaks, or loses its answers; nothing is said twice."""

from collections.abc import Mapping, Sequence

import pytest

from bot.backends.rehearsal import Say, Write
from tests.house import House

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
LIMITED = {"status": 403, "message": SECONDARY, "headers": {"Retry-After": "60"}}
WAYS: Mapping[str, tuple[str, str]] = {
    "comment": ("POST", r"/repos/acme/greeter/issues/1/comments"),
    "right": ("GET", r"/repos/acme/greeter/collaborators/maintainer/permission"),
    "token": ("POST", r"/app/installations/\d+/access_tokens"),
    "pull request": ("POST", r"/repos/acme/greeter/pulls"),
    "check": ("POST", r"/repos/acme/greeter/check-runs"),
    "fetch": ("GET", r"/acme/greeter\.git/info/refs"),
    "push": ("POST", r"/acme/greeter\.git/git-receive-pack"),
}
TROUBLE: Mapping[str, dict[str, object]] = {
    "secondary limit": LIMITED,
    "too many": {"status": 429, "message": "too many requests", "headers": {"Retry-After": "1"}},
    "broken": {"status": 502},
    "lost": {"lose": True},
    "cut": {"drop": True},
}


STORIES: Mapping[str, Sequence[tuple[str, str]]] = {
    "limits": [(way, "secondary limit") for way in ("comment", "right", "token", "pull request")],
    "lost answers": [(way, "lost") for way in ("comment", "token", "pull request", "check", "push")],
    "too many": [("comment", "too many"), ("fetch", "broken")],
    "broken": [("comment", "broken")],
    "cut": [("comment", "cut")],
}
"""What goes wrong in each story, everything once."""


@pytest.mark.parametrize("story", STORIES)
async def test_c59_trouble_that_passes_leaves_one_comment_and_one_pull_request(house: House, story: str) -> None:
    house.expected_log = {"github rate limit", "status not shown", "token not revoked"}
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    for way, trouble in STORIES[story]:
        house.emulator.fault(*WAYS[way], times=1, **TROUBLE[trouble])  # type: ignore[arg-type]
    await house.label(issue)
    await house.settle()
    await house.bot.worker.tend()
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert len(house.pulls()) == 1
    assert len([check for check in house.repo.checks if check.name == "Tutti"]) == 1
