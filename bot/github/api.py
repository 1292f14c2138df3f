"""One repository with one token: every verb the bot has, in our words."""

from collections.abc import Awaitable, Callable

from bot.github.check import Annotation, Button, Check, Checks
from bot.github.content import Contents, Facts, Item, Level, Permission
from bot.github.entity import RepoRef
from bot.github.graph import Thread, Threads
from bot.github.issue import Issues
from bot.github.pull import Pulls
from bot.github.reaction import Reaction, Reactions
from bot.github.review import Inline, Remark, Reviews
from bot.github.wire import Wire

__all__ = [
    "Annotation",
    "Button",
    "Check",
    "Facts",
    "Inline",
    "Item",
    "Level",
    "Permission",
    "Reaction",
    "Remark",
    "Repository",
    "Thread",
]


class Repository(Contents, Issues, Pulls, Checks, Reviews, Reactions, Threads):
    """Reading needs no more than read permissions; `.token` is for git and lives as long as the `async with`.

    Every verb raises RefusalError (a sentence for people) or TryAgain (it passes).
    """

    def __init__(self, wire: Wire, ref: RepoRef, token: str, app_id: int, own: Callable[[], Awaitable[int]]) -> None:
        self._wire, self._ref, self._app_id, self._own = wire, ref, app_id, own
        self.ref, self.token = ref, token

    def __repr__(self) -> str:
        return f"Repository({self._ref.full_name!r})"
