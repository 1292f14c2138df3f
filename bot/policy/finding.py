"""What a policy says, and what a policy is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bot.policy.work import Work

Level = Literal["refuse", "approve", "draft", "flag"]
LEVELS: tuple[Level, ...] = ("refuse", "approve", "draft", "flag")
"""Strictest first: never published; only when a writer approves it; as a draft that names it; named."""


@dataclass(frozen=True)
class Finding:
    """One remark: `sentence` is one line for people and holds no secret; `path` is empty where it is about no file."""

    level: Level
    policy: str
    path: str
    sentence: str


@dataclass(frozen=True)
class Policy:
    """`judge` gives the findings of one policy in any order; it must not raise, whatever the work holds."""

    name: str
    description: str
    judge: Callable[[Work], Iterable[Finding]]
